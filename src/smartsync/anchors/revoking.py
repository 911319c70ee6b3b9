"""Having blocks revoked that the source has dropped, by an anchor whose signers can do that, or a composite of such."""

from __future__ import annotations

from dataclasses import dataclass

from smartsync.anchors.block import anchor_kind
from smartsync.anchors.composite import members_of
from smartsync.anchors.parting import Parting, find_parting
from smartsync.anchors.quorum import Signers, revoke
from smartsync.chain import Chain
from smartsync.errors import SmartSyncError
from smartsync.results import Step
from smartsync.submit import Sender


@dataclass(frozen=True, slots=True)
class Revocation:
    """What a quorum anchor was told: all above ``parting.head`` is revoked."""

    anchor: str
    parting: Parting
    step: Step


async def revoke_dropped(source: Chain, sender: Sender, anchor: str, *, signers: Signers) -> list[Revocation]:
    """Revoke what the source has dropped; nothing where it has not, or where no revocation reaches it.

    A composite follows its members: so each of these is told that has to be. Where one of them cannot be told, the
    others are all the same, and whoever calls again tries it again.

    Raises
    ------
    FinalBlockDropped
        An anchor holds a dropped block for final. For others see ``quorum.revoke``. Nothing was revoked.
    """
    done, failure = [], None
    for quorum in await _quorums(sender.chain, anchor):
        if await find_parting(source, sender.chain, quorum) is None:
            continue
        try:
            done.append(Revocation(quorum, *await revoke(source, sender, quorum, signers)))
        except SmartSyncError as error:
            failure = failure or error
    if failure is not None and not done:
        raise failure
    return done


async def _quorums(target: Chain, anchor: str) -> list[str]:
    kind = await anchor_kind(target, anchor)
    if kind.startswith("quorum/"):
        return [anchor]
    if not kind.startswith(("k-of-n/", "veto/")):
        return []
    return [quorum for member in await members_of(target, anchor) for quorum in await _quorums(target, member)]
