"""A trie whose keys come in their order: only its right edge is kept, the rest is known by what its parents hold of it.

Between two keys that follow each other everything left of where they part is finished. So a root of any number of slots
needs no nodes, only the branches on the way to the last key: some six for a million slots.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from smartsync.keccak import keccak256
from smartsync.trie.nibbles import hex_prefix, to_nibbles
from smartsync.trie.node import encode_list, encode_string
from smartsync.types import EMPTY_ROOT

Reference: TypeAlias = tuple[int, bytes]
"""A finished branch: its depth in nibbles, and how a parent right above refers to it (RLP: a hash, or the node)."""

_NOTHING = b"\x80"

_ODD = tuple(bytes((0x30 | nibble,)) for nibble in range(16))
"""First byte of a leaf's path of an odd number of nibbles, by the first of them (`hex_prefix`)."""


class Frontier:
    """The right edge of a trie. A new one is of the empty trie.

    ``key`` (32 bytes) and ``value`` (as a leaf holds it) are the last pair, both empty where there is none. ``open``
    are the branches above it, the highest first, each as its depth and the sixteen references that it holds: the one on
    the way to ``key`` is not known yet, nor are those after it, and they stand as nothing.
    """

    __slots__ = ("key", "open", "value")

    def __init__(self) -> None:
        self.key = self.value = b""
        self.open: list[tuple[int, list[bytes]]] = []

    def copy(self) -> Frontier:
        """Return a frontier that goes its own way."""
        other = Frontier()
        other.key, other.value = self.key, self.value
        other.open = [(depth, children.copy()) for depth, children in self.open]
        return other

    def push(self, key: bytes, value: bytes) -> Sequence[Reference]:
        """Add a pair behind all others.

        Parameters
        ----------
        key
            Trie key of 32 bytes, above ``self.key``.
        value
            What the leaf holds; of a slot as ``storage_value`` has it.

        Returns
        -------
        The branches that are finished by it, the lowest first.

        Raises
        ------
        ValueError
            The key does not lie above the last one.
        """
        if key <= self.key:
            raise ValueError("the keys of a frontier come in their order, each once")
        closed: Sequence[Reference] = ()
        if self.key:
            parted = (256 - (int.from_bytes(self.key, "big") ^ int.from_bytes(key, "big")).bit_length()) >> 2
            above = self.open[-1][0] if self.open else -1
            if above > parted:
                below, closed = self._close(parted)
                above = self.open[-1][0] if self.open else -1
            else:
                below = _leaf(self.key, parted + 1, self.value)
            if above < parted:
                self.open.append((parted, [_NOTHING] * 16))
            self.open[-1][1][_nibble(self.key, parted)] = below
        self.key, self.value = key, value
        return closed

    def root(self) -> bytes:
        """Return the 32-byte root of the trie as it is now."""
        return self.conclude()[0]

    def conclude(self) -> tuple[bytes, Sequence[Reference]]:
        """Return the root of the trie as it is now, and the branches that are open, finished, the lowest first."""
        if not self.key:
            return EMPTY_ROOT, ()
        below, closed = self.copy()._close(-1)
        return below[1:] if len(below) == 33 else keccak256(below), closed

    def _close(self, depth: int) -> tuple[bytes, Sequence[Reference]]:
        """Finish all branches below ``depth``: return the reference to the highest from there, and all of them."""
        above = self.open[-1][0] if self.open else -1
        if above <= depth:
            return _leaf(self.key, depth + 1, self.value), ()
        closed = []
        below = _leaf(self.key, above + 1, self.value)
        while above > depth:
            at, children = self.open.pop()
            children[_nibble(self.key, at)] = below
            reference = _reference(b"".join(children) + _NOTHING)
            closed.append((at, reference))
            above = self.open[-1][0] if self.open else -1
            below = _hung(self.key, max(above, depth) + 1, at, reference)
        return below, closed


def root_of(items: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return what ``root_hash(build(items))`` gives, without the nodes.

    Parameters
    ----------
    items
        Pairs of a 32-byte trie key and a value; of the same key twice the last one counts.
    """
    frontier = Frontier()
    values = dict(items)
    # The keys alone: a million pairs would keep the garbage collector busy for as long as the hashing.
    for key in sorted(values):
        frontier.push(key, values[key])
    return frontier.root()


def _nibble(key: bytes, depth: int) -> int:
    return key[depth >> 1] & 15 if depth & 1 else key[depth >> 1] >> 4


def _leaf(key: bytes, depth: int, value: bytes) -> bytes:
    """Return the reference of this key's leaf that hangs at ``depth``; the path is packed as by ``hex_prefix``."""
    half = depth >> 1
    path = _ODD[key[half] & 15] + key[half + 1 :] if depth & 1 else b"\x20" + key[half:]
    return _reference(encode_string(path) + encode_string(value))


def _hung(key: bytes, depth: int, at: int, reference: bytes) -> bytes:
    """Return how a parent refers at ``depth`` to the branch at ``at``: by an extension where that is deeper."""
    if at == depth:
        return reference
    return _reference(encode_string(hex_prefix(to_nibbles(key)[depth:at], leaf=False)) + reference)


def _reference(payload: bytes) -> bytes:
    raw = encode_list(payload)
    return raw if len(raw) < 32 else b"\xa0" + keccak256(raw)
