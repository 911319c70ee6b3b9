"""The proof walk among the strategies of discovery: to the trie keys that differ, and from these to their slots."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TypeAlias

from smartsync.chain import Chain
from smartsync.discovery import Strategy, low_slots
from smartsync.discovery.candidates import Candidates
from smartsync.discovery.hints import NO_HINTS, Hints
from smartsync.discovery.naming import Naming
from smartsync.discovery.preimages import preimages
from smartsync.discovery.probes import LONG, Probes
from smartsync.discovery.proof_walk import Side, Walk, walk
from smartsync.errors import NodeError
from smartsync.layout import Place
from smartsync.results import Progress
from smartsync.trie.nibbles import to_nibbles

Portions: TypeAlias = Callable[[], AsyncGenerator[set[bytes], None]]
"""Yields slots (32 bytes each), some at a time."""

_OFFERED_AT_ONCE = 1_000
"""Slots that are compared before it is looked whether all are named."""


@dataclass(slots=True)
class SlotWalk:
    """A walk from one trie to another.

    ``own`` yields slots that the old one has or had; without it, the old one is the empty trie, and so much is new that
    much is hashed at once. ``hints``: what the user knows of the contract.
    """

    old: Side
    new: Side
    own: Portions | None = None
    hints: Hints = NO_HINTS
    _search: _Search | None = field(default=None, init=False)

    @property
    def strategies(self) -> tuple[Strategy, Strategy]:
        """The walk, and the naming of what it found."""
        walk = Strategy("proof walk", self.find, "", "which trie keys changed")
        return walk, Strategy("naming", self.name, "", "slots of these trie keys, by layout, logs, calls and guesses")

    async def find(
        self, source: Chain, address: str, from_block: int | None, to_block: int, on_progress: Progress | None = None
    ) -> Candidates:
        """Return the slots of the trie keys in which the two differ, as far as the old one ever had them.

        Raises
        ------
        InvalidProof
            What a node proves does not hang together with the proven root; names the node.
        NodeError
            A node does not answer what is needed.
        """
        search = self._search = await self._begun(on_progress)
        gaps: list[str] = []
        if not search.walked.gave_up:
            await search.offer(low_slots.slots())
            if self.own is not None and not search.naming.is_complete:
                try:
                    await search.offer_all(self.own())
                except NodeError as error:
                    gaps.append(f"the slots that the replica had are not known: {error.message}")
        return search.result(gaps)

    async def name(
        self, source: Chain, address: str, from_block: int | None, to_block: int, on_progress: Progress | None = None
    ) -> Candidates:
        """Return the slots of the trie keys that differ, new ones too, as far as they can be named.

        Raises
        ------
        SmartSyncError
            As ``find``.
        """
        search = self._search or await self._begun(on_progress)
        gaps: list[str] = []
        if search.walked.gave_up or search.naming.is_complete:
            return search.result(gaps)
        named = preimages(source, address, from_block, to_block, self.hints, tell=gaps.append)
        await search.offer_all(_in_portions(named))
        if search.walked.open:
            # No slot there is known to anybody: the last resort, and the dearest.
            search.probes.allow(LONG)
            await search.walk()
        return search.result(gaps)

    async def _begun(self, on_progress: Progress | None) -> _Search:
        search = _Search(self.old, self.new, on_progress)
        if self.own is None:
            search.probes.allow(LONG)
        await search.walk()
        return search


async def _in_portions(named: AsyncGenerator[Place, None]) -> AsyncGenerator[set[bytes], None]:
    portion: set[bytes] = set()
    async with aclosing(named):
        async for slot, _ in named:
            portion.add(slot)
            if len(portion) == _OFFERED_AT_ONCE:
                yield portion
                portion = set()
    yield portion


class _Search:
    """A walk that is resumed whenever slots become known that lead further."""

    def __init__(self, old: Side, new: Side, on_progress: Progress | None) -> None:
        self.probes, self.naming = Probes(on_progress=on_progress), Naming()
        self.walked = Walk({}, ())
        self._sides, self._on_progress = (old, new), on_progress
        self._tried = 0

    async def walk(self) -> None:
        self.walked = await walk(*self._sides, self.probes, self._on_progress)
        self.naming.want(self.walked.changed, self.walked.open)

    def result(self, gaps: list[str]) -> Candidates:
        """Return what is known by now. ``gaps``: why it may not be all."""
        unnamed, deep = self.naming.unnamed, self.walked.open
        if self.walked.gave_up:
            return Candidates(set(), (f"more than {len(deep) + len(unnamed)} places differ, too many to walk to",))
        if not unnamed and not deep:
            return Candidates(set(self.naming.named.values()))
        told = [
            f"{len(unnamed)} of {len(self.walked.changed)} changed trie keys are of unknown slots" if unnamed else "",
            f"{len(deep)} subtries lie too deep to be looked into without knowing a slot there" if deep else "",
            *dict.fromkeys(gaps),
        ]
        positions = (*map(to_nibbles, unnamed), *deep)
        return Candidates(set(self.naming.named.values()), tuple(filter(None, told)), positions)

    async def offer_all(self, portions: AsyncGenerator[set[bytes], None]) -> None:
        """Take slots as ``offer``, until all are named."""
        async with aclosing(portions):
            async for slots in portions:
                self._tried += len(slots)
                await self.offer(slots)
                if self._on_progress:
                    phase = f"name slots (keys named, {self._tried:,} slots tried)"
                    self._on_progress(phase, len(self.naming.named), len(self.walked.changed))
                if self.naming.is_complete:
                    return

    async def offer(self, slots: Iterable[bytes]) -> None:
        """Take slots that may be wanted, or lie near what could not be looked into yet."""
        self.naming.offer(slots)
        while self.naming.near:
            before = self.walked
            self.probes.add(self.naming.near)
            await self.walk()
            if self.walked == before:
                return
