"""One look at a pair of chains: how all its replicas stand, in a handful of requests.

What is seen here decides what is done next, and nothing else: what is written to a replica is proven by the sync
itself. A node that lies can make the relayer idle, or look in vain, and no more.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from smartsync.amounts import duration
from smartsync.analysis.cost import estimate_sync
from smartsync.anchors.block import AnchoredBlock, accepted_block, newest_accepted
from smartsync.chain import Chain
from smartsync.chain.many import hashes_at, storage_roots
from smartsync.errors import (
    BlockNotAccepted,
    NodeError,
    NodeUnreachable,
    RpcError,
    SmartSyncError,
    WrongChain,
)
from smartsync.relayer.pairs import Pair, require_chain
from smartsync.relayer.policy import EventFilter
from smartsync.relayer.replicas import Replica
from smartsync.relayer.seen import Change, Seen, fullness
from smartsync.relayer.seen import Standing as Canonicity
from smartsync.relayer.states import Role
from smartsync.replica import ReplicaRecord, read_records
from smartsync.types import TX_BYTES_CAP, TX_GAS_CAP

logger = logging.getLogger(__name__)

_USUAL = estimate_sync(slots=10_000, changes=10, account_bytes=3_000)
"""What a sync is taken to be as long as the replica has had none: of ten changes, of a contract as on mainnet."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is remembered of a replica: when a change was first seen that it lacks, gas and bytes of its last sync.

    ``demanded`` is whether somebody asked for a sync.
    """

    changed_s: float | None = None
    gas: int = _USUAL.gas
    calldata_bytes: int = _USUAL.calldata_bytes
    demanded: bool = False


@dataclass(frozen=True, slots=True)
class Sight:
    """What a look has shown of one replica. ``behind_s`` by how many seconds of its clock the source is further.

    ``now_s`` is the time by which is decided (`Chain.clock`), ``target_s`` that of the target's newest block.
    """

    record: ReplicaRecord
    seen: Seen
    level: str
    behind_s: int
    fee_wei: int
    now_s: float
    target_s: float


class NodeFault(Exception):
    """A node failed; ``role`` is which chain's, and ``error`` how."""

    def __init__(self, role: Role, error: SmartSyncError) -> None:
        super().__init__(error.message)
        self.role, self.error = role, error


@asynccontextmanager
async def blamed(role: Role) -> AsyncIterator[None]:
    """Say of which chain's node an error is. Raises ``NodeFault``."""
    try:
        yield
    except SmartSyncError as error:
        raise NodeFault(role, error) from error


@dataclass(frozen=True, slots=True)
class _Anchored:
    """What an anchor accepts, of what the source still has; or why it does not say."""

    newest: AnchoredBlock | None = None
    error: SmartSyncError | None = None


