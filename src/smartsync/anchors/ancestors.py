"""Going down from an accepted block to its ancestors, header by header: for whoever needs an older block.

A header names its parent by hash, so that nothing has to be trusted on the way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from smartsync.anchors.bft import header_without_seals
from smartsync.anchors.block import (
    REVOKE_FIRST,
    AnchoredBlock,
    accepted_block,
    ever_accepted,
    require_active,
    require_same_source,
    way_in,
)
from smartsync.anchors.kinds import kind_of
from smartsync.chain import Chain
from smartsync.contracts import encode_call
from smartsync.errors import (
    BlockNotAccepted,
    SourceReorganised,
    TransactionReverted,
    TransactionTooLarge,
)
from smartsync.header import Header
from smartsync.results import Progress, Step
from smartsync.submit import Sender, fits_pools, step_of

_AT_ONCE = 16
_GAS_PER_HEADER = 60_000
"""Less than a header takes, three fresh words and a log: how many fit is estimated by the node."""


async def extend_ancestors(
    source: Chain, sender: Sender, anchor: str, down_to: int, *, on_progress: Progress | None = None
) -> list[Step]:
    """Have all blocks accepted between ``down_to`` and the lowest accepted one above, at the level that this one has.

    ``down_to`` included, in as few transactions as fit. Interrupted, the same call goes on where it was. No step where
    the block is accepted. Where a safe block that the source has dropped is in the way, it begins at the lowest final
    one above, whose ancestors displace it.

    Raises
    ------
    BlockNotAccepted
        No accepted block of the source's chain is above it; or the anchor still accepts another block of one of the
        numbers, which the source has dropped.
    SourceReorganised
        The node's headers do not follow each other: it reorganised meanwhile.
    AnchorPaused, AnchorExpired, AnchorFrozen
        The anchor is not active; or froze now, since it holds another block of one of the numbers.
    WrongChain, AnchorMismatch
        The anchor speaks of another chain than the source node.
    """
    target = sender.chain
    await require_same_source(source, target, anchor)
    await require_active(target, anchor)
    goal = await source.header(down_to)
    if (await accepted_block(target, anchor, goal.hash)).accepted:
        return []
    tops = await _accepted_above(source, target, anchor, down_to)
    try:
        return await _extend(source, sender, anchor, tops[0], down_to, on_progress)
    except _InTheWay as error:
        final = next((top for top in tops[1:] if top.level == "final"), None)
        if final is None:
            raise error.refused from error
    try:
        return await _extend(source, sender, anchor, final, down_to, on_progress)
    except _InTheWay as error:
        raise error.refused from error


async def _extend(
    source: Chain, sender: Sender, anchor: str, top: AnchoredBlock, down_to: int, on_progress: Progress | None
) -> list[Step]:
    target = sender.chain
    count = top.number - down_to
    current, steps = await source.header(top.block_hash), list[Step]()
    fitting = max(1, await sender.cap() // _GAS_PER_HEADER)
    kind = await kind_of(target, anchor)
    encode = header_without_seals if kind is not None and kind.protocol else _as_hashed
    while current.number > down_to:
        below = await _descend(source, current, max(down_to, current.number - fitting))
        try:
            taken, data = await _fitting(sender, anchor, encode, current, below)
        except TransactionReverted as error:
            if error.name != "Contradiction":
                raise
            raise _InTheWay(anchor, error) from error
        fitting = max(1, taken)
        what = f"extend down to block {below[taken - 1].number}"
        if on_progress:
            on_progress("extend", top.number - current.number, count)
        steps.append(step_of(what, await sender.send(anchor, data, what=what)))
        current = below[taken - 1]
        # Where the anchor holds another block of one of the numbers for final, it has frozen instead.
        await require_active(target, anchor)
        level = (await accepted_block(target, anchor, current.hash)).level
        if level not in ("safe", "final"):
            raise BlockNotAccepted(
                f"block {current.number} is {level} at the anchor {anchor} all the same",
                hint="of an anchor made of anchors, have it accepted by the members: smartsync anchor update",
            )
    return steps


async def _accepted_above(source: Chain, target: Chain, anchor: str, number: int) -> list[AnchoredBlock]:
    """Return accepted blocks above a number that the source's node has, too: the lowest first, up to a final one."""
    ever = await ever_accepted(target, anchor)
    above = sorted({(block.number, block.block_hash) for block in ever if block.number > number})
    newest = (await source.header("latest")).number
    found = []
    for candidate, block_hash in above:
        block = await accepted_block(target, anchor, block_hash)
        if block.accepted and candidate <= newest and (await source.header(candidate)).hash == block_hash:
            found.append(block)
            # Whoever begins higher only sends more headers.
            if block.level == "final":
                break
    if not found:
        raise BlockNotAccepted(
            f"the anchor {anchor} accepts no block above {number} that the source's node has",
            hint=await way_in(target, anchor, "one"),
        )
    return found


async def _descend(source: Chain, top: Header, down_to: int) -> list[Header]:
    """Return the headers below ``top``, the highest first, each the parent of the one before."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def read(number: int) -> Header:
        async with gate:
            return await source.header(number)

    headers = await asyncio.gather(*map(read, range(top.number - 1, down_to - 1, -1)))
    child = top
    for header in headers:
        if header.hash != child.parent_hash:
            raise SourceReorganised(
                f"block {header.number} of the source's node is not the parent of block {child.number}",
                hint="the chain reorganised meanwhile, or the node is not in sync: try again, or ask another node",
            )
        child = header
    return list(headers)


async def _fitting(
    sender: Sender, anchor: str, encode: Callable[[Header], bytes], top: Header, below: Sequence[Header]
) -> tuple[int, bytes]:
    """Return how many of the headers fit into one transaction, and its calldata."""
    count = len(below)
    while True:
        headers = [encode(header) for header in (top, *below[:count])]
        data = encode_call("IAnchor", "extendAncestors", [top.hash, headers])
        if fits_pools(data) or count == 1:
            try:
                if await sender.estimate(anchor, data) * 6 // 5 <= await sender.cap() or count == 1:
                    return count, data
            except TransactionTooLarge:
                if count == 1:
                    raise
        count = count * 3 // 4


def _as_hashed(header: Header) -> bytes:
    return header.raw


class _InTheWay(Exception):
    """The anchor still accepts another block of one of the numbers."""

    def __init__(self, anchor: str, error: TransactionReverted) -> None:
        super().__init__()
        self.refused = BlockNotAccepted(
            f"the anchor {anchor} still accepts a block that the source has dropped: {error.reason}",
            hint=REVOKE_FIRST,
        )
