"""Both roots of a witness: the specification that ``TransitionEngine.sol`` mirrors.

A stack machine. A write, a leaf and an opaque branch push a pending subtrie; a branch of the union joins those at the
top that lie below it into one. There each side counts its children: none makes nothing, one alone is handed upwards,
two or more are a branch node. So inserts, deletes, splits, collapses, growth from and to the empty trie are one rule.

Why the result can be believed: hashes of nodes commit to everything below them; what is not written stands at the same
position on both sides; so two tries with these roots differ in exactly the written slots. A hash that is handed upwards
is taken for a branch's. Were it another node's, the root would be one that no trie has.
(``docs/explain/how-a-transition-is-proven.md``)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableSequence, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from smartsync.errors import InvalidWitness
from smartsync.keccak import keccak256
from smartsync.trie.nibbles import to_nibbles
from smartsync.trie.node import Branch, Node, Opaque, is_embedded, root_hash
from smartsync.types import SlotChange
from smartsync.witness.items import BranchItem, Item, LeafItem, OpaqueItem, WriteItem, read_items
from smartsync.witness.pending import Pending, Side, branch_side, decode_pending, encode_pending, leaf_side

Storage = Callable[[bytes], int]
"""The replica's storage: a 32-byte slot's value now."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a witness says: 32-byte roots before and after, and the writes in trie-key order."""

    old_root: bytes
    new_root: bytes
    writes: tuple[SlotChange, ...]


@dataclass(frozen=True, slots=True)
class WalkState:
    """How far the walk over a witness has come, where it is done in parts.

    ``pending``: the subtries that wait for the branch above them, bottom of the stack first, as ``encode_pending`` has
    them. ``writes_hash``: commits to all writes so far in their order, keccak-256 of (the one before, slot, new value),
    32 bytes each.
    """

    pending: bytes
    writes_hash: bytes


START = WalkState(b"", bytes(32))
"""Nothing walked yet."""


class Move(NamedTuple):
    """What one item did: it took subtries from the stack (a branch only; the topmost first), and pushed one.

    ``change`` is what a write does, else None.
    """

    item: Item
    taken: Sequence[Pending]
    pushed: Pending
    change: SlotChange | None = None


def evaluate(witness: bytes, storage: Storage) -> Evaluation:
    """Compute what the target chain computes from a witness in one transaction.

    Parameters
    ----------
    witness
        Calldata as of ``encode_witness``.
    storage
        The replica's storage: a 32-byte slot's value now.

    Raises
    ------
    InvalidWitness
        As ``advance`` and ``conclude``.
    """
    stack: list[Pending] = []
    writes = _walk(witness, stack, storage)
    return Evaluation(*_roots(stack), tuple(writes))


def advance(state: WalkState, witness: bytes, storage: Storage) -> WalkState:
    """Walk the next part of a witness, as ``prove`` does on the target chain. From ``START`` on for the first part.

    Parameters
    ----------
    witness
        The part: whole items (``split_witness``).
    storage
        The replica's storage: a 32-byte slot's value, before any of the witness's writes.

    Raises
    ------
    InvalidWitness
        An item is malformed (see ``decode_witness``), a branch does not fit what it joins, or a write changes nothing.
    """
    stack = decode_pending(state.pending)
    writes_hash = state.writes_hash
    for change in _walk(witness, stack, storage):
        writes_hash = keccak256(writes_hash + change.slot + change.new.to_bytes(32, "big"))
    return WalkState(encode_pending(stack), writes_hash)


def conclude(state: WalkState) -> tuple[bytes, bytes]:
    """Return the old and the new root, 32 bytes each, of a witness walked to its end.

    Raises
    ------
    InvalidWitness
        It is not at its end: there is not one subtrie left.
    """
    return _roots(decode_pending(state.pending))


def moves(witness: bytes, stack: MutableSequence[Pending], storage: Storage) -> Iterator[Move]:
    """Let the items work on the stack, one after the other, and yield what each did.

    Raises
    ------
    InvalidWitness
        As ``advance``, where it gets there.
    """
    for offset, item in read_items(witness):
        move = _move(item, stack, storage, offset)
        stack.append(move.pushed)
        yield move


def _walk(witness: bytes, stack: list[Pending], storage: Storage) -> list[SlotChange]:
    """Let the items work on the stack; return the writes among them."""
    return [move.change for move in moves(witness, stack, storage) if move.change is not None]