async def look(
    pair: Pair, replicas: Sequence[Replica], known: Mapping[str, Known]
) -> dict[str, Sight | SmartSyncError]:
    """Return what each replica is like, or what is wrong with it, by its address.

    Parameters
    ----------
    known
        What is remembered of them, by address.

    Raises
    ------
    NodeFault
        A node cannot be asked: then nothing is known of any replica.
    """
    async with blamed("target"):
        await require_chain(pair.target, pair.target_chain_id)
        target_s = float((await pair.target.header("latest")).timestamp)
        now_s = float(await pair.target.clock())
        fee_wei = (await pair.target.fees()).present_wei
        found = await read_records(pair.target, pair.hub, [one.address for one in replicas])
    async with blamed("source"):
        source_id = await pair.source.chain_id()
        head = await pair.source.header("latest")
    _tell_of_jumps(pair)
    stalled_s = _stalled_s(pair, head.timestamp, target_s)
    outcomes: dict[str, Sight | SmartSyncError] = {}
    records: list[tuple[Replica, ReplicaRecord]] = []
    for replica, record in zip(replicas, found, strict=True):
        if isinstance(record, SmartSyncError):
            outcomes[replica.address] = record
        elif (expected := record.key.source_chain_id) != source_id:
            # By another chain's blocks it would seem to be behind, or orphaned.
            outcomes[replica.address] = WrongChain("source", pair.source.rpc.host, expected, source_id)
        else:
            records.append((replica, record))
    async with blamed("target"):
        anchors = {anchor: await _anchored(pair, anchor) for anchor in {record.key.anchor for _, record in records}}
        mirrored = await _mirrored(pair.target, [record for _, record in records])
    async with blamed("source"):
        numbers = {record.block_number for _, record in records}
        numbers |= {one.newest.number for one in anchors.values() if one.newest is not None}
        ordered = sorted(number for number in numbers if number <= head.number)
        hashes = dict(zip(ordered, await hashes_at(pair.source, ordered), strict=True))
        asked = {(record.key.source, head.number) for _, record in records}
        for _, record in records:
            newest = anchors[record.key.anchor].newest
            if newest is not None and newest.number <= head.number:
                asked.add((record.key.source, newest.number))
        roots = await _roots(pair.source, asked)
    for replica, record in records:
        anchored = anchors[record.key.anchor]
        if anchored.error is not None:
            outcomes[replica.address] = anchored.error
            continue
        block = mirrored[record.key.anchor, record.block_hash]
        if isinstance(block, SmartSyncError):
            outcomes[replica.address] = block
            continue
        if refused := _refusal(record, roots):
            outcomes[replica.address] = refused
            continue
        newest = anchored.newest
        if newest is not None and hashes.get(newest.number, newest.block_hash) != newest.block_hash:
            newest = None  # the source has dropped it
        known_hash = hashes.get(record.block_number)
        dropped = known_hash is not None and known_hash != record.block_hash
        standing: Canonicity = "revoked" if block.level == "revoked" else "orphaned" if dropped else "canonical"
        blocks = [head.number] if newest is None else [newest.number, head.number]
        changed = [at for at in blocks if roots.get((record.key.source, at)) != record.storage_root]
        memory = known.get(replica.address, Known())
        seen = Seen(
            recorded_block=record.block_number,
            recorded_s=float(block.timestamp),
            accepted_block=None if newest is None else newest.number,
            accepted_level="safe" if newest is None else newest.level,
            source_head=head.number,
            standing=standing,
            differs=bool(changed),
            gas=memory.gas,
            fullness=fullness(memory.gas, memory.calldata_bytes, TX_GAS_CAP, TX_BYTES_CAP),
            demanded=memory.demanded,
            stalled_s=stalled_s,
        )
        try:
            seen = replace(seen, change=await _change(pair, replica, record, changed, memory, now_s))
        except NodeUnreachable as error:
            raise NodeFault("source", error) from error
        except SmartSyncError as error:
            # What one policy asks for, as too many logs, is not to keep the others.
            outcomes[replica.address] = error
            continue
        outcomes[replica.address] = Sight(
            record, seen, block.level, max(0, head.timestamp - block.timestamp), fee_wei, now_s, target_s
        )
    return outcomes


async def _anchored(pair: Pair, anchor: str) -> _Anchored:
    try:
        return _Anchored(await newest_accepted(pair.target, anchor))
    except BlockNotAccepted:
        return _Anchored()  # it may accept one later
    except NodeUnreachable:
        raise
    except SmartSyncError as error:
        return _Anchored(error=error)  # an anchor can be any contract: what is wrong with one is not with others


async def _mirrored(
    target: Chain, records: Sequence[ReplicaRecord]
) -> dict[tuple[str, bytes], AnchoredBlock | SmartSyncError]:
    """Return what anchors know of the blocks that replicas stand at, by anchor and hash; or why one does not say."""
    found: dict[tuple[str, bytes], AnchoredBlock | SmartSyncError] = {}
    for one in {(record.key.anchor, record.block_hash) for record in records}:
        try:
            found[one] = await accepted_block(target, *one)
        except NodeUnreachable:
            raise
        except SmartSyncError as error:
            found[one] = error
    return found


