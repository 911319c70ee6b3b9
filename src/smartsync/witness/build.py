"""A witness out of two tries, which may both be partial: what the proofs of the changed slots tell is enough."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from smartsync.errors import IncompleteSlots, InvalidProof, MissingNode
from smartsync.keccak import keccak256
from smartsync.trie.nibbles import KEY_NIBBLES, common_prefix_length, to_nibbles
from smartsync.trie.node import Branch, Extension, Leaf, Node, Opaque, is_embedded, reference, root_hash
from smartsync.trie.proof import decode_storage_value
from smartsync.trie.trie import lookup
from smartsync.types import SlotChange
from smartsync.witness.items import BranchItem, Item, LeafItem, OpaqueItem, WriteItem, encode_witness


@dataclass(frozen=True, slots=True)
class Transition:
    """A step between two storage roots (32 bytes each): its changes in trie-key order and the witness that proves it.

    ``witness`` is empty where nothing changes.
    """

    old_root: bytes
    new_root: bytes
    changes: tuple[SlotChange, ...]
    witness: bytes


def plan_transition(old: Node, new: Node, slots: Iterable[bytes]) -> Transition:
    """Return the transition from one trie to another, whose differences lie in the given 32-byte slots.

    Parameters
    ----------
    old, new
        Tries that reach as far as the slots' proofs (inclusion or exclusion) on their side do.
    slots
        All slots that may differ; those that do not are left out by themselves.

    Raises
    ------
    IncompleteSlots
        The tries differ elsewhere too; tells at which trie-key prefixes.
    MissingNode
        A trie does not reach far enough for one of the slots.
    """
    changes = [(to_nibbles(keccak256(slot)), _change(old, new, slot)) for slot in set(slots)]
    writes = sorted(((key, change) for key, change in changes if change.old != change.new), key=lambda w: w[0])
    builder = _Builder(writes)
    item = builder.describe(old, new, b"", 0, len(writes))
    if builder.open:
        raise IncompleteSlots(builder.open)
    witness = encode_witness(item) if isinstance(item, (WriteItem, LeafItem, OpaqueItem, BranchItem)) else b""
    return Transition(root_hash(old), root_hash(new), tuple(change for _, change in writes), witness if writes else b"")


def open_prefixes(old: Node, new: Node) -> list[bytes]:
    """Return the trie-key prefixes (nibbles, one per byte) at which two tries differ, as deep as both are known."""
    found: list[bytes] = []
    _compare(old, new, b"", found)
    return found


def _change(old: Node, new: Node, slot: bytes) -> SlotChange:
    key = keccak256(slot)
    before, after = (lookup(node, key) for node in (old, new))
    return SlotChange(
        slot,
        decode_storage_value(before) if before is not None else 0,
        decode_storage_value(after) if after is not None else 0,
    )


class _Builder:
    """Describes the union; ``open`` collects where the tries differ without a write."""

    def __init__(self, writes: list[tuple[bytes, SlotChange]]) -> None:
        self.writes = writes
        self.open: list[bytes] = []

    def describe(self, old: Node, new: Node, position: bytes, low: int, high: int) -> bytes | Item | None:
        """Describe the subtries at ``position``, below which the writes from ``low`` to ``high`` lie."""
        if low == high:
            _compare(old, new, position, self.open)
            return None if new is None else _unchanged(new, open_=False)
        key = self.writes[low][0]
        depth = len(position)
        fork = min(
            common_prefix_length(key, self.writes[high - 1][0]),
            *(_reach(node, key, depth, position) for node in (old, new)),
        )
        if fork == KEY_NIBBLES:
            change = self.writes[low][1]
            return WriteItem(change.slot, change.new)
        return self.branch(old, new, key[:fork], depth, low, high)

    def branch(self, old: Node, new: Node, fork: bytes, depth: int, low: int, high: int) -> Item:
        path = fork[depth:]
        olds, news = (_children(node, path) for node in (old, new))
        # The side on which only one child is left has no branch here: that child must be known in the open.
        collapsed = next((side for side in (olds, news) if sum(c is not None for c in side) == 1), None)
        children: list[bytes | Item | None] = []
        start = low
        for nibble in range(16):
            end = start
            while end < high and self.writes[end][0][len(fork)] == nibble:
                end += 1
            child = self.describe(olds[nibble], news[nibble], fork + bytes((nibble,)), start, end)
            if start == end and collapsed is not None and collapsed[nibble] is not None:
                child = _unchanged(collapsed[nibble], open_=True)
            children.append(child)
            start = end
        return BranchItem(path, tuple(children))


def _reach(node: Node, key: bytes, depth: int, position: bytes) -> int:
    """Return how deep the subtrie of ``node`` (at ``depth``) follows ``key`` without a branch."""
    if node is None:
        return KEY_NIBBLES
    if isinstance(node, Opaque):
        raise MissingNode(position)
    if isinstance(node, Branch):
        return depth
    return depth + common_prefix_length(node.path, key[depth:])


def _children(node: Node, path: bytes) -> list[Node]:
    """Return the sixteen subtries of ``node`` one nibble below ``path``, which it follows as far as it goes."""
    if node is None:
        return [None] * 16
    if isinstance(node, Branch):
        return list(node.children)
    if isinstance(node, Opaque):
        raise MissingNode(path)
    if isinstance(node, Extension) and len(node.path) == len(path):
        return _children(node.child, b"")
    children: list[Node] = [None] * 16
    rest = node.path[len(path) + 1 :]
    if isinstance(node, Leaf):
        children[node.path[len(path)]] = Leaf(rest, node.value)
    else:
        children[node.path[len(path)]] = Extension(rest, node.child) if rest else node.child
    return children


def _unchanged(node: Node, *, open_: bool) -> bytes | Item | None:
    """Describe a subtrie that both sides have; in the open also where its hash would do."""
    if isinstance(node, Opaque):
        return node.hash
    if node is None or not (open_ or is_embedded(node)):
        return None if node is None else reference(node)[1:]
    if isinstance(node, Leaf):
        return LeafItem(node.path, decode_storage_value(node.value))
    path, branch = (node.path, node.child) if isinstance(node, Extension) else (b"", node)
    if isinstance(branch, Opaque) or not is_embedded(branch):
        digest = reference(branch)[1:]
        return OpaqueItem(path, digest) if path else digest
    if isinstance(branch, Branch):
        return BranchItem(path, tuple(_unchanged(child, open_=False) for child in branch.children))
    raise InvalidProof("an extension does not lead to a branch")


def _compare(old: Node, new: Node, position: bytes, found: list[bytes]) -> None:
    if old is new or reference(old) == reference(new):
        return
    if isinstance(old, Branch) and isinstance(new, Branch):
        for nibble in range(16):
            _compare(old.children[nibble], new.children[nibble], position + bytes((nibble,)), found)
    elif isinstance(old, Extension) and isinstance(new, Extension) and old.path == new.path:
        _compare(old.child, new.child, position + old.path, found)
    else:
        found.append(position)
