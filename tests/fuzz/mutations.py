"""Ways to spoil a witness: none of the results may be accepted for the transition that the witness was made for."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import replace

from smartsync.keccak import keccak256
from smartsync.trie.nibbles import to_nibbles
from smartsync.trie.node import Extension, Leaf, Opaque, root_hash
from smartsync.trie.trie import storage_value
from smartsync.witness import (
    BranchItem,
    Item,
    LeafItem,
    OpaqueItem,
    WriteItem,
    decode_witness,
    encode_witness,
)
from smartsync.witness.items import read_items

Storage = Callable[[bytes], int]
Mutator = Callable[[random.Random, bytes, Storage], bytes | None]
"""Returns the spoiled witness, or ``None`` where this one has nothing to spoil in that way."""


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
    """Flip a bit that is not a hash's, which most are: a first byte, a path, a mask, a slot, a value."""
    covered: set[int] = set()
    for start, item in read_items(witness):
        if isinstance(item, (BranchItem, OpaqueItem)):
            end = start + len(encode_witness([item]))
            hashes = len(item.opaque) if isinstance(item, BranchItem) else 1
            covered.update(range(end - 32 * hashes, end))
    at = rng.choice([offset for offset in range(len(witness)) if offset not in covered])
    return witness[:at] + bytes((witness[at] ^ 1 << rng.randrange(8),)) + witness[at + 1 :]


def set_byte(rng: random.Random, witness: bytes, _: Storage) -> bytes:
    at = rng.randrange(len(witness))
    return witness[:at] + bytes((rng.choice((0, rng.randrange(256))),)) + witness[at + 1 :]


def set_first_byte(rng: random.Random, witness: bytes, _: Storage) -> bytes:
    """Make an item another one, or none at all."""
    at = rng.choice([start for start, _ in read_items(witness)])
    return witness[:at] + rng.choice((b"\x40", b"\xe1", b"\xff", rng.randbytes(1))) + witness[at + 1 :]


def cut_end(rng: random.Random, witness: bytes, _: Storage) -> bytes:
    return witness[: rng.randrange(len(witness))]


def cut_items(rng: random.Random, witness: bytes, _: Storage) -> bytes:
    """Cut the end between two items, where nothing is truncated."""
    return witness[: rng.choice([start for start, _ in read_items(witness)])]


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


def pad_number(rng: random.Random, witness: bytes, _: Storage) -> bytes | None:
    """Give a slot or a value with a leading zero, or a slot that has a short form in the long one."""
    ways = []
    for start, item in read_items(witness):
        if not isinstance(item, WriteItem):
            continue
        tag, slot, value = witness[start], item.slot.lstrip(b"\0"), item.value.to_bytes(32, "big").lstrip(b"\0")
        end = start + len(encode_witness([item]))
        if tag > 0xC0:
            ways.append((start, bytes((0x80 + len(value),)) + item.slot + value, end))
            ways.append((start, bytes((tag, *slot, len(value) + 1, 0)) + value, end))
        if 0xC0 < tag < 0xE0:
            ways.append((start, bytes((tag + 1, 0, *slot, len(value))) + value, end))
    if not ways:
        return None
    start, padded, end = rng.choice(ways)
    return witness[:start] + padded + witness[end:]


# ------------------------------------------------------------------------------------------------- order and depth


def drop_item(rng: random.Random, witness: bytes, _: Storage) -> bytes:
    return _changed(witness, lambda items: items.pop(rng.randrange(len(items))))


def drop_branch(rng: random.Random, witness: bytes, _: Storage) -> bytes | None:
    """Leave subtries over, for the next branch or for the end."""
    branches = _places(witness, BranchItem)
    return _changed(witness, lambda items: items.pop(rng.choice(branches))) if branches else None


def swap_items(rng: random.Random, witness: bytes, _: Storage) -> bytes | None:
    def change(items: list[Item]) -> None:
        a = rng.randrange(len(items) - 1)
        b = a + 1 if rng.random() < 0.5 else rng.randrange(a + 1, len(items))
        items[a], items[b] = items[b], items[a]

    return _changed(witness, change) if len(decode_witness(witness)) > 1 else None


def move_item(rng: random.Random, witness: bytes, _: Storage) -> bytes:
    def change(items: list[Item]) -> None:
        item = items.pop(rng.randrange(len(items)))
        items.insert(rng.randrange(len(items) + 1), item)

    return _changed(witness, change)


def repeat_item(rng: random.Random, witness: bytes, _: Storage) -> bytes:
    """Give an item twice, often right behind itself: two subtries are one child."""

    def change(items: list[Item]) -> None:
        at = rng.randrange(len(items))
        items.insert(at + 1 if rng.random() < 0.6 else rng.randrange(len(items) + 1), items[at])

    return _changed(witness, change)


def add_branch(rng: random.Random, witness: bytes, _: Storage) -> bytes:
    def change(items: list[Item]) -> None:
        opaque = {nibble: rng.randbytes(32) for nibble in rng.sample(range(16), rng.choice((0, 1, 1, 2)))}
        depth = rng.choice((0, 0, rng.randrange(4), rng.randrange(64)))
        items.insert(rng.randrange(len(items) + 1), BranchItem(depth, opaque))

    return _changed(witness, change)


