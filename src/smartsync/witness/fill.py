"""The witness of a chunk of a fill: new slots behind all that are there, in the order of their trie keys.

Then the old trie lies wholly on the left of the chunk, and what a witness has to tell of it hangs on its right edge.
So a fill of any number of slots is planned in one pass, chunk by chunk, without the nodes of either trie. The witnesses
are those that ``plan_transition`` makes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from smartsync import rlp
from smartsync.trie.frontier import Frontier, Reference
from smartsync.trie.nibbles import decode_hex_prefix, to_bytes, to_nibbles
from smartsync.trie.proof import decode_storage_value
from smartsync.trie.trie import storage_value
from smartsync.types import SlotChange
from smartsync.witness.build import Transition, embedded_branch
from smartsync.witness.items import BranchItem, Item, LeafItem, OpaqueItem, WriteItem, encode_witness

Insert: TypeAlias = tuple[bytes, SlotChange]
"""A slot's trie key (32 bytes), and its change from 0."""


def plan_fill(before: Frontier, inserts: Sequence[Insert]) -> tuple[Frontier, Transition]:
    """Return the trie with new slots behind all that it has, and the transition to it.

    Parameters
    ----------
    before
        The trie that is there; it stays as it is.
    inserts
        One at least, in the order of their trie keys and above the last one that is there.

    Raises
    ------
    ValueError
        They are not in order, or there is none.
    InvalidWitness
        A branch has under 32 bytes, as for ``plan_transition``.
    """
    if not inserts:
        raise ValueError("a fill inserts at least one slot")
    chunk = _Chunk(before)
    for key, change in inserts:
        chunk.insert(key, change)
    return chunk.conclude(tuple(change for _, change in inserts))


class _Chunk:
    """One chunk in the making: ``opaque`` has, by their depth, the old children of the branches that are still open."""

    def __init__(self, before: Frontier) -> None:
        self.before, self.after = before, before.copy()
        self.items: list[Item] = []
        self.opaque: dict[int, dict[int, bytes]] = {}
        self.is_begun = False

    def insert(self, key: bytes, change: SlotChange) -> None:
        closed = self.after.push(key, storage_value(change.new))
        if self.is_begun:
            self.join(closed)
        else:
            self.begin(closed)
        self.items.append(WriteItem(change.slot, change.new))

    def begin(self, closed: Sequence[Reference]) -> None:
        """Tell of the old trie: what is ``closed`` by the first key lies wholly on its left."""
        self.is_begun = True
        kept = len(self.before.open) - len(closed)
        for depth, children in self.after.open[:kept]:
            self.opaque[depth] = dict(self.beside(depth, children))
        for depth, _ in self.after.open[kept:]:
            # Born by the first key: the old trie has one child here, thus no branch, and that child stands in the open.
            self.opaque[depth] = dict(self.lone(depth, closed))

    def beside(self, depth: int, children: Sequence[bytes]) -> Iterable[tuple[int, bytes]]:
        """Yield the old children that are given by their hash; those that are embedded become items."""
        for nibble, reference in enumerate(children):
            if len(reference) == 33:
                yield nibble, reference[1:]
            elif len(reference) > 1:
                self.items.append(_embedded_leaf(to_nibbles(self.before.key)[:depth] + bytes((nibble,)), reference))

    def lone(self, depth: int, closed: Sequence[Reference]) -> Iterable[tuple[int, bytes]]:
        path = to_nibbles(self.before.key)
        if not closed:
            self.items.append(LeafItem(self.before.key, decode_storage_value(self.before.value)))
            return
        at, reference = closed[-1]
        if len(reference) != 33:
            raise embedded_branch(path[:at])
        if at == depth + 1:
            yield path[depth], reference[1:]
        else:
            self.items.append(OpaqueItem(path[:at], reference[1:]))

    def join(self, closed: Sequence[Reference]) -> None:
        for depth, reference in closed:
            if len(reference) != 33:
                raise embedded_branch(to_nibbles(self.after.key)[:depth])
            self.items.append(BranchItem(depth, self.opaque.pop(depth, {})))

    def conclude(self, changes: tuple[SlotChange, ...]) -> tuple[Frontier, Transition]:
        root, closed = self.after.conclude()
        self.join(closed)
        return self.after, Transition(self.before.root(), root, changes, encode_witness(self.items))


def _embedded_leaf(position: bytes, reference: bytes) -> LeafItem:
    """Return the leaf that is embedded in the branch above ``position`` (nibbles); a branch would be too short."""
    fields = [field for field in rlp.decode(reference) if isinstance(field, bytes)]
    if len(fields) != 2:
        raise embedded_branch(position)
    path, _ = decode_hex_prefix(fields[0])
    return LeafItem(to_bytes(position + path), decode_storage_value(fields[1]))
