"""What can be done for an anchor by one who looks after it, unattended."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from smartsync.anchors.collecting import RemoteSigners
from smartsync.anchors.composite import Tell
from smartsync.anchors.quorum import Signers
from smartsync.anchors.revoking import revoke_dropped
from smartsync.anchors.updating import require_without_signers
from smartsync.results import AnchorUpdate, EquivocationReported, Revoked
from smartsync.submit import Sender
from smartsync.sync.anchoring import Anchoring
from smartsync.sync.equivocations import Reporting


@dataclass(frozen=True, slots=True)
class Care:
    """What can be done for an anchor.

    ``update`` has the source's newest block accepted and tells which member of a composite stays behind; ``revoke``
    revokes what the source has dropped; ``report`` reports signers who were seen to sign two hashes of one number.
    ``check``, before the first of them, that the anchor is one for which they can be done; raises ``AnchorMismatch``
    where it is not.
    """

    update: Callable[[str, Tell], Awaitable[AnchorUpdate]] | None = None
    revoke: Callable[[str], Awaitable[Sequence[Revoked]]] | None = None
    report: Callable[[str], AsyncIterator[EquivocationReported]] | None = None
    check: Callable[[str], Awaitable[None]] | None = None


def care_by(client: Anchoring, sender: Sender, *, signers: Signers | None = None, update: bool = False) -> Care:
    """Return what a client can do for anchors.

    Parameters
    ----------
    sender
        Who pays for it.
    signers
        Where a quorum anchor's signatures come from. Those of attestors also show who signed two hashes of one number.
    update
        Whether anchors that need no signatures are brought to the source's newest block.
    """
    care = Care()
    if signers is not None or update:

        async def have_accepted(anchor: str, tell: Tell) -> AnchorUpdate:
            return await client.update_anchor(anchor, signers=signers, tell=tell)

        care = replace(care, update=have_accepted)
    if signers is None and update:
        care = replace(care, check=partial(require_without_signers, client.target))
    if signers is not None:
        care = replace(care, revoke=partial(revoke_dropped, client.source, sender, signers=signers))
    if isinstance(signers, RemoteSigners):
        care = replace(care, report=Reporting(sender, signers).run)
    return care