def _move(item: Item, stack: MutableSequence[Pending], storage: Storage, offset: int) -> Move:
    if isinstance(item, WriteItem):
        change = SlotChange(item.slot, storage(item.slot), item.value)
        return Move(item, (), _write(change), change)
    if isinstance(item, LeafItem):
        side = leaf_side(to_nibbles(item.key), item.value)
        return Move(item, (), Pending(side, side, _byte_length(item.value)))
    if isinstance(item, OpaqueItem):
        side = branch_side(item.path, item.hash)
        return Move(item, (), Pending(side, side))
    taken = _taken(item, stack, offset)
    return Move(item, taken, _join(item, taken, offset))


def _write(change: SlotChange) -> Pending:
    if change.old == change.new:
        raise InvalidWitness(f"the write of slot 0x{change.slot.hex()} changes nothing")
    key = to_nibbles(keccak256(change.slot))
    return Pending(leaf_side(key, change.old), leaf_side(key, change.new), _byte_length(change.new))


def _byte_length(value: int) -> int:
    return (value.bit_length() + 7) // 8


def _taken(branch: BranchItem, stack: MutableSequence[Pending], offset: int) -> list[Pending]:
    """Take from the stack what a branch joins, the topmost first: all whose keys begin as the topmost's does."""
    if not stack:
        raise InvalidWitness(f"the branch at byte {offset} has nothing to join")
    prefix = stack[-1].key[: branch.depth]
    taken: list[Pending] = []
    while stack and stack[-1].key.startswith(prefix):
        entry = stack.pop()
        nibble = entry.key[branch.depth]
        if taken and nibble >= taken[-1].key[branch.depth]:
            raise InvalidWitness(f"the branch at byte {offset} joins subtries that are not in the order of their keys")
        if nibble in branch.opaque:
            raise InvalidWitness(f"the branch at byte {offset} has a child that is both opaque and a pending subtrie")
        if not entry.is_below(branch.depth):
            raise InvalidWitness(f"the branch at byte {offset} joins a subtrie that does not lie below it")
        taken.append(entry)
    if len(taken) + len(branch.opaque) < 2:
        raise InvalidWitness(f"the branch at byte {offset} has fewer than two children")
    return taken


def _join(branch: BranchItem, taken: Sequence[Pending], offset: int) -> Pending:
    top = taken[0].key
    olds = {entry.key[branch.depth]: entry.old for entry in taken if entry.old.is_there}
    news = {entry.key[branch.depth]: entry.new for entry in taken if entry.new.is_there}
    lone_old, lone_new = (_lone(branch, top, children, offset) for children in (olds, news))
    # Of nothing, and of a branch at this place, each key below is a key: they take that of the side that has its own.
    key = next((lone.key for lone in (lone_old, lone_new) if lone), top)
    return Pending(lone_old or _made(branch, key, olds, offset), lone_new or _made(branch, key, news, offset))


def _lone(branch: BranchItem, key: bytes, children: Mapping[int, Side], offset: int) -> Side | None:
    """Return the one child that a side has: this side is no branch, and hands it upwards."""
    if len(branch.opaque) + len(children) != 1:
        return None
    for nibble, digest in branch.opaque.items():
        if not any(digest):
            # On the chain a word of zeros says that nothing is there.
            raise InvalidWitness(f"the branch at byte {offset} hands a hash of zeros upwards")
        return branch_side(key[: branch.depth] + bytes((nibble,)), digest)
    return next(iter(children.values()))


def _made(branch: BranchItem, key: bytes, children: Mapping[int, Side], offset: int) -> Side:
    """Return the side that has no child here, or the branch of two and more."""
    if not branch.opaque and not children:
        return leaf_side(key, 0)
    nodes: dict[int, Node] = {nibble: Opaque(digest) for nibble, digest in branch.opaque.items()}
    nodes |= {nibble: side.hung(branch.depth + 1) for nibble, side in children.items()}
    node = Branch(tuple(nodes.get(nibble) for nibble in range(16)))
    if is_embedded(node):
        raise InvalidWitness(f"the branch at byte {offset} has a node of fewer than 32 bytes, which has no hash")
    return Side(key, branch.depth, root_hash(node))


def _roots(stack: Sequence[Pending]) -> tuple[bytes, bytes]:
    if len(stack) != 1:
        raise InvalidWitness(f"the witness leaves {len(stack)} subtries at its end, not one")
    return root_hash(stack[0].old.hung(0)), root_hash(stack[0].new.hung(0))
