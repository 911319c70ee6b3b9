"""The walk of a sync: from a replica's trie to its source's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from smartsync.chain import Chain
from smartsync.discovery.completeness import source_nodes
from smartsync.discovery.hints import Hints
from smartsync.discovery.proof_walk import Side
from smartsync.discovery.slot_walk import SlotWalk
from smartsync.errors import NonCanonicalTrie, ProofError
from smartsync.header import Header
from smartsync.keccak import keccak256
from smartsync.replica import ReplicaRecord, replica_nodes, replica_values, written_slots
from smartsync.trie.trie import build, storage_value


def walk_of_sync(
    source: Chain,
    header: Header,
    storage_root: bytes,
    target: Chain,
    hub: str,
    replica: str,
    record: ReplicaRecord,
    hints: Hints,
) -> SlotWalk:
    """Return the walk from a replica to its source at a block. ``storage_root`` is the source's there, proven."""
    old = _ReplicaSide(target, hub, replica, record)
    new = Side(storage_root, partial(source_nodes, source, header, record.key.source))
    return SlotWalk(old, new, partial(written_slots, target, hub, replica), hints)


class _ReplicaSide(Side):
    """The replica's trie. Where the node's proofs are of no use (anvil keeps zeros), its values tell the same."""

    def __init__(self, target: Chain, hub: str, replica: str, record: ReplicaRecord) -> None:
        super().__init__(record.storage_root, self._nodes_of)
        self._about = target, hub, replica, record

    async def reveal(self, slots: Sequence[bytes]) -> None:
        """Learn what lies on the way to some slots, or all there is."""
        try:
            await super().reveal(slots)
        except (ProofError, NonCanonicalTrie):
            values = await replica_values(*self._about, ())
            self.trie = build((keccak256(slot), storage_value(value)) for slot, value in values.items())

    async def _nodes_of(self, slots: Sequence[bytes]) -> Iterable[bytes]:
        target, _, replica, record = self._about
        return await target.verified(lambda one: replica_nodes(one, replica, record, slots))