def add_item(rng: random.Random, witness: bytes, _: Storage) -> bytes:
    """Give a subtrie that does not belong there: a write, a leaf, an opaque branch."""
    path = bytes(rng.randrange(16) for _ in range(rng.randrange(1, 64)))
    item = rng.choice(
        (
            WriteItem(rng.randbytes(32), 1),
            WriteItem(rng.randbytes(32), 0),
            LeafItem(rng.randbytes(32), 1),
            OpaqueItem(path, rng.randbytes(32)),
        )
    )
    return _changed(witness, lambda items: items.insert(rng.randrange(len(items) + 1), item))


def move_branch(rng: random.Random, witness: bytes, _: Storage) -> bytes | None:
    """Give a branch at another depth, often the next."""

    def change(item: BranchItem) -> Item:
        near = [depth for depth in (item.depth - 1, item.depth + 1) if 0 <= depth < 64]
        return replace(item, depth=rng.choice((*near, rng.randrange(64))))

    return _replaced(rng, witness, BranchItem, change)


def move_opaque(rng: random.Random, witness: bytes, _: Storage) -> bytes | None:
    """Give an opaque branch at another path: longer, shorter, or with another nibble."""

    def change(item: OpaqueItem) -> Item:
        at = rng.randrange(len(item.path))
        other = item.path[:at] + bytes((item.path[at] ^ rng.randrange(1, 16),)) + item.path[at + 1 :]
        longer = (*item.path, rng.randrange(16))[:63]
        return replace(item, path=rng.choice((other, bytes(longer), item.path[:-1] or other)))

    return _replaced(rng, witness, OpaqueItem, change)


def move_leaf(rng: random.Random, witness: bytes, _: Storage) -> bytes | None:
    """Give a leaf under another key, often one that differs in its last nibble only."""

    def change(item: LeafItem) -> Item:
        at = rng.choice((31, rng.randrange(32)))
        return replace(item, key=item.key[:at] + bytes((item.key[at] ^ rng.randrange(1, 16),)) + item.key[at + 1 :])

    return _replaced(rng, witness, LeafItem, change)


# ------------------------------------------------------------------------------------------------- hashes


def move_hash(rng: random.Random, witness: bytes, _: Storage) -> bytes | None:
    """Give an opaque child at another nibble: a free one, or that of a pending subtrie."""

    def change(opaque: dict[int, bytes]) -> None:
        digest = opaque.pop(rng.choice(sorted(opaque)))
        opaque[rng.choice([nibble for nibble in range(16) if opaque.get(nibble) is None])] = digest

    return _rehashed(rng, witness, change)


def mirror_hashes(rng: random.Random, witness: bytes, _: Storage) -> bytes | None:
    """Read the mask from its other end."""

    def change(opaque: dict[int, bytes]) -> None:
        mirrored = {15 - nibble: digest for nibble, digest in opaque.items()}
        opaque.clear()
        opaque.update(mirrored)

    return _rehashed(rng, witness, change)


def swap_hashes(rng: random.Random, witness: bytes, _: Storage) -> bytes | None:
    def change(opaque: dict[int, bytes]) -> None:
        if len(opaque) > 1:
            a, b = rng.sample(sorted(opaque), 2)
            opaque[a], opaque[b] = opaque[b], opaque[a]

    return _rehashed(rng, witness, change)


def forge_hash(rng: random.Random, witness: bytes, _: Storage) -> bytes | None:
    if rng.random() < 0.3:
        return _replaced(rng, witness, OpaqueItem, lambda item: replace(item, hash=_digest(rng)))
    return _rehashed(rng, witness, lambda opaque: opaque.update({rng.choice(sorted(opaque)): _digest(rng)}))


def drop_hash(rng: random.Random, witness: bytes, _: Storage) -> bytes | None:
    return _rehashed(rng, witness, lambda opaque: opaque.pop(rng.choice(sorted(opaque))))


def add_hash(rng: random.Random, witness: bytes, _: Storage) -> bytes | None:
    """Give one more opaque child, often one that is a pending subtrie already."""

    def change(item: BranchItem) -> Item:
        absent = [nibble for nibble in range(16) if nibble not in item.opaque]
        return replace(item, opaque={**item.opaque, rng.choice(absent): _digest(rng)}) if absent else item

    return _replaced(rng, witness, BranchItem, change)


def close_item(rng: random.Random, witness: bytes, _: Storage) -> bytes | None:
    """Give by its hash what must stand in the open: under a branch that exists on one side only, or embedded."""
    items = list(decode_witness(witness))
    above = _branches_above(items)
    found = [at for at, item in enumerate(items) if isinstance(item, (LeafItem, OpaqueItem)) and at in above]
    if not found:
        return None
    at = rng.choice(found)
    item, parent = items[at], items[above[at]]
    key, depth = _key(item), parent.depth + 1
    rest = key[depth:]
    if isinstance(item, LeafItem):
        digest = root_hash(Leaf(rest, storage_value(item.value)))
    else:
        digest = root_hash(Extension(rest, Opaque(item.hash)) if rest else Opaque(item.hash))
    items[above[at]] = replace(parent, opaque={**parent.opaque, key[parent.depth]: digest})
    return encode_witness(items[:at] + items[at + 1 :])


