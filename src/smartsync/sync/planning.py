"""discover → trie → witness: the transition from a replica's state to the source's at a block."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass

from smartsync.chain import Chain
from smartsync.discovery import Discovery, strategies
from smartsync.discovery.completeness import source_trie, source_values
from smartsync.discovery.hints import NO_HINTS, Hints
from smartsync.discovery.searching import search
from smartsync.errors import IncompleteSlots, SourceCodeChanged, SourceDestroyed
from smartsync.header import Header
from smartsync.keccak import keccak256
from smartsync.replica import ReplicaRecord, replica_trie
from smartsync.results import Progress
from smartsync.sync.blocks import last_common_block
from smartsync.sync.walking import walk_of_sync
from smartsync.trie.nibbles import to_nibbles
from smartsync.types import EMPTY_CODE_HASH, Account
from smartsync.witness import Transition, encode_account_proof, plan_transition

_COMPARE_FIRST = 32
"""Candidates above which reading their values on both chains is cheaper than proving them all."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A transition of a replica, ready to be sent: nothing in it is unproven.

    ``account_proof`` is what the hub takes to prove the source's account against the header's state root.
    """

    header: Header
    record: ReplicaRecord
    account: Account
    account_proof: bytes
    transition: Transition
    strategy: str


async def plan_sync(
    source: Chain,
    target: Chain,
    hub: str,
    replica: str,
    record: ReplicaRecord,
    header: Header,
    slots: set[bytes] | None,
    on_progress: Progress | None = None,
    hints: Hints = NO_HINTS,
) -> Plan:
    """Return the transition that brings a replica to the source's state at a block.

    Candidates come from the strategies in turn, or from the given slots; whichever finds a set of slots that explains
    the new storage root in full wins. ``hints`` is what the user knows of the contract.

    Raises
    ------
    SourceDestroyed, SourceCodeChanged
        The account at this block is not the one that was replicated.
    IncompleteSlots
        Some slots that changed were not found; tells at which trie-key prefixes, and what stood in the way.
    """
    state = await source_values(source, header, record.key.source, [])
    account = require_replicable(state.account, record, header)

    async def attempt(known: set[bytes]) -> Transition:
        differing = await _differing(
            source, target, record.key.source, replica, known, header.number, record.target_block
        )
        while True:
            new = await source_trie(source, header, record.key.source, differing, on_progress=on_progress)
            old = await replica_trie(target, hub, replica, record, differing)
            try:
                return plan_transition(old, new, differing)
            except IncompleteSlots as error:
                # A node may have told a value that is not the slot's: where the tries differ, its word does not count.
                hidden = _below(error.prefixes, known - differing)
                if not hidden:
                    raise
                differing |= hidden

    async def candidates() -> AsyncIterator[Discovery]:
        if state.storage_root == record.storage_root:
            yield Discovery(set(), "unchanged root")
        elif slots is not None:
            yield Discovery(slots, "given slots")
        else:
            since = await last_common_block(source, target, hub, replica, record)
            walk = walk_of_sync(source, header, state.storage_root, target, hub, replica, record, hints)
            wanted = (source, record.key.source, since, header.number, hints, on_progress)
            async for found in strategies(*wanted, walk=walk.strategies):
                yield found

    transition, strategy = await search(candidates(), attempt, hints.advice)
    account_proof = encode_account_proof(header.state_root, record.key.source, state.account_nodes)
    return Plan(header, record, account, account_proof, transition, strategy)


def require_replicable(account: Account | None, record: ReplicaRecord, header: Header) -> Account:
    """Return the source's account at a block, which must be there and have the code that was replicated."""
    if account is None or account.code_hash == EMPTY_CODE_HASH:
        raise SourceDestroyed(
            f"the source {record.key.source} does not exist any more at block {header.number}",
            hint="record the end on chain with: smartsync halt; sync --block still goes on to a block before the end",
        )
    if account.code_hash != record.key.code_hash:
        raise SourceCodeChanged(
            f"the source {record.key.source} has other code at block {header.number}",
            hint="fork it anew; record the end of this replica on chain with: smartsync halt",
        )
    return account


def _below(prefixes: Sequence[bytes], slots: Iterable[bytes]) -> set[bytes]:
    """Return the slots whose trie key begins with one of these prefixes, in nibbles."""
    return {slot for slot in slots if to_nibbles(keccak256(slot)).startswith(tuple(prefixes))}


async def _differing(
    source: Chain,
    target: Chain,
    original: str,
    replica: str,
    slots: Iterable[bytes],
    source_block: int,
    target_block: int,
) -> set[bytes]:
    """Leave out slots that are the same on both chains, by the nodes' word: a wrong one shows up as an open subtrie."""
    ordered = sorted(slots)
    if len(ordered) <= _COMPARE_FIRST:
        return set(ordered)
    theirs = await source.storage_at(original, ordered, source_block)
    ours = await target.storage_at(replica, ordered, target_block)
    return {slot for slot, a, b in zip(ordered, theirs, ours, strict=True) if a != b}
