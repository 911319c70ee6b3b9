"""Discovery by ``eth_getProof`` alone: down both tries, only where they differ, to the trie keys that changed.

::

    both roots ──► differ ──► ask both nodes for any slot whose trie key begins with that position
         ▲                                              │
         └────────── the node there, its sixteen references, and again where they differ

So any node will do that proves storage, and its work grows with what changed, not with what there is: for each level of
the trie one round of proofs. Every node is tied by its hash to a root that is proven already; nothing is believed. What
is found are trie keys with their values; which slots they are is another question (`smartsync.discovery.naming`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from smartsync.discovery.probes import Probes
from smartsync.results import Progress
from smartsync.trie.difference import difference
from smartsync.trie.node import Node, Opaque, root_hash
from smartsync.trie.proof import partial_trie
from smartsync.types import EMPTY_ROOT

MAX_CHANGES = 20_000
"""Trie keys that may differ: several times what one sync can write. A walk through more is not worth its proofs."""


Prove: TypeAlias = Callable[[Sequence[bytes]], Awaitable[Iterable[bytes]]]
"""Slots (32 bytes each) to the RLP of trie nodes that prove what each of them holds, checked against the root."""


class Side:
    """One of the two tries, as far as it is known by now.

    Parameters
    ----------
    root
        Its 32-byte root, proven already.
    prove
        How to learn more of it.
    """

    def __init__(self, root: bytes, prove: Prove) -> None:
        self.trie: Node = None if root == EMPTY_ROOT else Opaque(root)
        self._root, self._prove = root, prove
        self._nodes: set[bytes] = set()

    async def reveal(self, slots: Sequence[bytes]) -> None:
        """Learn what lies on the way to some slots."""
        if slots:
            self._nodes.update(await self._prove(slots))
            self.trie = partial_trie(self._root, self._nodes)


def whole(trie: Node) -> Side:
    """Return the side of a trie that is known to its end."""

    async def nothing(slots: Sequence[bytes]) -> Iterable[bytes]:
        return ()

    side = Side(root_hash(trie), nothing)
    side.trie = trie
    return side


@dataclass(frozen=True, slots=True)
class Walk:
    """What a walk came to.

    ``changed``: 32-byte trie key to its values before and after (0: none). ``open``: positions (nibbles, one per byte)
    below which the tries differ, and for which no slot to ask with was found. ``gave_up``: so much differs that it was
    not looked into any further.
    """

    changed: dict[bytes, tuple[int, int]]
    open: tuple[bytes, ...]
    gave_up: bool = False


async def walk(
    old: Side, new: Side, probes: Probes, on_progress: Progress | None = None, *, at_most: int = MAX_CHANGES
) -> Walk:
    """Return in which trie keys two storage tries differ.

    It can be called again with the same sides, to go on where more ``probes`` are known. Where more than ``at_most``
    places differ, it goes no deeper.

    Raises
    ------
    SmartSyncError
        What the sides raise where a node does not prove what it is asked for.
    """
    while True:
        found = difference(old.trie, new.trie)
        if on_progress:
            on_progress(f"walk (found of what changed, {len(found.closed)} still to look into)", len(found.changed), 0)
        positions = [closed.position for closed in found.closed]
        if len(found.changed) + len(positions) > at_most:
            return Walk(found.changed, tuple(positions), gave_up=True)
        slots = await probes.find(positions) if positions else {}
        if not slots:
            return Walk(found.changed, tuple(positions))
        reachable = [closed for closed in found.closed if closed.position in slots]
        await old.reveal([slots[closed.position] for closed in reachable if closed.in_old])
        await new.reveal([slots[closed.position] for closed in reachable if closed.in_new])
