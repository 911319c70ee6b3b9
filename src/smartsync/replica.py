"""A replica as the target chain has it: the hub's record of it, and its storage trie.

The trie is the old side of every transition. It is read from the replica itself, never from the source's past, so that
a sync needs no historical proofs and the way back from an orphaned block needs nothing that only that block had.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass
from typing import Any

from smartsync.answers import Log, Transaction
from smartsync.chain import Chain
from smartsync.contracts import address_topic, decode_call, event_topic
from smartsync.errors import (
    InvalidWitness,
    NonCanonicalTrie,
    NotDeployed,
    ProofError,
    ReplicaError,
    RpcError,
    SmartSyncError,
    TransactionReverted,
    UnknownReplica,
)
from smartsync.keccak import keccak256
from smartsync.trie.frontier import root_of
from smartsync.trie.node import Node
from smartsync.trie.proof import decode_storage_value, partial_trie
from smartsync.trie.trie import build, lookup, storage_value
from smartsync.types import EMPTY_ROOT
from smartsync.views import call_view, call_views
from smartsync.witness import WriteItem, decode_witness

STATUSES = ("none", "filling", "active", "source_destroyed", "source_code_changed")

_TRANSACTIONS_AT_ONCE = 32
"""Transactions that are read in one go: four megabytes of calldata at most."""

_WRITERS = {"fill": "witness", "sync": "witness", "commit": "writes"}
"""The hub's functions that write to a replica, and the argument that names the slots."""


@dataclass(frozen=True, slots=True)
class ReplicaKey:
    """What identifies a replica: the arguments of the hub's ``create`` and its caller, in the hub's order.

    ``code_hash`` (of the source's runtime code) and ``logic_hash`` (of the logic copy's creation code) 32 bytes.
    """

    source_chain_id: int
    source: str
    anchor: str
    creator: str
    code_hash: bytes
    logic_hash: bytes


@dataclass(frozen=True, slots=True)
class ReplicaRecord:
    """The hub's bookkeeping of a replica (``IHub.ReplicaRecord``). Hashes 32 bytes, zero before activation.

    The halt block is the source block at which its end was proven; number and hash are zero unless ``status`` tells so.
    The numbers are the anchor's word on the hashes. ``target_block`` is the number of the target block at which this
    was read, and at which the storage has to be read.
    """

    target_block: int
    storage_root: bytes
    block_hash: bytes
    block_number: int
    halt_hash: bytes
    halt_number: int
    status: str
    first_block: int
    key: ReplicaKey


async def require_hub(target: Chain, hub: str) -> None:
    """Check that there is a hub, by a question that it answers without a replica. Raises ``NotDeployed``."""
    await call_view(target, "Hub", hub, "logicHashOf", [b""])


async def read_record(target: Chain, hub: str, replica: str) -> ReplicaRecord:
    """Read the hub's record of a replica at the newest block.

    Raises
    ------
    UnknownReplica
        The hub has no such replica.
    NotDeployed
        There is no hub at this address.
    """
    (outcome,) = await read_records(target, hub, [replica])
    if isinstance(outcome, ReplicaRecord):
        return outcome
    raise outcome


async def read_records(target: Chain, hub: str, replicas: Sequence[str]) -> list[ReplicaRecord | SmartSyncError]:
    """Read the hub's records of many replicas at the newest block, in as few requests as the node takes.

    Returns
    -------
    list
        In the order of the replicas; what is wrong with one takes its record's place.
    """
    block = await target.block_number()
    calls = [(hub, [replica]) for replica in replicas]
    records = await call_views(target, "Hub", "record", calls, block=block)
    heads = await call_views(target, "Hub", "head", calls, block=block)
    return [
        _record(hub, replica, block, record, head)
        for replica, record, head in zip(replicas, records, heads, strict=True)
    ]


def _record(
    hub: str,
    replica: str,
    block: int,
    record: tuple[Any, ...] | TransactionReverted | NotDeployed | RpcError,
    head: tuple[Any, ...] | TransactionReverted | NotDeployed | RpcError,
) -> ReplicaRecord | SmartSyncError:
    for outcome in (record, head):
        if isinstance(outcome, SmartSyncError):
            if not isinstance(outcome, TransactionReverted) or outcome.name != "UnknownReplica":
                return outcome  # as where its anchor, which is asked too, reverts or takes too long
            return UnknownReplica(
                f"{replica} is not a replica of the hub {hub}",
                hint="check the address (smartsync status lists all replicas) and the hub in the configuration",
            )
    assert isinstance(record, tuple) and isinstance(head, tuple)  # noqa: S101  # for mypy: the errors are dealt with
    ((root, block_hash, halt_hash, status, first_block, key),) = record
    ((_, number, _, halt_number, *_),) = head
    return ReplicaRecord(
        target_block=block,
        storage_root=root,
        block_hash=block_hash,
        block_number=number,
        halt_hash=halt_hash,
        halt_number=halt_number,
        status=STATUSES[status],
        first_block=first_block,
        key=ReplicaKey(*key),
    )


async def read_active(target: Chain, hub: str, replica: str) -> ReplicaRecord:
    """Read the record of a replica that has been activated.

    Raises
    ------
    ReplicaError
        It is still being filled.
    UnknownReplica, NotDeployed
        As ``read_record``.
    """
    record = await read_record(target, hub, replica)
    if record.status == "filling":
        raise ReplicaError(f"{replica} is not active yet", hint="finish it with the same smartsync fork")
    return record


