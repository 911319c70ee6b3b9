"""Anchors of Besu's consortium chains (``QbftAnchor.sol``, ``Ibft2Anchor.sol``): the chain's own headers are the proof.

A header needs the seals of a quorum of its validators; where these are others than those that the anchor knows, also
of enough that it knows. So one header may be out of reach: then one between is proven first, whose validators are known
from there on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from smartsync.anchors.block import (
    AnchoredBlock,
    accepted_block,
    head_of,
    offered_block,
    require_active,
    require_same_source,
)
from smartsync.bft import Protocol, bft_block_hash, has_mix_hash, overlap_of, quorum_of, read_extra, sealers, with_seals
from smartsync.chain import Chain
from smartsync.contracts import decode_logs, encode_call, event_topic
from smartsync.errors import (
    AnchorExpired,
    BlockNotAccepted,
    BlockNotProvable,
    InvalidHeader,
    NodeError,
    SourceReorganised,
    TransactionReverted,
    ValidatorsUnknown,
)
from smartsync.header import Header
from smartsync.keccak import keccak256
from smartsync.results import Step
from smartsync.rlp import encode
from smartsync.submit import Sender, step_of
from smartsync.types import MAX_S
from smartsync.views import call_view

NOWHERE = 0xFF
"""The place of a validator who is not in the known list."""

_SOMEBODY = "somebody else had another block accepted meanwhile: try again"
_LATER = {
    "NumberNotNewer": _SOMEBODY,
    "NotKnownValidators": _SOMEBODY,
    "NotCheckpoint": _SOMEBODY,
    "TimestampInFuture": "the block's time is ahead of the target chain's clock: wait, or name an older --block",
}
"""What a later try may not meet, and what to do."""


@dataclass(frozen=True, slots=True)
class Seal:
    """A seal that counts: 65 bytes, whose it is (20 bytes), and his place in the header's list of validators."""

    signature: bytes
    validator: bytes
    place: int


def is_sealed_by(protocol: Protocol, header: Header) -> bool:
    """Whether the block's hash follows this protocol's rule; the genesis block's, and one's without seals, may."""
    # A header without seals of the first round is of QBFT as well as hashed as it is.
    try:
        return has_mix_hash(header.fields) and bft_block_hash(protocol, header.fields) == header.hash
    except InvalidHeader:
        return False


def valid_seals(protocol: Protocol, header: Header) -> list[Seal]:
    """Return the seals of a header that are by its validators, each once, in their order.

    Raises
    ------
    InvalidHeader
        The header is not one of these protocols.
    """
    extra = read_extra(header.extra_data)
    places = {validator: place for place, validator in enumerate(extra.validators)}
    found: dict[bytes, Seal] = {}
    for signature, sealer in zip(extra.seals, sealers(protocol, header.fields), strict=True):
        if sealer in places and sealer not in found and int.from_bytes(signature[32:64], "big") <= MAX_S:
            found[sealer] = Seal(signature, sealer, places[sealer])
    return sorted(found.values(), key=lambda seal: seal.place)


def header_without_seals(header: Header) -> bytes:
    """Return the shortest RLP that has the header's block hash: the proof of a checkpoint, and an ancestor's."""
    # The genesis block is hashed as it is.
    return header.raw if header.number == 0 or header.hash_rule == "keccak" else with_seals(header.fields, [])


def encode_proof(protocol: Protocol, header: Header, known: Sequence[bytes]) -> bytes:
    """Return the proof for ``update``, with as many seals as are needed.

    Parameters
    ----------
    known
        The validators that the anchor knows, 20 bytes each, in their order.

    Raises
    ------
    BlockNotProvable
        The header has too few seals of its own validators.
    ValidatorsUnknown
        It has too few of the known ones.
    """
    validators = read_extra(header.extra_data).validators
    seals = valid_seals(protocol, header)
    needed = quorum_of(len(validators))
    if len(seals) < needed:
        raise _too_few_seals(header, needed, len(seals))
    if tuple(known) == validators:
        return _with(header, seals[:needed])
    known_places = {validator: place for place, validator in enumerate(known)}
    by_known = [seal for seal in seals if seal.validator in known_places]
    overlap = overlap_of(len(known))
    if len(by_known) < overlap:
        raise ValidatorsUnknown(header.number, overlap, len(by_known))
    others = [seal for seal in seals if seal not in by_known[:overlap]]
    chosen = sorted([*by_known[:overlap], *others[: max(0, needed - overlap)]], key=lambda seal: seal.place)
    places = bytes(known_places.get(seal.validator, NOWHERE) for seal in chosen)
    return _with(header, chosen) + encode(list(known)) + places


