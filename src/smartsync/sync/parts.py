"""A transition too large for one transaction: proven in parts, which write nothing, and performed by one commit.

What a part proves is a fact about the replica, which the hub keeps for everybody. Parts are cut by a fixed rule, so
whoever goes on with the same transition, after an interruption or a stranger at the same time, finds the same parts and
skips those that are there.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from smartsync.chain import Chain
from smartsync.contracts import encode_call
from smartsync.errors import TransactionReverted, TransactionTooLarge, TransitionTooLarge
from smartsync.gas import CHANGE_GAS, FLOOR_TOKEN_GAS, INSERT_GAS, TOKEN_GAS, TRANSACTION_GAS, tokens
from smartsync.results import Progress, Step
from smartsync.submit import Sender, fits_pools
from smartsync.sync.blocks import require_still_canonical
from smartsync.sync.planning import Plan
from smartsync.sync.work import Work
from smartsync.types import TX_BYTES_CAP, SlotChange
from smartsync.views import call_view
from smartsync.witness import START, WalkState, advance, encode_writes, split_witness

logger = logging.getLogger(__name__)

_PART_BYTES = 98_304
"""Bytes of witness in a part. The pending subtries of the part before, and all else in a transaction, take the rest of
what nodes take (`smartsync.types.TX_BYTES_CAP`)."""

_ITEM_BYTES = 515
"""The longest item: a branch with 16 opaque children."""

_GAS_WRITING = 700
"""What a write takes besides: the engine's work, and what calls keep back (EIP-150). It only goes into a hint."""

_NO_POOL_LIMIT = ("anvil", "hardhat", "ganache")
"""Development nodes, by their own words: they take a transaction of any size."""


@dataclass(slots=True)
class InParts(Work):
    """One transition in parts, in the making. ``steps`` grows with each transaction sent."""

    source: Chain
    sender: Sender
    hub: str
    replica: str
    plan: Plan
    on_progress: Progress | None = None
    steps: list[Step] = field(default_factory=list)

    async def run(self) -> None:
        """Prove the parts that are not proven yet, then commit.

        Raises
        ------
        TransitionTooLarge
            One commit cannot perform the writes. Nothing is sent.
        SmartSyncError
            Of any kind. What was proven stays proven; the same transition goes on from there.
        """
        # What an earlier run sent may still be under way: what it proves is not to be paid for twice.
        await self.sender.settle()
        commit = self._commit_data()
        await self._require_room(commit)
        await self._prepare()
        await require_still_canonical(self.source, self.plan.header)
        self._progress("commit", 0, 0)
        await self._transact(self.hub, commit, f"commit block {self.plan.header.number}")

    async def begun(self) -> bool:
        """Whether anything of this very transition is proven already."""
        first = self._parts()[:1]
        while first:
            if await self._is_proven(self._walk(START, first[0])):
                return True
            first = _halves(first[0])[:1]
        return False

    async def _prepare(self) -> None:
        parts, state, done = self._parts(), START, 0
        while parts:
            total = done + len(parts)
            self._progress(f"prepare block {self.plan.header.number}", done, total)
            after = self._walk(state, parts[0])
            if await self._is_proven(after):
                logger.info("part %d of %d is proven already", done + 1, total)
            else:
                try:
                    await self._send_part(state, parts[0], f"prepare part {done + 1} of {total}")
                except TransactionTooLarge:
                    halves = _halves(parts[0])
                    if not halves:
                        raise
                    parts[:1] = halves
                    continue
            parts, state, done = parts[1:], after, done + 1
        self._progress(f"prepare block {self.plan.header.number}", done, done)

    async def _send_part(self, state: WalkState, part: bytes, what: str) -> None:
        arguments = [self.replica, self.plan.header.hash, state.pending, state.writes_hash, part]
        data = encode_call("Hub", "prepare", arguments)
        if not fits_pools(data):
            raise TransactionTooLarge(None, await self.sender.cap(), what=what)
        await self._transact(self.hub, data, what)

    async def _require_room(self, commit: bytes) -> None:
        """Check that one transaction can perform the writes, before any part is paid for."""
        changes, cap = self.plan.transition.changes, await self.sender.cap()
        if not fits_pools(commit) and not await self._takes_any_size():
            needs = f"{len(commit)} bytes of calldata, and nodes take {TX_BYTES_CAP}"
            raise self._too_large(needs, f"{len(changes) * TX_BYTES_CAP // len(commit)} writes like these")
        calldata = TOKEN_GAS * tokens(commit) // len(changes) + _GAS_WRITING
        inserts, updates = (cap // (gas + calldata) for gas in (INSERT_GAS, CHANGE_GAS))
        fitting = f"about {inserts} new slots or {updates} changed ones"
        least = least_gas(commit, changes)
        if least > cap:
            raise self._too_large(f"they need {least} gas and more, one transaction may use {cap}", fitting)
        try:
            # The hub performs the writes before it asks whether they were proven: so this tries how much they need. For
            # what comes after them it has kept a 64th of its gas (EIP-150).
            await self.sender.estimate(self.hub, commit)
        except TransactionTooLarge as error:
            needs = f"they need more than the {cap} gas that one transaction may use"
            raise self._too_large(needs, fitting) from error
        except TransactionReverted as error:
            if error.name != "PartNotProven":
                raise

    def _too_large(self, needs: str, fitting: str) -> TransitionTooLarge:
        return TransitionTooLarge(
            f"the transition to block {self.plan.header.number}",
            len(self.plan.transition.changes),
            needs,
            hint=f"sync to an accepted block in between first (--block), and more often: {fitting} fit",
        )

    async def _takes_any_size(self) -> bool:
        return (await self.sender.chain.client_version()).lower().startswith(_NO_POOL_LIMIT)

    def _commit_data(self) -> bytes:
        plan, transition = self.plan, self.plan.transition
        pending = self._walk(START, transition.witness).pending
        arguments = [self.replica, plan.header.hash, plan.account_proof, pending, encode_writes(transition.changes)]
        return encode_call("Hub", "commit", arguments)

    def _parts(self) -> list[bytes]:
        return list(split_witness(self.plan.transition.witness, _PART_BYTES))

    def _walk(self, state: WalkState, part: bytes) -> WalkState:
        values = {change.slot: change.old for change in self.plan.transition.changes}
        return advance(state, part, values.__getitem__)

    async def _is_proven(self, state: WalkState) -> bool:
        arguments = [self.replica, state.pending, state.writes_hash]
        (proven,) = await call_view(self.sender.chain, "Hub", self.hub, "isProven", arguments)
        return bool(proven)


def least_gas(commit: bytes, changes: Sequence[SlotChange]) -> int:
    """Return the gas that a commit uses at least: its calldata, and its writes to storage.

    Parameters
    ----------
    commit
        The transaction's calldata.

    Source: EIP-7623 for the calldata, EIP-2929 for the writes.
    """
    counted = tokens(commit)
    writes = sum(CHANGE_GAS if change.old else INSERT_GAS for change in changes)
    return TRANSACTION_GAS + max(TOKEN_GAS * counted + writes, FLOOR_TOKEN_GAS * counted)


def _halves(part: bytes) -> list[bytes]:
    """Return a part in two, cut between two items near its middle; nothing where it is too short for that."""
    first = split_witness(part, max(len(part) // 2, _ITEM_BYTES))[0]
    return [first, part[len(first) :]] if len(first) < len(part) else []
