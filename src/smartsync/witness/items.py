"""The items of a witness and their encoding (``docs/reference/witness.md``).

::

    tag        item                             then
    00+n       branch n nibbles below here      path, 2 bytes: children that are opaque, 2 bytes: children described
                                                (bit i = child i), the children in order: a 32-byte hash, or an item
    40+n       opaque branch n nibbles below    path, 32-byte hash
    80+s       write                            the slot's s bytes, 1 byte: v, the new value's v bytes (v = 0 deletes)
    c0+v       unchanged leaf                   rest of the trie key, the value's v bytes

Slots and values have no leading zeros (so slot 0 has no byte at all). A path of n > 0 nibbles at depth d is given as
the trie key's bytes from byte floor(d/2) up to byte ceil((d+n)/2): a nibble that is known already stands there again,
one that is not used is 0. The rest of a leaf's trie key is its bytes from byte floor(d/2) on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from smartsync.errors import InvalidWitness
from smartsync.rlp import encode_int
from smartsync.trie.nibbles import KEY_NIBBLES, to_bytes, to_nibbles


@dataclass(frozen=True, slots=True)
class WriteItem:
    """A slot (32 bytes) gets ``value`` (of 256 bits, 0 deletes)."""

    slot: bytes
    value: int


@dataclass(frozen=True, slots=True)
class LeafItem:
    """A leaf that both tries have: ``path`` the nibbles of its key from here on, ``value`` of 256 bits."""

    path: bytes
    value: int


@dataclass(frozen=True, slots=True)
class OpaqueItem:
    """A branch that both tries have, ``path`` nibbles below here, given by its 32-byte hash."""

    path: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class BranchItem:
    """A position, ``path`` nibbles below here, at which keys of the union part.

    ``children``: sixteen, each ``None``, the 32-byte hash of a subtrie that is the same in both tries, or an item.
    """

    path: bytes
    children: tuple[bytes | Item | None, ...]


Item: TypeAlias = WriteItem | LeafItem | OpaqueItem | BranchItem


def encode_witness(root: Item) -> bytes:
    """Return the calldata of a witness whose item at the trie's root is ``root``."""
    out = bytearray()
    _encode(root, b"", out)
    return bytes(out)


def decode_witness(witness: bytes) -> Item:
    """Return the item at the root.

    Raises
    ------
    InvalidWitness
        Truncated, surplus bytes, an unknown tag, a path that contradicts its position, a branch of fewer than two
        children, or a number with leading zeros. Whether slots are where they belong is ``evaluate``'s to check.
    """
    reader = _Reader(witness)
    root = reader.item(b"")
    if reader.offset != len(witness):
        raise InvalidWitness(f"{len(witness) - reader.offset} bytes follow the witness's last item")
    return root


def _encode(item: Item, position: bytes, out: bytearray) -> None:
    if isinstance(item, WriteItem):
        slot, value = item.slot.lstrip(b"\0"), encode_int(item.value)
        out.append(0x80 + len(slot))
        out += slot
        out.append(len(value))
        out += value
    elif isinstance(item, LeafItem):
        value = encode_int(item.value)
        out.append(0xC0 + len(value))
        out += _path_bytes(position, item.path)
        out += value
    elif isinstance(item, OpaqueItem):
        out.append(0x40 + len(item.path))
        out += _path_bytes(position, item.path)
        out += item.hash
    else:
        out.append(len(item.path))
        out += _path_bytes(position, item.path)
        out += _mask(item.children, opaque=True) + _mask(item.children, opaque=False)
        for nibble, child in enumerate(item.children):
            if isinstance(child, bytes):
                out += child
            elif child is not None:
                _encode(child, position + item.path + bytes((nibble,)), out)


def _mask(children: tuple[bytes | Item | None, ...], *, opaque: bool) -> bytes:
    bits = sum(1 << i for i, c in enumerate(children) if c is not None and isinstance(c, bytes) is opaque)
    return bits.to_bytes(2, "big")


def _path_bytes(position: bytes, path: bytes) -> bytes:
    if not path:
        return b""
    nibbles = (position + path)[len(position) // 2 * 2 :]
    return to_bytes(nibbles + b"\0" * (len(nibbles) % 2))


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.offset = 0

    def take(self, count: int) -> bytes:
        if self.offset + count > len(self.data):
            raise InvalidWitness(f"the witness ends at byte {len(self.data)}, inside an item")
        self.offset += count
        return self.data[self.offset - count : self.offset]

    def number(self, size: int) -> int:
        if size > 32:
            raise InvalidWitness(f"a slot or value at byte {self.offset} has {size} bytes, more than 32")
        data = self.take(size)
        if data[:1] == b"\0":
            raise InvalidWitness(f"a slot or value at byte {self.offset - size} has a leading zero")
        return int.from_bytes(data, "big")

    def path(self, position: bytes, count: int) -> bytes:
        if not count:
            return b""
        start = self.offset
        depth = len(position)
        nibbles = to_nibbles(self.take((depth + count + 1) // 2 - depth // 2))
        known, path, unused = nibbles[: depth % 2], nibbles[depth % 2 :][:count], nibbles[depth % 2 + count :]
        if known != position[depth // 2 * 2 :] or any(unused):
            raise InvalidWitness(f"the path at byte {start} contradicts its position")
        return path

    def item(self, position: bytes) -> Item:
        start = self.offset
        tag = self.take(1)[0]
        kind, low = tag & 0xC0, tag & 0x3F
        if kind == 0x80:
            slot = self.number(low).to_bytes(32, "big")
            return WriteItem(slot, self.number(self.take(1)[0]))
        if kind == 0xC0:
            path = self.path(position, KEY_NIBBLES - len(position))
            if not low:
                raise InvalidWitness(f"the leaf at byte {start} has no value")
            return LeafItem(path, self.number(low))
        if len(position) + low >= KEY_NIBBLES:
            raise InvalidWitness(f"the path at byte {start} leads below the trie's last nibble")
        path = self.path(position, low)
        if kind == 0x40:
            return OpaqueItem(path, self.take(32))
        return BranchItem(path, self.children(position + path, start))

    def children(self, position: bytes, start: int) -> tuple[bytes | Item | None, ...]:
        opaque, described = (int.from_bytes(self.take(2), "big") for _ in range(2))
        if opaque & described:
            raise InvalidWitness(f"the branch at byte {start} lists a child as opaque and as described")
        if (opaque | described).bit_count() < 2:
            raise InvalidWitness(f"the branch at byte {start} has fewer than two children")
        children: list[bytes | Item | None] = [None] * 16
        for nibble in range(16):
            if opaque >> nibble & 1:
                children[nibble] = self.take(32)
            elif described >> nibble & 1:
                children[nibble] = self.item(position + bytes((nibble,)))
        return tuple(children)