# ------------------------------------------------------------------------------------------------- values


def forge_value(rng: random.Random, witness: bytes, storage: Storage) -> bytes | None:
    """Write another value: a random one, zero, or the one that is there already, which is a write of nothing."""

    def change(item: WriteItem) -> Item:
        return replace(item, value=rng.choice((rng.randrange(1 << 256), item.value ^ 1, 0, storage(item.slot))))

    return _replaced(rng, witness, WriteItem, change)


def forge_slot(rng: random.Random, witness: bytes, _: Storage) -> bytes | None:
    """Write the value to another slot."""

    def change(item: WriteItem) -> Item:
        return replace(item, slot=rng.choice((rng.randbytes(32), item.slot[:-1] + bytes((item.slot[-1] ^ 1,)))))

    return _replaced(rng, witness, WriteItem, change)


def forge_leaf(rng: random.Random, witness: bytes, _: Storage) -> bytes | None:
    return _replaced(rng, witness, LeafItem, lambda item: replace(item, value=rng.randrange(1, 1 << 256)))


def hide_write(rng: random.Random, witness: bytes, storage: Storage) -> bytes | None:
    """Leave out a write by giving its old value as an unchanged leaf."""

    def change(item: WriteItem) -> Item:
        old = storage(item.slot)
        return LeafItem(keccak256(item.slot), old) if old else item

    return _replaced(rng, witness, WriteItem, change)


MUTATORS: dict[str, Mutator] = {
    "flip a bit": flip_bit,
    "flip a bit of an item": flip_bit_of_item,
    "set a byte": set_byte,
    "set a first byte": set_first_byte,
    "cut the end": cut_end,
    "cut items": cut_items,
    "cut a byte": cut_byte,
    "add a byte": add_byte,
    "repeat bytes": repeat_bytes,
    "pad a number": pad_number,
    "drop an item": drop_item,
    "drop a branch": drop_branch,
    "swap items": swap_items,
    "move an item": move_item,
    "repeat an item": repeat_item,
    "add a branch": add_branch,
    "add an item": add_item,
    "move a branch": move_branch,
    "move an opaque branch": move_opaque,
    "move a leaf": move_leaf,
    "move a hash": move_hash,
    "mirror the hashes": mirror_hashes,
    "swap hashes": swap_hashes,
    "forge a hash": forge_hash,
    "drop a hash": drop_hash,
    "add a hash": add_hash,
    "close an item": close_item,
    "forge a value": forge_value,
    "forge a slot": forge_slot,
    "forge a leaf": forge_leaf,
    "hide a write": hide_write,
}


# ------------------------------------------------------------------------------------------------- lists of items


def _changed(witness: bytes, change: Callable[[list[Item]], object]) -> bytes:
    items = list(decode_witness(witness))
    change(items)
    return encode_witness(items)


def _places(witness: bytes, kind: type) -> list[int]:
    return [at for at, item in enumerate(decode_witness(witness)) if isinstance(item, kind)]


def _replaced(rng: random.Random, witness: bytes, kind: type, change: Callable[..., Item]) -> bytes | None:
    """Change an item of a kind: the first, in random order, that is another afterwards."""
    items = list(decode_witness(witness))
    places = _places(witness, kind)
    for at in rng.sample(places, len(places)):
        changed = change(items[at])
        if changed != items[at]:
            return encode_witness([*items[:at], changed, *items[at + 1 :]])
    return None


def _rehashed(rng: random.Random, witness: bytes, change: Callable[[dict[int, bytes]], object]) -> bytes | None:
    """Change the opaque children of some branch that has any."""

    def rehash(item: BranchItem) -> Item:
        opaque = dict(item.opaque)
        if opaque:
            change(opaque)
        return replace(item, opaque=opaque)

    return _replaced(rng, witness, BranchItem, rehash)


def _digest(rng: random.Random) -> bytes:
    return rng.choice((bytes(32), rng.randbytes(32), rng.randbytes(32)))


def _key(item: Item) -> bytes:
    """Return the nibbles of an item that pushes: a whole key, or an opaque branch's path."""
    if isinstance(item, OpaqueItem):
        return item.path
    return to_nibbles(item.key if isinstance(item, LeafItem) else keccak256(item.slot))


def _branches_above(items: Iterable[Item]) -> dict[int, int]:
    """Return for each item of a true witness which branch joins it, both by their places."""
    above: dict[int, int] = {}
    stack: list[tuple[int, bytes]] = []
    for place, item in enumerate(items):
        if not isinstance(item, BranchItem):
            stack.append((place, _key(item)))
            continue
        top = stack[-1][1]
        while stack and stack[-1][1][: item.depth] == top[: item.depth]:
            above[stack.pop()[0]] = place
        stack.append((place, top))
    return above
