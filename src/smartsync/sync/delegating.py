"""What `SmartSync` does so that replicas of proxies can be read: at each step, and on demand."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from eth_account.signers.local import LocalAccount

from smartsync.addresses import ZERO_ADDRESS, checked_address
from smartsync.chain import Chain
from smartsync.discovery.completeness import SourceState, source_values
from smartsync.errors import NodeError, NodeUnreachable, ReplicaError, SourceError, SourceIsProxy, TransactionReverted
from smartsync.header import Header
from smartsync.implementations import (
    Resolution,
    copy_of,
    implementation_of,
    other_kind,
    resolution_of,
    without_copy,
)
from smartsync.replica import ReplicaRecord
from smartsync.results import ForkResult, Progress, Supplied, SyncResult
from smartsync.source import PROXY_SLOTS, read_code
from smartsync.submit import Sender
from smartsync.sync.attempts import NOT_THE_REPLICAS, Attempts, matter_of
from smartsync.sync.blocks import accepted_header
from smartsync.sync.connection import Connection
from smartsync.sync.forking import Fork
from smartsync.sync.supplying import Ready, Supplying, Words

_BEACON_SLOTS = 200
"""Beacons of more slots are not replicated unasked, by ``sync`` and ``watch``: OpenZeppelin's have two."""


