"""Where an anchor and the source's chain have parted: which accepted blocks the source has dropped."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from smartsync.anchors.attestation import NOTHING
from smartsync.anchors.block import AnchoredBlock, accepted_block
from smartsync.chain import Chain
from smartsync.contracts import event_topic
from smartsync.errors import AnchorError, FinalBlockDropped

_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Parting:
    """The highest accepted block below all that the source has dropped: ``head``, 32 bytes, zero where there is none.

    ``dropped`` are the accepted blocks that the source has others for, the lowest first.
    """

    head: bytes
    head_number: int
    dropped: tuple[AnchoredBlock, ...]


async def find_parting(source: Chain, target: Chain, anchor: str) -> Parting | None:
    """Compare every accepted block with the source's; ``None`` where the source has dropped none.

    A block above the source's newest is no sign of anything: the node may be behind. One below a final block that the
    source has is left out: no revocation reaches it.
    """
    standing = await _standing(target, anchor)
    newest = (await source.header("latest")).number
    gate = asyncio.Semaphore(_AT_ONCE)

    async def is_dropped(block: AnchoredBlock) -> bool:
        async with gate:
            return block.number <= newest and (await source.header(block.number)).hash != block.block_hash

    verdicts = await asyncio.gather(*map(is_dropped, standing))
    # What lies below a final block that stands cannot be revoked any more: that would take the final one along.
    compared = list(zip(standing, verdicts, strict=True))
    final = [block.number for block, verdict in compared if block.level == "final" and not verdict]
    dropped = [block for block, verdict in compared if verdict and block.number > max(final, default=-1)]
    if not dropped:
        return None
    below = [block for block in standing if block.number < dropped[0].number]
    head = below[-1] if below else None
    return Parting(head.block_hash if head else NOTHING, head.number if head else 0, tuple(dropped))


async def require_parting(source: Chain, target: Chain, anchor: str) -> Parting:
    """Return where anchor and source have parted, so that a revocation can say so.

    Raises
    ------
    AnchorError
        They have not.
    FinalBlockDropped
        Among the blocks above is one that the anchor holds for final, which no revocation undoes.
    """
    parting = await find_parting(source, target, anchor)
    if parting is None:
        raise AnchorError(
            "the source has dropped none of the anchor's blocks, there is nothing to revoke",
            hint="where you know of a reorganisation, the node is on another fork or behind: ask another one",
        )
    for block in parting.dropped:
        if block.level == "final":
            raise FinalBlockDropped(
                f"the anchor holds 0x{block.block_hash.hex()} for final as block {block.number}, and the source's node "
                "has another",
                hint="ask another node of the source; if the chain has indeed dropped it, what the anchor trusts is "
                "broken: do not rely on it",
            )
    return parting


async def _standing(target: Chain, anchor: str) -> list[AnchoredBlock]:
    """Return the blocks that the anchor accepts now, the lowest first."""
    logs = await target.logs(anchor, [event_topic("IAnchor", "BlockAccepted")])
    hashes = dict.fromkeys(log.topics[1] for log in logs)
    gate = asyncio.Semaphore(_AT_ONCE)

    async def read(block_hash: bytes) -> AnchoredBlock:
        async with gate:
            return await accepted_block(target, anchor, block_hash)

    blocks = await asyncio.gather(*map(read, hashes))
    return sorted((block for block in blocks if block.accepted), key=lambda block: block.number)
