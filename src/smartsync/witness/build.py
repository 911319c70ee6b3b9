"""A witness out of two tries, which may both be partial: what the proofs of the changed slots tell is enough."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from smartsync.errors import IncompleteSlots, InvalidWitness, MissingNode
from smartsync.keccak import keccak256
from smartsync.trie.nibbles import KEY_NIBBLES, common_prefix_length, to_bytes, to_nibbles
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
    InvalidWitness
        A branch that has to be told of has under 32 bytes: keys below it share 56 nibbles, which nobody can make.
    """
    changes = [(to_nibbles(keccak256(slot)), _change(old, new, slot)) for slot in set(slots)]
    writes = sorted(((key, change) for key, change in changes if change.old != change.new), key=lambda w: w[0])
    builder = _Builder(writes)
    if writes:
        builder.describe(old, new, b"", 0, len(writes))
    else:
        _compare(old, new, b"", builder.open)
    if builder.open:
        raise IncompleteSlots(builder.open)
    changed = tuple(change for _, change in writes)
    return Transition(root_hash(old), root_hash(new), changed, encode_witness(builder.items))


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
    """Describes the union: ``items`` in the order of a witness, ``open`` where the tries differ without a write."""

    def __init__(self, writes: list[tuple[bytes, SlotChange]]) -> None:
        self.writes = writes
        self.items: list[Item] = []
        self.open: list[bytes] = []

    def describe(self, old: Node, new: Node, position: bytes, low: int, high: int) -> None:
        """Describe the subtries at ``position``, below which the writes from ``low`` to ``high`` lie: one or more."""
        key = self.writes[low][0]
        depth = len(position)
        fork = min(
            common_prefix_length(key, self.writes[high - 1][0]),
            *(_reach(node, key, depth, position) for node in (old, new)),
        )
        if fork < KEY_NIBBLES:
            self.branch(old, new, key[:fork], depth, low, high)
        else:
            change = self.writes[low][1]
            self.items.append(WriteItem(change.slot, change.new))

    def branch(self, old: Node, new: Node, fork: bytes, depth: int, low: int, high: int) -> None:
        olds, news = (_children(node, fork, depth) for node in (old, new))
        # A side on which only one child is left has no branch here: that child must be known in the open.
        lone = next((side for side in (olds, news) if sum(c is not None for c in side) == 1), None)
        opaque: dict[int, bytes] = {}
        start = low
        for nibble in range(16):
            position = fork + bytes((nibble,))
            end = start
            while end < high and self.writes[end][0][len(fork)] == nibble:
                end += 1
            if end > start:
                self.describe(olds[nibble], news[nibble], position, start, end)
            else:
                _compare(olds[nibble], news[nibble], position, self.open)
                only = lone[nibble] if lone is not None else None
                digest = self.unchanged(only or news[nibble], position, in_the_open=only is not None)
                if digest is not None:
                    opaque[nibble] = digest
            start = end
        self.items.append(BranchItem(len(fork), opaque))

    def unchanged(self, node: Node, position: bytes, *, in_the_open: bool) -> bytes | None:
        """Describe a subtrie that both sides have; return its hash where that is all that its parent needs to tell."""
        if node is None or isinstance(node, Opaque):
            return None if node is None else node.hash
        if not in_the_open and not is_embedded(node):
            return reference(node)[1:]
        if isinstance(node, Leaf):
            self.items.append(LeafItem(to_bytes(position + node.path), decode_storage_value(node.value)))
            return None
        path, branch = (node.path, node.child) if isinstance(node, Extension) else (b"", node)
        if is_embedded(branch):
            raise embedded_branch(position + path)
        digest = reference(branch)[1:]
        if not path:
            return digest
        self.items.append(OpaqueItem(position + path, digest))
        return None


def _reach(node: Node, key: bytes, depth: int, position: bytes) -> int:
    """Return how deep the subtrie of ``node`` (at ``depth``) follows ``key`` without a branch."""
    if node is None:
        return KEY_NIBBLES
    if isinstance(node, Opaque):
        raise MissingNode(position)
    if isinstance(node, Branch):
        return depth
    return depth + common_prefix_length(node.path, key[depth:])


def _children(node: Node, fork: bytes, depth: int) -> list[Node]:
    """Return the sixteen subtries of ``node`` (at ``depth``) one nibble below ``fork``, which it follows so far."""
    if node is None:
        return [None] * 16
    if isinstance(node, Opaque):
        raise MissingNode(fork)
    if isinstance(node, Branch):
        if is_embedded(node):
            raise embedded_branch(fork)
        return list(node.children)
    below = len(fork) - depth
    if isinstance(node, Extension) and len(node.path) == below:
        return _children(node.child, fork, len(fork))
    children: list[Node] = [None] * 16
    rest = node.path[below + 1 :]
    if isinstance(node, Leaf):
        children[node.path[below]] = Leaf(rest, node.value)
    else:
        children[node.path[below]] = Extension(rest, node.child) if rest else node.child
    return children


def embedded_branch(position: bytes) -> InvalidWitness:
    """Return the error of a branch that has to be told of and has no hash; ``position``: the nibbles above it."""
    shown = "".join(f"{nibble:x}" for nibble in position)
    return InvalidWitness(f"the branch at trie-key prefix 0x{shown} has under 32 bytes, which no witness can tell of")


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
