"""The union of two tries as a witness describes it, as a tree to be looked at: what was opaque, what was written.

It is made by the very walk that computes the roots (`smartsync.witness.moves`), so what is drawn is what was proven.

==================  ===============================================================================================
`Written`           a slot and its new value, and the old one where it is known
`Kept`              an unchanged leaf that stands in the open
`Closed`            an unchanged subtrie of which only the hash is told: a branch's child, or a branch in the open
`Left`              what an earlier part of the witness came to, where it was proven in parts
`Fork`              a position at which keys of the union part, its children in the order of their nibbles
==================  ===============================================================================================
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeAlias

from smartsync.errors import InvalidWitness
from smartsync.keccak import keccak256
from smartsync.trie.nibbles import common_prefix_length, to_nibbles
from smartsync.witness import (
    BranchItem,
    LeafItem,
    Move,
    OpaqueItem,
    WalkState,
    WriteItem,
    conclude,
    decode_witness,
    moves,
)
from smartsync.witness.pending import Pending, Side, decode_pending, encode_pending

Kind: TypeAlias = Literal["insert", "update", "delete", "write"]

_STAND_INS = (2**256 - 1, 2**256 - 2)
"""Old values that are taken where none is told: the new side does not depend on them, and no node of them is short."""


@dataclass(frozen=True, slots=True)
class Written:
    """A slot (32 bytes) that gets ``new``. ``old`` is ``None`` where it is not known. ``key``: 64 nibbles."""

    key: bytes
    slot: bytes
    old: int | None
    new: int

    @property
    def kind(self) -> Kind:
        """What it does in the trie; ``write`` where the old value is not known and the new one is not 0."""
        if self.new == 0:
            return "delete"
        return "write" if self.old is None else "update" if self.old else "insert"


@dataclass(frozen=True, slots=True)
class Kept:
    """A leaf that both tries have: its key of 64 nibbles and its value."""

    key: bytes
    value: int


@dataclass(frozen=True, slots=True)
class Closed:
    """A subtrie that both tries have: the nibbles above it, and its 32-byte hash."""

    path: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class Left:
    """What an earlier part left: a key of 64 nibbles below it, and whether it is there before and after."""

    key: bytes
    was: bool
    is_now: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one side is at a fork: ``children`` counts those it has there.

    Two and more are a branch, whose 32-byte ``hash`` is told where it is known; one alone is handed upwards.
    """

    children: int
    hash: bytes | None


@dataclass(frozen=True, slots=True)
class Fork:
    """A position: the nibbles above it, and its children. ``before`` and ``after`` are ``None`` where not known."""

    path: bytes
    children: tuple[Drawn, ...]
    before: Outcome | None
    after: Outcome | None

    @property
    def depth(self) -> int:
        """Nibbles from the root."""
        return len(self.path)


Drawn: TypeAlias = Written | Kept | Closed | Left | Fork


@dataclass(frozen=True, slots=True)
class Drawing:
    """A witness, or one part of it, drawn.

    ``subtries`` is one for a whole witness. Roots of 32 bytes each, ``None`` where they are not known: the old one
    without old values, both where subtries are left that wait for more. ``state`` is what the walk left, which the next
    part takes; ``None`` without old values.
    """

    subtries: tuple[Drawn, ...]
    writes: tuple[Written, ...]
    old_root: bytes | None
    new_root: bytes | None
    state: WalkState | None


def place_of(node: Drawn) -> bytes:
    """Return the nibbles that lead to a node: of a leaf and a write all 64 of its key."""
    return node.path if isinstance(node, (Closed, Fork)) else node.key


def nibble_of(node: Drawn, depth: int) -> int:
    """Return which child of a fork at this depth a node is."""
    return place_of(node)[depth]


def draw(
    witness: bytes,
    old: Mapping[bytes, int] | None,
    *,
    is_part: bool = False,
    pending: bytes = b"",
    writes_hash: bytes = bytes(32),
) -> Drawing:
    """Return the drawing of a witness, or of one part of it.

    Parameters
    ----------
    witness
        As of `smartsync.witness.encode_witness`, from anybody.
    old
        What each written slot (32 bytes) held before; ``None`` where that is not known.
    is_part
        Whether more may follow, so that subtries may be left that wait for it.
    pending, writes_hash
        What the part before left, as the hub's ``prepare`` takes it.

    Raises
    ------
    InvalidWitness
        The witness, or what the part before is said to have left, is not one.
    """
    stack = decode_pending(pending)
    nodes: list[Drawn] = [_left(entry) for entry in stack]
    written: list[Written] = []
    new = {item.slot: item.value for item in decode_witness(witness) if isinstance(item, WriteItem)}

    def storage(slot: bytes) -> int:
        if old is not None:
            return old.get(slot, 0)
        return next(value for value in _STAND_INS if value != new[slot])

    for move in moves(witness, stack, storage):
        node = _node(move, nodes, is_known=old is not None)
        if isinstance(node, Written):
            written.append(node)
        nodes.append(node)
    state = WalkState(encode_pending(stack), _writes_hash(writes_hash, written))
    roots = (None, None) if is_part and len(stack) != 1 else conclude(state)
    known = old is not None
    return Drawing(tuple(nodes), tuple(written), roots[0] if known else None, roots[1], state if known else None)


