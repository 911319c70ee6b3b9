"""The quorum anchor (``QuorumAnchor.sol``): m of n signers attest to a source block, revoke, and name other signers.

Where signatures come from does not matter here: of keys that are at hand (`LocalSigners`), or of attestors that serve
theirs over HTTP (`smartsync.anchors.collecting`). Every one is checked before anything is sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from eth_account.signers.local import LocalAccount

from smartsync.addresses import ZERO_ADDRESS, as_number
from smartsync.anchors.attestation import (
    AttestedLevel,
    QuorumTerms,
    Revocation,
    Signed,
    Statement,
    attestation_of,
    encode_proof,
    join_signatures,
    require_signers,
    revocation_of,
    set_update_of,
    sign,
)
from smartsync.anchors.block import (
    LEVELS,
    accepted_block,
    canonical_at,
    require_active,
    require_same_source,
    source_of,
)
from smartsync.anchors.parting import Parting, find_parting
from smartsync.chain import Chain
from smartsync.contracts import encode_call
from smartsync.errors import (
    AnchorError,
    AnchorFrozen,
    BlockUnavailable,
    RpcError,
    SourceReorganised,
    TooFewKeys,
    TooFewSignatures,
)
from smartsync.header import Header
from smartsync.results import Step
from smartsync.submit import Sender, step_of
from smartsync.views import call_view


class Signers(Protocol):
    """Where signatures come from."""

    async def attest(
        self, source: Chain, terms: QuorumTerms, block: int | str | None
    ) -> tuple[Header, AttestedLevel, Sequence[Signed]]:
        """Return a source block (the newest that they attest to where ``None``), as what, and their signatures."""

    async def revoke(self, terms: QuorumTerms, parting: Parting, now_s: int) -> tuple[Revocation, Sequence[Signed]]:
        """Return the revocation of everything above ``parting.head``, good at this time, and their signatures."""


@dataclass(frozen=True)
class LocalSigners:
    """Keys that are at hand. Those that are no signers of the anchor are left out."""

    accounts: Sequence[LocalAccount]

    async def attest(
        self, source: Chain, terms: QuorumTerms, block: int | str | None
    ) -> tuple[Header, AttestedLevel, Sequence[Signed]]:
        """Sign a block of the source, the newest where ``None``: as final where its node holds it for finalized.

        Raises
        ------
        SourceReorganised
            What the node names by a word is not on its chain.
        """
        header = await source.header("latest" if block is None else block)
        if block in ("finalized", "safe") and (standing := await source.header(header.number)).hash != header.hash:
            raise SourceReorganised(
                f"the source's node holds for {block} 0x{header.hash.hex()}, "
                f"and has 0x{standing.hash.hex()} as block {header.number}",
                hint="nothing was signed; its chain has broken its finality, or the node is broken: ask another one",
            )
        level = await level_of(source, header)
        return header, level, self._sign(terms, attestation_of(terms, header, level))

    async def revoke(self, terms: QuorumTerms, parting: Parting, now_s: int) -> tuple[Revocation, Sequence[Signed]]:
        """Sign a revocation."""
        statement = revocation_of(terms, parting.head, now_s)
        return statement, self._sign(terms, statement)

    def _sign(self, terms: QuorumTerms, statement: Statement) -> list[Signed]:
        members = {account.address: account for account in self.accounts if account.address in terms.signers}
        if len(members) < terms.threshold:
            raise TooFewKeys(terms.threshold, terms.signers, [account.address for account in self.accounts])
        return [sign(account, terms, statement) for account in members.values()]


async def quorum_terms(target: Chain, anchor: str) -> QuorumTerms:
    """Read the terms of the anchor at this address.

    Raises
    ------
    NotDeployed
        There is no quorum anchor.
    """
    source_chain_id, genesis_hash = await source_of(target, anchor)
    (set_epoch,) = await call_view(target, "QuorumAnchor", anchor, "setEpoch")
    (set_nonce,) = await call_view(target, "QuorumAnchor", anchor, "setNonce")
    (signers,) = await call_view(target, "QuorumAnchor", anchor, "signers")
    (threshold,) = await call_view(target, "QuorumAnchor", anchor, "threshold")
    _, _, canonical_epoch = await call_view(target, "QuorumAnchor", anchor, "status")
    return QuorumTerms(
        anchor=anchor,
        target_chain_id=await target.chain_id(),
        source_chain_id=source_chain_id,
        source_genesis_hash=genesis_hash,
        set_epoch=set_epoch,
        set_nonce=set_nonce,
        canonical_epoch=canonical_epoch,
        signers=tuple(signers),
        threshold=threshold,
    )


async def guardian_of(target: Chain, anchor: str) -> str | None:
    """Return who may bring the anchor back where it is frozen, ``None`` for nobody."""
    (guardian,) = await call_view(target, "QuorumAnchor", anchor, "guardian")
    return None if guardian == ZERO_ADDRESS else str(guardian)


async def level_of(source: Chain, header: Header) -> AttestedLevel:
    """Return as what a block can be attested honestly: ``final`` where the source's node holds it for finalized.

    Raises
    ------
    NodeUnreachable
        The node does not answer, which says nothing about the block.
    """
    try:
        finalized = await source.header("finalized")
        if header.number > finalized.number:
            return "safe"
        # geth goes on naming a block that its chain has dropped, which says nothing about the others below its number.
        standing = await source.header(finalized.number)
    except (BlockUnavailable, RpcError):
        # It has no finalized block, or does not know the word.
        return "safe"
    return "final" if standing.hash == finalized.hash else "safe"


async def update_quorum(
    source: Chain, sender: Sender, anchor: str, signers: Signers, *, block: int | str | None = None
) -> tuple[Header, list[Step]]:
    """Have a source block accepted; no step where it is accepted at that level already.

    Parameters
    ----------
    block
        Number on the source chain, or ``finalized`` or ``safe``; the newest that the signers attest to where ``None``.

    Raises
    ------
    TooFewSignatures
        Fewer of the anchor's signers signed than it needs.
    ForeignSignature
        A signature does not count.
    SourceReorganised
        The anchor accepts another block of this number, which a revocation has to take back first.
    AnchorPaused, AnchorExpired, AnchorFrozen
        The anchor accepts nothing, or froze now because another hash of this number is accepted already.
    TooFewKeys
        Too few of its signers' keys are at hand.
    AnchorMismatch
        It speaks of another genesis block than the source node.
    WrongChain
        It speaks of another chain id.
    """
    target = sender.chain
    terms = await quorum_terms(target, anchor)
    await require_same_source(source, target, anchor)
    await require_active(target, anchor)
    header, level, signed = await signers.attest(source, terms, block)
    known = await accepted_block(target, anchor, header.hash)
    if known.accepted and LEVELS.index(known.level) >= LEVELS.index(level):
        return header, []
    await _require_no_other(target, anchor, header)
    what = f"attest block {header.number}"
    _require_quorum(f"block {header.number}", terms, attestation_of(terms, header, level), signed)
    data = encode_call("QuorumAnchor", "update", [encode_proof(header, level, signed)])
    receipt = await sender.send(anchor, data, what=what)
    if not (await accepted_block(target, anchor, header.hash)).accepted:
        raise AnchorFrozen(
            f"the anchor accepted another block {header.number} before and is frozen now",
            hint="a quorum signed two hashes of one number: its guardian, if it has one, can name new signers "
            "(smartsync anchor recover); otherwise deploy a new anchor, with signers that follow finality",
        )
    return header, [step_of(what, receipt)]


async def revoke(source: Chain, sender: Sender, anchor: str, signers: Signers) -> tuple[Parting, Step]:
    """Revoke what the source has dropped of the blocks that the anchor accepts.

    Raises
    ------
    AnchorError
        The source has dropped none of them.
    FinalBlockDropped
        It has dropped one that the anchor holds for final, which no revocation undoes.
    TooFewSignatures
        Fewer of the anchor's signers signed than it needs. Of keys at hand: TooFewKeys.
    ForeignSignature
        A signature does not count.
    AnchorFrozen
        The anchor is not active.
    WrongChain, AnchorMismatch
        The anchor speaks of another chain than the source node.
    """
    told = await revoke_if_dropped(source, sender, anchor, signers)
    if told is None:
        raise AnchorError(
            "the source has dropped none of the anchor's blocks, there is nothing to revoke",
            hint="where you know of a reorganisation, the node is on another fork or behind: ask another one",
        )
    return told


async def revoke_if_dropped(
    source: Chain, sender: Sender, anchor: str, signers: Signers
) -> tuple[Parting, Step] | None:
    """Revoke as `revoke` does, and do nothing where the source has dropped none of the anchor's blocks."""
    target = sender.chain
    # The terms first: what was signed for a parting is worth nothing once somebody else has revoked.
    terms = await quorum_terms(target, anchor)
    await require_same_source(source, target, anchor)
    parting = await find_parting(source, target, anchor)
    if parting is None:
        return None
    parting.require_revocable()
    await require_active(target, anchor)
    statement, signed = await signers.revoke(terms, parting, await target.clock())
    what = f"revoke all above block {parting.head_number}"
    _require_quorum(what, terms, statement, signed)
    arguments = [parting.head, statement.deadline, join_signatures(signed)]
    data = encode_call("QuorumAnchor", "revoke", arguments)
    return parting, step_of(what, await sender.send(anchor, data, what=what))


