"""Nibbles and the hex-prefix encoding (Yellow Paper, appendix C).

A path is a ``bytes`` object with one nibble (0..15) per byte: slicing and comparing are then what they look like.
"""

from __future__ import annotations

from smartsync.errors import InvalidProof

KEY_NIBBLES = 64
"""Nibbles in a trie key: a keccak-256 has 32 bytes."""

_HIGH = bytes(b >> 4 for b in range(256))
_LOW = bytes(b & 15 for b in range(256))


def to_nibbles(data: bytes) -> bytes:
    """Return the nibbles of ``data``, high one first: twice as many bytes, each 0..15."""
    out = bytearray(2 * len(data))
    out[0::2] = data.translate(_HIGH)
    out[1::2] = data.translate(_LOW)
    return bytes(out)


def to_bytes(nibbles: bytes) -> bytes:
    """Pack an even number of nibbles into half as many bytes."""
    if len(nibbles) % 2:
        raise ValueError("an odd number of nibbles does not fill bytes")
    return bytes(h << 4 | low for h, low in zip(nibbles[0::2], nibbles[1::2], strict=True))


def common_prefix_length(a: bytes, b: bytes) -> int:
    """Return how many leading nibbles ``a`` and ``b`` share."""
    limit = min(len(a), len(b))
    if a[:limit] == b[:limit]:
        return limit
    return next(i for i in range(limit) if a[i] != b[i])


def hex_prefix(path: bytes, *, leaf: bool) -> bytes:
    """Return the compact encoding of ``path`` with the leaf flag.

    ::

        first byte   0 0 L P  x x x x     L: leaf, P: odd length; x: the first nibble where P, else 0
        then         two nibbles a byte
    """
    flag = (2 if leaf else 0) + len(path) % 2
    if len(path) % 2:
        return to_bytes(bytes((flag,)) + path)
    return to_bytes(bytes((flag, 0)) + path)


def decode_hex_prefix(data: bytes) -> tuple[bytes, bool]:
    """Return path and leaf flag of a compact encoding.

    Raises
    ------
    InvalidProof
        Empty, an unknown flag, or padding that is not zero.
    """
    if not data:
        raise InvalidProof("a trie node has an empty path encoding")
    nibbles = to_nibbles(data)
    flag = nibbles[0]
    if flag > 3:
        raise InvalidProof(f"a trie node has the unknown path flag {flag}")
    if flag % 2:
        return nibbles[1:], flag >= 2
    if nibbles[1]:
        raise InvalidProof("a trie node's path is padded with a nibble that is not zero")
    return nibbles[2:], flag >= 2
