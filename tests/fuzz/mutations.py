"""Ways to spoil a witness: none of the results may be accepted for the transition that the witness was made for."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace

from smartsync.keccak import keccak256
from smartsync.trie.nibbles import to_nibbles
from smartsync.trie.node import Leaf, root_hash
from smartsync.trie.trie import storage_value
from smartsync.witness import BranchItem, Item, LeafItem, OpaqueItem, WriteItem, decode_witness, encode_witness

Storage = Callable[[bytes], int]
Mutator = Callable[[random.Random, bytes, Storage], bytes | None]
"""Returns the spoiled witness, or ``None`` where this one has nothing to spoil in that way."""

Child = bytes | Item | None


def mutations(rng: random.Random, witness: bytes, storage: Storage, count: int) -> list[tuple[str, bytes]]:
    """Return about ``count`` (kind, spoiled witness) pairs: of each kind one as far as that goes, then some again."""
    kinds = list(MUTATORS.items())
    rng.shuffle(kinds)
    found: dict[bytes, str] = {}
    for kind, mutate in kinds + rng.choices(kinds, k=count):
        if len(found) >= count:
            break
        spoiled = mutate(rng, witness, storage)
        if spoiled is not None and spoiled != witness:
            found.setdefault(spoiled, kind)
    return [(kind, spoiled) for spoiled, kind in found.items()]


# ------------------------------------------------------------------------------------------------- bytes


def flip_bit(rng: random.Random, witness: bytes, _: Storage) -> bytes:
    at = rng.randrange(len(witness))
    return witness[:at] + bytes((witness[at] ^ 1 << rng.randrange(8),)) + witness[at + 1 :]


def flip_bit_of_item(rng: random.Random, witness: bytes, _: Storage) -> bytes:
    """Flip a bit that is not a hash's, which most are: a tag, a path, a mask, a slot, a value."""
    covered: set[int] = set()
    for _path, item in _items(decode_witness(witness)):
        hashes = item.children if isinstance(item, BranchItem) else [item.hash] if isinstance(item, OpaqueItem) else []
        for digest in hashes:
            if isinstance(digest, bytes):
                start = witness.index(digest)
                covered.update(range(start, start + 32))
    at = rng.choice([offset for offset in range(len(witness)) if offset not in covered])
    return witness[:at] + bytes((witness[at] ^ 1 << rng.randrange(8),)) + witness[at + 1 :]


def set_byte(rng: random.Random, witness: bytes, _: Storage) -> bytes:
    at = rng.randrange(len(witness))
    return witness[:at] + bytes((rng.choice((0, rng.randrange(256))),)) + witness[at + 1 :]


def cut_end(rng: random.Random, witness: bytes, _: Storage) -> bytes:
    return witness[: rng.randrange(len(witness))]


def cut_byte(rng: random.Random, witness: bytes, _: Storage) -> bytes:
    at = rng.randrange(len(witness))
    return witness[:at] + witness[at + 1 :]


def add_byte(rng: random.Random, witness: bytes, _: Storage) -> bytes:
    at = rng.choice((0, len(witness), rng.randrange(len(witness) + 1)))
    return witness[:at] + rng.choice((b"\0", rng.randbytes(1))) + witness[at:]


def repeat_bytes(rng: random.Random, witness: bytes, _: Storage) -> bytes:
    """Repeat a run of bytes, often the whole witness."""
    start, end = sorted((rng.randrange(len(witness)), rng.randrange(1, len(witness) + 1)))
    if start == end or rng.random() < 0.3:
        start, end = 0, len(witness)
    return witness[:end] + witness[start:end] + witness[end:]


# ------------------------------------------------------------------------------------------------- items


def drop_item(rng: random.Random, witness: bytes, _: Storage) -> bytes | None:
    def change(children: list[Child]) -> None:
        children[rng.choice(_present(children))] = None

    return _in_a_branch(rng, witness, change)


def swap_items(rng: random.Random, witness: bytes, _: Storage) -> bytes | None:
    def change(children: list[Child]) -> None:
        a, b = rng.sample(_present(children), 2)
        children[a], children[b] = children[b], children[a]

    return _in_a_branch(rng, witness, change)


def repeat_item(rng: random.Random, witness: bytes, _: Storage) -> bytes | None:
    """Give a child a second time, under another nibble."""

    def change(children: list[Child]) -> None:
        present = _present(children)
        source = rng.choice(present)
        children[rng.choice([nibble for nibble in range(16) if nibble != source])] = children[source]

    return _in_a_branch(rng, witness, change)


def move_item(rng: random.Random, witness: bytes, _: Storage) -> bytes | None:
    def change(children: list[Child]) -> None:
        absent = [nibble for nibble in range(16) if children[nibble] is None]
        source = rng.choice(_present(children))
        if absent:
            children[rng.choice(absent)], children[source] = children[source], None

    return _in_a_branch(rng, witness, change)


