"""Slots whose trie keys begin as wanted: what to ask a node for, so that its proof leads to a place in a trie.

``eth_getProof`` takes slots, and a proof follows the slot's trie key, its keccak-256. So whoever wants to see the node
at a position asks for any slot whose trie key begins with that position's nibbles. Known slots come first; without one,
numbers are hashed until one fits, which takes 16 times as many for each nibble.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Collection, Iterable

from smartsync.keccak import keccak256
from smartsync.results import Progress
from smartsync.trie.nibbles import to_nibbles

QUICK = 1 << 20
"""Numbers to hash before other means are tried: a second, and enough for nearly all positions of four nibbles."""

LONG = 1 << 25
"""Numbers to hash where nothing else is left: half a minute, and enough for most positions of six nibbles."""

_AT_ONCE = 1 << 15
"""Numbers hashed before others get their turn: some 30 milliseconds."""


class Probes:
    """Slots by the beginnings of their trie keys.

    Parameters
    ----------
    budget
        Numbers that may be hashed in all, until more are allowed.
    """

    def __init__(self, budget: int = QUICK, on_progress: Progress | None = None) -> None:
        self._left, self._on_progress = budget, on_progress
        self._known: list[tuple[bytes, bytes]] = []

    def add(self, slots: Iterable[bytes]) -> None:
        """Take slots (32 bytes each) into account, before any are looked for by hashing."""
        self._known = sorted({*self._known, *((to_nibbles(keccak256(slot)), slot) for slot in slots)})

    def allow(self, budget: int) -> None:
        """Let so many more numbers be hashed."""
        self._left += budget

    async def find(self, positions: Collection[bytes]) -> dict[bytes, bytes]:
        """Return a slot for each position (nibbles, one per byte), as far as there is one to be had."""
        found = {position: slot for position in positions if (slot := self._known_below(position)) is not None}
        # A search that will most likely fail is not begun.
        wanted = {p for p in positions if p not in found and 16 ** len(p) <= self._left}
        number = 0
        while wanted and self._left > 0:
            count = min(_AT_ONCE, self._left)
            hits = scan(number, count, wanted)
            found |= hits
            wanted -= hits.keys()
            number, self._left = number + count, self._left - count
            if self._on_progress and wanted:
                self._on_progress("search probes (found)", len(found), len(positions))
            await asyncio.sleep(0)
        return found

    def _known_below(self, position: bytes) -> bytes | None:
        index = bisect_left(self._known, (position, b""))
        if index == len(self._known) or not self._known[index][0].startswith(position):
            return None
        return self._known[index][1]


def scan(first: int, count: int, positions: Collection[bytes]) -> dict[bytes, bytes]:
    """Return, by position, those of ``count`` slots from number ``first`` on whose trie key begins with it."""
    by_length: dict[int, dict[str, bytes]] = {}
    for position in positions:
        by_length.setdefault(len(position), {})["".join(f"{nibble:x}" for nibble in position)] = position
    found: dict[bytes, bytes] = {}
    for number in range(first, first + count):
        slot = number.to_bytes(32, "big")
        key = keccak256(slot).hex()
        for length, wanted in by_length.items():
            if (hit := wanted.get(key[:length])) is not None:
                found.setdefault(hit, slot)
    return found
