"""Ways to spoil a witness: none of the results may have another effect than the witness that it was made of."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from smartsync.keccak import keccak256
from smartsync.rlp import encode_int
from smartsync.trie.nibbles import to_bytes
from smartsync.trie.node import Extension, Leaf, Opaque, root_hash
from smartsync.trie.trie import storage_value
from smartsync.witness import (
    BranchItem,
    Item,
    LeafItem,
    OpaqueItem,
    WriteItem,
    encode_witness,
)
from tests.fuzz.made_up import make_up
from tests.fuzz.scene import Scene, changed, joins_of, opened, path_of, places_of, rehashed, replaced

Mutator = Callable[[random.Random, Scene], bytes | None]
"""Returns the spoiled witness, or ``None`` where this one has nothing to spoil in that way."""


def mutations(rng: random.Random, scene: Scene, count: int) -> list[tuple[str, bytes]]:
    """Return about ``count`` (kind, spoiled witness) pairs: of each kind one as far as that goes, then some again."""
    kinds = list(MUTATORS.items())
    rng.shuffle(kinds)
    found: dict[bytes, str] = {}
    for kind, mutate in kinds + rng.choices(kinds, k=count):
        if len(found) >= count:
            break
        spoiled = mutate(rng, scene)
        if spoiled is not None and spoiled != scene.witness:
            found.setdefault(spoiled, kind)
    return [(kind, spoiled) for spoiled, kind in found.items()]


# ------------------------------------------------------------------------------------------------- bytes


def flip_bit(rng: random.Random, scene: Scene) -> bytes:
    return _flipped(rng, scene.witness, rng.randrange(len(scene.witness)))


def flip_bit_of_item(rng: random.Random, scene: Scene) -> bytes:
    """Flip a bit that is not a hash's, which most are: a first byte, a path, a mask, a slot, a value."""
    at = rng.randrange(len(scene.items))
    item = scene.items[at]
    hashes = len(item.opaque) if isinstance(item, BranchItem) else isinstance(item, OpaqueItem)
    return _flipped(rng, scene.witness, rng.randrange(scene.starts[at], scene.end(at) - 32 * hashes))


def set_byte(rng: random.Random, scene: Scene) -> bytes:
    at = rng.randrange(len(scene.witness))
    return scene.witness[:at] + bytes((rng.choice((0, rng.randrange(256))),)) + scene.witness[at + 1 :]


def set_first_byte(rng: random.Random, scene: Scene) -> bytes:
    """Make an item another one, or none at all."""
    at = rng.choice(scene.starts)
    return scene.witness[:at] + rng.choice((b"\x40", b"\xe1", b"\xff", rng.randbytes(1))) + scene.witness[at + 1 :]


def cut_end(rng: random.Random, scene: Scene) -> bytes:
    return scene.witness[: rng.randrange(len(scene.witness))]


def cut_items(rng: random.Random, scene: Scene) -> bytes:
    """Cut the end between two items, where nothing is truncated."""
    return scene.witness[: rng.choice(scene.starts)]


def cut_byte(rng: random.Random, scene: Scene) -> bytes:
    at = rng.randrange(len(scene.witness))
    return scene.witness[:at] + scene.witness[at + 1 :]


def add_byte(rng: random.Random, scene: Scene) -> bytes:
    at = rng.choice((0, len(scene.witness), rng.randrange(len(scene.witness) + 1)))
    return scene.witness[:at] + rng.choice((b"\0", rng.randbytes(1))) + scene.witness[at:]


def repeat_bytes(rng: random.Random, scene: Scene) -> bytes:
    """Repeat a run of bytes, often the whole witness."""
    size = len(scene.witness)
    start, end = sorted((rng.randrange(size), rng.randrange(1, size + 1)))
    if start == end or rng.random() < 0.3:
        start, end = 0, size
    return scene.witness[:end] + scene.witness[start:]


