"""What `SmartSync` makes of what the anchors' modules tell it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from smartsync.anchors.attestation import QuorumTerms
from smartsync.anchors.kinds import KINDS, Kind
from smartsync.results import MisbehaviourReport, Step
from smartsync.sync import anchoring
from smartsync.sync.anchoring import Anchoring
from tests.fake_source import ANCHOR, terms

ONE, TWO, THREE = (f"0x{digit * 40}" for digit in "456")
STEP = Step("report misbehaviour", "0x", 1, 2)


class Here(Anchoring):
    """Its chains are not asked: what would ask them is replaced."""

    def __init__(self) -> None:
        super().__init__(None, None, hub=None, account=None)  # type: ignore[arg-type]

    def _paying(self) -> Any:
        return None


async def test_report_misbehaviour_names_who_was_reported_where_others_went_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chain = SimpleNamespace(signers=(ONE, TWO, THREE))

    async def kind_of(*_: object) -> Kind:
        return KINDS["quorum/2"]

    async def quorum_terms(*_: object) -> QuorumTerms:
        return terms(*chain.signers)

    async def guardian_of(*_: object) -> None:
        return None

    async def report(*_: object) -> MisbehaviourReport:
        chain.signers = (THREE,)
        return MisbehaviourReport("active", (STEP,), removed=TWO)

    for function in (kind_of, quorum_terms, guardian_of, report):
        monkeypatch.setattr(anchoring, function.__name__, function)
    told = await Here().report_misbehaviour(ANCHOR, b"evidence")
    assert (told.removed, told.signers) == (TWO, (THREE,))
