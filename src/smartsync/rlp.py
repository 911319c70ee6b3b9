"""Recursive length prefix: strict and canonical, in both directions.

::

    first byte   meaning                                         then
    00..7f       a string of this one byte                       -
    80..b7       a string of 0..55 bytes                         the bytes
    b8..bf       a longer string                                 1..8 bytes of length, the bytes
    c0..f7       a list whose items take 0..55 bytes             the items
    f8..ff       a longer list                                   1..8 bytes of length, the items

Every item has exactly one encoding and only that one is accepted: what hashes the same must read the same.
This is not the ``rlp`` package because that one recurses as deep as its input asks it to, and because it cannot decode
one item out of several that stand one after the other.

Source: Yellow Paper, appendix B.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from smartsync.errors import InvalidRlp

Item: TypeAlias = "bytes | list[Item]"
"""What decoding gives: a string, or a list of items."""

Encodable: TypeAlias = "bytes | Sequence[Encodable]"
"""What encoding takes: a string, or any sequence of encodables."""

MAX_DEPTH = 64
"""Lists inside lists that are decoded. Headers nest 1 deep, trie nodes less than 32 (embedded: fewer than 32 bytes)."""

_SHORT = 55


def encode(item: Encodable) -> bytes:
    """Return the canonical encoding of a string or of a list of items."""
    if isinstance(item, (bytes, bytearray, memoryview)):
        data = bytes(item)
        if len(data) == 1 and data[0] < 0x80:
            return data
        return _prefix(len(data), 0x80) + data
    body = b"".join([encode(child) for child in item])
    return _prefix(len(body), 0xC0) + body


def decode(data: bytes) -> Item:
    """Decode exactly one item.

    Raises
    ------
    InvalidRlp
        Where ``data`` is not canonical, ends early, or has bytes after the item.
    """
    item, end = decode_prefix(data, 0)
    if end != len(data):
        raise InvalidRlp(f"{len(data) - end} bytes follow the RLP item that ends at byte {end}")
    return item


def decode_prefix(data: bytes, offset: int = 0) -> tuple[Item, int]:
    """Decode the item that starts at byte ``offset``, and return it with the offset of the byte after it.

    Raises
    ------
    InvalidRlp
        Where the item is not canonical or ends early.
    """
    return _decode(data, offset, len(data), 0)


def encode_int(number: int) -> bytes:
    """Return a scalar's bytes: big-endian, no leading zeros, zero being no bytes. Not RLP-encoded yet.

    Raises
    ------
    InvalidRlp
        Where ``number`` is negative.
    """
    if number < 0:
        raise InvalidRlp(f"{number} is negative and has no RLP encoding")
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def decode_int(data: Item) -> int:
    """Return the number that a scalar's bytes stand for.

    Raises
    ------
    InvalidRlp
        Where ``data`` is a list or has leading zeros.
    """
    if not isinstance(data, bytes):
        raise InvalidRlp("a list stands where a number is expected")
    if data[:1] == b"\x00":
        raise InvalidRlp(f"the number 0x{data[:40].hex()} has leading zeros")
    return int.from_bytes(data, "big")


def _prefix(length: int, base: int) -> bytes:
    if length <= _SHORT:
        return bytes([base + length])
    size = encode_int(length)
    return bytes([base + _SHORT + len(size)]) + size


def _decode(data: bytes, offset: int, limit: int, depth: int) -> tuple[Item, int]:
    """Decode one item that must end at or before ``limit``."""
    if offset >= limit:
        raise InvalidRlp(f"an RLP item is missing at byte {offset}")
    first = data[offset]
    if first < 0x80:
        return data[offset : offset + 1], offset + 1
    start, end = _span(data, offset, limit, 0x80 if first < 0xC0 else 0xC0)
    if first < 0xC0:
        if end - start == 1 and data[start] < 0x80:
            raise InvalidRlp(f"the byte at {start} needs no RLP prefix")
        return data[start:end], end
    if depth == MAX_DEPTH:
        raise InvalidRlp(f"RLP lists are nested deeper than {MAX_DEPTH}")
    items: list[Item] = []
    while start < end:
        item, start = _decode(data, start, end, depth + 1)
        items.append(item)
    return items, end


def _span(data: bytes, offset: int, limit: int, base: int) -> tuple[int, int]:
    """Return where the payload of the item at ``offset`` starts and ends."""
    length = data[offset] - base
    start = offset + 1
    if length > _SHORT:
        size_end = start + length - _SHORT
        if size_end > limit:
            raise InvalidRlp(f"the RLP length at byte {start} ends early")
        if data[start] == 0:
            raise InvalidRlp(f"the RLP length at byte {start} has leading zeros")
        length = int.from_bytes(data[start:size_end], "big")
        if length <= _SHORT:
            raise InvalidRlp(f"the RLP length at byte {start} should be in the prefix")
        start = size_end
    if start + length > limit:
        raise InvalidRlp(f"the RLP item at byte {offset} ends early: {length} bytes wanted, {limit - start} there")
    return start, start + length
