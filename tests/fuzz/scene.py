"""A witness taken apart: what the ways to spoil it find in it, and change."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from smartsync.keccak import keccak256
from smartsync.trie.nibbles import to_bytes, to_nibbles
from smartsync.trie.node import Branch, Extension, Leaf, Node, is_embedded, reference
from smartsync.trie.proof import decode_storage_value
from smartsync.witness import BranchItem, Item, LeafItem, OpaqueItem, encode_witness
from smartsync.witness.items import read_items

Storage = Callable[[bytes], int]


@dataclass(frozen=True)
class Scene:
    """What there is to spoil a witness with.

    ``storage``: a slot's value before. ``trie``: the storage trie before. ``others``: makes witnesses of other
    transitions, from the same trie or to it.
    """

    witness: bytes
    storage: Storage = lambda _: 0
    trie: Node = None
    others: Callable[[], Sequence[bytes]] = tuple

    @functools.cached_property
    def items(self) -> tuple[Item, ...]:
        return tuple(item for _, item in self._read)

    @functools.cached_property
    def starts(self) -> list[int]:
        """The offset of each item's first byte."""
        return [start for start, _ in self._read]

    def end(self, at: int) -> int:
        """Return the offset behind item number ``at``."""
        return self.starts[at + 1] if at + 1 < len(self.starts) else len(self.witness)

    @functools.cached_property
    def _read(self) -> list[tuple[int, Item]]:
        return list(read_items(self.witness))


def changed(scene: Scene, change: Callable[[list[Item]], object]) -> bytes:
    items = list(scene.items)
    change(items)
    return encode_witness(items)


def places_of(scene: Scene, kind: type | tuple[type, ...]) -> list[int]:
    return [at for at, item in enumerate(scene.items) if isinstance(item, kind)]


def replaced(rng: random.Random, scene: Scene, kind: type, change: Callable[..., Item]) -> bytes | None:
    """Change an item of a kind: the first, in random order, that is another afterwards."""
    places = places_of(scene, kind)
    for at in rng.sample(places, len(places)):
        changed = change(scene.items[at])
        if changed != scene.items[at]:
            return scene.witness[: scene.starts[at]] + encode_witness([changed]) + scene.witness[scene.end(at) :]
    return None


def rehashed(rng: random.Random, scene: Scene, change: Callable[[dict[int, bytes]], object]) -> bytes | None:
    """Change the opaque children of some branch that has any."""

    def rehash(item: BranchItem) -> Item:
        opaque = dict(item.opaque)
        if opaque:
            change(opaque)
        return replace(item, opaque=opaque)

    return replaced(rng, scene, BranchItem, rehash)


def path_of(item: Item) -> bytes:
    """Return the nibbles of an item that pushes: a whole key, or an opaque branch's path."""
    if isinstance(item, OpaqueItem):
        return item.path
    return to_nibbles(item.key if isinstance(item, LeafItem) else keccak256(item.slot))


@dataclass(frozen=True)
class Joined:
    """A branch of a true witness: its place, a key below, the places that it joins, each one's first and its nibble."""

    branch: int
    key: bytes
    places: list[int]
    children: list[tuple[int, int]]


def joins_of(items: Sequence[Item]) -> list[Joined]:
    """Return what each branch of a true witness joins."""
    found: list[Joined] = []
    stack: list[tuple[int, int, bytes]] = []  # where a subtrie starts, where it ends, a key
    for place, item in enumerate(items):
        if not isinstance(item, BranchItem):
            stack.append((place, place, path_of(item)))
            continue
        key = stack[-1][2]
        low = len(stack)
        while low and stack[low - 1][2][: item.depth] == key[: item.depth]:
            low -= 1
        taken = stack[low:]
        children = [(start, other[item.depth]) for start, _, other in taken]
        found.append(Joined(place, key, [end for _, end, _ in taken], children))
        stack[low:] = [(taken[0][0], place, key)]
    return found


def opened(trie: Node, position: bytes) -> Item | None:
    """Return the item that tells what a trie has at a position, where it is no more than one."""
    depth = 0
    while depth < len(position):
        if isinstance(trie, Branch):
            trie = trie.children[position[depth]]
            depth += 1
        elif isinstance(trie, Extension) and position.startswith(trie.path, depth):
            depth += len(trie.path)
            trie = trie.child
        else:
            break
    if isinstance(trie, Leaf):
        return LeafItem(to_bytes(position[:depth] + trie.path), decode_storage_value(trie.value))
    path = position[:depth]
    if isinstance(trie, Extension):
        path, trie = path + trie.path, trie.child
    return None if trie is None or is_embedded(trie) else OpaqueItem(path, reference(trie)[1:])
