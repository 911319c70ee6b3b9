"""Random transitions, made to be nasty: what the differential fuzz feeds to every implementation alike."""

from __future__ import annotations

import functools
import json
import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from smartsync.keccak import keccak256
from smartsync.trie.nibbles import to_bytes, to_nibbles

MINED_SLOTS = Path(__file__).parents[1] / "vectors" / "mined_slots.json"

SIZES = (0, 0, 1, 1, 2, 2, 3, 4, 6, 10, 17, 17, 40, 40, 80, 150, 300)
"""How many slots a trie is made of; mostly few, since few make the odd shapes."""

EMBEDDED_FROM = 28
"""Bytes that trie keys must share for a branch of two of them to have under 32 bytes, which no witness can tell of."""

LARGE = 2**255
"""A value whose leaf has more than 32 bytes, and so any branch above it."""

WRITES = (1, 1, 1, 2, 2, 3, 5, 5, 10, 20, 40)


@dataclass(frozen=True)
class Case:
    """A trie and a batch of writes.

    ``stored``: slot to value, as the replica has them (none is 0). ``hidden``: trie key to value of leaves whose slots
    nobody knows. They share far more nibbles with the slots' keys than mining can reach, so only they make the deepest
    tries. ``writes``: slot to new value; some change nothing.
    """

    name: str
    stored: dict[bytes, int]
    hidden: dict[bytes, int]
    writes: dict[bytes, int]

    @functools.cached_property
    def changes(self) -> dict[bytes, int]:
        """The writes that are any."""
        return {slot: value for slot, value in self.writes.items() if self.stored.get(slot, 0) != value}

    @functools.cached_property
    def after(self) -> dict[bytes, int]:
        """Slot to value after the writes."""
        return {slot: value for slot, value in (self.stored | self.writes).items() if value}

    @functools.cached_property
    def old_leaves(self) -> dict[bytes, int]:
        return {keccak256(slot): value for slot, value in self.stored.items()} | self.hidden

    @functools.cached_property
    def new_leaves(self) -> dict[bytes, int]:
        return {keccak256(slot): value for slot, value in self.after.items()} | self.hidden


def slot(number: int) -> bytes:
    return number.to_bytes(32, "big")


@functools.cache
def mined_groups() -> list[list[bytes]]:
    """Groups of slots whose trie keys share 6 and more nibbles."""
    groups = json.loads(MINED_SLOTS.read_text())
    return [[slot(number) for number in group] for depth in groups.values() for group in depth]


def random_case(seed: int, index: int) -> Case:
    """Return case ``index`` of a seed, whatever the cases before it were."""
    rng = random.Random(f"{seed}/{index}")
    pool = _pool(rng, rng.choice(SIZES))
    stored = {s: value(rng) for s in pool}
    writes = _writes(rng, pool)
    hidden = _hidden(rng, sorted(writes)) if rng.random() < 0.35 else {}
    return Case(f"{seed}/{index}", stored, hidden, {s: _new(rng, stored.get(s, 0)) for s in writes} | _last(rng, pool))


def value(rng: random.Random) -> int:
    """Return a value of 1 to 32 bytes; often one at which an encoding changes, or a short one, which gets embedded."""
    kind = rng.random()
    if kind < 0.3:
        return rng.choice((1, 0x7F, 0x80, 0xFF, 0x100, 2**255, 2**256 - 1))
    if kind < 0.5:
        return rng.randrange(1, 256)
    size = rng.randrange(1, 33)
    return rng.randrange(256 ** (size - 1), 256**size)


def neighbour(rng: random.Random, key: bytes, depth: int) -> bytes:
    """Return a trie key that parts from ``key`` after exactly ``depth`` nibbles."""
    nibbles = to_nibbles(key)
    other = (nibbles[depth] + rng.randrange(1, 16)) % 16
    return to_bytes(nibbles[:depth] + bytes((other,)) + bytes(rng.randrange(16) for _ in range(63 - depth)))


def _pool(rng: random.Random, size: int) -> list[bytes]:
    """Return about ``size`` slots: small numbers, random words, and groups whose keys share prefixes."""
    pool: set[bytes] = set()
    mined = rng.random() < 0.4
    while len(pool) < size:
        kind = rng.random()
        if mined and kind < 0.5:
            group = rng.choice(mined_groups())
            pool.update(rng.sample(group, min(len(group), size - len(pool))))
        else:
            pool.add(slot(rng.randrange(2 * size + 2)) if kind < 0.75 else rng.randbytes(32))
    return sorted(pool)


def _writes(rng: random.Random, pool: list[bytes]) -> list[bytes]:
    chosen: set[bytes] = set()
    known = rng.choice((0.3, 0.6, 0.9))
    for _ in range(rng.choice(WRITES)):
        kind = rng.random()
        if pool and kind < known:
            chosen.add(rng.choice(pool))
        elif kind < 0.95:
            chosen.add(slot(rng.randrange(2 * len(pool) + 4)))
        else:
            group = rng.choice(mined_groups())
            chosen.update(rng.sample(group, rng.randrange(1, len(group) + 1)))
    return sorted(chosen)


def _new(rng: random.Random, old: int) -> int:
    kind = rng.random()
    return 0 if kind < 0.4 else old if kind < 0.45 else value(rng)


def _last(rng: random.Random, pool: list[bytes]) -> dict[bytes, int]:
    """Sometimes everything goes: growth to the empty trie."""
    return dict.fromkeys(pool, 0) if rng.random() < 0.05 else {}


def _hidden(rng: random.Random, slots: list[bytes]) -> dict[bytes, int]:
    """Return leaves beside the slots that are written: one, some, or a ladder of one at each nibble."""
    leaves: dict[bytes, int] = {}
    for target in rng.sample(slots, min(len(slots), rng.randrange(1, 4))):
        key = keccak256(target)
        if rng.random() < 0.15:
            depths = list(range(rng.randrange(64), 64))
        else:
            depths = [rng.choice((rng.randrange(64), rng.randrange(56, 64))) for _ in range(rng.randrange(1, 5))]
        for depth in depths:
            near = neighbour(rng, key, depth)
            leaves[near] = rng.randrange(1, 128) if rng.random() < 0.6 else value(rng)
            if rng.random() < 0.3:
                # Two hidden leaves that part below: the neighbour is then an extension or a branch.
                leaves[neighbour(rng, near, rng.randrange(depth + 1, 64) if depth < 63 else 63)] = rng.randrange(1, 128)
    written = {keccak256(target) for target in slots}
    shared = Counter(key[:EMBEDDED_FROM] for key in written | leaves.keys())
    return {
        key: number | LARGE if shared[key[:EMBEDDED_FROM]] > 1 else number
        for key, number in leaves.items()
        if key not in written
    }