def pad_number(rng: random.Random, scene: Scene) -> bytes | None:
    """Give a slot or a value with a leading zero, a short slot in the long form, or a path with one nibble too many."""
    places = places_of(scene, (WriteItem, LeafItem, OpaqueItem))
    for at in rng.sample(places, len(places)):
        if ways := _padded(rng, scene.items[at]):
            return scene.witness[: scene.starts[at]] + rng.choice(ways) + scene.witness[scene.end(at) :]
    return None


def _flipped(rng: random.Random, witness: bytes, at: int) -> bytes:
    return witness[:at] + bytes((witness[at] ^ 1 << rng.randrange(8),)) + witness[at + 1 :]


def _padded(rng: random.Random, item: WriteItem | LeafItem | OpaqueItem) -> list[bytes]:
    """Return the encodings of an item that are not its canonical one."""
    if isinstance(item, OpaqueItem):
        raw = to_bytes((*item.path, rng.randrange(1, 16))) if len(item.path) % 2 else b""
        return [bytes((0x40 + len(item.path),)) + raw + item.hash] if raw else []
    value = encode_int(item.value)
    size = len(value)
    if isinstance(item, LeafItem):
        return [bytes((0xA1 + size, *item.key, 0)) + value] if size < 32 else []
    slot = item.slot.lstrip(b"\0")
    if len(slot) == 32:
        return [bytes((0x81 + size, *slot, 0)) + value] if size < 32 else []
    ways = [bytes((0x80 + size, *item.slot)) + value, bytes((0xC1 + len(slot), *slot, size + 1, 0)) + value]
    return [*ways, bytes((0xC2 + len(slot), 0, *slot, size)) + value] if len(slot) < 31 else ways


# ------------------------------------------------------------------------------------------------- order and depth


def drop_item(rng: random.Random, scene: Scene) -> bytes:
    return changed(scene, lambda items: items.pop(rng.randrange(len(items))))


def drop_branch(rng: random.Random, scene: Scene) -> bytes | None:
    """Leave subtries over, for the next branch or for the end."""
    branches = places_of(scene, BranchItem)
    return changed(scene, lambda items: items.pop(rng.choice(branches))) if branches else None


def swap_items(rng: random.Random, scene: Scene) -> bytes | None:
    def change(items: list[Item]) -> None:
        a = rng.randrange(len(items) - 1)
        b = a + 1 if rng.random() < 0.5 else rng.randrange(a + 1, len(items))
        items[a], items[b] = items[b], items[a]

    return changed(scene, change) if len(scene.items) > 1 else None


def move_item(rng: random.Random, scene: Scene) -> bytes:
    def change(items: list[Item]) -> None:
        item = items.pop(rng.randrange(len(items)))
        items.insert(rng.randrange(len(items) + 1), item)

    return changed(scene, change)


def repeat_item(rng: random.Random, scene: Scene) -> bytes:
    """Give an item twice, often right behind itself: two subtries are one child."""

    def change(items: list[Item]) -> None:
        at = rng.randrange(len(items))
        items.insert(at + 1 if rng.random() < 0.6 else rng.randrange(len(items) + 1), items[at])

    return changed(scene, change)


def add_branch(rng: random.Random, scene: Scene) -> bytes:
    def change(items: list[Item]) -> None:
        opaque = {nibble: rng.randbytes(32) for nibble in rng.sample(range(16), rng.choice((0, 1, 1, 2)))}
        depth = rng.choice((0, 0, rng.randrange(4), rng.randrange(64)))
        # Often right above another one, which may have handed up other keys than its own.
        branches = places_of(scene, BranchItem)
        at = rng.choice(branches) + 1 if branches and rng.random() < 0.5 else rng.randrange(len(items) + 1)
        items.insert(at, BranchItem(depth, opaque))

    return changed(scene, change)


def add_item(rng: random.Random, scene: Scene) -> bytes:
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
    return changed(scene, lambda items: items.insert(rng.randrange(len(items) + 1), item))


def move_branch(rng: random.Random, scene: Scene) -> bytes | None:
    """Give a branch at another depth, often the next."""

    def change(item: BranchItem) -> Item:
        near = [depth for depth in (item.depth - 1, item.depth + 1) if 0 <= depth < 64]
        return replace(item, depth=rng.choice((*near, rng.randrange(64))))

    return replaced(rng, scene, BranchItem, change)


