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
from dataclasses import dataclass, field

from smartsync.chain import Chain
from smartsync.discovery.probes import Probes
from smartsync.errors import InvalidProof
from smartsync.results import Progress
from smartsync.trie.difference import difference
from smartsync.trie.node import Node, Opaque
from smartsync.trie.proof import partial_trie
from smartsync.types import EMPTY_ROOT

MAX_CHANGES = 20_000
"""Trie keys that may differ: several times what one sync can write. A walk through more is not worth its proofs."""

Ask = Callable[[Sequence[bytes]], Awaitable[Iterable[bytes]]]
"""Slots (32 bytes each) to the RLP of nodes on the way to them, as some node tells it; untrusted."""


@dataclass(slots=True)
class Side:
    """One of the two tries: its 32-byte root, proven elsewhere, and how to learn more of it. ``who`` for messages."""

    root: bytes
    ask: Ask
    who: str
    trie: Node = None
    _nodes: set[bytes] = field(default_factory=set)

    def __post_init__(self) -> None:
        if self.trie is None and self.root != EMPTY_ROOT:
            self.trie = Opaque(self.root)

    async def reveal(self, slots: Sequence[bytes]) -> None:
        """Learn the nodes on the way to some slots. Those that do not hang together with the root are ignored."""
        if slots:
            self._nodes.update(await self.ask(slots))
            self.trie = partial_trie(self.root, self._nodes)


@dataclass(frozen=True, slots=True)
class Walk:
    """What a walk came to.

    ``changed``: 32-byte trie key to its values before and after (0: none). ``open``: positions (nibbles, one per byte)
    below which the tries differ, and for which no slot to ask for was found.
    """

    changed: dict[bytes, tuple[int, int]]
    open: tuple[bytes, ...]


def asking(chain: Chain, address: str, block: int) -> Ask:
    """Return the way to ask a chain's node about a contract's storage at a block (its number)."""

    async def ask(slots: Sequence[bytes]) -> Iterable[bytes]:
        proof = await chain.proof(address, slots, block)
        return [node for storage in proof.storage for node in storage.nodes]

    return ask


async def walk(
    old: Side, new: Side, probes: Probes, on_progress: Progress | None = None, *, at_most: int = MAX_CHANGES
) -> Walk:
    """Return in which trie keys two storage tries differ.

    It can be called again with the same sides, to go on where more ``probes`` are known. Where more than ``at_most``
    places differ, it goes no deeper.

    Raises
    ------
    InvalidProof
        A node's proofs do not lead to where they have to; tells whose.
    NonCanonicalTrie
        A leaf that changed holds a zero.
    """
    asked: set[tuple[int, bytes]] = set()
    while True:
        found = difference(old.trie, new.trie)
        if on_progress:
            on_progress("walk", len(found.changed), 0)
        positions = [closed.position for closed in found.closed]
        too_many = len(found.changed) + len(positions) > at_most
        slots = await probes.find(positions) if positions and not too_many else {}
        if not slots:
            return Walk(found.changed, tuple(positions))
        for side, closed in (
            (old, [c.position for c in found.closed if c.in_old]),
            (new, [c.position for c in found.closed if c.in_new]),
        ):
            reachable = [position for position in closed if position in slots]
            _require_news(side, reachable, asked)
            await side.reveal([slots[position] for position in reachable])


def _require_news(side: Side, positions: Sequence[bytes], asked: set[tuple[int, bytes]]) -> None:
    """Check that none of these was asked for already: what is still closed then, the node did not prove."""
    for position in positions:
        if (id(side), position) in asked:
            shown = "".join(f"{nibble:x}" for nibble in position)
            raise InvalidProof(
                f"{side.who} does not prove what the storage root 0x{side.root.hex()} holds below 0x{shown}",
                hint="the node is broken or lies, or has left this block: try again, or take another one",
            )
        asked.add((id(side), position))
