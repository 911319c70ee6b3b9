"""An anchor that is minded: brought to the source's newest block, rid of blocks that the source has dropped.

What is seen and done is told; nothing of an earlier look is taken for granted, so it does not matter who else does the
same.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import TypeAlias

from smartsync.anchors.block import AnchoredBlock, anchor_state, canonical_at, head_of
from smartsync.anchors.revoking import quorums_of
from smartsync.chain import Chain
from smartsync.errors import AnchorMismatch, BlockNotAccepted, ConfigError, SmartSyncError
from smartsync.results import (
    AnchorResumed,
    AnchorStopped,
    AnchorUpdate,
    EquivocationReported,
    ReorganisationSeen,
    Revoked,
)
from smartsync.sync.care import Care
from smartsync.sync.news import News

OfAnchor: TypeAlias = (
    AnchorUpdate | ReorganisationSeen | Revoked | EquivocationReported | AnchorStopped | AnchorResumed | SmartSyncError
)
"""What is told of an anchor. An error is one that is survived."""

WRONG = (ConfigError, AnchorMismatch)
"""What the user gave is wrong, and stays so."""


@dataclass(slots=True)
class Minding:
    """An anchor of a source chain, on a target chain.

    ``dropped`` are, by hash, the blocks that matter here and are no more on the source's chain, each with the hash of
    what is there now: as the last `straighten` found them.
    """

    source: Chain
    target: Chain
    anchor: str
    care: Care
    news: News
    dropped: dict[bytes, tuple[AnchoredBlock, bytes]] = field(default_factory=dict)
    _status: str = "active"

    @property
    def is_active(self) -> bool:
        """Whether the anchor can be used, as `turned` found it last."""
        return self._status == "active"

    @property
    def is_broken(self) -> bool:
        """Whether the source has dropped a final block: who vouched for that does not go on above it."""
        return any(block.level == "final" for block, _ in self.dropped.values())

    async def turned(self) -> AnchorStopped | AnchorResumed | None:
        """Return whether the anchor has stopped, or can be used again, since the last look."""
        state = await anchor_state(self.target, self.anchor)
        before, self._status = self._status, state.status
        if state.status == before:
            return None
        if state.status == "active":
            return AnchorResumed(self.anchor, state.since, state.canonical_epoch)
        return AnchorStopped(self.anchor, state.status, state.since)

    async def straighten(
        self, latest: int, recorded: AnchoredBlock | None = None, replica: str | None = None
    ) -> AsyncGenerator[OfAnchor, None]:
        """Find the blocks that the source has dropped, tell of them, and have them revoked where that can be done.

        Parameters
        ----------
        latest
            Number of the source's newest block.
        recorded
            The block that a replica stands at, which matters too.
        """
        self.dropped = await self._dropped(latest, recorded)
        for block, source_hash in self.dropped.values():
            if self.news.is_new((block.block_hash, source_hash, block.level)):
                yield await self._reorganisation(replica, block, source_hash)
        if self.care.revoke is None or not self.dropped:
            return
        try:
            for revoked in await self.care.revoke(self.anchor):
                yield revoked
        except SmartSyncError as error:
            # It may still be possible to sync to a block above.
            if (told := self._survived(error)) is not None:
                yield told

    async def advance(self) -> AsyncGenerator[OfAnchor, None]:
        """Have the source's newest block accepted, where that can be done."""
        if self.care.update is None or self.is_broken:
            return
        before = await head_of(self.target, self.anchor)
        behind: list[str] = []
        try:
            accepted = await self.care.update(self.anchor, behind.append)
            # Steps may be those of members, which did not bring the anchor itself any further.
            is_new = before is None or (before.block_hash, before.level) != (accepted.block_hash, accepted.level)
            if accepted.steps and is_new:
                yield accepted
        except SmartSyncError as error:
            # Somebody else may have had a block accepted.
            if (told := self._survived(error)) is not None:
                yield told
        for text in behind:
            # The reason may name another block at each look.
            if self.news.is_new(text.partition(":")[0]):
                yield BlockNotAccepted(text)

    async def report(self) -> AsyncGenerator[OfAnchor, None]:
        """Report who was seen to sign two hashes of one number, where that can be done."""
        if self.care.report is None:
            return
        try:
            async for reported in self.care.report(self.anchor):
                yield reported
        except SmartSyncError as error:
            if (told := self._survived(error)) is not None:
                yield told

    async def _dropped(self, latest: int, recorded: AnchoredBlock | None) -> dict[bytes, tuple[AnchoredBlock, bytes]]:
        """Look at the recorded block, the newest accepted one, and the one that stands where the source's newest is.

        As long as that last one stands, another cannot be accepted. A block above the newest is no sign of anything:
        the node may be behind.
        """
        found = recorded, await canonical_at(self.target, self.anchor, latest), await head_of(self.target, self.anchor)
        known = [block for block in found if block is not None and block.level != "unknown"]
        blocks = {block.block_hash: block for block in known if block.number <= latest}
        dropped = {}
        for block in blocks.values():
            source_hash = await self.source.hash_at(block.number)
            if source_hash is not None and source_hash != block.block_hash:
                dropped[block.block_hash] = block, source_hash
        return dropped

    async def _reorganisation(
        self, replica: str | None, block: AnchoredBlock, source_hash: bytes
    ) -> ReorganisationSeen:
        may_revoke = self.care.revoke is not None and block.level == "safe"
        # Signers are of use only where an anchor has some.
        revoking = may_revoke and bool(await quorums_of(self.target, self.anchor))
        return ReorganisationSeen(
            replica, self.anchor, block.number, block.block_hash, source_hash, block.level, revoking
        )

    def _survived(self, error: SmartSyncError) -> SmartSyncError | None:
        """Return an error that does not keep from the rest of the look, where it is to be told."""
        if isinstance(error, WRONG):
            raise error
        return error if self.news.is_new(error) else None