def encode_evidence(protocol: Protocol, accepted: Header, other: Header) -> bytes:
    """Return the evidence for ``reportMisbehaviour``: a header that contradicts an accepted one, with enough seals.

    Raises
    ------
    BlockNotProvable
        It shows nothing: the two can be of one chain, or too few of its validators have sealed the other one.
    """
    if not offered_block(accepted).contradicts(offered_block(other)):
        raise BlockNotProvable(
            f"header 0x{other.hash.hex()} of block {other.number} does not contradict the accepted block "
            f"0x{accepted.hash.hex()} of number {accepted.number}",
            hint="evidence is another header of the same number, or one whose time contradicts its number",
        )
    seals = valid_seals(protocol, other)
    needed = quorum_of(len(read_extra(other.extra_data).validators))
    if len(seals) < needed:
        raise _too_few_seals(other, needed, len(seals))
    return header_without_seals(accepted) + _with(other, seals[:needed])


async def update_bft(
    source: Chain, sender: Sender, anchor: str, protocol: Protocol, *, block: int | str | None = None
) -> tuple[Header, list[Step]]:
    """Have a block accepted, by way of as many others as are needed; no step where it is already.

    Parameters
    ----------
    block
        Number on the source chain, or a word that its node knows; the newest where ``None``.

    Raises
    ------
    BlockNotProvable
        The chain is not of this protocol, the block is older than the newest accepted one, or the node's header has too
        few seals.
    ValidatorsUnknown
        The anchor knows too few of the block's validators, and there is no block between that would help.
    BlockNotAccepted
        Somebody else was faster, or the block's time is ahead of the target's clock; a later try may work.
    AnchorExpired, AnchorFrozen
        The anchor is not active, or would not be with its checkpoint.
    """
    target = sender.chain
    await require_same_source(source, target, anchor)
    await require_active(target, anchor)
    header = await source.header("latest" if block is None else block)
    if (await accepted_block(target, anchor, header.hash)).accepted:
        return header, []
    steps: list[Step] = []
    head = await head_of(target, anchor)
    if head is None:
        head, first = await _send_checkpoint(source, sender, anchor, protocol)
        steps.append(first)
    if header.hash == head.block_hash:
        return header, steps
    _require_protocol(header, protocol)
    _require_newer(header, head)
    known = await known_validators(source, target, anchor)
    while True:
        reached, proof = await _reach(source, protocol, known, head.number, header)
        steps.append(await _send(sender, anchor, f"prove block {reached.number}", proof))
        if reached.hash == header.hash:
            return header, steps
        head = await accepted_block(target, anchor, reached.hash)
        known = read_extra(reached.extra_data).validators


async def known_validators(source: Chain, target: Chain, anchor: str) -> tuple[bytes, ...]:
    """Return the validators that the anchor knows, 20 bytes each: it has no more of them than a hash.

    Raises
    ------
    SourceReorganised
        The source's node has another list in the block that they come from.
    NodeError
        The target's node does not tell the event that names this block.
    """
    (validators_hash,) = await call_view(target, "IBftAnchor", anchor, "validatorsHash")
    numbers: list[int] = []
    async for logs in target.logs_backwards(anchor, [event_topic("IBftAnchor", "ValidatorsChanged")]):
        events = decode_logs("IBftAnchor", logs, "ValidatorsChanged", emitter=anchor)
        if numbers := [event["number"] for event in events if event["validatorsHash"] == validators_hash]:
            break
    if not numbers:
        raise NodeError(
            f"{target.rpc.host} does not tell where the validators that the anchor knows come from",
            hint="take a target node that serves the anchor's events since its deployment",
        )
    extra = read_extra((await source.header(numbers[-1])).extra_data)
    if keccak256(extra.validators_list) != validators_hash:
        raise SourceReorganised(
            f"the source's node has other validators in block {numbers[-1]} than the anchor",
            hint="the node is on another fork, or such a chain has broken its finality: ask another node",
        )
    return extra.validators


