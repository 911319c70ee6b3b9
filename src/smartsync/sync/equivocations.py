"""Reporting signers who signed two hashes of one number, as they are noticed while their signatures are fetched."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from smartsync.anchors.collecting import RemoteSigners
from smartsync.anchors.misbehaviour import report
from smartsync.anchors.quorum import quorum_terms
from smartsync.anchors.revoking import quorums_of
from smartsync.errors import (
    AnchorError,
    AnchorExpired,
    AnchorFrozen,
    AnchorPaused,
    Equivocation,
    TransactionReverted,
)
from smartsync.results import EquivocationReported
from smartsync.submit import Sender

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Reporting:
    """Reports what ``signers`` have noticed, as long as the signer counts.

    Whether it does is asked of the anchor each time: a reorganisation of the target chain undoes a report.
    """

    sender: Sender
    signers: RemoteSigners
    _shows_nothing: set[bytes] = field(default_factory=set)
    _logged: set[tuple[bytes, str]] = field(default_factory=set)

    async def run(self, anchor: str) -> AsyncIterator[EquivocationReported]:
        """Report what is not on chain yet to the anchor, or to those of its members that it is about.

        What an anchor refuses is logged once; it is tried again, unless the anchor says that it shows nothing.

        Raises
        ------
        SmartSyncError
            A transaction could not be sent. What was not reported is at the next call.
        """
        if not self.signers.equivocations:
            return
        for quorum in await quorums_of(self.sender.chain, anchor):
            for noticed in self.signers.reportable(await quorum_terms(self.sender.chain, quorum)):
                if noticed.evidence in self._shows_nothing:
                    continue
                try:
                    told = await report(self.sender, quorum, noticed.evidence)
                except (AnchorPaused, AnchorExpired, AnchorFrozen, TransactionReverted) as error:
                    self._log(quorum, noticed, error.message)
                except AnchorError as error:
                    self._shows_nothing.add(noticed.evidence)
                    self._log(quorum, noticed, error.message)
                else:
                    yield EquivocationReported(
                        quorum, noticed.signer, noticed.number, noticed.evidence, told.anchor_status, told.steps
                    )

    def _log(self, quorum: str, noticed: Equivocation, why: str) -> None:
        if (noticed.evidence, why) not in self._logged:
            logger.warning("not reported to the anchor %s: %s: %s", quorum, noticed.message, why)
        self._logged.add((noticed.evidence, why))