def close_leaf(rng: random.Random, witness: bytes, _: Storage) -> bytes | None:
    """Give a leaf that must stand in the open by its hash: under a branch that exists on one side only, or embedded."""

    def change(children: list[Child]) -> None:
        leaves = [i for i, child in enumerate(children) if isinstance(child, LeafItem)]
        if leaves:
            nibble = rng.choice(leaves)
            leaf = children[nibble]
            children[nibble] = root_hash(Leaf(leaf.path, storage_value(leaf.value)))

    return _in_a_branch(rng, witness, change)


def forge_hash(rng: random.Random, witness: bytes, _: Storage) -> bytes | None:
    def change(children: list[Child]) -> None:
        hashes = [i for i, child in enumerate(children) if isinstance(child, bytes)]
        if hashes:
            children[rng.choice(hashes)] = rng.randbytes(32)

    return _in_a_branch(rng, witness, change)


def forge_value(rng: random.Random, witness: bytes, storage: Storage) -> bytes | None:
    """Write another value: a random one, zero, or the one that is there already, which is a write of nothing."""
    writes = [path for path, item in _items(decode_witness(witness)) if isinstance(item, WriteItem)]
    path = rng.choice(writes)

    def change(item: Item) -> Item:
        value = rng.choice((rng.randrange(1 << 256), item.value ^ 1, 0, storage(item.slot)))
        return replace(item, value=value)

    return encode_witness(_replace(decode_witness(witness), path, change))


def forge_leaf(rng: random.Random, witness: bytes, _: Storage) -> bytes | None:
    leaves = [path for path, item in _items(decode_witness(witness)) if isinstance(item, LeafItem)]
    if not leaves:
        return None
    value = rng.randrange(1, 1 << 256)
    return encode_witness(
        _replace(decode_witness(witness), rng.choice(leaves), lambda item: replace(item, value=value))
    )


def add_item(rng: random.Random, witness: bytes, _: Storage) -> bytes | None:
    """Give a child where there is none: a hash, a leaf, or a write that does not belong there."""

    def change(children: list[Child]) -> None:
        absent = [nibble for nibble in range(16) if children[nibble] is None]
        if absent:
            children[rng.choice(absent)] = rng.choice(
                (
                    rng.randbytes(32),
                    WriteItem(rng.randbytes(32), 1),
                    WriteItem(rng.randbytes(32), 0),
                    OpaqueItem(b"", rng.randbytes(32)),
                )
            )

    return _in_a_branch(rng, witness, change)


def hide_write(rng: random.Random, witness: bytes, storage: Storage) -> bytes | None:
    """Leave out a write by giving its old value as an unchanged leaf."""
    root = decode_witness(witness)
    writes = [(path, item) for path, item in _items(root) if isinstance(item, WriteItem) and storage(item.slot)]
    if not writes:
        return None
    path, write = rng.choice(writes)
    rest = to_nibbles(keccak256(write.slot))[_depth(root, path) :]
    return encode_witness(_replace(root, path, lambda _: LeafItem(rest, storage(write.slot))))


MUTATORS: dict[str, Mutator] = {
    "flip a bit": flip_bit,
    "flip a bit of an item": flip_bit_of_item,
    "set a byte": set_byte,
    "cut the end": cut_end,
    "cut a byte": cut_byte,
    "add a byte": add_byte,
    "repeat bytes": repeat_bytes,
    "drop an item": drop_item,
    "swap items": swap_items,
    "repeat an item": repeat_item,
    "move an item": move_item,
    "close a leaf": close_leaf,
    "forge a hash": forge_hash,
    "forge a value": forge_value,
    "forge a leaf": forge_leaf,
    "add an item": add_item,
    "hide a write": hide_write,
}


# ------------------------------------------------------------------------------------------------- item trees


def _items(item: Item, path: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], Item]]:
    """Give every item with the child numbers that lead to it."""
    yield path, item
    if isinstance(item, BranchItem):
        for nibble, child in enumerate(item.children):
            if child is not None and not isinstance(child, bytes):
                yield from _items(child, (*path, nibble))


def _replace(item: Item, path: tuple[int, ...], change: Callable[[Item], Item]) -> Item:
    if not path:
        return change(item)
    children = list(item.children)
    children[path[0]] = _replace(children[path[0]], path[1:], change)
    return replace(item, children=tuple(children))


def _depth(item: Item, path: tuple[int, ...]) -> int:
    if not path:
        return 0
    return len(item.path) + 1 + _depth(item.children[path[0]], path[1:])


def _present(children: list[Child]) -> list[int]:
    return [nibble for nibble, child in enumerate(children) if child is not None]


def _in_a_branch(rng: random.Random, witness: bytes, change: Callable[[list[Child]], None]) -> bytes | None:
    """Change the children of some branch: of the first, in random order, of which anything is changed."""
    root = decode_witness(witness)
    branches = [path for path, item in _items(root) if isinstance(item, BranchItem)]

    def apply(item: Item) -> Item:
        children = list(item.children)
        change(children)
        return replace(item, children=tuple(children))

    for path in rng.sample(branches, len(branches)):
        changed = _replace(root, path, apply)
        if changed != root:
            return encode_witness(changed)
    return None