async def schedule_set(
    sender: Sender, anchor: str, new_signers: Sequence[str], threshold: int, signed: Sequence[Signed]
) -> Step:
    """Schedule other signers, in force after the anchor's delay.

    Raises
    ------
    TooFewSignatures
        Fewer of the anchor's signers signed than it needs.
    ForeignSignature
        A signature does not count.
    TransactionReverted
        They make no quorum, or the anchor is not active.
    """
    terms = await quorum_terms(sender.chain, anchor)
    update = set_update_of(terms, new_signers, threshold)
    what = f"schedule signer set {update.set_epoch}"
    _require_quorum(
        f"signer set {update.set_epoch}",
        terms,
        update,
        signed,
        way_out="they run smartsync anchor sign-set, and what that prints is given by --signature, repeatable",
    )
    arguments = [list(update.signers), threshold, join_signatures(signed)]
    return step_of(what, await sender.send(anchor, encode_call("QuorumAnchor", "scheduleSet", arguments), what=what))


async def change_set(sender: Sender, anchor: str, new_signers: Sequence[str], threshold: int) -> Step:
    """Put the scheduled signers in force, which anybody may do after the delay.

    Judged by the block to come: on a chain where nothing happens the newest one's time stays before the delay's end.
    """
    terms = await quorum_terms(sender.chain, anchor)
    update = set_update_of(terms, new_signers, threshold)
    what = f"change to signer set {update.set_epoch}"
    data = encode_call("QuorumAnchor", "changeSet", [list(update.signers), threshold])
    return step_of(what, await sender.send(anchor, data, what=what, after="pending"))


