"""A replica kept in sync for long, with nobody there: through outages, stops of the anchor, and forks of both chains.

Every look begins anew from what the chains say; nothing of an earlier one is taken for granted. So it does not matter
who else syncs, revokes or attests meanwhile, nor whether the target chain reorganised and undid what was sent: then the
record is the old one again, and the same step is planned again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Hashable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TypeAlias

from smartsync.anchors.block import (
    AnchoredBlock,
    AnchorState,
    accepted_block,
    anchor_state,
    canonical_at,
    head_of,
    newest_accepted,
    require_chain_id,
)
from smartsync.anchors.composite import Tell
from smartsync.anchors.revoking import quorums_of
from smartsync.chain import Chain
from smartsync.errors import (
    AnchorMismatch,
    BlockNotAccepted,
    ConfigError,
    IncompleteSlots,
    ReplicaError,
    ReplicaMoved,
    SmartSyncError,
    SourceError,
)
from smartsync.replica import ReplicaRecord, read_active
from smartsync.results import (
    AnchorResumed,
    AnchorStopped,
    AnchorUpdate,
    EquivocationReported,
    Recovered,
    ReorganisationSeen,
    Revoked,
    SyncResult,
)
from smartsync.sync.patience import Patience

Told: TypeAlias = (
    SyncResult
    | AnchorUpdate
    | Recovered
    | ReorganisationSeen
    | Revoked
    | EquivocationReported
    | AnchorStopped
    | AnchorResumed
)
"""What has happened, as a watcher tells it."""

Event: TypeAlias = Told | SmartSyncError
"""What a watcher tells. An error is one that it survives: it tries again at the next look."""


_WRONG = (ConfigError, AnchorMismatch)
"""What the user gave is wrong, and stays so."""


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a watcher can do.

    ``sync`` the replica to the newest accepted block; and, where it can, for an anchor: ``update``, which has the
    source's newest block accepted and tells which member of a composite stays behind; ``revoke``, which revokes
    what the source has dropped; ``report``, which reports signers who were seen to sign two hashes of one number.
    ``check``, before the first of them, that the anchor is one for which they can be done; raises
    ``AnchorMismatch`` where it is not. ``news`` is what ``sync`` leaves out from now on, and why, told once.
    """

    sync: Callable[[], Awaitable[SyncResult]]
    update: Callable[[str, Tell], Awaitable[AnchorUpdate]] | None = None
    revoke: Callable[[str], Awaitable[Sequence[Revoked]]] | None = None
    report: Callable[[str], AsyncIterator[EquivocationReported]] | None = None
    check: Callable[[str], Awaitable[None]] | None = None
    news: Callable[[], SmartSyncError | None] | None = None