def draw_writes(writes: bytes, old: Mapping[bytes, int] | None, pending: bytes) -> Drawing:
    """Return the drawing of a transition that was proven in parts before, as far as its commit tells.

    Where written keys part is known, what lies beside them is not.

    Parameters
    ----------
    writes
        Write items alone, in trie-key order.
    pending
        The one subtrie that the last part left.

    Raises
    ------
    InvalidWitness
        There is something else, or they are not in order.
    """
    items = [item for item in decode_witness(writes) if isinstance(item, WriteItem)]
    if len(items) < len(decode_witness(writes)):
        raise InvalidWitness("a commit has items besides writes")
    written = [
        Written(to_nibbles(keccak256(item.slot)), item.slot, None if old is None else old.get(item.slot, 0), item.value)
        for item in items
    ]
    if any(first.key >= second.key for first, second in pairwise(written)):
        raise InvalidWitness("the writes of a commit are not in the order of their keys")
    state = WalkState(pending, _writes_hash(bytes(32), written))
    drawn = (_forked(written, 0),) if written else ()
    return Drawing(drawn, tuple(written), *conclude(state), state)


def _writes_hash(before: bytes, written: Iterable[Written]) -> bytes:
    for one in written:
        before = keccak256(before + one.slot + one.new.to_bytes(32, "big"))
    return before


def _left(entry: Pending) -> Left:
    if not (entry.old.is_there or entry.new.is_there):
        raise InvalidWitness("an earlier part is said to have left a subtrie that is empty on both sides")
    return Left(entry.key, entry.old.is_there, entry.new.is_there)


def _node(move: Move, nodes: list[Drawn], *, is_known: bool) -> Drawn:
    """Return what an item is in the drawing; a branch takes its children from ``nodes``, which go with the stack."""
    item = move.item
    if isinstance(item, WriteItem):
        assert move.change is not None  # noqa: S101  # a write has a change
        return Written(move.pushed.key, item.slot, move.change.old if is_known else None, item.value)
    if isinstance(item, LeafItem):
        return Kept(to_nibbles(item.key), item.value)
    if isinstance(item, OpaqueItem):
        return Closed(item.path, item.hash)
    taken = nodes[len(nodes) - len(move.taken) :]
    del nodes[len(nodes) - len(move.taken) :]
    return _fork(item, move, taken, is_known=is_known)


def _fork(item: BranchItem, move: Move, taken: Sequence[Drawn], *, is_known: bool) -> Fork:
    path = move.taken[0].key[: item.depth]
    if any(len(place_of(node)) <= item.depth for node in taken):
        # Of a whole witness that cannot be; what an earlier part is said to have left may be anything.
        raise InvalidWitness(f"a branch at depth {item.depth} joins what lies above it")
    opaque = [Closed(path + bytes((nibble,)), digest) for nibble, digest in item.opaque.items()]
    children = sorted((*taken, *opaque), key=lambda child: nibble_of(child, item.depth))
    before, after = (
        _outcome(item, [side(entry) for entry in move.taken], side(move.pushed)) for side in (_old_side, _new_side)
    )
    return Fork(path, tuple(children), before if is_known else None, after)


def _old_side(entry: Pending) -> Side:
    return entry.old


def _new_side(entry: Pending) -> Side:
    return entry.new


def _outcome(item: BranchItem, taken: Sequence[Side], made: Side) -> Outcome:
    children = len(item.opaque) + sum(side.is_there for side in taken)
    return Outcome(children, made.word if children > 1 else None)


def _forked(written: Sequence[Written], depth: int) -> Drawn:
    """Return the tree of these writes alone, which agree in their first ``depth`` nibbles."""
    if len(written) == 1:
        return written[0]
    fork = common_prefix_length(written[0].key, written[-1].key)
    groups: dict[int, list[Written]] = {}
    for one in written:
        groups.setdefault(one.key[fork], []).append(one)
    return Fork(written[0].key[:fork], tuple(_forked(group, fork + 1) for group in groups.values()), None, None)