def move_opaque(rng: random.Random, scene: Scene) -> bytes | None:
    """Give an opaque branch at another path: longer, shorter, or with another nibble."""

    def change(item: OpaqueItem) -> Item:
        at = rng.randrange(len(item.path))
        other = item.path[:at] + bytes((item.path[at] ^ rng.randrange(1, 16),)) + item.path[at + 1 :]
        longer = (*item.path, rng.randrange(16))[:63]
        return replace(item, path=rng.choice((other, bytes(longer), item.path[:-1] or other)))

    return replaced(rng, scene, OpaqueItem, change)


def move_leaf(rng: random.Random, scene: Scene) -> bytes | None:
    """Give a leaf under another key, often one that differs in its last nibble only."""

    def change(item: LeafItem) -> Item:
        at = rng.choice((31, rng.randrange(32)))
        return replace(item, key=item.key[:at] + bytes((item.key[at] ^ rng.randrange(1, 16),)) + item.key[at + 1 :])

    return replaced(rng, scene, LeafItem, change)


# ------------------------------------------------------------------------------------------------- hashes


def move_hash(rng: random.Random, scene: Scene) -> bytes | None:
    """Give an opaque child at another nibble: a free one, or that of a pending subtrie."""

    def change(opaque: dict[int, bytes]) -> None:
        digest = opaque.pop(rng.choice(sorted(opaque)))
        opaque[rng.choice([nibble for nibble in range(16) if opaque.get(nibble) is None])] = digest

    return rehashed(rng, scene, change)


def mirror_hashes(rng: random.Random, scene: Scene) -> bytes | None:
    """Read the mask from its other end."""

    def change(opaque: dict[int, bytes]) -> None:
        mirrored = {15 - nibble: digest for nibble, digest in opaque.items()}
        opaque.clear()
        opaque.update(mirrored)

    return rehashed(rng, scene, change)


def swap_hashes(rng: random.Random, scene: Scene) -> bytes | None:
    def change(opaque: dict[int, bytes]) -> None:
        if len(opaque) > 1:
            a, b = rng.sample(sorted(opaque), 2)
            opaque[a], opaque[b] = opaque[b], opaque[a]

    return rehashed(rng, scene, change)


def forge_hash(rng: random.Random, scene: Scene) -> bytes | None:
    if rng.random() < 0.3:
        return replaced(rng, scene, OpaqueItem, lambda item: replace(item, hash=_digest(rng)))
    return rehashed(rng, scene, lambda opaque: opaque.update({rng.choice(sorted(opaque)): _digest(rng)}))


def _digest(rng: random.Random) -> bytes:
    return rng.choice((bytes(32), rng.randbytes(32), rng.randbytes(32)))


def drop_hash(rng: random.Random, scene: Scene) -> bytes | None:
    return rehashed(rng, scene, lambda opaque: opaque.pop(rng.choice(sorted(opaque))))


def add_hash(rng: random.Random, scene: Scene) -> bytes | None:
    """Give one more opaque child, often one that is a pending subtrie already."""

    def change(item: BranchItem) -> Item:
        absent = [nibble for nibble in range(16) if nibble not in item.opaque]
        return replace(item, opaque={**item.opaque, rng.choice(absent): _digest(rng)}) if absent else item

    return replaced(rng, scene, BranchItem, change)


def close_item(rng: random.Random, scene: Scene) -> bytes | None:
    """Give by its hash what must stand in the open: under a branch that exists on one side only, or embedded."""
    items = list(scene.items)
    places = places_of(scene, (LeafItem, OpaqueItem))
    above = {place: joined.branch for joined in joins_of(items) for place in joined.places} if places else {}
    found = [at for at in places if at in above]
    if not found:
        return None
    at = rng.choice(found)
    item, parent = items[at], items[above[at]]
    key, depth = path_of(item), parent.depth + 1
    rest = key[depth:]
    if isinstance(item, LeafItem):
        digest = root_hash(Leaf(rest, storage_value(item.value)))
    else:
        digest = root_hash(Extension(rest, Opaque(item.hash)) if rest else Opaque(item.hash))
    items[above[at]] = replace(parent, opaque={**parent.opaque, key[parent.depth]: digest})
    return encode_witness(items[:at] + items[at + 1 :])


