"""Having a source block accepted by an anchor, whatever its kind is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from smartsync.anchors.bft import update_bft
from smartsync.anchors.composite import Tell, members_of, update_composite
from smartsync.anchors.kinds import kind_of, require_known_kind
from smartsync.anchors.native import update_blockhash, update_l1block
from smartsync.anchors.quorum import Signers, quorum_terms, update_quorum
from smartsync.anchors.revoking import quorums_of
from smartsync.chain import Chain
from smartsync.errors import AnchorMismatch, BlockNotProvable, TooFewKeys
from smartsync.header import Header
from smartsync.results import Step
from smartsync.submit import Sender


async def require_without_signers(target: Chain, anchor: str) -> None:
    """Check that the anchor, or a member of it, can be updated with nobody's signature.

    Raises
    ------
    AnchorMismatch
        It takes blocks by the word of signers only; or it is of a kind that this package does not know.
    """
    if not await _has_own_proofs(target, anchor):
        raise AnchorMismatch(
            f"the anchor {anchor} takes blocks by the word of its signers only: it cannot be updated without them",
            hint="give keys of its signers (--attest), or fetch their attestors' signatures (--from URL); or leave out "
            "--update, and others have blocks accepted",
        )


async def require_enough_keys(target: Chain, anchor: str, *, given: Sequence[str]) -> None:
    """Check that the keys of enough signers are given: of the anchor, or of one of those that it is made of.

    Parameters
    ----------
    given
        The addresses of the keys, checksummed.

    Raises
    ------
    TooFewKeys
        They are not. An anchor that has no signers needs none.
    """
    failure: TooFewKeys | None = None
    for quorum in await quorums_of(target, anchor):
        terms = await quorum_terms(target, quorum)
        if len(set(given) & set(terms.signers)) >= terms.threshold:
            return
        failure = failure or TooFewKeys(terms.threshold, terms.signers, given)
    if failure is not None:
        raise failure


async def require_own_signers(target: Chain, anchor: str) -> None:
    """Check that the anchor is of no kind without signers of its own, who could attest to a block.

    Raises
    ------
    AnchorMismatch
        It is: what has to be done instead is told.
    """
    kind = await kind_of(target, anchor)
    if kind is None or kind.has_signers:
        return
    what = f"the anchor {anchor} is of the kind {kind.name} and has no signers"
    members = await quorums_of(target, anchor)
    if not members:
        raise AnchorMismatch(f"{what}: nobody attests to its blocks", hint="use smartsync anchor update")
    raise AnchorMismatch(
        f"{what}: its members are what has to be attested to",
        hint=f"attest to a block at each that has signers (smartsync attest --anchor ADDRESS: {', '.join(members)}), "
        f"then run smartsync anchor update --anchor {anchor}",
    )


async def _has_own_proofs(target: Chain, anchor: str) -> bool:
    kind = await require_known_kind(target, anchor)
    if kind.is_composite:
        return any([await _has_own_proofs(target, member) for member in await members_of(target, anchor)])
    return not kind.has_signers


async def update_anchor(
    source: Chain,
    sender: Sender,
    anchor: str,
    *,
    signers: Signers | None = None,
    block: int | str | None = None,
    tell: Tell | None = None,
) -> tuple[Header, list[Step]]:
    """Have a source block accepted; no step where it is already.

    Parameters
    ----------
    signers
        Where a quorum anchor's signatures come from; no other kind needs any.
    block
        Number on the source chain, or ``finalized`` or ``safe``; the newest that can be proven where ``None``.
    tell
        Where it is told which member of a composite stays behind, and why.

    Raises
    ------
    BlockNotProvable
        There is no proof of this block now; the hint says what else there is. Of a quorum anchor: no signers are given.
    AnchorMismatch
        The anchor is of a kind that this package does not know, or of another chain's genesis block.
    WrongChain
        It is of a chain with another id.
    AnchorPaused, AnchorExpired, AnchorFrozen
        It accepts nothing, or froze now.

    What else each kind raises, its own function tells: `update_quorum`, `update_blockhash`, `update_l1block`,
    `update_bft`, `update_composite`.
    """
    kind = await require_known_kind(sender.chain, anchor)

    async def update(member: str, wanted: int | str | None) -> tuple[Header, list[Step]]:
        return await update_anchor(source, sender, member, signers=signers, block=wanted, tell=tell)

    match kind.name:
        case "quorum/2":
            if signers is None:
                raise BlockNotProvable(
                    f"the anchor {anchor} takes a block by the word of its signers only",
                    hint="fetch their signatures: --from URL; or sign with keys of your own: smartsync attest",
                )
            return await update_quorum(source, sender, anchor, signers, block=block)
        case "blockhash/1":
            return await update_blockhash(source, sender, anchor, block=block)
        case "op-l1block/1":
            return await update_l1block(source, sender, anchor, block=block)
        case "qbft/1":
            return await update_bft(source, sender, anchor, "qbft", block=block)
        case "ibft2/1":
            return await update_bft(source, sender, anchor, "ibft2", block=block)
        case "k-of-n/1" | "veto/1":
            return await update_composite(source, sender, anchor, kind.name, update, block=block, tell=tell)
        case never:
            assert_never(never)
