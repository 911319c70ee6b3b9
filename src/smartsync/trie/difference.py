"""Where two tries differ, as far as both are known."""

from __future__ import annotations

from dataclasses import dataclass, field

from smartsync.trie.nibbles import to_bytes
from smartsync.trie.node import Branch, Extension, Leaf, Node, Opaque, reference
from smartsync.trie.proof import decode_storage_value


@dataclass(frozen=True, slots=True)
class Closed:
    """A position (nibbles, one per byte) below which two tries differ, and on which side only a hash is known."""

    position: bytes
    in_old: bool
    in_new: bool


@dataclass(slots=True)
class Difference:
    """What is different between two storage tries.

    ``changed``: 32-byte trie key to the values before and after, 0 where there is none. ``closed``: what else differs,
    below nodes that are not known; in the order of the positions.
    """

    changed: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    closed: list[Closed] = field(default_factory=list)


def difference(old: Node, new: Node) -> Difference:
    """Return in which trie keys two storage tries differ, and where more has to be known of them to tell.

    Raises
    ------
    InvalidProof
        A leaf that differs does not hold a number from 1 to 2^256 - 1.
    NonCanonicalTrie
        It holds a zero.
    """
    found = Difference()
    _descend(old, new, b"", found)
    return found


def _descend(old: Node, new: Node, position: bytes, found: Difference) -> None:
    # The same reference at the same place is the same content: a trie has one form.
    if old is new or reference(old) == reference(new):
        return
    if isinstance(old, Opaque) or isinstance(new, Opaque):
        found.closed.append(Closed(position, isinstance(old, Opaque), isinstance(new, Opaque)))
    elif isinstance(old, Leaf | None) and isinstance(new, Leaf | None):
        _leaves(old, new, position, found)
    else:
        for nibble in range(16):
            _descend(_below(old, nibble), _below(new, nibble), position + bytes((nibble,)), found)


def _leaves(old: Leaf | None, new: Leaf | None, position: bytes, found: Difference) -> None:
    before, after = (
        {} if leaf is None else {to_bytes(position + leaf.path): decode_storage_value(leaf.value)}
        for leaf in (old, new)
    )
    for key in before.keys() | after.keys():
        found.changed[key] = before.get(key, 0), after.get(key, 0)


def _below(node: Leaf | Extension | Branch | None, nibble: int) -> Node:
    """Return what a trie holds below a nibble, as it would hang there."""
    if node is None or isinstance(node, Branch):
        return None if node is None else node.children[nibble]
    if node.path[0] != nibble:
        return None
    rest = node.path[1:]
    if isinstance(node, Leaf):
        return Leaf(rest, node.value)
    return Extension(rest, node.child) if rest else node.child
