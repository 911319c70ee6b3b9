"""The proof walk of a sync: from the replica's trie to the source's, and from the trie keys that changed to slots."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from smartsync.chain import Chain
from smartsync.discovery import Strategy, low_slots
from smartsync.discovery.candidates import Candidates
from smartsync.discovery.completeness import source_nodes
from smartsync.discovery.naming import Naming
from smartsync.discovery.probes import LONG, Probes
from smartsync.discovery.proof_walk import Side, Walk, walk
from smartsync.errors import NodeError, NonCanonicalTrie, ProofError
from smartsync.header import Header
from smartsync.keccak import keccak256
from smartsync.replica import ReplicaRecord, replica_nodes, replica_values, written_slots
from smartsync.results import Progress
from smartsync.trie.nibbles import to_nibbles
from smartsync.trie.trie import build, storage_value


@dataclass(frozen=True, slots=True)
class SyncWalk:
    """What a walk between a replica and its source needs to know. ``storage_root`` is the source's, proven."""

    target: Chain
    hub: str
    replica: str
    record: ReplicaRecord
    header: Header
    storage_root: bytes

    @property
    def strategy(self) -> Strategy:
        """The walk among the strategies of discovery."""
        return Strategy("proof walk", self.find, "", "which trie keys changed")

    async def find(
        self, source: Chain, address: str, from_block: int | None, to_block: int, on_progress: Progress | None = None
    ) -> Candidates:
        """Return the slots of the trie keys in which replica and source differ.

        Raises
        ------
        InvalidProof
            What a node proves does not hang together with the proven root; names the node.
        NodeError
            A node does not answer what is needed.
        """
        old = _ReplicaSide(self)
        new = Side(self.storage_root, partial(source_nodes, source, self.header, address))
        search = _Search(old, new, on_progress)
        await search.walk()
        gaps: list[str] = []
        async for slots in self._slots(gaps):
            await search.offer(slots)
            if search.naming.is_complete:
                break
        if search.walked.open:
            # No slot there is known to anybody: the last resort, and the dearest.
            search.probes.allow(LONG)
            await search.walk()
        unnamed, still_open = search.naming.unnamed, search.walked.open
        if unnamed:
            gaps.append(f"{len(unnamed)} of {len(search.walked.changed)} changed trie keys are of unknown slots")
        if still_open:
            gaps.append(f"{len(still_open)} subtries lie too deep to be looked into without knowing a slot there")
        return Candidates(
            set(search.naming.named.values()),
            tuple(gaps) if unnamed or still_open else (),
            (*map(to_nibbles, unnamed), *still_open),
        )

    async def _slots(self, gaps: list[str]) -> AsyncIterator[Iterable[bytes]]:
        """Yield slots that may be those of the changed trie keys, the cheapest first."""
        yield low_slots.slots()
        try:
            async for slots in written_slots(self.target, self.hub, self.replica):
                yield slots
        except NodeError as error:
            gaps.append(f"the slots that the replica had are not known: {error.message}")


class _Search:
    """A walk that is resumed whenever slots become known that lead further."""

    def __init__(self, old: Side, new: Side, on_progress: Progress | None) -> None:
        self.probes, self.naming = Probes(on_progress=on_progress), Naming()
        self.walked = Walk({}, ())
        self._sides, self._on_progress = (old, new), on_progress

    async def walk(self) -> None:
        self.walked = await walk(*self._sides, self.probes, self._on_progress)
        self.naming.want(self.walked.changed, self.walked.open)

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