async def logic_of(target: Chain, hub: str, key: ReplicaKey) -> str:
    """Return the address of the logic copy that the replica of this key delegates to."""
    (address,) = await call_view(target, "Hub", hub, "logicOf", [astuple(key)])
    return str(address)


async def replica_trie(target: Chain, hub: str, replica: str, record: ReplicaRecord, slots: Iterable[bytes]) -> Node:
    """Return the replica's trie, reaching at least as far as the given 32-byte slots, proven against the hub's root.

    Where the target node's own trie is not canonical (anvil's keep zeros), it is rebuilt from the values of all
    slots that were ever written.

    Raises
    ------
    NonCanonicalTrie
        The node's trie is not canonical, and its slots could not all be found (see ``replica_values``).
    """
    wanted = set(slots)
    if record.storage_root == EMPTY_ROOT:
        return None
    return await target.verified(lambda one: _trie_by(one, hub, replica, record, wanted))


async def _trie_by(target: Chain, hub: str, replica: str, record: ReplicaRecord, wanted: set[bytes]) -> Node:
    """Return it as one node tells it."""
    try:
        return partial_trie(record.storage_root, await replica_nodes(target, replica, record, sorted(wanted)))
    except (ProofError, NonCanonicalTrie):
        values = await replica_values(target, hub, replica, record, wanted)
        return build(_leaves(values), [keccak256(slot) for slot in wanted])


async def replica_nodes(target: Chain, replica: str, record: ReplicaRecord, slots: Sequence[bytes]) -> frozenset[bytes]:
    """Return trie nodes (RLP) that prove what some slots (32 bytes each) of a replica hold.

    Raises
    ------
    ProofError, NonCanonicalTrie
        The node's proofs do not lead from the hub's root to an answer.
    """
    proof = await target.proof(replica, slots, record.target_block)
    nodes = frozenset(node for storage in proof.storage for node in storage.nodes)
    trie = partial_trie(record.storage_root, nodes)
    for slot in slots:
        if (stored := lookup(trie, keccak256(slot))) is not None:
            decode_storage_value(stored)
    return nodes


async def replica_values(
    target: Chain, hub: str, replica: str, record: ReplicaRecord, slots: Iterable[bytes]
) -> dict[bytes, int]:
    """Return all slots of the replica that are not zero, with their values: their root is the hub's.

    The values are read at the given slots and, should these not be all, at those that the hub's past transactions name.

    Raises
    ------
    NonCanonicalTrie
        Slots are missing: the values read do not make up the hub's storage root.
    """
    if record.storage_root == EMPTY_ROOT:
        return {}
    return await target.verified(lambda one: _values_by(one, hub, replica, record, set(slots)))


async def _values_by(
    target: Chain, hub: str, replica: str, record: ReplicaRecord, known: set[bytes]
) -> dict[bytes, int]:
    """Return them as one node tells them."""
    values = await _read_values(target, replica, known, record.target_block)
    if root_of(_leaves(values)) != record.storage_root:
        async for slots in written_slots(target, hub, replica):
            known |= slots
        values = await _read_values(target, replica, known, record.target_block)
    if root_of(_leaves(values)) != record.storage_root:
        raise NonCanonicalTrie(
            f"the target node {target.rpc.host}'s proofs and values of {replica} do not make up the hub's storage root",
            hint="take another node for the target chain (anvil's tries keep zeros), or give --slots",
        )
    return values


async def _read_values(target: Chain, replica: str, slots: set[bytes], block: int) -> dict[bytes, int]:
    ordered = sorted(slots)
    values = await target.storage_at(replica, ordered, block)
    return {slot: value for slot, value in zip(ordered, values, strict=True) if value}


def _leaves(values: dict[bytes, int]) -> Iterator[tuple[bytes, bytes]]:
    return ((keccak256(slot), storage_value(value)) for slot, value in values.items())


async def written_slots(target: Chain, hub: str, replica: str) -> AsyncGenerator[set[bytes], None]:
    """Yield every slot that a transaction to the hub ever wrote in this replica, out of the chain's own records.

    They come in sets of some transactions each, so that whoever looks for a few need not hold all. A transaction that
    reached the hub through another contract does not show its witness and is passed over; whoever uses the result
    checks it against a root.
    """
    hashes = [log.tx_hash async for log in _writings(target, hub, replica)]
    for start in range(0, len(hashes), _TRANSACTIONS_AT_ONCE):
        yield _slots_in(await target.transactions(hashes[start : start + _TRANSACTIONS_AT_ONCE]), hub)


def _slots_in(transactions: Iterable[Transaction | None], hub: str) -> set[bytes]:
    """Return the slots that transactions to the hub wrote."""
    slots: set[bytes] = set()
    for transaction in transactions:
        call = decode_call("Hub", transaction.data) if transaction and transaction.to == hub else None
        if call is None or call.name not in _WRITERS:
            continue
        try:
            items = decode_witness(call.arguments[_WRITERS[call.name]])
        except InvalidWitness:
            continue
        slots |= {item.slot for item in items if isinstance(item, WriteItem)}
    return slots


async def _writings(target: Chain, hub: str, replica: str) -> AsyncIterator[Log]:
    """Yield the events of all transactions that wrote to a replica, from the newest block back to its creation."""
    created = event_topic("Hub", "ReplicaCreated")
    events = [created, *(event_topic("Hub", name) for name in ("ReplicaFilled", "ReplicaSynced"))]
    async for logs in target.logs_backwards(hub, [events, address_topic(replica)]):
        for log in logs:
            if log.topics[0] != created:
                yield log
        if any(log.topics[0] == created for log in logs):
            return
