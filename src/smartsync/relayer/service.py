"""The replicas of a pair, kept: looked at again and again, each decided on, and what is due done.

Its state is in the database and can be read from the chains again, so that it may end at any instruction: what was
signed is followed to its end by whoever is next.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from smartsync.errors import SmartSyncError
from smartsync.relayer.pairs import Pair
from smartsync.relayer.policy import Decision, Due, Wait, decide
from smartsync.relayer.replicas import Replica
from smartsync.relayer.scanning import Known, NodeFault, Sight, blame, look
from smartsync.relayer.seen import DAY_S
from smartsync.relayer.state.errors import StateUnavailable
from smartsync.relayer.state.journal import spendings
from smartsync.relayer.state.store import Sample, Status, Store
from smartsync.relayer.states import Role, State, state_of, wait_s
from smartsync.relayer.tending import Tending
from smartsync.results import SyncResult

logger = logging.getLogger(__name__)

_GOOD = ("exact", "behind", "waiting")


@dataclass(frozen=True, slots=True)
class _Looked:
    """What a look has shown of a replica, and what follows from it."""

    sight: Sight
    decision: Decision


@dataclass(slots=True)
class Service:
    """The replicas of one pair.

    Parameters
    ----------
    jobs
        How many may be at work at once, of all pairs together.
    """

    pair: Pair
    replicas: Sequence[Replica]
    tending: Tending
    store: Store
    jobs: asyncio.Semaphore
    _at_work: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def run(self) -> None:
        """Look every so many seconds, until cancelled. Jobs under way are ended first."""
        try:
            while True:
                try:
                    await self.round()
                except StateUnavailable as error:
                    logger.warning("%s: %s", self.pair.name, error.in_full)
                await asyncio.sleep(self.pair.poll_s)
        finally:
            await self.settle()

    async def settle(self) -> None:
        """Return once no job is at work."""
        if self._at_work:
            await asyncio.gather(*self._at_work.values(), return_exceptions=True)

    async def round(self) -> None:
        """Look once, and begin what is due.

        Raises
        ------
        StateUnavailable
            What would be done cannot be written down, and so is not done.
        """
        before = {one.address: one for one in await self.store.statuses(self.pair.name)}
        waiting = [one for one in self.replicas if one.address not in self._at_work]
        try:
            looked = await self._look(waiting, before)
            if wanted := _anchors_wanted(looked):
                await asyncio.gather(*(self._mind(anchor, now_s) for anchor, now_s in wanted.items()))
                again = [one for one in waiting if _anchor_of(looked[one.address]) in wanted]
                looked |= await self._look(again, before)
        except NodeFault as fault:
            for replica in waiting:
                await self._failed(replica, before.get(replica.address), fault.error, fault.role)
            return
        for replica in waiting:
            known, found = before.get(replica.address), looked[replica.address]
            if isinstance(found, SmartSyncError):
                await self._failed(replica, known, found)
            elif isinstance(found.decision, Wait):
                await self._remember(replica, known, found.decision.state, found.decision.why, found.sight, failures=0)
            elif _may_try(known):
                await self._remember(replica, known, found.decision.state, found.decision.why, found.sight)
                job = self._sync(replica, found.sight, found.decision)
                self._at_work[replica.address] = asyncio.create_task(job)

    # --- looking ---

    async def _look(
        self, replicas: Sequence[Replica], before: Mapping[str, Status]
    ) -> dict[str, _Looked | SmartSyncError]:
        known = {one.address: await self._known(before.get(one.address), one) for one in replicas}
        by_address = {one.address: one for one in replicas}
        found: dict[str, _Looked | SmartSyncError] = {}
        for address, sight in (await look(self.pair, replicas, known)).items():
            if isinstance(sight, SmartSyncError):
                found[address] = sight
            else:
                found[address] = _Looked(sight, await self._decided(by_address[address], sight))
        return found

    async def _decided(self, replica: Replica, sight: Sight) -> Decision:
        spent = await spendings(self.tending.database, self.pair.subject(replica.address), sight.now_s - DAY_S)
        return decide(replica.policy, sight.seen, spent, sight.fee_wei, sight.now_s)

    async def _known(self, status: Status | None, replica: Replica) -> Known:
        if status is None:
            return Known()
        last = await self.store.last_sync(self.pair.name, replica.address)
        known = Known(status.changed_s, demanded=status.is_demanded)
        return known if last is None or last.gas_used is None else replace(known, gas=last.gas_used)

    # --- doing ---

    async def _mind(self, anchor: str, now_s: float) -> None:
        try:
            async with self.jobs:
                await self.tending.mind(anchor, now_s)
        except SmartSyncError as error:
            logger.warning("anchor %s: will try again: %s", anchor, error.in_full)

    async def _sync(self, replica: Replica, sight: Sight, due: Due) -> None:
        pair, address = self.pair, replica.address
        try:
            async with self.jobs:
                result = await self.tending.sync(replica, due, sight.now_s, sight.seen.gas)
            if result is None:
                return
            await self.store.demand(pair.name, address, is_demanded=False)
            known = await self.store.status(pair.name, address)
            state: State = "unreadable" if result.unreadable else "exact"
            why = result.unreadable or f"synced to block {result.to_block}"
            await self._remember(replica, known, state, why, _after(sight, result), failures=0)
        except StateUnavailable as error:
            logger.warning("%s: %s", replica.name, error.in_full)
        except SmartSyncError as error:
            known = await self.store.status(pair.name, address)
            await self._failed(replica, known, error, await blame(pair, error))
        finally:
            self._at_work.pop(address, None)

    # --- remembering ---

    async def _failed(
        self, replica: Replica, known: Status | None, error: SmartSyncError, role: Role | None = None
    ) -> None:
        failures = 1 if known is None else known.failures + 1
        await self._remember(replica, known, state_of(error, role), error.in_full, failures=failures)

    async def _remember(
        self,
        replica: Replica,
        known: Status | None,
        state: State,
        why: str,
        sight: Sight | None = None,
        *,
        failures: int | None = None,
    ) -> None:
        """Write down how a replica stands, and tell where that is news."""
        now_s = time.time()
        if known is None or known.state != state:
            known = replace(known or Status(self.pair.name, replica.address, "", "", "", 0.0, 0.0), since_s=now_s)
            log = logger.info if state in _GOOD else logger.warning
            log("%s: %s: %s", replica.name, state, why)
        status = replace(known, name=replica.name, state=state, reason=why, looked_s=now_s)
        if failures is not None:
            status = replace(status, failures=failures)
        if sight is not None:
            status = _with_sight(status, sight)
        await self.store.remember(status)
        if sight is not None:
            behind = max(0, sight.seen.source_head - sight.record.block_number)
            sample = Sample(int(now_s // 60), behind, sight.behind_s)
            await self.store.sample(self.pair.name, replica.address, sample)


def _may_try(known: Status | None) -> bool:
    """Whether it is time for another try, after failures; also where the clock was set back."""
    if known is None or not known.failures:
        return True
    return not 0 <= time.time() - known.looked_s < wait_s(known.failures)


def _anchors_wanted(looked: Mapping[str, _Looked | SmartSyncError]) -> dict[str, float]:
    """Return the anchors of which a newer block is wanted and may be paid for, with the time of the look."""
    return {
        found.sight.record.key.anchor: found.sight.now_s
        for found in looked.values()
        if isinstance(found, _Looked)
        and isinstance(found.decision, Wait)
        and found.decision.state in ("anchor-behind", "orphaned")
    }


def _anchor_of(found: _Looked | SmartSyncError) -> str | None:
    return found.sight.record.key.anchor if isinstance(found, _Looked) else None


def _after(sight: Sight, result: SyncResult) -> Sight:
    """Return what a look would show right after a sync."""
    record = replace(sight.record, block_number=result.to_block, block_hash=result.block_hash)
    seen = replace(sight.seen, recorded_block=result.to_block, change=None, differs=False)
    return replace(sight, record=record, seen=seen, level=seen.accepted_level)


def _with_sight(status: Status, sight: Sight) -> Status:
    record, seen = sight.record, sight.seen
    return replace(
        status,
        anchor=record.key.anchor,
        block_number=record.block_number,
        block_hash=record.block_hash,
        level=sight.level,
        accepted_block=seen.accepted_block,
        source_head=seen.source_head,
        behind_s=sight.behind_s,
        changed_s=None if seen.change is None else seen.change.since_s,
    )
