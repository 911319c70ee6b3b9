"""What a watcher remembers of its attempts to have what a proxy's replica delegates to.

Such an attempt can be a search through all slots of a beacon, or transactions that are paid for; and what cannot be
brought to the target chain now, can mostly not be brought at the next block either.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from smartsync.addresses import ZERO_ADDRESS
from smartsync.chain import Chain
from smartsync.discovery.completeness import source_values
from smartsync.errors import (
    BlockNotAccepted,
    NodeError,
    ProofError,
    ReplicaError,
    SmartSyncError,
    SourceError,
    TransactionReverted,
    TransactionTooLarge,
    TransitionTooLarge,
)
from smartsync.header import Header
from smartsync.implementations import Resolution, beacon_replica, implementation_by
from smartsync.replica import read_record
from smartsync.sync.patience import MOST_LOOKS, Patience
from smartsync.types import NO_ACCOUNT

NOT_THE_REPLICAS = (
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


@dataclass(frozen=True, slots=True)
class Matter:
    """What an attempt is about: where any of it is another, it may go another way.

    ``named`` by the proxy, with ``code_hash``, both proven. Of a beacon also its proven ``storage_root``, what it
    answers by its node's word, which ``replica`` answers for it, and whether that has this very storage.
    """

    named: str
    code_hash: bytes
    storage_root: bytes = b""
    answer: str | None = None
    replica: str = ZERO_ADDRESS
    is_mirrored: bool = False

    def is_like(self, other: Matter) -> bool:
        """Whether an attempt would go as with the other.

        A beacon has changed only where it is proven to have, else a node that lies could have each step try again; and
        where it answers otherwise, since one that is a factory as well writes with every proxy that it makes.
        """
        is_unchanged = self.storage_root == other.storage_root or self.answer == other.answer
        mine, theirs = ((one.named, one.code_hash, one.replica, one.is_mirrored) for one in (self, other))
        return mine == theirs and is_unchanged


async def matter_of(
    source: Chain,
    target: Chain,
    hub: str,
    anchor: str,
    resolution: Resolution,
    values: Mapping[bytes, int],
    header: Header,
) -> Matter:
    """Return what there is to have at a block.

    Parameters
    ----------
    values
        What the source has at this block in the slots of proxies, proven; one that is missing is 0.
    """
    named = resolution.named_by(values.get(resolution.slot or b"", 0))
    account = (await source_values(source, header, named, [])).account or NO_ACCOUNT
    if not resolution.is_beacon:
        return Matter(named, account.code_hash)
    answer = await implementation_by(source, resolution.kind, named, header.number)
    replica = await beacon_replica(target, hub, anchor, named)
    is_mirrored = (
        replica != ZERO_ADDRESS and (await read_record(target, hub, replica)).storage_root == account.storage_root
    )
    return Matter(named, account.code_hash, account.storage_root, answer, replica, is_mirrored)


@dataclass(slots=True)
class Attempts:
    """The attempts for one replica: what failed is left out for a while, as long as it is the same matter."""

    replica: str
    _patience: Patience = field(default_factory=Patience)
    _failed: tuple[Matter, SmartSyncError] | None = None
    _is_told: bool = False

    async def run(self, work: Callable[[], Awaitable[str]], matter: Callable[[], Awaitable[Matter]]) -> str:
        """Return what ``work`` does; where it is left out, raise what it failed with.

        What may pass by itself (``retryable``) is tried again at the next step.
        """
        if self._failed is not None:
            about, error = self._failed
            if not about.is_like(await matter()):
                self.forget()
            elif self._patience.leaves_out():
                raise error.with_traceback(None)
        try:
            done = await work()
        except NOT_THE_REPLICAS as error:
            if not error.retryable:
                await self._remember(error, matter)
            raise
        self.forget()
        return done

    async def _remember(self, error: SmartSyncError, matter: Callable[[], Awaitable[Matter]]) -> None:
        try:
            self._failed = await matter(), error
        except NOT_THE_REPLICAS:
            return  # nobody could tell later whether it is another
        self._patience.fail()

    def forget(self) -> None:
        """Leave nothing out any more."""
        self._patience.forget()
        self._failed, self._is_told = None, False

    def news(self) -> ReplicaError | None:
        """Return once what is left out from now on, and why; None where there is nothing, or it was told."""
        if self._failed is None or self._is_told:
            return None
        self._is_told = True
        return ReplicaError(
            f"what {self.replica} delegates to cannot be brought to the target chain: {self._failed[1].message}",
            hint=f"this is tried ever less often now, down to every {MOST_LOOKS}nd sync, and at once where the source "
            f"names something else or that has changed; smartsync supply {self.replica} tries it now",
        )