class Delegating(Connection, ABC):
    """A source chain, a target chain, and the replicas there that delegate to what they mirror."""

    def __init__(
        self, source: Chain, target: Chain, *, hub: str | None, account: LocalAccount | Sender | None = None
    ) -> None:
        super().__init__(source, target, hub=hub, account=account)
        # By hub and replica, as far as asked for: it is in a replica's key, and does not change.
        self._resolutions: dict[tuple[str, str], Resolution | None] = {}
        # By replica, of those that are being watched.
        self._attempts: dict[str, Attempts] = {}
        self._words: Words = {}

    @abstractmethod
    async def _bring(self, replica: str, block: int, on_progress: Progress | None) -> SyncResult:
        """Bring a replica to a source block that its anchor accepts."""

    async def supply(self, replica: str, *, on_progress: Progress | None = None) -> Supplied:
        """Have what a proxy's replica delegates to as it stands: a copy of the implementation that its storage names.

        Anybody may; nothing is sent where it is there. A beacon's replica is brought to the newest accepted block.

        Raises
        ------
        ReplicaError
            The replica is not one of a proxy, and so needs no such thing.
        SourceError
            What it names cannot be copied.
        """
        replica = checked_address(replica, "the replica")
        record = await self._activated(replica)
        header = await accepted_header(self.source, self.target, record.key.anchor, None)
        resolution = await self._resolution(replica, record, header)
        if resolution is None:
            raise ReplicaError(
                f"{replica} is not the replica of a proxy: it answers by a copy of its source's own code, and there is "
                "nothing to supply",
                hint=f"nothing has to be done; smartsync status {replica} tells how it stands",
            )
        slots = list(PROXY_SLOTS.values())
        held = await self.target.storage_at(replica, slots, record.target_block)
        supplying = self._supplying(record.key.anchor, on_progress)
        values = dict(zip(slots, held, strict=True))
        named = await supplying.make_ready(resolution, record.key.code_hash, values, header)
        if resolution.is_beacon:
            # What the beacon's own replica says now, whatever the source's node said.
            block = await self.target.block_number()
            named = await implementation_of(self.target, self._hub(), record.key, replica, resolution, block)
            await supplying.supply(named, header)
        copy = await copy_of(self.target, self._hub(), record.key.anchor, named)
        return Supplied(replica, resolution.kind, named, copy or ZERO_ADDRESS, tuple(supplying.steps))

    # --- parts ---

    def _supplying(self, anchor: str, on_progress: Progress | None, limit: int | None = None) -> Supplying:
        sender, hub, of_beacon = self._paying(), self._hub(), _of_beacon(on_progress)

        async def fork(beacon: str, block: int) -> ForkResult:
            one = Fork(self.source, self.target, hub, anchor, sender, of_beacon, limit=limit)
            return await one.run(beacon, block, None)

        async def sync(replica: str, block: int) -> SyncResult:
            return await self._bring(replica, block, of_beacon)

        return Supplying(self.source, sender, hub, anchor, fork, sync, on_progress, self._words)

    async def _resolution(self, replica: str, record: ReplicaRecord, header: Header) -> Resolution | None:
        """Return how a replica finds what it delegates to. That is in its key, and so asked for once."""
        known = (self._hub(), replica)
        if known not in self._resolutions:
            self._resolutions[known] = await resolution_of(
                self.source, self.target, self._hub(), record.key, header.number
            )
        return self._resolutions[known]

    async def _make_ready(
        self, replica: str, record: ReplicaRecord, header: Header, on_progress: Progress | None
    ) -> Ready:
        """Have all that the replica will delegate to at this block; what goes wrong with that is told, not raised.

        Raises
        ------
        NodeUnreachable
            Nothing else would work either.
        """
        supplying = self._supplying(record.key.anchor, on_progress, _BEACON_SLOTS)
        has_beacon = False
        try:
            resolution = await self._resolution(replica, record, header)
            if resolution is None:
                return Ready()
            has_beacon = resolution.is_beacon
            state = await source_values(self.source, header, record.key.source, list(PROXY_SLOTS.values()))
            await self._require_kind(resolution, record, state, header)
            work = partial(supplying.make_ready, resolution, record.key.code_hash, state.values, header)
            if (attempts := self._attempts.get(replica)) is None:
                named = await work()
            else:
                chains = self.source, self.target, self._hub()
                matter = partial(matter_of, *chains, record.key.anchor, resolution, state.values, header)
                named = await attempts.run(work, matter)
        except NodeUnreachable:
            raise
        except NOT_THE_REPLICAS as error:
            why = error.in_full if isinstance(error, SourceError) else error.message
            return Ready(None, tuple(supplying.steps), why, isinstance(error, SourceIsProxy), has_beacon)
        return Ready(named, tuple(supplying.steps), has_beacon=has_beacon)

    @contextmanager
    def _remembering(self, replica: str) -> Iterator[Attempts]:
        """Have ``sync`` leave out what has failed lately. Who asks for one sync, and no more, has everything tried."""
        attempts = self._attempts.setdefault(replica, Attempts(replica))
        try:
            yield attempts
        finally:
            self._attempts.pop(replica, None)

    async def _require_kind(
        self, resolution: Resolution, record: ReplicaRecord, state: SourceState, header: Header
    ) -> None:
        """Check that a beacon's proxy still goes by its slot: one that has its beacon in its code never did."""
        if not resolution.is_beacon or resolution.slot is None or state.account is None:
            return
        code = await read_code(self.source, record.key.source, header.number, account=state.account)
        other = other_kind(resolution, code, resolution.named_by(state.values.get(resolution.slot, 0)))
        if other is not None:
            raise other

    async def _told(self, replica: str, record: ReplicaRecord, ready: Ready) -> Ready:
        """Return what to tell after a sync, as the target has it: others may have supplied what was not there."""
        resolution = self._resolutions.get((self._hub(), replica))
        if resolution is None or ready.misleads:
            return ready
        try:
            block = await self.target.block_number()
            named = await implementation_of(self.target, self._hub(), record.key, replica, resolution, block)
            copy = await copy_of(self.target, self._hub(), record.key.anchor, named)
        except TransactionReverted as error:
            return replace(ready, unreadable=ready.unreadable or error.reason)
        except NodeError:
            return ready
        if copy is None:
            return replace(ready, unreadable=ready.unreadable or without_copy(named))
        if attempts := self._attempts.get(replica):
            attempts.forget()
        return replace(ready, implementation=named, unreadable="")


def _of_beacon(on_progress: Progress | None) -> Progress | None:
    """Return what tells of the phases that they are of the beacon's replica: the proxy's own have the same names."""
    if on_progress is None:
        return None
    tell = on_progress
    return lambda phase, done, total: tell(f"beacon: {phase}", done, total)