async def _send_checkpoint(
    source: Chain, sender: Sender, anchor: str, protocol: Protocol
) -> tuple[AnchoredBlock, Step]:
    (checkpoint,) = await call_view(sender.chain, "IBftAnchor", anchor, "checkpoint")
    header = await source.header(checkpoint)
    _require_protocol(header, protocol)
    await _require_not_outlived(sender.chain, anchor, header)
    step = await _send(sender, anchor, f"prove the checkpoint, block {header.number}", header_without_seals(header))
    return await accepted_block(sender.chain, anchor, header.hash), step


async def _send(sender: Sender, anchor: str, what: str, proof: bytes) -> Step:
    try:
        receipt = await sender.send(anchor, encode_call("IBftAnchor", "update", [proof]), what=what)
    except TransactionReverted as error:
        if error.name not in _LATER:
            raise
        raise BlockNotAccepted(f"{what}: {error.reason}", hint=_LATER[error.name]) from error
    return step_of(what, receipt)


async def _require_not_outlived(target: Chain, anchor: str, checkpoint: Header) -> None:
    """Check that the anchor would not expire with its first block."""
    (period,) = await call_view(target, "IBftAnchor", anchor, "trustingPeriod")
    age_s = (await target.header("latest")).timestamp - checkpoint.timestamp
    if age_s > period:
        raise AnchorExpired(
            f"the anchor {anchor} never had a block, and its checkpoint, block {checkpoint.number}, is {age_s} s old: "
            f"longer than its trusting period of {period} s",
            hint="deploy a new anchor with a checkpoint of today: smartsync anchor deploy",
        )


async def _reach(
    source: Chain, protocol: Protocol, known: Sequence[bytes], low: int, goal: Header
) -> tuple[Header, bytes]:
    """Return the goal and its proof, or those of a block on the way whose validators lead on, found by bisection."""
    try:
        return goal, encode_proof(protocol, goal, known)
    except ValidatorsUnknown as error:
        failure, high = error, goal.number
    best: tuple[Header, bytes] | None = None
    while high - low > 1:
        header = await source.header((low + high) // 2)
        try:
            best, low = (header, encode_proof(protocol, header, known)), header.number
        except ValidatorsUnknown as error:
            failure, high = error, header.number
    # One whose validators are known already leads nowhere.
    if best is None or read_extra(best[0].extra_data).validators == tuple(known):
        raise failure
    return best


def _with(header: Header, seals: Sequence[Seal]) -> bytes:
    return with_seals(header.fields, [seal.signature for seal in seals]) + bytes(seal.place for seal in seals)


def _require_protocol(header: Header, protocol: Protocol) -> None:
    if not is_sealed_by(protocol, header):
        told = "not those of a BFT chain" if header.hash_rule == "keccak" else f"those of {header.hash_rule}"
        raise BlockNotProvable(
            f"the source's headers are {told}, the anchor's are of {protocol}",
            hint="check the source url; another kind of chain needs another kind of anchor: smartsync anchor deploy",
        )


def _require_newer(header: Header, head: AnchoredBlock) -> None:
    if header.number <= head.number:
        raise BlockNotProvable(
            f"block {header.number} is not newer than block {head.number}, the newest that the anchor accepts",
            hint=f"go down from an accepted one: smartsync anchor extend --down-to {header.number}",
        )


def _too_few_seals(header: Header, needed: int, found: int) -> BlockNotProvable:
    if not read_extra(header.extra_data).seals:
        return BlockNotProvable(
            f"the source's node gives the header of block {header.number} without its seals",
            hint="take a node of Besu that serves the whole extraData",
        )
    return BlockNotProvable(
        f"block {header.number} has {found} seals by its validators, it needs {needed}",
        hint="the node's header was changed, or a contract names the chain's validators, which is not supported",
    )
