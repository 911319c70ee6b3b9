"""The replicas of a pair, kept: the jobs that look at them and do what is due.

Its state is in the database and can be read from the chains again, so that it may end at any instruction: what was
signed is followed to its end by whoever is next.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from smartsync.errors import NodeError, Overtaken, SmartSyncError
from smartsync.relayer.looking import Look, Looking, tell
from smartsync.relayer.parts import PART, Part, parts_of
from smartsync.relayer.policy import Due
from smartsync.relayer.queueing.job import Job, Queue
from smartsync.relayer.replicas import Replica
from smartsync.relayer.scanning import blame
from smartsync.relayer.settling import by_address, follow, settle
from smartsync.relayer.state.errors import StateUnavailable
from smartsync.relayer.state.journal import abandoned, unfinished_of
from smartsync.relayer.state.looks import remembered, waiting_for, write
from smartsync.relayer.states import wait_s
from smartsync.relayer.statuses import Failed, Looked, after_failure, after_sync
from smartsync.relayer.tending import Tending
from smartsync.replica import ReplicaRecord, read_records

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Service:
    """The replicas of one pair.

    Parameters
    ----------
    queue
        Where what is found to be done is put.
    """

    tending: Tending
    replicas: Sequence[Replica]
    queue: Queue
    looking: Looking = field(init=False)
    _parts: dict[str, Part] = field(init=False)
    _by_address: dict[str, Replica] = field(init=False)
    _anchors: set[str] = field(default_factory=set)
    _strange: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._by_address = {one.address: one for one in self.replicas}
        self._parts = {part.name: part for part in parts_of(self.replicas)}
        self.looking = Looking(self.tending.pair, self.tending.database)

    @property
    def looks(self) -> list[Job]:
        """A look at each part."""
        return [Job("look", self.tending.pair.name, name) for name in self._parts]

    async def perform(self, job: Job) -> None:
        """Do a job. What goes wrong is told, and written down where it is about a replica; a look finds it again."""
        try:
            if job.kind == "look":
                await self._look(job)
            elif job.kind == "mind":
                await self._mind(job)
            elif job.kind == "follow":
                await self._follow(job.subject)
            else:
                await self._tend(job)
        except (StateUnavailable, Overtaken) as error:
            # Nothing is wrong with the replica: the next look finds what there is to do.
            self.tending.metrics.failed(job.pair, error)
            logger.warning("%s: %s", self._called(job), error.in_full)
        except SmartSyncError as error:
            self.tending.metrics.failed(job.pair, error)
            logger.warning("%s: will try again: %s", self._called(job), error.in_full)
        except Exception as error:  # what nobody foresaw at one must not end all others
            self.tending.metrics.failed(job.pair, error)
            logger.exception("%s: broke off; it is tried again", self._called(job))

    # --- looking ---

    async def _look(self, job: Job) -> None:
        part = self._parts.get(job.subject)
        if part is None:
            self._drop(job)
            return
        pair = self.tending.pair
        # Before it looks: whoever dies meanwhile leaves it to the next one.
        await self.queue.again(job, pair.poll_s)
        if part.is_first:
            await self._settle()
        seen = await self.looking.look(part.replicas)
        self._count(seen)
        tends = {pair.subject(address): address for address in seen.due}
        begun = await self.queue.defer([Job("tend", pair.name, subject) for subject in tends])
        held = set(tends.values()) - {one.address for one in begun}
        await self.looking.remember(part.replicas, seen, held)
        # After what was seen is written down, since a mind looks up there who waits for it.
        await self.queue.defer([Job("mind", pair.name, pair.subject(anchor)) for anchor in seen.wanted])

    async def _settle(self) -> None:
        """Look after what was signed for the pair, whoever did; and have followed what nobody follows any more."""
        pair, database = self.tending.pair, self.tending.database
        try:
            await settle(database, pair.target, pair.target_chain_id, pair.confirmations)
        except NodeError as error:
            logger.info("%s: what is in blocks is not looked after: %s", pair.name, error.message)
        if not self.tending.dry:
            senders = by_address(pair.accounts)
            left = await abandoned(database, pair.target_chain_id, list(senders))
            await self.queue.defer([Job("follow", pair.name, subject) for subject in {one for one, _ in left}])

    # --- doing ---

    async def _tend(self, job: Job) -> None:
        """Bring a replica to where its policy wants it, if that is still to be done."""
        replica = self._by_address.get(job.address)
        if replica is None:
            self._drop(job)
            return
        seen = await self.looking.look([replica])
        found = seen.found[replica.address]
        if not (isinstance(found, Looked) and isinstance(found.decision, Due)):
            # Done by somebody else, or by one who died before he saw it: what he signed is not to be left.
            await self.looking.remember([replica], seen)
            if isinstance(found, Looked):
                await self._follow(self.tending.pair.subject(replica.address))
            return
        try:
            await self._sync(replica, found, found.decision)
        except (StateUnavailable, Overtaken):
            raise
        except SmartSyncError as error:
            await self._gave_up(replica, job, error)
        except Exception as error:  # of one replica
            logger.exception("%s: unforeseen", replica.name)
            await self._gave_up(replica, job, SmartSyncError(f"unforeseen: {type(error).__name__}; see the log"))

    async def _sync(self, replica: Replica, found: Looked, due: Due) -> None:
        pair, address, sight = self.tending.pair, replica.address, found.sight
        result = await self.tending.sync(replica, due, sight.now_s, sight.seen.gas, sight.fee_wei)
        if result is None:
            return
        if sight.seen.demanded:  # what was asked for since then is another request
            await self.tending.store.demand(pair.name, address, is_demanded=False)
        known = await remembered(self.tending.database, pair.name, [address])
        before = known.statuses.get(address)
        status = after_sync(replica, before, sight, result, known.now_s)
        tell(before, status)
        await write(self.tending.database, [status], is_outcome=True)

    async def _gave_up(self, replica: Replica, job: Job, error: SmartSyncError) -> None:
        pair = self.tending.pair
        tries = job.tries + 1
        # Until then no look begins another: one by that name waits.
        await self.queue.again(replace(job, tries=tries), wait_s(tries))
        failed = Failed(error, await blame(pair, error))
        self.tending.metrics.failed(pair.name, error, failed.role)
        known = await remembered(self.tending.database, pair.name, [replica.address])
        before = known.statuses.get(replica.address)
        status = after_failure(replica, before, failed, known.now_s)
        tell(before, status)
        await write(self.tending.database, [status], is_outcome=True)

    async def _mind(self, job: Job) -> None:
        """Mind an anchor, and have done what waited for it."""
        pair, anchor = self.tending.pair, job.address
        if not await self._is_an_anchor(anchor):
            self._drop(job)
        elif await self.tending.mind(anchor, float(await pair.target.clock())):
            waiting = [pair.subject(one.address) for one in await self._waiting_for(anchor)]
            await self.queue.defer([Job("tend", pair.name, subject) for subject in waiting])

    async def _is_an_anchor(self, anchor: str) -> bool:
        """Whether it is that of a replica, which the hub tells: what the queue says is no reason to pay for it."""
        if anchor not in self._anchors:
            pair, waiting = self.tending.pair, await self._waiting_for(anchor)
            found = await read_records(pair.target, pair.hub, [one.address for one in waiting[:PART]])
            self._anchors |= {one.key.anchor for one in found if isinstance(one, ReplicaRecord)}
        return anchor in self._anchors

    async def _waiting_for(self, anchor: str) -> list[Replica]:
        addresses = await waiting_for(self.tending.database, self.tending.pair.name, anchor)
        return [self._by_address[address] for address in addresses if address in self._by_address]

    async def _follow(self, subject: str) -> None:
        """Follow what was signed for a subject and is in no block that is known, whoever signed it."""
        if self.tending.dry:
            return
        pair, database = self.tending.pair, self.tending.database
        accounts = by_address(pair.accounts)
        for sender in await unfinished_of(database, subject):
            if sender in accounts:
                await follow(database, pair.target, accounts[sender], subject, cancel_for_wei=pair.max_fee_wei)

    # --- telling ---

    def _count(self, seen: Look) -> None:
        pair, metrics = self.tending.pair.name, self.tending.metrics
        # One that is about all of them, as of a node, is one.
        faults = {id(one.error): one for one in seen.found.values() if isinstance(one, Failed)}
        for fault in faults.values():
            metrics.failed(pair, fault.error, fault.role)
        metrics.looked(pair, is_ok=all(fault.role is None for fault in faults.values()))

    def _drop(self, job: Job) -> None:
        """Tell of a job of another configuration, once: of the one before, or of a worker that has another one."""
        if job.name not in self._strange:
            self._strange.add(job.name)
            log = logger.info if job.kind == "look" else logger.warning
            log("%s: is not of this configuration, and left out; give all workers the same one", self._called(job))

    def _called(self, job: Job) -> str:
        if job.kind == "look":
            return f"{job.pair}: the look at {job.subject}"
        replica = self._by_address.get(job.address)
        return replica.name if replica else f"{job.kind} {job.subject}"
