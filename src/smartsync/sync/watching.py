"""A replica kept in sync for long, with nobody there: through outages, stops of the anchor, and forks of both chains.

Every look begins anew from what the chains say; nothing of an earlier one is taken for granted. So it does not matter
who else syncs, revokes or attests meanwhile, nor whether the target chain reorganised and undid what was sent: then the
record is the old one again, and the same step is planned again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TypeAlias

from smartsync.anchors.block import accepted_block, newest_accepted, require_chain_id
from smartsync.chain import Chain
from smartsync.errors import IncompleteSlots, ReplicaError, ReplicaMoved, SmartSyncError, SourceError
from smartsync.replica import ReplicaRecord, read_active
from smartsync.results import Recovered, SyncResult
from smartsync.results.telling import Told
from smartsync.sync.care import Care
from smartsync.sync.minding import WRONG, Minding
from smartsync.sync.news import News
from smartsync.sync.patience import Patience

Event: TypeAlias = Told | SmartSyncError
"""What a watcher tells. An error is one that it survives: it tries again at the next look."""


@dataclass(slots=True)
class Watching:
    """One replica under watch.

    Parameters
    ----------
    sync
        Brings the replica to the newest accepted block.
    care
        What can be done for its anchor.
    left_out
        What ``sync`` leaves out from now on, and why, told once; ``None`` where it is all as before.
    every_blocks
        Source blocks that must have passed since the recorded one for a sync.
    """

    source: Chain
    target: Chain
    hub: str
    replica: str
    sync: Callable[[], Awaitable[SyncResult]]
    care: Care
    left_out: Callable[[], SmartSyncError | None]
    every_blocks: int = 1
    _minding: Minding | None = None
    _newest_level: str = "unknown"
    _news: News = field(default_factory=News)

    async def run(self, interval_s: float) -> AsyncGenerator[Event, None]:
        """Look every so many seconds, for ever, and yield what there is to tell.

        Raises
        ------
        SmartSyncError
            One that no later try can mend, see ``_ends``.
        """
        patience = Patience()
        while True:
            search_failed, is_whole = False, True
            try:
                async with aclosing(self._look()) as events:
                    async for event in events:
                        yield event
            except SmartSyncError as error:
                if self._ends(error):
                    raise
                search_failed, is_whole = isinstance(error, IncompleteSlots), False
                if self._news.is_new(error):
                    yield error
            self._news.end_look(is_whole=is_whole)
            # A search for slots is much work, and mostly fails again.
            if search_failed:
                patience.fail()
            else:
                patience.forget()
            await asyncio.sleep(interval_s * patience.looks)

    async def _look(self) -> AsyncGenerator[Event, None]:
        record = await read_active(self.target, self.hub, self.replica)
        minding = await self._minded(record.key.anchor)
        if (turned := await minding.turned()) is not None:
            yield turned
        if not minding.is_active:
            return
        recorded = await accepted_block(self.target, minding.anchor, record.block_hash)
        await require_chain_id(self.source, record.key.source_chain_id)
        latest = (await self.source.header("latest")).number

        async with aclosing(minding.straighten(latest, recorded, self.replica)) as events:
            async for event in events:
                yield event
        if minding.dropped and self.care.revoke is not None:
            recorded = await accepted_block(self.target, minding.anchor, record.block_hash)
        is_revoked = recorded.level == "revoked" or await self._is_end_revoked(record)
        is_astray = is_revoked or record.block_hash in minding.dropped
        if is_astray or latest >= record.block_number + self.every_blocks:
            async with aclosing(minding.advance()) as events:
                async for event in events:
                    yield event
        async with aclosing(minding.report()) as events:
            async for event in events:
                yield event

        newest = await newest_accepted(self.target, minding.anchor)
        self._newest_level = newest.level
        due = record.block_number + (1 if is_astray else self.every_blocks)
        if newest.block_hash not in minding.dropped and (is_revoked or newest.number >= due):
            result = await self.sync()
            yield _recovered(record, result) if is_astray and result.steps else result
            if (left_out := self.left_out()) is not None:
                yield left_out

    async def _minded(self, anchor: str) -> Minding:
        """Return who minds the anchor, which is checked once to be one that can be minded so."""
        if self._minding is None:
            if self.care.check is not None:
                await self.care.check(anchor)
            self._minding = Minding(self.source, self.target, anchor, self.care, self._news)
        return self._minding

    async def _is_end_revoked(self, record: ReplicaRecord) -> bool:
        """Whether the source's end was proven at a block that it has dropped since."""
        if not any(record.halt_hash):
            return False
        return (await accepted_block(self.target, record.key.anchor, record.halt_hash)).level == "revoked"

    def _ends(self, error: SmartSyncError) -> bool:
        """Whether no later look can go better.

        A replica that was there and is not, was undone by the target chain, or the node is behind. The end of a source
        can be undone by its chain, unless it is final.
        """
        if isinstance(error, ReplicaMoved):
            return False
        if isinstance(error, ReplicaError):
            return self._minding is None
        if isinstance(error, SourceError):
            return self._newest_level == "final"
        return isinstance(error, WRONG)


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
