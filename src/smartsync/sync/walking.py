"""The proof walk of a sync: from the replica's trie to the source's, and from the trie keys that changed to slots."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import cast

from smartsync.chain import Chain
from smartsync.discovery import Strategy, low_slots
from smartsync.discovery.candidates import Candidates
from smartsync.discovery.completeness import source_nodes
from smartsync.discovery.hints import NO_HINTS, Hints
from smartsync.discovery.naming import Naming
from smartsync.discovery.preimages import preimages
from smartsync.discovery.probes import LONG, Probes
from smartsync.discovery.proof_walk import Side, Walk, walk
from smartsync.errors import NodeError, NonCanonicalTrie, ProofError
from smartsync.header import Header
from smartsync.keccak import keccak256
from smartsync.layout import Place
from smartsync.replica import ReplicaRecord, replica_nodes, replica_values, written_slots
from smartsync.results import Progress
from smartsync.trie.nibbles import to_nibbles
from smartsync.trie.trie import build, storage_value

_OFFERED_AT_ONCE = 1_000
"""Slots that are compared before it is looked whether all are named."""


@dataclass(slots=True)
class SyncWalk:
    """What a walk between a replica and its source needs to know. ``storage_root`` is the source's, proven."""

    target: Chain
    hub: str
    replica: str
    record: ReplicaRecord
    header: Header
    storage_root: bytes
    hints: Hints = NO_HINTS
    _search: _Search | None = None

    @property
    def strategies(self) -> tuple[Strategy, Strategy]:
        """The walk, and the naming of what it found, among the strategies of discovery."""
        walk = Strategy("proof walk", self.find, "", "which trie keys changed")
        return walk, Strategy("naming", self.name, "", "slots of these trie keys, by layout, logs, calls and guesses")

    async def find(
        self, source: Chain, address: str, from_block: int | None, to_block: int, on_progress: Progress | None = None
    ) -> Candidates:
        """Return the slots of the trie keys in which replica and source differ, as far as the replica ever had them.

        Raises
        ------
        InvalidProof
            What a node proves does not hang together with the proven root; names the node.
        NodeError
            A node does not answer what is needed.
        """
        new = Side(self.storage_root, partial(source_nodes, source, self.header, address))
        search = self._search = _Search(_ReplicaSide(self), new, on_progress)
        await search.walk()
        gaps: list[str] = []
        if search.walked.gave_up:
            return search.result(gaps)
        await search.offer(low_slots.slots())
        if not search.naming.is_complete:
            try:
                await self._offer_own(search)
            except NodeError as error:
                gaps.append(f"the slots that the replica had are not known: {error.message}")
        return search.result(gaps)

    async def _offer_own(self, search: _Search) -> None:
        async with aclosing(written_slots(self.target, self.hub, self.replica)) as portions:
            async for slots in portions:
                await search.offer(slots)
                if search.naming.is_complete:
                    return

    async def name(
        self, source: Chain, address: str, from_block: int | None, to_block: int, on_progress: Progress | None = None
    ) -> Candidates:
        """Return the slots of the trie keys that differ, new ones too, as far as they can be named.

        Raises
        ------
        SmartSyncError
            As ``find``.
        """
        if self._search is None:
            await self.find(source, address, from_block, to_block, on_progress)
        search = cast(_Search, self._search)
        gaps: list[str] = []
        if search.walked.gave_up:
            return search.result(gaps)
        named = preimages(source, address, from_block, to_block, self.hints, tell=gaps.append)
        async with aclosing(named):
            async for slots in _in_portions(named):
                await search.offer(slots)
                if on_progress:
                    on_progress("name slots", len(search.naming.named), len(search.walked.changed))
                if search.naming.is_complete:
                    break
        if search.walked.open:
            # No slot there is known to anybody: the last resort, and the dearest.
            search.probes.allow(LONG)
            await search.walk()
        return search.result(gaps)


async def _in_portions(named: AsyncIterator[Place]) -> AsyncIterator[list[bytes]]:
    portion: list[bytes] = []
    async for slot, _ in named:
        portion.append(slot)
        if len(portion) == _OFFERED_AT_ONCE:
            yield portion
            portion = []
    if portion:
        yield portion


class _Search:
    """A walk that is resumed whenever slots become known that lead further."""

    def __init__(self, old: Side, new: Side, on_progress: Progress | None) -> None:
        self.probes, self.naming = Probes(on_progress=on_progress), Naming()
        self.walked = Walk({}, ())
        self._sides, self._on_progress = (old, new), on_progress

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

    async def offer(self, slots: Iterable[bytes]) -> None:
        """Take slots that may be wanted, or lie near what could not be looked into yet."""
        self.naming.offer(slots)
        while self.naming.near:
            before = self.walked
            self.probes.add(self.naming.near)
            await self.walk()
            if self.walked == before:
                return


class _ReplicaSide(Side):
    """The replica's trie. Where the node's proofs are of no use (anvil keeps zeros), its values tell the same."""

    def __init__(self, about: SyncWalk) -> None:
        super().__init__(about.record.storage_root, self._nodes_of)
        self._about = about

    async def reveal(self, slots: Sequence[bytes]) -> None:
        """Learn what lies on the way to some slots, or all there is."""
        about = self._about
        try:
            await super().reveal(slots)
        except (ProofError, NonCanonicalTrie):
            values = await replica_values(about.target, about.hub, about.replica, about.record, ())
            self.trie = build((keccak256(slot), storage_value(value)) for slot, value in values.items())

    async def _nodes_of(self, slots: Sequence[bytes]) -> Iterable[bytes]:
        about = self._about
        return await about.target.verified(lambda one: replica_nodes(one, about.replica, about.record, slots))
