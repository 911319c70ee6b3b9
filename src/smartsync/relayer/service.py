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

from eth_account.signers.local import LocalAccount

from smartsync.errors import NodeError, Overtaken, SmartSyncError
from smartsync.relayer.pairs import Pair
from smartsync.relayer.policy import Decision, Due, Wait, decide
from smartsync.relayer.replicas import Replica
from smartsync.relayer.scanning import Known, NodeFault, Sight, blame, look
from smartsync.relayer.settling import by_address, follow, settle
from smartsync.relayer.state.errors import StateUnavailable
from smartsync.relayer.state.journal import abandoned, spendings
from smartsync.relayer.state.store import Sample, Status, Store
from smartsync.relayer.states import Role, State, state_of, wait_s
from smartsync.relayer.tending import Tending
from smartsync.results import SyncResult

logger = logging.getLogger(__name__)

_MINDING_S = 15.0
"""Seconds that a look waits for anchors: what takes longer goes on, and a later look sees it."""

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
    _minded: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _failed_at: dict[str, tuple[int, float]] = field(default_factory=dict)
    _is_ending: bool = False

    async def run(self) -> None:
        """Look every so many seconds, until cancelled. Jobs under way are ended first; those in the queue not begun."""
        try:
            while True:
                try:
                    await self.round()
                except StateUnavailable as error:
                    logger.warning("%s: %s", self.pair.name, error.in_full)
                except Exception:  # what nobody foresaw at one pair must not end all others
                    logger.exception("%s: the look broke off; it is tried again", self.pair.name)
                await asyncio.sleep(self.pair.poll_s)
        finally:
            self._is_ending = True
            await self.settle()

    async def settle(self) -> None:
        """Return once no job is at work."""
        while tasks := [*self._minded.values(), *self._at_work.values()]:
            await asyncio.gather(*tasks, return_exceptions=True)

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
            await self._settle_blocks()
            looked = await self._look(waiting, before)
            wanted = _anchors_wanted(looked)
            again = [one for one in waiting if _anchor_of(looked[one.address]) in wanted]
            await self._begin([one for one in waiting if one not in again], before, looked)
            if again:
                await self._mind_all(wanted)
                await self._begin(again, before, await self._look(again, before))
        except NodeFault as fault:
            for replica in waiting:
                if replica.address not in self._at_work:
                    await self._failed(replica, before.get(replica.address), fault.error, fault.role)
            return
        await self._follow_abandoned()

    async def _settle_blocks(self) -> None:
        pair = self.pair
        try:
            await settle(self.tending.database, pair.target, pair.target_chain_id, pair.confirmations)
        except NodeError as error:
            raise NodeFault("target", error) from error

    async def _follow_abandoned(self) -> None:
        """Begin to follow what was signed by jobs that died, for what may not be due any more."""
        if self.tending.dry:
            return
        pair, accounts = self.pair, by_address(self.pair.accounts)
        for subject, sender in await abandoned(self.tending.database, pair.target_chain_id, list(accounts)):
            address = subject.partition(" ")[0]
            if address not in self._at_work and address not in self._minded:
                job = self._follow(address, subject, accounts[sender])
                self._at_work[address] = asyncio.create_task(job)

    async def _follow(self, address: str, subject: str, account: LocalAccount) -> None:
        try:
            if not self._is_ending:
                pair = self.pair
                await follow(self.tending.database, pair.target, account, subject, cancel_for_wei=pair.max_fee_wei)
        except SmartSyncError as error:
            logger.warning("%s: %s", subject, error.in_full)
        finally:
            self._at_work.pop(address, None)

    async def _begin(
        self,
        replicas: Sequence[Replica],
        before: Mapping[str, Status],
        looked: Mapping[str, _Looked | SmartSyncError],
    ) -> None:
        """Write down what a look has shown of replicas, and begin what is due."""
        for replica in replicas:
            try:
                await self._begin_one(replica, before.get(replica.address), looked[replica.address])
            except StateUnavailable:
                raise
            except Exception:  # such as a number of a replica's own anchor that no database takes
                logger.exception("%s: unforeseen", replica.name)

    async def _begin_one(self, replica: Replica, known: Status | None, found: _Looked | SmartSyncError) -> None:
        if isinstance(found, SmartSyncError):
            await self._failed(replica, known, found)
        elif isinstance(found.decision, Wait):
            await self._remember(replica, known, found.decision.state, found.decision.why, found.sight, failures=0)
        elif self._may_try(replica.address) and replica.address not in self._at_work:
            await self._remember(replica, known, found.decision.state, found.decision.why, found.sight)
            job = self._sync(replica, found.sight, found.decision)
            self._at_work[replica.address] = asyncio.create_task(job)

    def _may_try(self, address: str) -> bool:
        """Whether it is time for another try, after jobs that failed; a look that did is made again anyway.

        By a clock that does not jump, and in memory: who has just been started may try.
        """
        failures, at_s = self._failed_at.get(address, (0, 0.0))
        return not failures or time.monotonic() - at_s >= wait_s(failures)

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
        spent = await spendings(self.tending.database, self.pair.subject(replica.address), sight.now_s, sight.target_s)
        return decide(replica.policy, sight.seen, spent, sight.fee_wei, sight.now_s)

    async def _known(self, status: Status | None, replica: Replica) -> Known:
        if status is None:
            return Known()
        last = await self.store.last_sync(self.pair.name, replica.address)
        known = Known(status.changed_s, demanded=status.is_demanded)
        return known if last is None or last.gas_used is None else replace(known, gas=last.gas_used)

    # --- doing ---

    async def _mind_all(self, wanted: Mapping[str, float]) -> None:
        """Begin to mind anchors, and wait for that as long as it is quick: others are not to wait for attestors."""
        begun = [anchor for anchor in wanted if anchor not in self._minded]
        for anchor in begun:
            self._minded[anchor] = asyncio.create_task(self._mind(anchor, wanted[anchor]))
        if begun:
            await asyncio.wait([self._minded[anchor] for anchor in begun], timeout=_MINDING_S)

    async def _mind(self, anchor: str, now_s: float) -> None:
        try:
            async with self.jobs:
                if not self._is_ending:
                    await self.tending.mind(anchor, now_s)
        except SmartSyncError as error:
            logger.warning("anchor %s: will try again: %s", anchor, error.in_full)
        except Exception:  # of one anchor
            logger.exception("anchor %s: will try again", anchor)
        finally:
            self._minded.pop(anchor, None)

    async def _sync(self, replica: Replica, sight: Sight, due: Due) -> None:
        try:
            async with self.jobs:
                if not self._is_ending:
                    await self._synced(replica, sight, due)
            self._failed_at.pop(replica.address, None)
        except (StateUnavailable, Overtaken) as error:
            # Nothing is wrong with the replica: the next look finds what there is to do.
            logger.warning("%s: %s", replica.name, error.in_full)
        except SmartSyncError as error:
            await self._gave_up(replica, error)
        except Exception as error:  # of one replica
            logger.exception("%s: unforeseen", replica.name)
            await self._gave_up(replica, SmartSyncError(f"unforeseen: {type(error).__name__}; see the log"))
        finally:
            self._at_work.pop(replica.address, None)

    async def _synced(self, replica: Replica, sight: Sight, due: Due) -> None:
        pair, address = self.pair, replica.address
        result = await self.tending.sync(replica, due, sight.now_s, sight.seen.gas, sight.fee_wei)
        if result is None:
            return
        if sight.seen.demanded:  # what was asked for since then is another request
            await self.store.demand(pair.name, address, is_demanded=False)
        known = await self.store.status(pair.name, address)
        state: State = "unreadable" if result.unreadable else "exact"
        why = result.unreadable or f"synced to block {result.to_block}"
        await self._remember(replica, known, state, why, _after(sight, result), failures=0)

    async def _gave_up(self, replica: Replica, error: SmartSyncError) -> None:
        failures, _ = self._failed_at.get(replica.address, (0, 0.0))
        self._failed_at[replica.address] = failures + 1, time.monotonic()
        try:
            known = await self.store.status(self.pair.name, replica.address)
            await self._failed(replica, known, error, await blame(self.pair, error))
        except SmartSyncError as also:
            logger.warning("%s: %s (and %s)", replica.name, error.in_full, also.in_full)

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
