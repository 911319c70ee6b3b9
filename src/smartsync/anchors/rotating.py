"""Other signers for a quorum anchor: scheduled by a quorum (or the guardian of a frozen one), in force after a delay.

One call does both: it schedules what is not scheduled, and puts in force what has waited long enough.
"""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any

from eth_account.signers.local import LocalAccount

from smartsync.anchors.attestation import (
    NOTHING,
    QuorumTerms,
    SetUpdate,
    Signed,
    set_update_of,
    sign,
    signer_of,
)
from smartsync.anchors.block import accepted_block, anchor_state, require_active
from smartsync.anchors.deploying import ordered_quorum
from smartsync.anchors.kinds import WITH_SIGNERS, require_known_kind
from smartsync.anchors.quorum import (
    change_set,
    guardian_of,
    quorum_terms,
    recover,
    schedule_recovery,
    schedule_set,
)
from smartsync.answers import Log
from smartsync.chain import Chain
from smartsync.contracts import decode_logs, event_topic
from smartsync.errors import AnchorError, BlockNotAccepted, ForeignSignature, TooEarly, TransactionReverted
from smartsync.results import SetSignature, SignerChange, Step
from smartsync.submit import Sender


@dataclass(frozen=True, slots=True)
class ScheduledSet:
    """Signers on their way: checksummed, in the order of their addresses; ``effective_at`` on the target's clock.

    ``head`` is the 32-byte hash of the last block that is to stand where they come with a recovery, zero where none is
    to; ``None`` where they come by a rotation.
    """

    signers: tuple[str, ...]
    threshold: int
    effective_at: int
    head: bytes | None = None


async def scheduled_set(target: Chain, anchor: str, terms: QuorumTerms) -> ScheduledSet | None:
    """Return the set that was scheduled last, by a rotation or with a recovery, and is not in force yet."""
    logs = await _set_logs(target, anchor)
    # A signer who is removed takes the set that is on its way with him.
    if not logs or logs[-1].topics[0] == event_topic("QuorumAnchor", "SignerRemoved"):
        return None
    return _last_of_epoch(logs, anchor, terms.set_epoch + 1)


async def _set_in_force(target: Chain, anchor: str, terms: QuorumTerms) -> ScheduledSet | None:
    """Return the set in force as it was scheduled; ``None`` for the first one, which was not."""
    return _last_of_epoch(await _set_logs(target, anchor), anchor, terms.set_epoch)


async def _set_logs(target: Chain, anchor: str) -> list[Log]:
    names = ("SetScheduled", "RecoveryScheduled", "SignerRemoved")
    return await target.logs(anchor, [[event_topic("QuorumAnchor", name) for name in names]])


def _last_of_epoch(logs: Sequence[Log], anchor: str, set_epoch: int) -> ScheduledSet | None:
    """Return what was scheduled last for an epoch: it took the place of all that were before."""
    recoveries = decode_logs("QuorumAnchor", logs, "RecoveryScheduled", emitter=anchor)
    heads = {event["nonce"]: bytes(event["newHead"]) for event in recoveries}
    for event in reversed(decode_logs("QuorumAnchor", logs, "SetScheduled", emitter=anchor)):
        if event["setEpoch"] == set_epoch:
            signers, head = tuple(event["signers"]), heads.get(event["nonce"])
            return ScheduledSet(signers, event["threshold"], event["effectiveAt"], head)
    return None


async def sign_set(
    target: Chain, anchor: str, signers: Sequence[str], threshold: int, accounts: Sequence[LocalAccount]
) -> list[SetSignature]:
    """Return these accounts' signatures of other signers, for whoever collects a quorum's. Nothing is sent.

    Those that are no signers of the anchor are left out.

    Raises
    ------
    ConfigError
        They make no quorum.
    AnchorError
        None of them is a signer of the anchor. Where it is no quorum anchor: AnchorMismatch.
    AnchorFrozen
        The anchor is frozen: its guardian decides, not its signers.
    """
    await require_known_kind(target, anchor, *WITH_SIGNERS)
    await require_active(target, anchor)
    terms = await quorum_terms(target, anchor)
    update = set_update_of(terms, ordered_quorum(signers, threshold), threshold)
    signed = [sign(account, terms, update) for account in accounts if account.address in terms.signers]
    if not signed:
        raise AnchorError(
            f"{', '.join(account.address for account in accounts)} is no signer of the anchor {anchor}",
            hint=f"its signers are {', '.join(terms.signers)}",
        )
    return [
        SetSignature(item.signer, item.signature, update.signers, threshold, update.set_epoch, update.nonce)
        for item in signed
    ]