async def _roots(source: Chain, asked: set[tuple[str, int]]) -> dict[tuple[str, int], bytes | NodeError | None]:
    """Return storage roots by address and block, as the node tells them; none of a block whose state it lacks.

    What is wrong with one takes its root's place.
    """
    found: dict[tuple[str, int], bytes | NodeError | None] = {}
    for number in sorted({number for _, number in asked}):
        addresses = sorted(address for address, at in asked if at == number)
        roots = await storage_roots(source, addresses, number)
        found |= {(address, number): root for address, root in zip(addresses, roots, strict=True)}
    return found


def _refusal(record: ReplicaRecord, roots: Mapping[tuple[str, int], bytes | NodeError | None]) -> NodeError | None:
    """Return why the node does not tell a storage root of a replica's source."""
    of_source = [root for (address, _), root in roots.items() if address == record.key.source]
    return next((root for root in of_source if isinstance(root, NodeError)), None)


def _stalled_s(pair: Pair, head_s: int, target_s: float) -> float:
    """Return how old the source's newest block is, where that is too old by the target's clock and by this machine's.

    By both: one that is wrong, or a development chain whose clock was moved, is no sign of anything.
    """
    age_s = min(time.time(), target_s) - head_s
    return age_s if age_s > pair.stalled_after_s else 0.0


def _tell_of_jumps(pair: Pair) -> None:
    if jumped_s := pair.jumps.by(time.time(), time.monotonic()):
        logger.warning(
            "%s: this machine's clock went %s by %s, or the machine slept: times in the log are off; what is due and "
            "what may be spent goes by the chains' clocks",
            pair.name,
            "ahead" if jumped_s > 0 else "back",
            duration(round(abs(jumped_s))),
        )


async def _change(
    pair: Pair, replica: Replica, record: ReplicaRecord, changed: Sequence[int], memory: Known, now_s: float
) -> Change | None:
    """Return the oldest change that the policy watches for.

    Parameters
    ----------
    changed
        Blocks at which the source's storage is another one than the replica's: the accepted one, the newest one.
    """
    policy = replica.policy
    if not policy.on_change:
        return None
    for at in changed:
        if not (policy.slots or policy.events) or (policy.slots and await _slots_differ(pair, replica, record, at)):
            is_watched = True
        else:
            is_watched = await _happened(pair.source, record, at, policy.events)
        if is_watched:
            return Change(at, now_s if memory.changed_s is None else memory.changed_s)
    return None


async def _slots_differ(pair: Pair, replica: Replica, record: ReplicaRecord, at: int) -> bool:
    slots = sorted(replica.policy.slots)
    there = await pair.source.storage_at(record.key.source, slots, at)
    return there != await pair.target.storage_at(replica.address, slots, record.target_block)


async def _happened(source: Chain, record: ReplicaRecord, at: int, events: frozenset[EventFilter]) -> bool:
    """Whether one of these events was there since the block that the replica stands at."""
    for event in events:
        address = event.address or record.key.source
        if await source.logs(address, [event.topic], from_block=record.block_number + 1, to_block=at):
            return True
    return False


async def blame(pair: Pair, error: SmartSyncError) -> Role | None:
    """Return of which chain the node is that an error is about, by asking both; ``None`` where both answer."""
    if not isinstance(error, NodeError):
        return None
    chains: tuple[tuple[Role, Chain], ...] = (("source", pair.source), ("target", pair.target))
    hosts = {role: chain.rpc.host.split(" and ") for role, chain in chains}
    named = [role for role, _ in chains if isinstance(error, RpcError) and error.host in hosts[role]]
    if len(named) == 1:
        return named[0]
    for role, chain in chains:
        try:
            await chain.block_number()
        except NodeError:
            return role
    return "source"
