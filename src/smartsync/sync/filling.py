"""What is left of a fill, chunk by chunk: from what has landed in a replica to the source's storage.

The order is that of the trie keys: then a chunk has few neighbours to tell of. What an earlier run left is mostly the
beginning of that order, and all that is missing lies behind it; so one pass along the right edge of the trie plans the
fill. Where that run was for another block, what has landed is put right first, in the trie itself.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence

from smartsync.keccak import keccak256
from smartsync.trie.frontier import Frontier
from smartsync.trie.node import Node
from smartsync.trie.trie import build, put, storage_value
from smartsync.types import SlotChange
from smartsync.witness import Transition, plan_fill, plan_transition


class Filling:
    """A fill under way: ``done`` of ``total`` slots are written.

    Parameters
    ----------
    landed, wanted
        The slots (32 bytes each) that are not zero, of the replica and of the source.
    """

    def __init__(self, landed: Mapping[bytes, int], wanted: Mapping[bytes, int]) -> None:
        self._wanted = wanted
        self._slots = {keccak256(slot): slot for slot in wanted}
        self._keys = sorted(self._slots)
        self._begun = bisect_right(self._keys, max(map(keccak256, landed), default=b""))
        beginning = {slot: wanted[slot] for slot in map(self._slots.__getitem__, self._keys[: self._begun])}
        self._repairs = changes_between(landed, beginning)
        self._trie = _trie_near(landed, self._repairs)
        self._edge: Frontier | None = None
        self._after: tuple[int, Node, Frontier | None] = 0, self._trie, None
        self.done, self.total = 0, len(self._repairs) + len(self._keys) - self._begun

    def plan(self, count: int) -> Transition:
        """Return the next step, of ``count`` slots at most; the same slots come again until ``land``.

        Raises
        ------
        InvalidWitness
            As ``plan_transition``.
        """
        if self.done < len(self._repairs):
            return self._repair(self._repairs[self.done : self.done + count])
        first = self._begun + self.done - len(self._repairs)
        return self._insert(self._keys[first : first + count])

    def land(self) -> None:
        """Take note that the step planned last has been performed."""
        count, self._trie, self._edge = self._after
        self.done += count

    def _repair(self, changes: Sequence[SlotChange]) -> Transition:
        after = self._trie
        for change in changes:
            after = put(after, keccak256(change.slot), storage_value(change.new) if change.new else None)
        self._after = len(changes), after, None
        return plan_transition(self._trie, after, [change.slot for change in changes])

    def _insert(self, keys: Sequence[bytes]) -> Transition:
        self._edge = self._edge or self._beginning()
        inserts = [(key, SlotChange(self._slots[key], 0, self._wanted[self._slots[key]])) for key in keys]
        after, step = plan_fill(self._edge, inserts)
        self._after = len(keys), None, after
        return step

    def _beginning(self) -> Frontier:
        edge = Frontier()
        for key in self._keys[: self._begun]:
            edge.push(key, storage_value(self._wanted[self._slots[key]]))
        return edge


def changes_between(landed: Mapping[bytes, int], wanted: Mapping[bytes, int]) -> list[SlotChange]:
    """Return what leads from one storage to another, in the order of the trie keys."""
    differing = (slot for slot in landed.keys() | wanted.keys() if landed.get(slot, 0) != wanted.get(slot, 0))
    return [SlotChange(s, landed.get(s, 0), wanted.get(s, 0)) for s in sorted(differing, key=keccak256)]


def _trie_near(landed: Mapping[bytes, int], changes: Sequence[SlotChange]) -> Node:
    """Return the trie as far as it is needed to make these changes."""
    if not changes:
        return None
    near = [keccak256(change.slot) for change in changes]
    return build(((keccak256(slot), storage_value(value)) for slot, value in landed.items()), near)