async def schedule_recovery(
    sender: Sender, anchor: str, new_signers: Sequence[str], threshold: int, head: bytes
) -> Step:
    """As the guardian of a frozen anchor: schedule new signers, and the last block that is to stand (32-byte hash)."""
    arguments = [sorted(new_signers, key=as_number), threshold, head]
    data = encode_call("QuorumAnchor", "scheduleRecovery", arguments)
    return step_of("schedule recovery", await sender.send(anchor, data, what="schedule recovery"))


async def recover(sender: Sender, anchor: str, new_signers: Sequence[str], threshold: int, head: bytes) -> Step:
    """Put the scheduled recovery in force, which anybody may do after the delay; judged as in `change_set`."""
    arguments = [sorted(new_signers, key=as_number), threshold, head]
    data = encode_call("QuorumAnchor", "recover", arguments)
    step = await sender.send(anchor, data, what="recover the anchor", after="pending")
    return step_of("recover the anchor", step)


async def _require_no_other(target: Chain, anchor: str, header: Header) -> None:
    """Check that the anchor accepts no other block of the header's number.

    A final one would displace a safe one; but whoever signed both in one epoch could be reported for it.
    """
    standing = await canonical_at(target, anchor, header.number)
    if standing is not None and standing.block_hash != header.hash:
        raise SourceReorganised(
            f"the anchor accepts 0x{standing.block_hash.hex()} as block {header.number}, the source has "
            f"0x{header.hash.hex()}",
            hint="have what the source has dropped revoked first: smartsync anchor revoke",
        )


def _require_quorum(
    what: str,
    terms: QuorumTerms,
    statement: Statement,
    signed: Sequence[Signed],
    way_out: str = "name the urls of their attestors",
) -> None:
    for item in signed:
        require_signers(terms, statement, item)
    found = {item.signer for item in signed}
    if len(found) < terms.threshold:
        missing = [signer for signer in terms.signers if signer not in found]
        hint = f"{terms.threshold - len(found)} more of these have to sign it: {', '.join(missing)}; {way_out}"
        raise TooFewSignatures(what, terms.threshold, len(found), hint=hint)
