"""Discovery by guessing: the first slots, where compilers put a contract's plain variables.

Needs nothing of a node, so it also helps where the node has no debug methods. What mappings and arrays hold is not
found.

Source: Solidity documentation, "Layout of State Variables in Storage".
"""

from __future__ import annotations

from smartsync.chain import Chain
from smartsync.discovery.candidates import Candidates
from smartsync.results import Progress

COUNT = 128
"""Slots that are guessed: more plain variables than nearly all contracts have, and two calls for their proofs."""


async def candidates(
    chain: Chain, address: str, from_block: int | None, to_block: int, on_progress: Progress | None = None
) -> Candidates:
    """Return the slots 0 to 127. The parameters are what every `Strategy` is called with; a guess asks for none."""
    return Candidates(slots())


def slots() -> set[bytes]:
    """Return the slots 0 to 127, 32 bytes each."""
    return {slot.to_bytes(32, "big") for slot in range(COUNT)}