async def rotate(
    sender: Sender,
    anchor: str,
    signers: Sequence[str],
    threshold: int,
    *,
    accounts: Sequence[LocalAccount] = (),
    signatures: Sequence[bytes] = (),
) -> SignerChange:
    """Schedule other signers, or put them in force where they have waited long enough.

    Parameters
    ----------
    accounts
        Keys of signers that are at hand; those of others are left out.
    signatures
        Those of signers elsewhere, 65 bytes each (`sign_set`).

    Raises
    ------
    ConfigError
        They make no quorum.
    TooFewSignatures
        Fewer signatures of the anchor's signers than it needs.
    ForeignSignature
        A signature does not count.
    TooEarly
        They are scheduled, and the anchor's delay is not over.
    AnchorFrozen
        The anchor is frozen: its guardian decides, not its signers.
    """
    target = sender.chain
    await require_known_kind(target, anchor, *WITH_SIGNERS)
    await require_active(target, anchor)
    wanted = tuple(ordered_quorum(signers, threshold))
    terms = await quorum_terms(target, anchor)
    if (terms.signers, terms.threshold) == (wanted, threshold):
        return SignerChange(wanted, threshold, terms.set_epoch, None, ())
    waiting = await scheduled_set(target, anchor, terms)
    if waiting is None or (waiting.signers, waiting.threshold) != (wanted, threshold):
        update = set_update_of(terms, wanted, threshold)
        own = [sign(account, terms, update) for account in accounts if account.address in terms.signers]
        given = [_counted(terms, update, signature) for signature in signatures]
        signed = list({item.signer: item for item in (*own, *given)}.values())
        step = await schedule_set(sender, anchor, wanted, threshold, signed)
        waiting = await scheduled_set(target, anchor, await quorum_terms(target, anchor))
        return _scheduled(wanted, threshold, terms, waiting, step)
    return await _in_force(target, terms, waiting, change_set(sender, anchor, wanted, threshold))


async def recover_anchor(
    sender: Sender, anchor: str, signers: Sequence[str], threshold: int, head: bytes
) -> SignerChange:
    """As its guardian, schedule new signers of a frozen anchor; or put them in force where they waited long enough.

    Parameters
    ----------
    head
        32-byte hash of the last block that is to stand, which is final from then on; zero where none is.

    Raises
    ------
    ConfigError
        They make no quorum.
    AnchorError
        The anchor is not frozen, and was not brought back to these signers and this block; or it has no guardian, or
        another one than who sends.
    BlockNotAccepted
        The anchor does not accept the block that is to stand.
    TooEarly
        It is scheduled, and the anchor's delay is not over.
    """
    target = sender.chain
    await require_known_kind(target, anchor, *WITH_SIGNERS)
    state = await anchor_state(target, anchor)
    wanted = tuple(ordered_quorum(signers, threshold))
    terms = await quorum_terms(target, anchor)
    if state.status != "frozen":
        done = await _set_in_force(target, anchor, terms)
        if done is not None and (terms.signers, terms.threshold, done.head) == (wanted, threshold, head):
            return SignerChange(wanted, threshold, terms.set_epoch, None, (), head)
        raise AnchorError(
            f"the anchor {anchor} is {state.status}, not frozen: its signers decide", hint="smartsync anchor rotate"
        )
    if head != NOTHING and not (await accepted_block(target, anchor, head)).accepted:
        raise BlockNotAccepted(
            f"the anchor does not accept 0x{head.hex()}, so that it cannot be what is to stand",
            hint="give the hash of an accepted block: smartsync anchor show tells the newest ones",
        )
    waiting = await scheduled_set(target, anchor, terms)
    if waiting is not None and (waiting.signers, waiting.threshold, waiting.head) == (wanted, threshold, head):
        return await _in_force(target, terms, waiting, recover(sender, anchor, wanted, threshold, head))
    guardian = await guardian_of(target, anchor)
    if guardian != sender.address:
        raise AnchorError(
            f"{sender.address} is not the guardian of the anchor {anchor}",
            hint=f"its guardian is {guardian}: give that account's key"
            if guardian is not None
            else "it has none, and stays frozen for good: deploy another anchor, and fork again",
        )
    replaced_head = None if waiting is None else waiting.head
    step = await schedule_recovery(sender, anchor, wanted, threshold, head)
    waiting = await scheduled_set(target, anchor, await quorum_terms(target, anchor))
    return replace(_scheduled(wanted, threshold, terms, waiting, step), head=head, replaced_head=replaced_head)


def _counted(terms: QuorumTerms, update: SetUpdate, signature: bytes) -> Signed:
    """Return a signature from elsewhere with whose it is.

    Raises
    ------
    ForeignSignature
        It does not count. The address in its error would be nobody's: another statement's signature gives another one.
    """
    signer = signer_of(terms, update, signature)
    if signer not in terms.signers:
        raise ForeignSignature(
            f"the signature {_shown(signature)} is of no signer of the anchor {terms.anchor} for this change: "
            f"{update.threshold} of these {len(update.signers)} signers, as signer set {update.set_epoch}",
            hint="it may be of a signer's for other signers, for another threshold, or from before another change was "
            "scheduled: have it signed again by smartsync anchor sign-set, with the same options; the anchor's "
            f"signers are {', '.join(terms.signers)}",
        )
    return Signed(signer, signature)


def _shown(signature: bytes) -> str:
    return f"0x{signature[:4].hex()}…"


def _scheduled(
    wanted: tuple[str, ...], threshold: int, terms: QuorumTerms, waiting: ScheduledSet | None, step: Step
) -> SignerChange:
    return SignerChange(wanted, threshold, terms.set_epoch + 1, waiting.effective_at if waiting else None, (step,))


async def _in_force(
    target: Chain, terms: QuorumTerms, waiting: ScheduledSet, work: Coroutine[Any, Any, Step]
) -> SignerChange:
    """Put the set in force, unless it is too early for that; then say when."""
    set_epoch = terms.set_epoch + 1
    try:
        step = await work
    except TransactionReverted as error:
        if error.name != "NotYet":
            raise
        raise TooEarly(f"signer set {set_epoch}", waiting.effective_at, await target.clock()) from error
    return SignerChange(waiting.signers, waiting.threshold, set_epoch, None, (step,), waiting.head)
