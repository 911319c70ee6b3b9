"""The proof walk of a sync: from the replica's trie to the source's, and from the trie keys that changed to slots."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

from smartsync.chain import Chain
from smartsync.discovery import low_slots
from smartsync.discovery.candidates import Candidates
from smartsync.discovery.completeness import source_values
from smartsync.discovery.naming import Naming
from smartsync.discovery.probes import LONG, Probes
from smartsync.discovery.proof_walk import Side, Walk, asking, walk
from smartsync.errors import InvalidProof, NodeError, NonCanonicalTrie
from smartsync.header import Header
from smartsync.keccak import keccak256
from smartsync.replica import ReplicaRecord, replica_values, written_slots
from smartsync.results import Progress
from smartsync.trie.nibbles import to_nibbles
from smartsync.trie.trie import build, storage_value


@dataclass(frozen=True, slots=True)
class SyncWalk:
    """What a walk between a replica and its source needs to know. ``storage_root`` is the source's, proven.

    An instance is a `smartsync.discovery.Strategy`.
    """

    target: Chain
    hub: str
    replica: str
    record: ReplicaRecord
    header: Header
    storage_root: bytes

    async def __call__(
        self, source: Chain, address: str, from_block: int | None, to_block: int, on_progress: Progress | None = None
    ) -> Candidates:
        """Return the slots of the trie keys in which replica and source differ.

        Raises
        ------
        InvalidProof
            What a node proves does not hang together with the proven root; tells whose.
        NodeError
            A node does not answer what is needed.
        """
        probes = Probes(on_progress=on_progress)
        naming = Naming()
        old = Side(
            self.record.storage_root, asking(self.target, self.replica, self.record.target_block), self.target.rpc.host
        )
        new = Side(self.storage_root, asking(source, address, to_block), source.rpc.host)
        gaps: list[str] = []
        walked = await self._walk(source, old, new, probes, on_progress)
        naming.want(walked.changed, walked.open)
        async for slots in self._named(gaps):
            naming.offer(slots)
            while naming.near:
                probes.add(naming.near)
                seen = walked
                walked = await self._walk(source, old, new, probes, on_progress)
                naming.want(walked.changed, walked.open)
                if walked == seen:
                    break
            if naming.is_complete:
                break
        if walked.open:
            # No slot there is known to anybody: the last resort, and the dearest.
            probes.allow(LONG)
            walked = await self._walk(source, old, new, probes, on_progress)
            naming.want(walked.changed, walked.open)
        unnamed = (*map(to_nibbles, naming.unnamed), *walked.open)
        if naming.unnamed:
            gaps.append(f"{len(naming.unnamed)} of {len(walked.changed)} changed trie keys are of unknown slots")
        if walked.open:
            gaps.append(f"{len(walked.open)} subtries lie too deep to be looked into without knowing a slot there")
        return Candidates(set(naming.named.values()), tuple(gaps) if unnamed else (), unnamed)

    async def _walk(self, source: Chain, old: Side, new: Side, probes: Probes, on_progress: Progress | None) -> Walk:
        try:
            return await walk(old, new, probes, on_progress)
        except (InvalidProof, NonCanonicalTrie):
            # A block that was replaced, a node that keeps zeros and one that lies each have their own error.
            await source_values(source, self.header, self.record.key.source, [bytes(32)])
            # So it is the target's: what its proofs cannot tell, its values can.
            values = await replica_values(self.target, self.hub, self.replica, self.record, ())
            old.trie = build((keccak256(slot), storage_value(value)) for slot, value in values.items())
        return await walk(old, new, probes, on_progress)

    async def _named(self, gaps: list[str]) -> AsyncIterator[Iterable[bytes]]:
        """Yield slots that may be those of the changed trie keys, the cheapest first."""
        yield low_slots.slots()
        try:
            yield await written_slots(self.target, self.hub, self.replica)
        except NodeError as error:
            gaps.append(f"the slots that the replica had are not known: {error.message}")
