"""Nodes of a Merkle-Patricia trie whose keys all have 64 nibbles, as immutable values (Yellow Paper, appendix D).

Immutable, so that two tries which differ a little share all the rest, and so that a node's encoding is computed once.
A branch's own value is always empty here: no key is another key's prefix.
"""

from __future__ import annotations

from typing import TypeAlias

from smartsync.keccak import keccak256
from smartsync.trie.nibbles import hex_prefix
from smartsync.types import EMPTY_ROOT


class _Hashed:
    """A node whose reference is computed once."""

    __slots__ = ("_reference",)

    _reference: bytes | None

    def known_by(self, digest: bytes) -> None:
        """Take the hash (32 bytes) of the node's encoding from whoever has just computed it."""
        self._reference = b"\xa0" + digest


class Leaf(_Hashed):
    """One key: ``path`` is what is left of it here, ``value`` the bytes stored (for a slot, RLP of its value)."""

    __slots__ = ("path", "value")

    def __init__(self, path: bytes, value: bytes) -> None:
        self.path = path
        self.value = value
        self._reference = None


class Extension(_Hashed):
    """A run of nibbles that all keys below share, then a branch (or its hash)."""

    __slots__ = ("child", "path")

    def __init__(self, path: bytes, child: Branch | Opaque) -> None:
        self.path = path
        self.child = child
        self._reference = None


class Branch(_Hashed):
    """Sixteen children, at least two of them there."""

    __slots__ = ("children",)

    def __init__(self, children: tuple[Node, ...]) -> None:
        self.children = children
        self._reference = None


class Opaque:
    """A subtrie of which only the 32-byte hash is known."""

    __slots__ = ("hash",)

    def __init__(self, hash: bytes) -> None:
        self.hash = hash


Node: TypeAlias = Leaf | Extension | Branch | Opaque | None
"""A subtrie; ``None`` is the empty one."""


# Looked up, since to make them takes as long as all the rest, and each leaf needs three.
_SHORT_STRING = tuple(bytes((0x80 + size,)) for size in range(56))
_SHORT_LIST = tuple(bytes((0xC0 + size,)) for size in range(56))
_LIST = tuple(bytes((0xF8, size)) for size in range(256))


def encode_string(data: bytes) -> bytes:
    """RLP of a string shorter than 256 bytes: no value or path in a trie is longer (an account has at most 110)."""
    size = len(data)
    if size == 1 and data[0] < 0x80:
        return data
    return _SHORT_STRING[size] + data if size < 56 else bytes((0xB8, size)) + data


def encode_list(payload: bytes) -> bytes:
    """RLP of a list whose items, already encoded, are ``payload`` (shorter than 65,536 bytes)."""
    size = len(payload)
    if size < 56:
        return _SHORT_LIST[size] + payload
    if size < 256:
        return _LIST[size] + payload
    return b"\xf9" + size.to_bytes(2, "big") + payload


def encode(node: Leaf | Extension | Branch) -> bytes:
    """Return the RLP of a node."""
    if isinstance(node, Leaf):
        return encode_list(encode_string(hex_prefix(node.path, leaf=True)) + encode_string(node.value))
    if isinstance(node, Extension):
        return encode_list(encode_string(hex_prefix(node.path, leaf=False)) + reference(node.child))
    return encode_list(b"".join(map(reference, node.children)) + b"\x80")


def reference(node: Node) -> bytes:
    """Return how a parent refers to ``node``: RLP of its hash, or the node's own RLP where that has under 32 bytes."""
    if node is None:
        return b"\x80"
    if isinstance(node, Opaque):
        return b"\xa0" + node.hash
    if node._reference is None:
        raw = encode(node)
        node._reference = raw if len(raw) < 32 else b"\xa0" + keccak256(raw)
    return node._reference


def root_hash(node: Node) -> bytes:
    """Return the 32-byte root of the trie whose root node is ``node``: always a hash, also of a short node."""
    if node is None:
        return EMPTY_ROOT
    ref = reference(node)
    return ref[1:] if len(ref) == 33 else keccak256(ref)


def is_embedded(node: Node) -> bool:
    """Whether a parent holds the node's RLP itself instead of its hash."""
    return node is not None and len(reference(node)) < 33
