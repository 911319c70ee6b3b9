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
from smartsync.trie.nibbles import KEY_NIBBLES, to_bytes, to_nibbles

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
    _told: dict[bytes, None] = field(default_factory=dict, init=False)

    @property
    def strategies(self) -> tuple[Strategy, Strategy]:
        """The walk, and the naming of what it found."""
        walk = Strategy("proof walk", self.find, "", "which trie keys changed")
        tells = "slots of these trie keys, by layout, logs, calls and guesses"
        return walk, Strategy("naming", self.name, "", tells, take=self.take)

    def take(self, positions: Iterable[bytes]) -> None:
        """Take whole trie keys (nibbles) that others have told: they are named where the walk gives up.

        Only there: what the walk sees, it sees proven, and a slot below a position where it ended leads it further.
        """
        self._told.update(dict.fromkeys(one for one in positions if len(one) == KEY_NIBBLES))

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
            await self._offer_at_hand(search, gaps)
        return search.result(gaps)

    async def _offer_at_hand(self, search: _Search, gaps: list[str]) -> None:
        """Offer the slots for which the source is asked nothing."""
        await search.offer(low_slots.slots())
        if self.own is not None and not search.naming.is_complete:
            try:
                await search.offer_all(self.own())
            except NodeError as error:
                gaps.append(f"the slots that the replica had are not known: {error.message}")

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
        if search.walked.gave_up:
            search.want(self._told)
            await self._offer_at_hand(search, gaps)
        if search.naming.is_complete:
            return search.result(gaps)
        named = preimages(source, address, from_block, to_block, self.hints, tell=gaps.append)
        await search.offer_all(_in_portions(named))
        if search.walked.open and not search.walked.gave_up:
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
        async for slot, *_ in named:
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
        self._are_told = False
        self._sides, self._on_progress = (old, new), on_progress
        self._tried = 0

    async def walk(self) -> None:
        self.walked = await walk(*self._sides, self.probes, self._on_progress)
        self.naming.want(self.walked.changed, self.walked.open)

    def want(self, told: Iterable[bytes]) -> None:
        """Want the trie keys (nibbles) that lie below where the walk gave up, and nothing else: it goes no further."""
        positions = set(self.walked.open)
        lengths = sorted(set(map(len, positions)))
        below = [key for key in told if any(key[:length] in positions for length in lengths)]
        self._are_told = bool(below)
        self.naming.want({*self.walked.changed, *map(to_bytes, below)} if below else (), ())

    def result(self, gaps: list[str]) -> Candidates:
        """Return what is known by now. ``gaps``: why it may not be all."""
        unnamed, deep = self.naming.unnamed, self.walked.open
        if self.walked.gave_up:
            return self._result_of_told(gaps)
        if not unnamed and not deep:
            return Candidates(set(self.naming.named.values()))
        told = [
            f"{len(unnamed)} of {len(self.walked.changed)} changed trie keys are of unknown slots" if unnamed else "",
            f"{len(deep)} subtries lie too deep to be looked into without knowing a slot there" if deep else "",
            *dict.fromkeys(gaps),
        ]
        positions = (*map(to_nibbles, unnamed), *deep)
        return Candidates(set(self.naming.named.values()), tuple(filter(None, told)), positions)

    def _result_of_told(self, gaps: list[str]) -> Candidates:
        """Return the same where the walk gave up. Proven is where it ended, and nothing below."""
        changed, named, unnamed = self.walked.changed, self.naming.named, self.naming.unnamed
        gave_up = f"more than {len(changed) + len(self.walked.open)} places differ, too many to walk to"
        if not self._are_told:
            return Candidates(set(), (gave_up,))
        known = f"of the trie keys that nodes told of there, {len(unnamed)} are of unknown slots"
        positions = (*(to_nibbles(key) for key in unnamed if key in changed), *self.walked.open)
        return Candidates(set(named.values()), (gave_up, known, *dict.fromkeys(gaps)), positions, by_word=True)

    async def offer_all(self, portions: AsyncGenerator[set[bytes], None]) -> None:
        """Take slots as ``offer``, until all are named."""
        async with aclosing(portions):
            async for slots in portions:
                self._tried += len(slots)
                await self.offer(slots)
                if self._on_progress:
                    phase = f"name slots (keys named, {self._tried:,} slots tried)"
                    self._on_progress(phase, len(self.naming.named), self.naming.total)
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
