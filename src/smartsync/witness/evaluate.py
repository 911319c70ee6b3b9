"""Both roots of a witness: the specification that ``TransitionEngine.sol`` mirrors.

One walk gives, for each item, a subtrie on the old and one on the new side, both *lazy*: a leaf or a branch does not
know yet how much of its path its own node will carry, because the branch above may not exist on its side. At a branch
of the union each side counts its children: none makes nothing, one alone is handed upwards, two or more are a branch.
So inserts, deletes, splits, collapses, growth from and to the empty trie are one rule.

Why the result can be believed: hashes of nodes commit to everything below them; an opaque hash stands at the same
position on both sides; so two tries with these roots differ in exactly the written slots. A hash that is handed upwards
is taken for a branch's. Were it another node's, the root would be one that no trie has.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from smartsync.errors import InvalidWitness
from smartsync.keccak import keccak256
from smartsync.trie.nibbles import to_nibbles
from smartsync.trie.node import Branch, Extension, Leaf, Node, Opaque, root_hash
from smartsync.trie.trie import storage_value
from smartsync.types import SlotChange
from smartsync.witness.items import Item, LeafItem, OpaqueItem, WriteItem, decode_witness


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a witness says: 32-byte roots before and after, and the writes in trie-key order."""

    old_root: bytes
    new_root: bytes
    writes: tuple[SlotChange, ...]


def evaluate(witness: bytes, storage: Callable[[bytes], int]) -> Evaluation:
    """Compute what the target chain computes.

    Parameters
    ----------
    witness
        Calldata as of ``encode_witness``.
    storage
        The replica's storage: a 32-byte slot's value now.

    Raises
    ------
    InvalidWitness
        Malformed (see ``decode_witness``), a slot at a position that is not its key's, or a write that changes nothing.
    """
    writes: list[SlotChange] = []
    old, new = _walk(decode_witness(witness), b"", storage, writes)
    return Evaluation(root_hash(old), root_hash(new), tuple(writes))


def _walk(item: Item, position: bytes, storage: Callable[[bytes], int], writes: list[SlotChange]) -> tuple[Node, Node]:
    if isinstance(item, WriteItem):
        return _write(item, position, storage, writes)
    if isinstance(item, LeafItem):
        leaf = Leaf(item.path, storage_value(item.value))
        return leaf, leaf
    if isinstance(item, OpaqueItem):
        node = _hang(item.path, Opaque(item.hash))
        return node, node
    below = position + item.path
    sides: tuple[list[Node], list[Node]] = ([], [])
    for nibble, child in enumerate(item.children):
        old, new = _child(child, below + bytes((nibble,)), storage, writes)
        sides[0].append(old)
        sides[1].append(new)
    return _join(item.path, sides[0]), _join(item.path, sides[1])


def _child(
    child: bytes | Item | None, position: bytes, storage: Callable[[bytes], int], writes: list[SlotChange]
) -> tuple[Node, Node]:
    if child is None:
        return None, None
    if isinstance(child, bytes):
        return Opaque(child), Opaque(child)
    return _walk(child, position, storage, writes)


def _write(
    item: WriteItem, position: bytes, storage: Callable[[bytes], int], writes: list[SlotChange]
) -> tuple[Node, Node]:
    path = to_nibbles(keccak256(item.slot))
    if not path.startswith(position):
        raise InvalidWitness(f"slot 0x{item.slot.hex()} does not belong at depth {len(position)} of its write")
    change = SlotChange(item.slot, storage(item.slot), item.value)
    if change.old == change.new:
        raise InvalidWitness(f"the write of slot 0x{item.slot.hex()} changes nothing")
    writes.append(change)
    rest = path[len(position) :]
    old, new = (Leaf(rest, storage_value(value)) if value else None for value in (change.old, change.new))
    return old, new


def _join(path: bytes, children: list[Node]) -> Node:
    """Return one side's subtrie of a branch of the union that hangs ``path`` below its position."""
    present = [nibble for nibble, child in enumerate(children) if child is not None]
    if not present:
        return None
    if len(present) == 1:
        return _hang(path + bytes((present[0],)), children[present[0]])
    return _hang(path, Branch(tuple(children)))


def _hang(path: bytes, node: Node) -> Node:
    """Return a subtrie hung ``path`` higher; a bare hash is a branch's."""
    if isinstance(node, Leaf):
        return Leaf(path + node.path, node.value)
    if isinstance(node, Extension):
        return Extension(path + node.path, node.child)
    return Extension(path, node) if path and node is not None else node
