"""A planned transition on its way to the chain: by one transaction where it fits, else in parts."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from smartsync.chain import Chain
from smartsync.contracts import encode_call
from smartsync.discovery.hints import NO_HINTS, Hints
from smartsync.errors import AnchorError, BlockUnavailable, IncompleteSlots, TransactionTooLarge
from smartsync.replica import ReplicaRecord
from smartsync.results import Progress, Step
from smartsync.submit import Sender, fits_pools, step_of
from smartsync.sync.parts import InParts, least_gas
from smartsync.sync.planning import Plan, plan_sync
from smartsync.sync.resuming import header_to_resume, unfinished_blocks

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Submission:
    """How a replica's transitions are sent. ``slots`` and ``hints`` are as for ``plan_sync``."""

    source: Chain
    sender: Sender
    hub: str
    replica: str
    slots: set[bytes] | None
    on_progress: Progress | None = None
    hints: Hints = NO_HINTS

    async def run(self, plan: Plan, *, may_resume: bool) -> tuple[Plan, Sequence[Step]]:
        """Send a transition, and return it with its transactions.

        Parameters
        ----------
        may_resume
            Where it has to go in parts: whether another transition, of which parts are proven already, is finished and
            returned instead.

        Raises
        ------
        TransitionTooLarge
            It does not fit, not even in parts.
        """
        self._progress("submit")
        try:
            return plan, [await self._at_once(plan)]
        except TransactionTooLarge as error:
            if not plan.transition.witness:
                raise  # there is nothing to take apart
            logger.info("%s: it goes in parts", error.message)
        transition = self._in_parts(plan)
        if may_resume:
            transition = await self._begun(plan.record, transition)
        await transition.run()
        return transition.plan, transition.steps

    async def require_funds(self, plan: Plan) -> None:
        """Check that the account can pay for what a transition takes at least, before anything of it is sent.

        Raises
        ------
        InsufficientFunds
            It cannot.
        """
        await self.sender.require_funds(least_gas(self._data(plan), plan.transition.changes), "the sync")

    def _data(self, plan: Plan) -> bytes:
        arguments = [self.replica, plan.header.hash, plan.account_proof, plan.transition.witness]
        return encode_call("Hub", "sync", arguments)

    async def _at_once(self, plan: Plan) -> Step:
        what = f"sync to block {plan.header.number}"
        data = self._data(plan)
        if not fits_pools(data):
            raise TransactionTooLarge(None, await self.sender.cap(), what=what)
        return step_of(what, await self.sender.send(self.hub, data, what=what))

    def _in_parts(self, plan: Plan) -> InParts:
        return InParts(self.source, self.sender, self.hub, self.replica, plan, self.on_progress)

    async def _begun(self, record: ReplicaRecord, newest: InParts) -> InParts:
        """Return a transition that was begun and can still be finished; ``newest`` where there is none."""
        for block_hash in await unfinished_blocks(self.sender.chain, self.hub, self.replica):
            if block_hash == newest.plan.header.hash:
                break
            try:
                older = self._in_parts(await self._plan(record, block_hash))
            except (AnchorError, BlockUnavailable, IncompleteSlots) as error:
                logger.info("what was begun towards 0x%s cannot be finished: %s", block_hash.hex(), error.message)
                continue
            if await older.begun():
                number = older.plan.header.number
                logger.info("going on to block %d, which was begun", number)
                self._progress(f"go on to block {number}, which was begun")
                return older
        return newest

    async def _plan(self, record: ReplicaRecord, block_hash: bytes) -> Plan:
        target = self.sender.chain
        header = await header_to_resume(self.source, target, record, block_hash)
        return await plan_sync(
            self.source, target, self.hub, self.replica, record, header, self.slots, hints=self.hints
        )

    def _progress(self, phase: str) -> None:
        if self.on_progress:
            self.on_progress(phase, 0, 0)
