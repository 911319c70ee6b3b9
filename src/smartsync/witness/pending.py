"""A pending subtrie: what a part of the witness came to on either side, and waits for the branch above it.

Both sides are *lazy*. What a node's bytes are depends on what is above: a leaf carries the rest of its key, which is
longer if the branch above does not exist on its side, and a branch that hangs higher needs an extension. So a side is
kept as a leaf with its whole key, as a branch at its place with its hash, or as nothing, and becomes a node only when
its parent does.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from smartsync.errors import InvalidWitness
from smartsync.trie.nibbles import KEY_NIBBLES, to_bytes, to_nibbles
from smartsync.trie.node import Extension, Leaf, Node, Opaque
from smartsync.trie.trie import storage_value

WORD = 32
ENTRY_SIZE = 5 * WORD
"""Bytes of an encoded pending subtrie."""


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a pending subtrie.

    ``key``: 64 nibbles of any trie key below. ``depth``: 64 for a leaf or nothing, else the branch's, in nibbles from
    the root. ``word``: a leaf's value, a branch's hash, or zeros where there is nothing; 32 bytes.
    """

    key: bytes
    depth: int
    word: bytes

    @property
    def is_there(self) -> bool:
        """Whether there is anything on this side."""
        return any(self.word)

    def hung(self, depth: int) -> Node:
        """Return the node for a parent that refers to it at ``depth``; a branch's is known by its hash alone."""
        if not self.is_there:
            return None
        path = self.key[depth : self.depth]
        if self.depth == KEY_NIBBLES:
            return Leaf(path, storage_value(int.from_bytes(self.word, "big")))
        return Extension(path, Opaque(self.word)) if path else Opaque(self.word)


def leaf_side(key: bytes, value: int) -> Side:
    """Return the leaf with this key of 64 nibbles, or nothing where the value is 0."""
    return Side(key, KEY_NIBBLES, value.to_bytes(WORD, "big"))


def branch_side(path: bytes, digest: bytes) -> Side:
    """Return the branch ``path`` below the root whose node has this hash."""
    return Side(path.ljust(KEY_NIBBLES, b"\0"), len(path), digest)


@dataclass(frozen=True, slots=True)
class Pending:
    """A pending subtrie.

    The sides' keys differ only where each side is what another child left over. ``size`` is the byte length of the new
    value where an item has just told it, else 0: it saves the engine counting, and says nothing.
    """

    old: Side
    new: Side
    size: int = 0

    @property
    def key(self) -> bytes:
        """64 nibbles of the key by which it is joined."""
        return self.old.key

    def is_below(self, depth: int) -> bool:
        """Whether a branch at ``depth`` can be above it: above its branches, and where its sides have one key still."""
        above = depth + 1
        return min(self.old.depth, self.new.depth) > depth and self.old.key[:above] == self.new.key[:above]


def encode_pending(entries: Iterable[Pending]) -> bytes:
    """Return pending subtries as the chain has them, 160 bytes each.

    ::

        word 0   a trie key below: the old side's, and the new side's too unless flagged
        word 1   old side: value or hash, 0 where there is nothing
        word 2   new side: likewise
        word 3   flag << 24 | size << 16 | old side's depth << 8 | new side's depth
        word 4   the new side's key where the flag is 1, else 0
    """
    return b"".join(map(_encode, entries))


def decode_pending(data: bytes) -> list[Pending]:
    """Return the pending subtries that ``encode_pending`` encoded. What they say is taken as it is.

    Raises
    ------
    InvalidWitness
        Not a multiple of 160 bytes.
    """
    if len(data) % ENTRY_SIZE:
        raise InvalidWitness(f"{len(data)} bytes are no pending subtries, which have {ENTRY_SIZE} bytes each")
    return [_decode(data[start : start + ENTRY_SIZE]) for start in range(0, len(data), ENTRY_SIZE)]


def _encode(entry: Pending) -> bytes:
    old, new = entry.old, entry.new
    flag = old.key != new.key
    meta = bytes((flag, entry.size, old.depth, new.depth)).rjust(WORD, b"\0")
    return to_bytes(old.key) + old.word + new.word + meta + (to_bytes(new.key) if flag else bytes(WORD))


def _decode(data: bytes) -> Pending:
    key, old, new, meta, other = (data[start : start + WORD] for start in range(0, ENTRY_SIZE, WORD))
    flag, size, old_depth, new_depth = meta[-4:]
    old_key = to_nibbles(key)
    new_key = to_nibbles(other) if flag else old_key
    return Pending(Side(old_key, old_depth, old), Side(new_key, new_depth, new), size)
