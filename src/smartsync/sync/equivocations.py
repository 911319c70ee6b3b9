"""Reporting signers who signed two hashes of one number, as they are noticed while their signatures are fetched."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from smartsync.anchors.collecting import RemoteSigners
from smartsync.anchors.misbehaviour import report
from smartsync.anchors.quorum import quorum_terms
from smartsync.anchors.revoking import quorums_of
from smartsync.errors import AnchorError, Equivocation, TransactionReverted
from smartsync.results import EquivocationReported
from smartsync.submit import Sender


@dataclass(slots=True)
class Reporting:
    """Reports what ``signers`` have noticed, each once."""

    sender: Sender
    signers: RemoteSigners
    _done: list[Equivocation] = field(default_factory=list)

    async def run(self, anchor: str) -> AsyncIterator[EquivocationReported]:
        """Report what is not on chain yet to the anchor, or to those of its members that it is about.

        Raises
        ------
        SmartSyncError
            A transaction could not be sent. What was not reported is at the next call.
        """
        for noticed in self.signers.equivocations:
            if noticed in self._done:
                continue
            for quorum in await quorums_of(self.sender.chain, anchor):
                if noticed.signer not in (await quorum_terms(self.sender.chain, quorum)).signers:
                    continue
                try:
                    status, step = await report(self.sender, quorum, noticed.evidence)
                except (AnchorError, TransactionReverted):
                    # It is about another member or an old epoch, was reported meanwhile, or the anchor is frozen.
                    continue
                yield EquivocationReported(quorum, noticed.signer, noticed.number, noticed.evidence, status, (step,))
            self._done.append(noticed)
