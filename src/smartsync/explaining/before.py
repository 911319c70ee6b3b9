"""What a replica held before a transaction: the root that the hub had recorded, and the slots' values.

Read at the block before, and corrected by what other transactions of the same block wrote to the replica before this
one. Whether it is right shows where the old root is recomputed from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from smartsync.answers import Log, Receipt
from smartsync.chain import Chain
from smartsync.contracts import address_topic, event_topic
from smartsync.errors import NodeError, SmartSyncError, TransactionError
from smartsync.explaining.calls import HubCall, hub_call, hub_events
from smartsync.replica import ReplicaKey
from smartsync.views import call_view


@dataclass(frozen=True, slots=True)
class Before:
    """``root`` (32 bytes) as recorded, and what the slots held; ``None`` each where the node does not tell."""

    root: bytes | None
    values: dict[bytes, int] | None
    why: str = ""


async def held_before(
    chain: Chain, call: HubCall, slots: Sequence[bytes], receipt: Receipt, earlier: Sequence[HubCall]
) -> Before:
    """Return what a replica held before a call.

    Parameters
    ----------
    slots
        32 bytes each.
    earlier
        Calls that the same transaction made before.
    """
    block = receipt.block_number - 1
    try:
        root = await _recorded(chain, call, block)
        read = await chain.storage_at(call.replica, slots, block)
        values = dict(zip(slots, read, strict=True))
        moved = await _moved_in_block(chain, call, receipt)
    except SmartSyncError as error:
        return Before(None, None, error.message)
    for log, mover in moved:
        events = [event for event in hub_events([log]) if event.root is not None]
        root = events[-1].root if events else root
        if mover is None:
            why = f"another contract's transaction moved the replica earlier in block {receipt.block_number}"
            return Before(root, None, why)
        values |= {slot: value for slot, value in mover.writes.items() if slot in values}
    for mover in earlier:
        if mover.hub == call.hub and mover.replica == call.replica:
            values |= {slot: value for slot, value in mover.writes.items() if slot in values}
            root = None if mover.writes else root
    return Before(root, values)


async def read_key(chain: Chain, call: HubCall, block: int) -> ReplicaKey:
    """Return the replica's key, as the hub's ``record`` has it."""
    record = await lasting(chain, "Hub", call.hub, "record", call.replica, block)
    return ReplicaKey(*record[5])


async def lasting(chain: Chain, contract: str, address: str, function: str, argument: object, block: int) -> Any:
    """Return what a view answers that does not change any more: as of a block, or where its state is gone, now."""
    try:
        (found,) = await call_view(chain, contract, address, function, [argument], block=block)
    except NodeError:
        (found,) = await call_view(chain, contract, address, function, [argument])
    return found


async def _recorded(chain: Chain, call: HubCall, block: int) -> bytes | None:
    try:
        (record,) = await call_view(chain, "Hub", call.hub, "record", [call.replica], block=block)
    except TransactionError:
        return None  # the replica was created in this very block
    return bytes(record[0])


async def _moved_in_block(chain: Chain, call: HubCall, receipt: Receipt) -> list[tuple[Log, HubCall | None]]:
    """Return what moved the replica earlier in the block: the event, and the call where calldata shows it."""
    topics = [event_topic("Hub", name) for name in ("ReplicaFilled", "ReplicaSynced")]
    number = receipt.block_number
    logs = await chain.logs(call.hub, [topics, address_topic(call.replica)], from_block=number, to_block=number)
    earlier: list[Log] = []
    for log in logs:
        if log.tx_hash == receipt.tx_hash:
            break
        earlier.append(log)
    else:
        # It left none itself, so which were before it is not told: those of one that failed or only proved.
        if earlier:
            raise NodeError(f"the replica was moved in the same block {number}, before or after this")
    found = await chain.transactions([log.tx_hash for log in earlier]) if earlier else []
    return [
        (log, hub_call(call.hub, tx.data) if tx and tx.to == call.hub else None)
        for log, tx in zip(earlier, found, strict=True)
    ]
