"""What hub, anchor and source say of a replica now, in one answer."""

from __future__ import annotations

from dataclasses import dataclass

from smartsync.anchors.block import AnchoredBlock, accepted_block, anchor_state, newest_accepted
from smartsync.chain import Chain
from smartsync.errors import AnchorError, InvalidProof, NoCode, TransactionReverted
from smartsync.header import Header
from smartsync.implementations import copy_of, implementation_of, misleads, resolution_of, why_uncopied
from smartsync.replica import ReplicaRecord, logic_of, read_record
from smartsync.results import ReplicaState


async def state_of(source: Chain, target: Chain, hub: str, replica: str) -> ReplicaState:
    """Return a replica's state; nothing in it is proven, it is what the nodes tell.

    Raises
    ------
    UnknownReplica
        The hub has no such replica.
    """
    record = await read_record(target, hub, replica)
    recorded = await accepted_block(target, record.key.anchor, record.block_hash)
    anchor = await anchor_state(target, record.key.anchor)
    # Before the source's newest block: else one that is accepted meanwhile would look like one that its node lacks.
    accepted = await _accepted_number(target, record.key.anchor)
    # A hub may have replicas of several sources, and this node is of one.
    newest = await source.header("latest") if await source.chain_id() == record.key.source_chain_id else None
    is_comparable = newest is not None and any(record.block_hash)
    source_hash = await source.hash_at(record.block_number) if is_comparable else None
    delegation = await _delegation(source, target, hub, replica, record, newest, accepted)
    return ReplicaState(
        replica=replica,
        status=record.status,
        source_chain_id=record.key.source_chain_id,
        source=record.key.source,
        anchor=record.key.anchor,
        creator=record.key.creator,
        logic=await logic_of(target, hub, record.key),
        block_number=record.block_number,
        block_hash=record.block_hash,
        source_timestamp=recorded.timestamp,
        storage_root=record.storage_root,
        code_hash=record.key.code_hash,
        halt_block=record.halt_number if record.status not in ("filling", "active") else None,
        level=recorded.level,
        anchor_status=anchor.status,
        anchor_since=anchor.since,
        canonical_epoch=anchor.canonical_epoch,
        accepted_block=accepted,
        source_head=None if newest is None else newest.number,
        behind_s=None if newest is None else _behind(recorded, accepted, newest),
        dropped_for=None if source_hash == record.block_hash else source_hash,
        proxy=delegation.proxy,
        implementation=delegation.implementation,
        copy=delegation.copy,
        unreadable=delegation.unreadable,
    )


@dataclass(frozen=True, slots=True)
class _Delegation:
    """What ``ReplicaState`` tells of a proxy's replica."""

    proxy: str | None = None
    implementation: str | None = None
    copy: str | None = None
    unreadable: str = ""


async def _delegation(
    source: Chain,
    target: Chain,
    hub: str,
    replica: str,
    record: ReplicaRecord,
    newest: Header | None,
    accepted: int | None,
) -> _Delegation:
    if newest is None:  # not the node of its source, which would have to be asked for a clone's code
        return _Delegation()
    try:
        resolution = await resolution_of(source, target, hub, record.key, newest.number)
    except (NoCode, InvalidProof):
        return _Delegation()  # a clone whose source has ended: ``status`` says so
    if resolution is None:
        return _Delegation()
    try:
        named = await implementation_of(target, hub, record.key, replica, resolution, record.target_block)
    except TransactionReverted as error:
        return _Delegation(resolution.kind, None, None, error.reason)
    copy = await copy_of(target, hub, record.key.anchor, named)
    if copy is None:
        # As smartsync supply would find it: at the newest block that the anchor accepts.
        why = await why_uncopied(source, named, newest.number if accepted is None else accepted)
        return _Delegation(resolution.kind, named, None, why)
    code = await target.code(copy)
    why = await misleads(target, replica, record.key.code_hash, resolution, named, code, record.target_block)
    return _Delegation(resolution.kind, named, copy, why)


def _behind(recorded: AnchoredBlock, accepted: int | None, newest: Header) -> int | None:
    """Return by how many seconds the source's newest block is later; ``None`` where its node does not have the newest.

    The node shows that itself: it has no later block than the recorded one, or not the one that the anchor accepts.
    """
    if accepted is not None and newest.number < accepted:
        return None
    if recorded.level == "unknown" or newest.number < recorded.number or newest.timestamp < recorded.timestamp:
        return None
    return newest.timestamp - recorded.timestamp


async def _accepted_number(target: Chain, anchor: str) -> int | None:
    try:
        return (await newest_accepted(target, anchor)).number
    except AnchorError:
        return None
