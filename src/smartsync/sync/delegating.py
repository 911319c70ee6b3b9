"""What `SmartSync` does so that replicas of proxies can be read: at each step, and on demand."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace

from smartsync.addresses import ZERO_ADDRESS, checked_address
from smartsync.chain import Chain
from smartsync.discovery.completeness import source_values
from smartsync.errors import (
    BlockNotAccepted,
    NodeError,
    NodeUnreachable,
    ProofError,
    ReplicaError,
    SourceError,
    SourceIsProxy,
    TransactionReverted,
    TransactionTooLarge,
    TransitionTooLarge,
)
from smartsync.header import Header
from smartsync.implementations import (
    Resolution,
    copy_of,
    implementation_of,
    resolution_of,
    told,
    without_copy,
)
from smartsync.replica import ReplicaRecord
from smartsync.results import ForkResult, Progress, Supplied, SyncResult
from smartsync.source import PROXY_SLOTS
from smartsync.submit import Sender
from smartsync.sync.blocks import accepted_header
from smartsync.sync.forking import Fork
from smartsync.sync.supplying import Ready, Supplying

_BEACON_SLOTS = 200
"""Beacons of more slots are not replicated unasked, by ``sync`` and ``watch``: OpenZeppelin's have two."""

_NOT_THE_REPLICAS = (
    SourceError,
    NodeError,
    ProofError,
    ReplicaError,
    BlockNotAccepted,
    TransactionReverted,
    TransactionTooLarge,
    TransitionTooLarge,
)
"""What may be wrong with that which a replica delegates to, and does not keep the replica itself from being synced."""


class Delegating(ABC):
    """A source chain, a target chain, and the replicas there that delegate to what they mirror."""

    source: Chain
    target: Chain
    _resolutions: dict[tuple[str, str], Resolution | None]
    """By hub and replica, as far as asked for: it is in a replica's key, and does not change."""

    @abstractmethod
    def _paying(self) -> Sender:
        """Return who sends transactions to the target chain."""

    @abstractmethod
    def _hub(self) -> str:
        """Return the hub's address."""

    @abstractmethod
    async def _activated(self, replica: str) -> ReplicaRecord:
        """Return the record of a replica that has been activated."""

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
        named = await supplying.make_ready(resolution, dict(zip(slots, held, strict=True)), header)
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

        return Supplying(self.source, sender, hub, anchor, fork, sync, on_progress)

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
        is_beacon = False
        try:
            resolution = await self._resolution(replica, record, header)
            if resolution is None:
                return Ready()
            is_beacon = resolution.is_beacon
            state = await source_values(self.source, header, record.key.source, list(PROXY_SLOTS.values()))
            named = await supplying.make_ready(resolution, state.values, header)
        except NodeUnreachable:
            raise
        except _NOT_THE_REPLICAS as error:
            why = told(error) if isinstance(error, SourceError) else error.message
            return Ready(None, tuple(supplying.steps), why, isinstance(error, SourceIsProxy), is_beacon)
        return Ready(named, tuple(supplying.steps), beacon=is_beacon)

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
        return replace(ready, implementation=named, unreadable="")


def _of_beacon(on_progress: Progress | None) -> Progress | None:
    """Return what tells of the phases that they are of the beacon's replica: the proxy's own have the same names."""
    if on_progress is None:
        return None
    tell = on_progress
    return lambda phase, done, total: tell(f"beacon: {phase}", done, total)
