"""Tries that many cases start from: a large one takes long to make, and a case changes little of it."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable
from dataclasses import dataclass

from smartsync.keccak import keccak256
from smartsync.trie.node import Node
from smartsync.trie.trie import build, storage_value
from tests.fuzz.slots import pool, value
from tests.oracle import OracleTrie


@dataclass(frozen=True)
class Base:
    """A storage trie by slots, in both implementations. ``stored``: slot to value, none is 0."""

    stored: dict[bytes, int]

    @functools.cached_property
    def slots(self) -> list[bytes]:
        return sorted(self.stored)

    @functools.cached_property
    def leaves(self) -> dict[bytes, int]:
        """Trie key to value."""
        return {keccak256(slot): number for slot, number in self.stored.items()}

    @functools.cached_property
    def trie(self) -> Node:
        return build((key, storage_value(number)) for key, number in self.leaves.items())

    @functools.cached_property
    def oracle(self) -> OracleTrie:
        return OracleTrie(self.leaves)


NO_BASE = Base({})

SHARED = 512
"""Cases that share a large base: as many as a process takes at once."""


def medium(seed: int, index: int) -> Base:
    """Return the base of 40 to 300 slots that this case has in common with some others around it."""
    return _medium(seed, index // 32)


def large(seed: int, index: int) -> Base:
    """Return the base of 1,000 to 5,000 slots that this case has in common with all others around it."""
    return _large(seed, index // SHARED)


@functools.lru_cache(2)
def _medium(seed: int, number: int) -> Base:
    return _base(f"{seed}/medium base {number}", lambda rng: rng.randrange(40, 301))


@functools.lru_cache(1)
def _large(seed: int, number: int) -> Base:
    return _base(f"{seed}/large base {number}", lambda rng: rng.randrange(1000, 5001))


def _base(name: str, size: Callable[[random.Random], int]) -> Base:
    rng = random.Random(name)
    return Base({slot: value(rng) for slot in pool(rng, size(rng))})
