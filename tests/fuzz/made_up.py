"""A witness made up: items that belong together somehow, under branches where their keys part, or nearly there."""

from __future__ import annotations

import random
from collections.abc import Sequence

from smartsync.trie.nibbles import common_prefix_length, to_bytes
from smartsync.witness import BranchItem, Item, LeafItem, OpaqueItem, WriteItem, encode_witness
from tests.fuzz.scene import Scene, path_of
from tests.fuzz.slots import mined_groups, value

MOST = 6
"""Items, without their branches."""

WRONG = 0.1
"""How often a branch lies anywhere but where the keys below it part."""


def make_up(rng: random.Random, scene: Scene) -> bytes:
    """Return a witness of writes and leaves, some of them the scene's. It is well formed, or not far from it."""
    items: list[Item] = [item for item in scene.items if isinstance(item, (WriteItem, LeafItem))]
    items = rng.sample(items, min(len(items), rng.randrange(MOST)))
    for slot in rng.sample(rng.choice(mined_groups()), 2):
        items.append(WriteItem(slot, 0 if scene.storage(slot) else value(rng)))
    items += [_beside(rng, item) for item in rng.choices(items, k=rng.randrange(3))]
    pushed = {path_of(item): item for item in items}
    made = _union(rng, sorted(pushed.items()))
    if rng.random() < 0.3:
        made.append(_branch(rng, rng.randrange(64), set()))
    return encode_witness(made)


def _beside(rng: random.Random, item: Item) -> Item:
    """Return a leaf, or an opaque branch, beside an item: it parts from it as deep as no mining reaches."""
    path = path_of(item)
    depth = rng.choice((rng.randrange(64), rng.randrange(54, 64)))
    near = (*path[:depth], path[depth] ^ rng.randrange(1, 16), *(rng.randrange(16) for _ in range(63 - depth)))
    if depth < 62 and rng.random() < 0.2:
        return OpaqueItem(bytes(near[: rng.randrange(depth + 1, 64)]), rng.randbytes(32))
    return LeafItem(to_bytes(bytes(near)), rng.choice((1, value(rng))))


def _union(rng: random.Random, pushed: Sequence[tuple[bytes, Item]]) -> list[Item]:
    """Return sorted items with the branches that join them."""
    if len(pushed) == 1:
        return [pushed[0][1]]
    fork = common_prefix_length(pushed[0][0], pushed[-1][0])
    below: dict[int, list[tuple[bytes, Item]]] = {}
    for path, item in pushed:
        # An opaque branch may be above the others: then it goes with the first.
        below.setdefault(path[fork] if fork < len(path) else 0, []).append((path, item))
    if len(below) == 1:
        return [item for _, item in pushed]
    made = [item for nibble in sorted(below) for item in _union(rng, below[nibble])]
    return [*made, _branch(rng, rng.randrange(64) if rng.random() < WRONG else fork, set(below))]


def _branch(rng: random.Random, depth: int, taken: set[int]) -> BranchItem:
    """Return a branch with an opaque child or some beside those that are taken, or none."""
    free = sorted(set(range(16)) - taken)
    nibbles = rng.sample(free, min(len(free), rng.choice((0, 0, 1, 1, 2, 15))))
    return BranchItem(depth, {nibble: rng.randbytes(32) for nibble in nibbles})
