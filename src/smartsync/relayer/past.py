"""What a relayer has done, as the chains tell it: its transactions to replicas and anchors, out of the target's events.

Only what left an event behind: a transaction that failed has none, and nobody finds it without reading every block.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass

from smartsync.answers import Log, Receipt, Transaction
from smartsync.chain import Chain
from smartsync.chain.many import blocks_at, receipts_of
from smartsync.contracts import address_topic, decode_call, event_topic
from smartsync.errors import InvalidWitness, NodeError
from smartsync.types import SlotChange
from smartsync.witness import WriteItem, decode_witness

_AT_ONCE = 50
"""Transactions that are read in one go."""

_REPLICAS_AT_ONCE = 100
"""Replicas whose events are asked for in one go: nodes bound the topics of a filter."""

_WRITERS = {"sync": "witness", "commit": "writes"}
"""The hub's functions that end a transition, and the argument that names what is written."""

_LEVELS = {1: "pending", 2: "safe", 3: "final"}
"""Of ``IAnchor.Level``."""


@dataclass(frozen=True, slots=True)
class Landed:
    """A transaction of one of the relayer's accounts that is in a block, made at ``block_s`` by the target's clock.

    ``address`` is the replica or the anchor that it is for.
    """

    address: str
    what: str
    transaction: Transaction
    receipt: Receipt
    block_s: int


@dataclass(frozen=True, slots=True)
class PastSync:
    """A sync that the relayer paid for, by its transactions: the last one wrote, those before it proved parts.

    ``from_block`` is ``None`` where it is further back than was looked. ``writes`` are slots (32 bytes) with their new
    values, ``None`` where the transaction does not show them.
    """

    replica: str
    from_block: int | None
    to_block: int
    block_hash: bytes
    landed: tuple[Landed, ...]
    writes: tuple[tuple[bytes, int], ...] | None


@dataclass(frozen=True, slots=True)
class PastAcceptance:
    """A source block that an anchor accepted, by a transaction that the relayer paid for."""

    anchor: str
    number: int
    block_hash: bytes
    level: str
    landed: Landed


@dataclass(frozen=True, slots=True)
class _Sent:
    transaction: Transaction
    receipt: Receipt
    block_s: int


async def first_block_since(chain: Chain, time_s: float) -> int:
    """Return the number of the first block that was made at a time or later; the newest one where there is none."""
    low, high = 0, await chain.block_number()
    while low < high:
        middle = (low + high) // 2
        (block,) = await blocks_at(chain, [middle])
        # A block that the node does not have (any more) is old.
        low, high = (middle + 1, high) if block is None or block.timestamp < time_s else (low, middle)
    return low


async def past_syncs(
    target: Chain, hub: str, replicas: Sequence[str], payers: Collection[str], since_block: int
) -> AsyncIterator[PastSync]:
    """Yield the syncs of replicas that these accounts paid for, of each replica the oldest first.

    Parameters
    ----------
    since_block
        Of the target chain.
    """
    topics = {name: event_topic("Hub", name) for name in ("ReplicaActivated", "ReplicaSynced", "TransitionPrepared")}
    for start in range(0, len(replicas), _REPLICAS_AT_ONCE):
        chosen = replicas[start : start + _REPLICAS_AT_ONCE]
        wanted = [list(topics.values()), [address_topic(one) for one in chosen]]
        logs = await target.logs(hub, wanted, from_block=since_block)
        sent = await _sent(target, logs, payers)
        for replica in chosen:
            own = [log for log in logs if log.topics[1:2] == (address_topic(replica),)]
            for sync in _syncs_of(hub, replica, own, sent, topics):
                yield sync


def _syncs_of(
    hub: str, replica: str, logs: Sequence[Log], sent: dict[bytes, _Sent], topics: dict[str, bytes]
) -> list[PastSync]:
    """Return the syncs of a replica, out of its events, the oldest first."""
    found: list[PastSync] = []
    from_block: int | None = None
    parts: dict[bytes, dict[bytes, Landed]] = {}
    for log in logs:
        one = sent.get(log.tx_hash)
        if log.topics[0] == topics["TransitionPrepared"]:
            if one is not None:
                landed = Landed(replica, "prove a part", one.transaction, one.receipt, one.block_s)
                parts.setdefault(log.topics[2], {})[log.tx_hash] = landed
            continue
        number = int.from_bytes(log.data[:32])
        if log.topics[0] == topics["ReplicaSynced"] and one is not None:
            last = Landed(replica, f"sync to block {number}", one.transaction, one.receipt, one.block_s)
            before = parts.pop(log.topics[2], {}).values()
            writes = _writes(one.transaction, hub)
            found.append(PastSync(replica, from_block, number, log.topics[2], (*before, last), writes))
        from_block = number
    return found


async def past_acceptances(
    target: Chain, anchors: Sequence[str], payers: Collection[str], since_block: int
) -> AsyncIterator[PastAcceptance]:
    """Yield the blocks that anchors accepted by transactions of these accounts, of each anchor the oldest first."""
    topic = event_topic("IAnchor", "BlockAccepted")
    for anchor in anchors:
        logs = await target.logs(anchor, [topic], from_block=since_block)
        sent = await _sent(target, logs, payers)
        for log in logs:
            one = sent.get(log.tx_hash)
            if one is None or len(log.topics) != 3:
                continue
            number = int.from_bytes(log.topics[2])
            landed = Landed(anchor, f"accept block {number}", one.transaction, one.receipt, one.block_s)
            level = _LEVELS.get(int.from_bytes(log.data[64:96]), "unknown")
            yield PastAcceptance(anchor, number, log.topics[1], level, landed)


async def changes_of(target: Chain, sync: PastSync) -> tuple[SlotChange, ...] | None:
    """Return what a sync changed; ``None`` where the node does not serve the state before it, or it does not show."""
    if sync.writes is None:
        return None
    slots = [slot for slot, _ in sync.writes]
    try:
        before = await target.storage_at(sync.replica, slots, sync.landed[-1].receipt.block_number - 1)
    except NodeError:
        return None
    return tuple(SlotChange(slot, old, new) for (slot, new), old in zip(sync.writes, before, strict=True))


async def _sent(target: Chain, logs: Sequence[Log], payers: Collection[str]) -> dict[bytes, _Sent]:
    """Return the transactions of some events that these accounts paid for, by hash."""
    hashes = list(dict.fromkeys(log.tx_hash for log in logs))
    found: dict[bytes, _Sent] = {}
    for start in range(0, len(hashes), _AT_ONCE):
        told = await target.transactions(hashes[start : start + _AT_ONCE])
        own = [one for one in told if one is not None and one.sender in payers]
        receipts = await receipts_of(target, [one.tx_hash for one in own])
        numbers = sorted({one.block_number for one in receipts if one is not None})
        times = dict(zip(numbers, await blocks_at(target, numbers), strict=True))
        for transaction, receipt in zip(own, receipts, strict=True):
            block = None if receipt is None else times[receipt.block_number]
            if receipt is not None and block is not None:
                found[transaction.tx_hash] = _Sent(transaction, receipt, block.timestamp)
    return found


def _writes(transaction: Transaction, hub: str) -> tuple[tuple[bytes, int], ...] | None:
    """Return what a transaction to the hub wrote; ``None`` where it reached the hub through another contract."""
    call = decode_call("Hub", transaction.data) if transaction.to == hub else None
    if call is None or call.name not in _WRITERS:
        return None
    try:
        items = decode_witness(call.arguments[_WRITERS[call.name]])
    except InvalidWitness:
        return None
    return tuple((item.slot, item.value) for item in items if isinstance(item, WriteItem))
