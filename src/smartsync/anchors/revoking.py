"""Having blocks revoked that the source has dropped, by an anchor whose signers can do that, or a composite of such."""

from __future__ import annotations

from smartsync.anchors.composite import members_of
from smartsync.anchors.kinds import kind_of
from smartsync.anchors.parting import Parting
from smartsync.anchors.quorum import Signers, revoke, revoke_if_dropped
from smartsync.chain import Chain
from smartsync.errors import AnchorError, AnchorMismatch, SmartSyncError
from smartsync.results import Revoked, Step
from smartsync.submit import Sender


async def revoke_at(source: Chain, sender: Sender, anchor: str, signers: Signers) -> Revoked:
    """Have one quorum anchor revoke what the source has dropped. See `smartsync.anchors.quorum.revoke` for errors."""
    return _revoked(anchor, *await revoke(source, sender, anchor, signers))


async def revoke_dropped(source: Chain, sender: Sender, anchor: str, *, signers: Signers) -> list[Revoked]:
    """Revoke what the source has dropped; nothing where it has not, or where no revocation reaches it.

    A composite follows its members: so each of these is told that has to be. Where one of them cannot be told, the
    others are all the same, and whoever calls again tries it again.

    Raises
    ------
    FinalBlockDropped
        An anchor holds a dropped block for final. For others see ``quorum.revoke``. Nothing was revoked.
    AnchorError
        Too few keys of a member's signers are at hand, and no other member was told. Those of others may revoke there.
    """
    done: list[Revoked] = []
    failure: SmartSyncError | None = None
    for quorum in await quorums_of(sender.chain, anchor):
        try:
            if (told := await revoke_if_dropped(source, sender, quorum, signers)) is not None:
                done.append(_revoked(quorum, *told))
        except AnchorMismatch as error:
            if quorum == anchor:
                raise
            failure = failure or AnchorError(f"the member {quorum} was not told: {error.message}", hint=error.hint)
        except SmartSyncError as error:
            failure = failure or error
    if failure is not None and not done:
        raise failure
    return done


async def quorums_of(target: Chain, anchor: str) -> list[str]:
    """Return the anchors with signers who can revoke: the anchor itself, or those that a composite is made of."""
    kind = await kind_of(target, anchor)
    if kind is not None and kind.has_signers:
        return [anchor]
    if kind is None or not kind.is_composite:
        return []
    return [quorum for member in await members_of(target, anchor) for quorum in await quorums_of(target, member)]


def _revoked(anchor: str, parting: Parting, step: Step) -> Revoked:
    return Revoked(anchor, parting.head_number, parting.head, len(parting.dropped), (step,))
