"""Evidence that what an anchor relies on has misbehaved, made of what people have at hand, and its report on chain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from smartsync.anchors.attestation import encode_evidence as encode_double_signing
from smartsync.anchors.bft import encode_evidence as encode_fork
from smartsync.anchors.block import (
    AnchoredBlock,
    anchor_state,
    canonical_at,
    ever_accepted,
    head_of,
    offered_block,
    require_active,
    require_same_source,
)
from smartsync.anchors.composite import members_of
from smartsync.anchors.documents import decode_attestation
from smartsync.anchors.kinds import COMPOSITE, SEALED, WITH_SIGNERS, require_known_kind
from smartsync.anchors.quorum import quorum_terms
from smartsync.chain import Chain
from smartsync.contracts import decode_logs, encode_call
from smartsync.errors import AnchorError, BlockNotAccepted, TransactionReverted
from smartsync.header import decode_sealed_header
from smartsync.results import MisbehaviourReport, VetoedBlock
from smartsync.submit import Sender, step_of
from smartsync.views import call_view

_OVER = (
    "evidence of an earlier epoch does not count any more: a rotation or a revocation since then lets off who signed it"
)
_MISREAD = "give the evidence whole, as smartsync anchor update --from printed it, and for this anchor; " + _OVER
_STRANGERS = "only who the anchor knows as a validator, or knew within its trusting period, is answerable to it"
_SHOWS_NOTHING = {
    "NoMisbehaviour": "check that it is about this anchor, and that it was not misread",
    "NotKnownValidators": _STRANGERS,
    "TooOldToTrust": _STRANGERS,
}


async def report(sender: Sender, anchor: str, evidence: bytes) -> MisbehaviourReport:
    """Show an anchor that what it relies on has misbehaved.

    Returns its status afterwards, the signer that this removed or the block that it set aside, and the transaction; not
    who is left of its signers.

    Parameters
    ----------
    evidence
        In the encoding that the anchor's interface documents.

    Raises
    ------
    AnchorError
        The evidence shows no misbehaviour. Nothing is sent.
    AnchorPaused, AnchorExpired, AnchorFrozen
        The anchor is not active, and takes no evidence.
    TransactionReverted
        The anchor refuses the evidence for another reason, which is told.
    """
    await require_active(sender.chain, anchor)
    data = encode_call("IAnchor", "reportMisbehaviour", [evidence])
    try:
        receipt = await sender.send(anchor, data, what="report misbehaviour")
    except TransactionReverted as error:
        if error.name not in _SHOWS_NOTHING:
            error.hint = error.hint or _MISREAD
            raise
        raise AnchorError(
            f"the evidence shows the anchor {anchor} no misbehaviour ({error.name})", hint=_SHOWS_NOTHING[error.name]
        ) from error
    removed = decode_logs("QuorumAnchor", receipt, "SignerRemoved", emitter=anchor)
    vetoed = decode_logs("VetoAnchor", receipt, "BlockVetoed", emitter=anchor)
    return MisbehaviourReport(
        (await anchor_state(sender.chain, anchor)).status,
        (step_of("report misbehaviour", receipt),),
        removed=str(removed[0]["signer"]) if removed else None,
        vetoed=await _vetoed_block(sender.chain, anchor, vetoed[0]) if vetoed else None,
    )


async def _vetoed_block(target: Chain, anchor: str, event: Mapping[str, Any]) -> VetoedBlock:
    watcher = (await members_of(target, anchor))[event["watcher"]]
    return VetoedBlock(event["number"], event["blockHash"], watcher, event["watchersHash"])


async def fork_evidence(source: Chain, target: Chain, anchor: str, other: bytes) -> bytes:
    """Return the evidence of a sealed header that contradicts one that a BFT anchor accepted.

    That is one of the same number; or one whose time contradicts its number, beside any accepted block.

    Parameters
    ----------
    other
        Its RLP.

    Raises
    ------
    BlockNotAccepted
        The anchor accepts no block that it could contradict.
    BlockUnavailable
        The source's node does not have the header of the accepted block.
    BlockNotProvable
        The two do not contradict each other, or too few of the validators have sealed the other one.
    InvalidHeader
        It is no header of such a chain.
    AnchorMismatch
        The anchor is no BFT anchor.
    """
    protocol = (await require_known_kind(target, anchor, *SEALED)).protocol
    assert protocol is not None  # noqa: S101  # for mypy: it is what makes them SEALED
    await require_same_source(source, target, anchor)
    header = decode_sealed_header(protocol, other)
    # By its hash: the node may be on the other branch, and still know this one.
    accepted = await source.header(await _contradicted(target, anchor, offered_block(header)))
    return encode_fork(protocol, accepted, header)


async def _contradicted(target: Chain, anchor: str, other: AnchoredBlock) -> bytes:
    """Return the hash of the accepted block of this number, or of one that cannot be of one chain with this one."""
    standing = await canonical_at(target, anchor, other.number)
    if standing is not None:
        return standing.block_hash
    for told in await ever_accepted(target, anchor):
        if told.contradicts(other):
            return told.block_hash
    raise BlockNotAccepted(
        f"the anchor accepts no block {other.number}, and none that is at odds with its time: nothing is contradicted",
        hint=f"have it accepted: smartsync anchor update --block {other.number}, or anchor extend",
    )


async def contradiction_evidence(target: Chain, anchor: str, number: int) -> bytes:
    """Return the evidence that members of a composite anchor contradict each other.

    Parameters
    ----------
    number
        Of a k-of-n anchor: where two members hold different blocks for final. Of a veto anchor: of its block, which a
        watcher contradicts by one of the same number or by the newest that it accepts.

    Raises
    ------
    AnchorError
        They do not contradict each other there, or the block is set aside already. Where it is no anchor made of
        anchors: AnchorMismatch.
    """
    kind = (await require_known_kind(target, anchor, *COMPOSITE)).name
    if number >> 64:
        raise AnchorError(f"{number} is no block number: it has more than 64 bits", hint="check the number")
    members = await members_of(target, anchor)
    found = await (_vetoed(target, anchor, members, number) if kind == "veto/1" else _split(target, members, number))
    if found is None:
        raise AnchorError(
            f"the members of the anchor {anchor} do not contradict each other at block {number}",
            hint="silence is no contradiction: see what they accept (smartsync anchor show). A member that has passed "
            "the number is brought the block that it has there by smartsync anchor extend",
        )
    return found


async def _split(target: Chain, members: Sequence[str], number: int) -> bytes | None:
    first: tuple[int, bytes] | None = None
    for place, member in enumerate(members):
        block = await canonical_at(target, member, number)
        if block is None or block.level != "final":
            continue
        if first is not None and first[1] != block.block_hash:
            return b"".join(_word(item) for item in (number, first[0], place))
        first = first or (place, block.block_hash)
    return None


async def _vetoed(target: Chain, anchor: str, members: Sequence[str], number: int) -> bytes | None:
    block = await canonical_at(target, anchor, number)
    if block is None:
        return None
    await _require_waiting(target, anchor, block)
    for place, watcher in enumerate(members[1:], 1):
        for other in (await canonical_at(target, watcher, number), await head_of(target, watcher)):
            if other is not None and other.accepted and block.contradicts(other):
                return block.block_hash + _word(place) + _word(other.number)
    return None


async def _require_waiting(target: Chain, anchor: str, block: AnchoredBlock) -> None:
    """Check that a block of a veto anchor is not set aside already: what does not wait cannot be vetoed."""
    (usable_from,) = await call_view(target, "VetoAnchor", anchor, "usableFrom", [block.block_hash])
    if block.level == "pending" and usable_from == 0:
        raise AnchorError(
            f"block {block.number} (0x{block.block_hash.hex()}) is set aside already: the anchor {anchor} does not "
            "accept it",
            hint="there is nothing to report. It stays so until somebody offers it again (smartsync anchor update), "
            "and then it waits for a veto again",
        )


def _word(number: int) -> bytes:
    return number.to_bytes(32, "big")


async def double_signing_evidence(target: Chain, anchor: str, one: object, other: object) -> bytes:
    """Return the evidence of two attestations of one signer, given as the JSON documents that attestors serve.

    Raises
    ------
    ForeignSignature
        One of them is malformed, or does not count for this anchor now.
    AnchorError
        They do not contradict each other. Where the anchor is no quorum anchor: AnchorMismatch.
    """
    await require_known_kind(target, anchor, *WITH_SIGNERS)
    terms = await quorum_terms(target, anchor)
    first, first_signed = decode_attestation(terms, one, of_other_epochs=_OVER)
    second, second_signed = decode_attestation(terms, other, of_other_epochs=_OVER)
    if first_signed.signer != second_signed.signer:
        raise AnchorError(
            f"the attestations are by {first_signed.signer} and by {second_signed.signer}",
            hint="evidence is two attestations by one signer",
        )
    if first.number != second.number or first.block_hash == second.block_hash:
        raise AnchorError(
            f"the attestations are of block {first.number} (0x{first.block_hash.hex()}) and of block {second.number} "
            f"(0x{second.block_hash.hex()}), which do not contradict each other",
            hint="evidence is two attestations of one number with different hashes",
        )
    return encode_double_signing(first, first_signed.signature, second, second_signed.signature)
