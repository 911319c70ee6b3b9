"""Random transitions, made to be nasty: what the differential fuzz feeds to every implementation alike."""

from __future__ import annotations

import functools
import random
from collections import Counter
from dataclasses import dataclass

from smartsync.keccak import keccak256
from smartsync.trie.nibbles import to_bytes, to_nibbles
from smartsync.trie.node import Node
from smartsync.trie.trie import build, put, storage_value
from tests.fuzz.bases import NO_BASE, Base, large, medium
from tests.fuzz.slots import mined_groups, pool, slot, value, word
from tests.oracle import OracleTrie

SIZES = (0, 0, 1, 1, 2, 2, 3, 4, 6, 10, 17, 17, 40, 40)
"""How many slots a case brings along; mostly few, since few make the odd shapes."""

MEDIUM, LARGE = 0.3, 0.1
"""How many of the cases start from a trie of 40 to 300 slots, and of 1,000 to 5,000."""

WRITES = (1, 1, 1, 2, 2, 3, 5, 5, 10, 20, 40)
MOST_WRITES = 300

EMPTIED = 300
"""Slots of the largest trie that is emptied."""

EMBEDDED_FROM = 28
"""Bytes that trie keys must share for a branch of two of them to have under 32 bytes, which no witness can tell of."""

LONG_VALUE = 2**255
"""A value whose leaf has more than 32 bytes, and so any branch above it."""


@dataclass(frozen=True)
class Case:
    """A trie and a batch of writes: case ``index`` of a seed.

    ``base`` and ``own``: the trie's slots and their values, those of its own beside or instead of the base's.
    ``hidden``: trie key to value of leaves whose slots nobody knows. They share far more nibbles with the slots' keys
    than mining can reach, so only they make the deepest tries. ``writes``: slot to new value; some change nothing.
    """

    seed: int
    index: int
    base: Base
    own: dict[bytes, int]
    hidden: dict[bytes, int]
    writes: dict[bytes, int]

    @property
    def name(self) -> str:
        return f"{self.seed}/{self.index}"

    @functools.cached_property
    def stored(self) -> dict[bytes, int]:
        """Slot to value, as the replica has them (none is 0)."""
        return self.base.stored | self.own

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
        """Trie key to value."""
        return self.base.leaves | self._own_leaves

    @functools.cached_property
    def new_leaves(self) -> dict[bytes, int]:
        written = {keccak256(slot): value for slot, value in self.writes.items()}
        return {key: value for key, value in (self.old_leaves | written).items() if value}

    def old_trie(self) -> Node:
        """Return the package's trie before the writes."""
        if not self.base.stored:
            return build((key, storage_value(value)) for key, value in self.old_leaves.items())
        trie = self.base.trie
        for key, number in self._own_leaves.items():
            trie = put(trie, key, storage_value(number))
        return trie

    def old_oracle(self) -> OracleTrie:
        """Return the independent trie before the writes."""
        oracle = self.base.oracle.copy()
        for key, number in self._own_leaves.items():
            oracle.put(key, number)
        return oracle

    @functools.cached_property
    def _own_leaves(self) -> dict[bytes, int]:
        return {keccak256(slot): value for slot, value in self.own.items()} | self.hidden


def random_case(seed: int, index: int) -> Case:
    """Return small case ``index`` of a seed, whatever the cases before it were."""
    return _case(random.Random(f"{seed}/{index}"), seed, index, NO_BASE)


def wide_case(seed: int, index: int) -> Case:
    """Return case ``index`` of a seed, of any size up to 5,000 slots, whatever the cases before it were."""
    rng = random.Random(f"{seed}/{index}")
    kind = rng.random()
    base = large(seed, index) if kind < LARGE else medium(seed, index) if kind < LARGE + MEDIUM else NO_BASE
    return _case(rng, seed, index, base)


def neighbour(rng: random.Random, key: bytes, depth: int) -> bytes:
    """Return a trie key that parts from ``key`` after exactly ``depth`` nibbles."""
    nibbles = to_nibbles(key)
    other = (nibbles[depth] + rng.randrange(1, 16)) % 16
    return to_bytes(nibbles[:depth] + bytes((other,)) + bytes(rng.randrange(16) for _ in range(63 - depth)))


def _case(rng: random.Random, seed: int, index: int, base: Base) -> Case:
    own = {slot: value(rng) for slot in pool(rng, rng.choice(SIZES))}
    replacing = _replacing(rng, own) if rng.random() < 0.15 else {}
    stored = base.stored | own
    slots = _writes(rng, [*base.slots, *own])
    hidden = _hidden(rng, slots) if rng.random() < 0.35 else {}
    writes = {slot: _new(rng, stored.get(slot, 0)) for slot in slots} | replacing
    if len(stored) <= EMPTIED and rng.random() < 0.03:
        # Everything goes: to the empty trie, or the one of those that come.
        writes = dict.fromkeys(stored, 0) | {slot: new for slot, new in writes.items() if slot not in stored}
    return Case(seed, index, base, own, hidden, writes)


def _replacing(rng: random.Random, own: dict[bytes, int]) -> dict[bytes, int]:
    """Return writes that replace a slot by another one beside it: on no side there is a branch of the two."""
    gone, come = rng.sample(rng.choice(mined_groups()), 2)
    own[gone] = value(rng)
    own.pop(come, None)
    return {gone: 0, come: value(rng)}


def _writes(rng: random.Random, known: list[bytes]) -> list[bytes]:
    """Return the slots that are written: some that are there, new ones, and some out of groups that share prefixes."""
    chosen: set[bytes] = set()
    share = rng.choice((0.3, 0.6, 0.9))
    for _ in range(rng.choice(WRITES) if rng.random() < 0.99 else rng.randrange(MOST_WRITES)):
        kind = rng.random()
        if kind < 0.06:
            group = rng.choice(mined_groups())
            chosen.update(rng.sample(group, rng.randrange(1, len(group) + 1)))
        elif known and kind < share:
            chosen.add(rng.choice(known))
        elif kind < 0.95:
            chosen.add(slot(rng.randrange(2 * len(known) + 4)))
        else:
            chosen.add(word(rng))
    return sorted(chosen)


def _new(rng: random.Random, old: int) -> int:
    kind = rng.random()
    # Where nothing is, nothing changes then.
    return old if kind < 0.04 else 0 if kind < (0.45 if old else 0.08) else value(rng)


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
        key: number | LONG_VALUE if shared[key[:EMBEDDED_FROM]] > 1 else number
        for key, number in leaves.items()
        if key not in written
    }