@dataclass(slots=True)
class Watching:
    """One replica under watch. ``every_blocks`` source blocks must have passed since the recorded one for a sync."""

    source: Chain
    target: Chain
    hub: str
    replica: str
    abilities: Abilities
    every_blocks: int = 1
    _is_known: bool = False
    _anchor_status: str = "active"
    _newest_level: str = "unknown"
    _met: set[Hashable] = field(default_factory=set)
    _told: set[Hashable] = field(default_factory=set)

    async def run(self, interval_s: float) -> AsyncGenerator[Event, None]:
        """Look every so many seconds, for ever, and yield what there is to tell.

        Raises
        ------
        SmartSyncError
            One that no later try can mend, see ``_ends``.
        """
        patience = Patience()
        while True:
            search_failed = False
            try:
                async with aclosing(self._look()) as events:
                    async for event in events:
                        yield event
            except SmartSyncError as error:
                if self._ends(error):
                    raise
                search_failed = isinstance(error, IncompleteSlots)
                if self._is_news(error):
                    yield error
                self._told |= self._met
            else:
                self._told = self._met
            self._met = set()
            # A search for slots is much work, and mostly fails again.
            if search_failed:
                patience.fail()
            else:
                patience.forget()
            await asyncio.sleep(interval_s * patience.looks)

    async def _look(self) -> AsyncGenerator[Event, None]:
        record = await read_active(self.target, self.hub, self.replica)
        anchor = record.key.anchor
        if self.abilities.check is not None and not self._is_known:
            await self.abilities.check(anchor)
        self._is_known = True
        state = await anchor_state(self.target, anchor)
        if (turned := self._turned(anchor, state)) is not None:
            yield turned
        if state.status != "active":
            return
        recorded = await accepted_block(self.target, anchor, record.block_hash)
        await require_chain_id(self.source, record.key.source_chain_id)
        latest = (await self.source.header("latest")).number

        dropped = await self._dropped(anchor, recorded, latest)
        for block, source_hash in dropped.values():
            if self._is_news((block.block_hash, source_hash, block.level)):
                yield await self._reorganisation(anchor, block, source_hash)
        if self.abilities.revoke is not None and dropped:
            try:
                for revoked in await self.abilities.revoke(anchor):
                    yield revoked
                recorded = await accepted_block(self.target, anchor, record.block_hash)
            except SmartSyncError as error:
                # It may still be possible to sync to a block above.
                if (told := self._survived(error)) is not None:
                    yield told

        is_revoked = recorded.level == "revoked" or await self._is_end_revoked(record)
        is_astray = is_revoked or record.block_hash in dropped
        # A signer who attested to a final block that the source has dropped does not go on above it.
        is_broken = any(block.level == "final" for block, _ in dropped.values())
        is_due = is_astray or latest >= record.block_number + self.every_blocks
        if self.abilities.update is not None and is_due and not is_broken:
            before = await head_of(self.target, anchor)
            behind: list[str] = []
            try:
                accepted = await self.abilities.update(anchor, behind.append)
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
                if self._is_news(text.partition(":")[0]):
                    yield BlockNotAccepted(text)
        if self.abilities.report is not None:
            try:
                async for reported in self.abilities.report(anchor):
                    yield reported
            except SmartSyncError as error:
                if (told := self._survived(error)) is not None:
                    yield told

        newest = await newest_accepted(self.target, anchor)
        self._newest_level = newest.level
        due = record.block_number + (1 if is_astray else self.every_blocks)
        if newest.block_hash not in dropped and (is_revoked or newest.number >= due):
            result = await self.abilities.sync()
            yield _recovered(record, result) if is_astray and result.steps else result
            if self.abilities.news is not None and (news := self.abilities.news()) is not None:
                yield news

    async def _dropped(
        self, anchor: str, recorded: AnchoredBlock, latest: int
    ) -> dict[bytes, tuple[AnchoredBlock, bytes]]:
        """Return, by hash, the blocks that matter here and are no more on the source's chain, with what is there now.

        These are the recorded block, the newest accepted one, and the one that stands where the source's newest is: as
        long as that does, another cannot be accepted. A block above the newest is no sign of anything: the node may be
        behind.
        """
        found = recorded, await canonical_at(self.target, anchor, latest), await head_of(self.target, anchor)
        known = [block for block in found if block is not None and block.level != "unknown"]
        blocks = {block.block_hash: block for block in known if block.number <= latest}
        dropped = {}
        for block in blocks.values():
            source_hash = await self.source.hash_at(block.number)
            if source_hash is not None and source_hash != block.block_hash:
                dropped[block.block_hash] = block, source_hash
        return dropped

    async def _is_end_revoked(self, record: ReplicaRecord) -> bool:
        """Whether the source's end was proven at a block that it has dropped since."""
        if not any(record.halt_hash):
            return False
        return (await accepted_block(self.target, record.key.anchor, record.halt_hash)).level == "revoked"

    def _turned(self, anchor: str, state: AnchorState) -> AnchorStopped | AnchorResumed | None:
        before, self._anchor_status = self._anchor_status, state.status
        if state.status == before:
            return None
        if state.status == "active":
            return AnchorResumed(anchor, state.since, state.canonical_epoch)
        return AnchorStopped(anchor, state.status, state.since)

    async def _reorganisation(self, anchor: str, block: AnchoredBlock, source_hash: bytes) -> ReorganisationSeen:
        may_revoke = self.abilities.revoke is not None and block.level == "safe"
        # Signers are of use only where an anchor has some.
        revoking = may_revoke and bool(await quorums_of(self.target, anchor))
        return ReorganisationSeen(
            self.replica, anchor, block.number, block.block_hash, source_hash, block.level, revoking
        )

    def _survived(self, error: SmartSyncError) -> SmartSyncError | None:
        """Return an error that does not keep from the rest of the look, where it is to be told."""
        if isinstance(error, _WRONG):
            raise error
        return error if self._is_news(error) else None

    def _is_news(self, what: Hashable) -> bool:
        """Whether it was not told at the look before."""
        key = (type(what), what.message) if isinstance(what, SmartSyncError) else what
        first = key not in self._told and key not in self._met
        self._met.add(key)
        return first

    def _ends(self, error: SmartSyncError) -> bool:
        """Whether no later look can go better.

        A replica that was there and is not, was undone by the target chain, or the node is behind. The end of a source
        can be undone by its chain, unless it is final.
        """
        if isinstance(error, ReplicaMoved):
            return False
        if isinstance(error, ReplicaError):
            return not self._is_known
        if isinstance(error, SourceError):
            return self._newest_level == "final"
        return isinstance(error, _WRONG)


def _recovered(record: ReplicaRecord, result: SyncResult) -> Recovered:
    return Recovered(
        result.replica,
        record.block_number,
        record.block_hash,
        result.to_block,
        result.block_hash,
        result.changes,
        result.steps,
    )