def open_hash(rng: random.Random, scene: Scene) -> bytes | None:
    """Give in the open what its hash would do for. The one way to spoil a witness that leaves it a true one."""
    items = list(scene.items)
    joins = [joined for joined in joins_of(items) if items[joined.branch].opaque] if scene.trie else []
    if not joins:
        return None
    joined = rng.choice(joins)
    branch = items[joined.branch]
    nibble = rng.choice(sorted(branch.opaque))
    item = opened(scene.trie, joined.key[: branch.depth] + bytes((nibble,)))
    if item is None:
        return None
    items[joined.branch] = replace(branch, opaque={n: h for n, h in branch.opaque.items() if n != nibble})
    # In front of the first sibling whose key is greater, or else right in front of the branch.
    at = next((start for start, other in joined.children if other > nibble), joined.branch)
    return encode_witness([*items[:at], item, *items[at:]])


# ------------------------------------------------------------------------------------------------- values


def forge_value(rng: random.Random, scene: Scene) -> bytes | None:
    """Write another value: a random one, zero, or the one that is there already, which is a write of nothing."""

    def change(item: WriteItem) -> Item:
        return replace(item, value=rng.choice((rng.randrange(1 << 256), item.value ^ 1, 0, scene.storage(item.slot))))

    return replaced(rng, scene, WriteItem, change)


def forge_slot(rng: random.Random, scene: Scene) -> bytes | None:
    """Write the value to another slot."""

    def change(item: WriteItem) -> Item:
        return replace(item, slot=rng.choice((rng.randbytes(32), item.slot[:-1] + bytes((item.slot[-1] ^ 1,)))))

    return replaced(rng, scene, WriteItem, change)


def forge_leaf(rng: random.Random, scene: Scene) -> bytes | None:
    return replaced(rng, scene, LeafItem, lambda item: replace(item, value=rng.randrange(1, 1 << 256)))


def hide_write(rng: random.Random, scene: Scene) -> bytes | None:
    """Leave out a write by giving its old value as an unchanged leaf."""

    def change(item: WriteItem) -> Item:
        old = scene.storage(item.slot)
        return LeafItem(keccak256(item.slot), old) if old else item

    return replaced(rng, scene, WriteItem, change)


# ------------------------------------------------------------------------------------------------- other witnesses


def give_other(rng: random.Random, scene: Scene) -> bytes | None:
    """Give the witness of another transition: of fewer writes, or back again."""
    others = scene.others()
    return rng.choice(others) if others else None


def join_other(rng: random.Random, scene: Scene) -> bytes | None:
    """Begin with one witness and end with the other."""
    other = give_other(rng, scene)
    if not other:
        return None
    one, two = rng.sample((scene, Scene(other)), 2)
    return one.witness[: rng.choice(one.starts)] + two.witness[rng.choice(two.starts) :]


def swap_other(rng: random.Random, scene: Scene) -> bytes | None:
    """Put an item of another witness in the place of one of the same kind, often of a branch."""
    other = give_other(rng, scene)
    if not other:
        return None
    kind = rng.choice((BranchItem, BranchItem, WriteItem, LeafItem, OpaqueItem))
    theirs = [item for item in Scene(other).items if isinstance(item, kind)]
    return replaced(rng, scene, kind, lambda _: rng.choice(theirs)) if theirs else None


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
    "open a hash": open_hash,
    "forge a value": forge_value,
    "forge a slot": forge_slot,
    "forge a leaf": forge_leaf,
    "hide a write": hide_write,
    "give another": give_other,
    "join with another": join_other,
    "swap with another": swap_other,
    "make up": make_up,
}
