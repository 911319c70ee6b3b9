"""Where an anchor and the source's chain have parted: which accepted blocks the source has dropped."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from smartsync.anchors.attestation import NOTHING
from smartsync.anchors.block import AnchoredBlock, accepted_block, ever_accepted, head_of
from smartsync.chain import Chain
from smartsync.errors import FinalBlockDropped

_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Parting:
    """The highest accepted block below all that the source has dropped: ``head``, 32 bytes, zero where there is none.

    ``dropped`` are the accepted blocks that the source has others for, the lowest first.
    """

    head: bytes
    head_number: int
    dropped: tuple[AnchoredBlock, ...]

    def require_revocable(self) -> None:
        """Check that a revocation reaches all that was dropped.

        Raises
        ------
        FinalBlockDropped
            The anchor holds one of them for final.
        """
        for block in self.dropped:
            if block.level == "final":
                raise FinalBlockDropped(
                    f"the anchor holds 0x{block.block_hash.hex()} for final as block {block.number}, and the source "
                    "has another",
                    hint="no revocation undoes that. Ask another node of the source; if the chain has indeed dropped "
                    "it, what the anchor trusts is broken: do not rely on it, unless its guardian recovers it",
                )


async def find_parting(source: Chain, target: Chain, anchor: str) -> Parting | None:
    """Compare accepted blocks with the source's; ``None`` where the source has dropped none.

    A block above the source's newest is no sign of anything: the node may be behind. One below a final block that the
    source has is left out: no revocation reaches it.
    """
    newest = (await source.header("latest")).number
    final = await head_of(target, anchor, "final")
    if final is not None and final.number > newest:
        return None
    # Where the source has the newest final block, nothing below it matters, and there is much.
    has_final = final is not None and (await source.header(final.number)).hash == final.block_hash
    standing = await _standing(target, anchor, final.number if final is not None and has_final else 0)
    gate = asyncio.Semaphore(_AT_ONCE)

    async def is_dropped(block: AnchoredBlock) -> bool:
        async with gate:
            return block.number <= newest and (await source.header(block.number)).hash != block.block_hash

    verdicts = await asyncio.gather(*map(is_dropped, standing))
    # What lies below a final block that stands cannot be revoked any more: that would take the final one along.
    compared = list(zip(standing, verdicts, strict=True))
    settled = [block.number for block, verdict in compared if block.level == "final" and not verdict]
    dropped = [block for block, verdict in compared if verdict and block.number > max(settled, default=-1)]
    if not dropped:
        return None
    below = [block for block in standing if block.number < dropped[0].number]
    head = below[-1] if below else None
    return Parting(head.block_hash if head else NOTHING, head.number if head else 0, tuple(dropped))


async def _standing(target: Chain, anchor: str, lowest: int) -> list[AnchoredBlock]:
    """Return the blocks that the anchor accepts now, from this number on, the lowest first."""
    ever = await ever_accepted(target, anchor)
    hashes = dict.fromkeys(block.block_hash for block in ever if block.number >= lowest)
    gate = asyncio.Semaphore(_AT_ONCE)

    async def read(block_hash: bytes) -> AnchoredBlock:
        async with gate:
            return await accepted_block(target, anchor, block_hash)

    blocks = await asyncio.gather(*map(read, hashes))
    return sorted((block for block in blocks if block.accepted), key=lambda block: block.number)
