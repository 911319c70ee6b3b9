"""The items of a witness and their encoding (``docs/reference/witness.md``).

::

    first byte       item                       then
    00+d  d=0..63    branch at depth d          2 bytes: which children are opaque, the most significant bit is child 0;
                                                their 32-byte hashes, child 15's first
    40+d  d=1..63    opaque branch at depth d   its d nibbles in ceil(d/2) bytes, an unused last one is 0; 32-byte hash
    80+v  v=0..32    write                      32 bytes: slot; v bytes: new value (v = 0 deletes)
    a0+v  v=1..32    unchanged leaf             32 bytes: trie key; v bytes: value
    c1+s  s=0..31    write of a short slot      s bytes: slot; 1 byte: v; v bytes: new value

Depths are counted in nibbles from the root. No value has a leading zero byte, nor has a slot in its short form; the
long form is for slots that have no short one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

from smartsync.errors import InvalidWitness
from smartsync.rlp import encode_int
from smartsync.trie.nibbles import to_bytes, to_nibbles
from smartsync.types import SlotChange


@dataclass(frozen=True, slots=True)
class WriteItem:
    """A slot (32 bytes) gets ``value`` (of 256 bits, 0 deletes)."""

    slot: bytes
    value: int


@dataclass(frozen=True, slots=True)
class LeafItem:
    """A leaf that both tries have: its whole trie key (32 bytes), and its value of 256 bits, not 0."""

    key: bytes
    value: int


@dataclass(frozen=True, slots=True)
class OpaqueItem:
    """A branch that both tries have: all nibbles above it (1 to 63, one per byte) and its 32-byte hash."""

    path: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class BranchItem:
    """A position ``depth`` nibbles below the root at which keys of the union part. It joins the items before it.

    ``opaque``: nibble to 32-byte hash of those children that both tries have and that are given by their hash alone.
    """

    depth: int
    opaque: Mapping[int, bytes]


Item: TypeAlias = WriteItem | LeafItem | OpaqueItem | BranchItem


def encode_witness(items: Iterable[Item]) -> bytes:
    """Return the calldata of a witness, or of any part of one."""
    return b"".join(map(_encode, items))


def encode_writes(changes: Iterable[SlotChange]) -> bytes:
    """Return the writes alone, in their order: what the hub performs where a witness was proven in parts."""
    return encode_witness(WriteItem(change.slot, change.new) for change in changes)


def decode_witness(witness: bytes) -> tuple[Item, ...]:
    """Return the items of a witness, or of any part of one that ends with an item.

    Raises
    ------
    InvalidWitness
        It ends inside an item, an item is unknown, or a number or a path is not in its one form. What items make of
        each other is ``evaluate``'s to check.
    """
    return tuple(item for _, item in read_items(witness))


def read_items(witness: bytes) -> Iterator[tuple[int, Item]]:
    """Yield each item with the offset of its first byte. Raises as ``decode_witness``, where it gets there."""
    reader = _Reader(witness)
    while reader.offset < len(witness):
        yield reader.offset, reader.item()


def split_witness(witness: bytes, max_bytes: int) -> tuple[bytes, ...]:
    """Return the witness in parts of whole items, each of ``max_bytes`` at most and as long as that allows.

    Raises
    ------
    ValueError
        An item alone is longer.
    InvalidWitness
        As ``decode_witness``.
    """
    bounds = [*(offset for offset, _ in read_items(witness)), len(witness)]
    cuts = [0]
    for start, end in pairwise(bounds):
        if end - start > max_bytes:
            raise ValueError(f"the item at byte {start} has {end - start} bytes, more than the {max_bytes} of a part")
        if end - cuts[-1] > max_bytes:
            cuts.append(start)
    return tuple(witness[start:end] for start, end in pairwise([*cuts, len(witness)]) if end > start)


def _encode(item: Item) -> bytes:
    if isinstance(item, WriteItem):
        value, slot = encode_int(item.value), item.slot.lstrip(b"\0")
        if len(slot) == 32:
            return bytes((0x80 + len(value),)) + slot + value
        return bytes((0xC1 + len(slot),)) + slot + bytes((len(value),)) + value
    if isinstance(item, LeafItem):
        value = encode_int(item.value)
        return bytes((0xA0 + len(value),)) + item.key + value
    if isinstance(item, OpaqueItem):
        return bytes((0x40 + len(item.path),)) + to_bytes(item.path + b"\0" * (len(item.path) % 2)) + item.hash
    mask = sum(0x8000 >> nibble for nibble in item.opaque)
    hashes = (item.opaque[nibble] for nibble in sorted(item.opaque, reverse=True))
    return bytes((item.depth,)) + mask.to_bytes(2, "big") + b"".join(hashes)


class _Reader:
    """Reads items one after the other; ``start`` is where the one being read begins, ``offset`` what is read next."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.start = self.offset = 0

    def item(self) -> Item:
        self.start = self.offset
        tag = self.take(1)[0]
        if tag < 0x40:
            return self.branch(tag)
        if 0x40 < tag < 0x80:
            return self.opaque(tag - 0x40)
        if 0x80 <= tag <= 0xA0:
            return self.write(self.take(32), tag - 0x80)
        if 0xA0 < tag <= 0xC0:
            return LeafItem(self.take(32), self.number(self.take(tag - 0xA0)))
        if 0xC0 < tag <= 0xE0:
            return self.short_write(self.take(tag - 0xC1), self.take(1)[0])
        raise InvalidWitness(f"no item starts with 0x{tag:02x}, as at byte {self.start}")

    def branch(self, depth: int) -> BranchItem:
        mask = int.from_bytes(self.take(2), "big")
        return BranchItem(depth, {nibble: self.take(32) for nibble in reversed(range(16)) if mask & 0x8000 >> nibble})

    def opaque(self, depth: int) -> OpaqueItem:
        nibbles, digest = to_nibbles(self.take((depth + 1) // 2)), self.take(32)
        if any(nibbles[depth:]):
            raise InvalidWitness(f"the path of the item at byte {self.start} has an unused nibble that is not zero")
        if not any(digest):
            # On the chain a word of zeros says that nothing is there.
            raise InvalidWitness(f"the item at byte {self.start} has a hash of zeros")
        return OpaqueItem(nibbles[:depth], digest)

    def write(self, slot: bytes, size: int) -> WriteItem:
        value = self.take(size)
        if slot[0] == 0:
            raise InvalidWitness(f"a number of the item at byte {self.start} has a leading zero")
        return WriteItem(slot, self.number(value))

    def short_write(self, slot: bytes, size: int) -> WriteItem:
        value = self.take(size)
        if size > 32:
            raise InvalidWitness(f"a number of the item at byte {self.start} has {size} bytes, more than 32")
        return WriteItem(self.number(slot).to_bytes(32, "big"), self.number(value))

    def number(self, data: bytes) -> int:
        if data[:1] == b"\0":
            raise InvalidWitness(f"a number of the item at byte {self.start} has a leading zero")
        return int.from_bytes(data, "big")

    def take(self, count: int) -> bytes:
        if self.offset + count > len(self.data):
            raise InvalidWitness(f"the witness ends at byte {len(self.data)}, inside an item")
        self.offset += count
        return self.data[self.offset - count : self.offset]
