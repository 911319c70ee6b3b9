"""What an anchor says of itself, whatever its kind is."""

from __future__ import annotations

from typing import assert_never

from smartsync.anchors.block import (
    AnchoredBlock,
    anchor_kind,
    anchor_state,
    head_of,
    pending_head,
    require_same_source,
    source_of,
    usable_from,
)
from smartsync.anchors.composite import members_of
from smartsync.anchors.kinds import KINDS, Kind
from smartsync.anchors.native import l1_block
from smartsync.anchors.parting import find_parting
from smartsync.anchors.quorum import guardian_of, quorum_terms
from smartsync.anchors.rotating import scheduled_set
from smartsync.anchors.stopping import frozen_by
from smartsync.chain import Chain
from smartsync.errors import AnchorMismatch, NodeError, NotDeployed, WrongChain
from smartsync.results import AnchorHead, AnchorReport, DroppedBlock, PendingBlock
from smartsync.views import call_view


async def describe_anchor(source: Chain, target: Chain, anchor: str) -> AnchorReport:
    """Return what the anchor at this address says of itself, and its members of themselves. Nothing is sent.

    The blocks that it accepts are compared with the source's, as far as the source's node can be asked. Of a kind that
    this package does not know, what all anchors tell.

    Raises
    ------
    NotDeployed
        There is no anchor.
    """
    name = await anchor_kind(target, anchor)
    kind = KINDS.get(name)
    chain_id, genesis_hash = await source_of(target, anchor)
    state = await anchor_state(target, anchor)
    now = await target.clock()
    final = await head_of(target, anchor, "final")
    safe = await head_of(target, anchor, "safe")
    pending = await pending_head(target, anchor)
    members: tuple[AnchorReport, ...] = ()
    if kind is not None and kind.is_composite:
        members = tuple([await describe_anchor(source, target, member) for member in await members_of(target, anchor)])
    dropped, not_compared = await _dropped(source, target, anchor)
    return AnchorReport(
        anchor=anchor,
        kind=name,
        trusts="" if kind is None else kind.trusts,
        source_chain_id=chain_id,
        source_genesis_hash=genesis_hash,
        status=state.status,
        since=state.since,
        cause=await frozen_by(target, anchor, name) if state.status == "frozen" else "",
        canonical_epoch=state.canonical_epoch,
        safe=None if safe is None else _head(safe, now),
        final=None if final is None else _head(final, now),
        pending=None if pending is None else await _pending(target, anchor, pending),
        terms={} if kind is None else await _terms(target, anchor, kind, now),
        dropped=dropped,
        not_compared=not_compared,
        members=members,
    )


def _head(block: AnchoredBlock, now: int) -> AnchorHead:
    return AnchorHead(block.number, block.block_hash, block.timestamp, now - block.timestamp)


async def _pending(target: Chain, anchor: str, block: AnchoredBlock) -> PendingBlock:
    waits_until = await usable_from(target, anchor, block)
    return PendingBlock(block.number, block.block_hash, block.timestamp, waits_until)


async def _dropped(source: Chain, target: Chain, anchor: str) -> tuple[tuple[DroppedBlock, ...], str]:
    """Return the accepted blocks that the source has dropped, or why these could not be looked for."""
    try:
        await require_same_source(source, target, anchor)
        parting = await find_parting(source, target, anchor)
    except (NodeError, WrongChain, AnchorMismatch) as error:
        return (), error.message
    found = () if parting is None else parting.dropped
    return tuple(DroppedBlock(block.number, block.block_hash, block.level) for block in found), ""


async def _terms(target: Chain, anchor: str, kind: Kind, now: int) -> dict[str, object]:
    match kind.name:
        case "quorum/2":
            return await _quorum(target, anchor)
        case "qbft/1" | "ibft2/1":
            return await _bft(target, anchor, now)
        case "op-l1block/1":
            return await _l1_block(target)
        case "blockhash/1":
            return {}
        case "k-of-n/1":
            return {"threshold": await _one(target, "KofNAnchor", anchor, "threshold")}
        case "veto/1":
            primary, *watchers = await members_of(target, anchor)
            delay_s = await _one(target, "VetoAnchor", anchor, "delay")
            max_drift_s = await _one(target, "VetoAnchor", anchor, "maxDrift")
            return {"primary": primary, "watchers": tuple(watchers), "delay_s": delay_s, "max_drift_s": max_drift_s}
        case never:
            assert_never(never)


async def _quorum(target: Chain, anchor: str) -> dict[str, object]:
    terms = await quorum_terms(target, anchor)
    scheduled = await scheduled_set(target, anchor, terms)
    return {
        "signers": terms.signers,
        "threshold": terms.threshold,
        "set_epoch": terms.set_epoch,
        "max_drift_s": await _one(target, "QuorumAnchor", anchor, "maxDrift"),
        "delay_s": await _one(target, "QuorumAnchor", anchor, "delay"),
        "guardian": await guardian_of(target, anchor),
        "scheduled_set": scheduled,
    }


async def _bft(target: Chain, anchor: str, now: int) -> dict[str, object]:
    head = await head_of(target, anchor, "final")
    period = await _one(target, "IBftAnchor", anchor, "trustingPeriod")
    left = None if head is None or not isinstance(period, int) else max(0, head.timestamp + period - now)
    return {
        "checkpoint": await _one(target, "IBftAnchor", anchor, "checkpoint"),
        "validators_hash": await _one(target, "IBftAnchor", anchor, "validatorsHash"),
        "trusting_period_s": period,
        "trusting_left_s": left,
        "max_drift_s": await _one(target, "IBftAnchor", anchor, "maxDrift"),
    }


async def _l1_block(target: Chain) -> dict[str, object]:
    try:
        number, block_hash = await l1_block(target)
    except NotDeployed:
        return {}
    return {"l1_number": number, "l1_hash": block_hash}


async def _one(target: Chain, contract: str, anchor: str, function: str) -> object:
    (answer,) = await call_view(target, contract, anchor, function)
    return answer
