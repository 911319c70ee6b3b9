"""Which anchors are told of signers who signed twice; the evidence itself is tested with the anchors."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from smartsync.errors import AnchorError, Equivocation, NodeUnreachable
from smartsync.results import EquivocationReported, Step
from smartsync.sync import equivocations
from smartsync.sync.equivocations import Reporting

ANCHOR, ONE, OTHER = ("0x" + digit * 40 for digit in "123")
SIGNER = "0x" + "aa" * 20
STEP = Step("report misbehaviour", "0x" + "cd" * 32, 1, 1)
NOTICED = Equivocation(SIGNER, 7, b"evidence")


@pytest.fixture
def chain(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Two quorums below an anchor; ``signers`` of each, ``refused`` what a report to it raises, ``told`` who was."""
    made = SimpleNamespace(signers={ONE: (SIGNER,), OTHER: ()}, refused={}, told=[])

    async def quorums_of(*_: object) -> list[str]:
        return [ONE, OTHER]

    async def quorum_terms(_: object, anchor: str) -> SimpleNamespace:
        return SimpleNamespace(signers=made.signers[anchor])

    async def report(_: object, anchor: str, evidence: bytes) -> tuple[str, Step]:
        if anchor in made.refused:
            raise made.refused[anchor]
        made.told.append((anchor, evidence))
        return "active", STEP

    monkeypatch.setattr(equivocations, "quorums_of", quorums_of)
    monkeypatch.setattr(equivocations, "quorum_terms", quorum_terms)
    monkeypatch.setattr(equivocations, "report", report)
    return made


def reporting() -> Reporting:
    return Reporting(SimpleNamespace(chain=None), SimpleNamespace(equivocations=[NOTICED]))  # type: ignore[arg-type]


async def run(one: Reporting) -> list[EquivocationReported]:
    return [told async for told in one.run(ANCHOR)]


async def test_run_tells_the_anchor_whose_signer_it_is_once(chain: Any) -> None:
    one = reporting()
    assert await run(one) == [EquivocationReported(ONE, SIGNER, 7, b"evidence", "active", (STEP,))]
    assert await run(one) == []
    assert chain.told == [(ONE, b"evidence")]


async def test_run_goes_on_where_the_evidence_is_about_another_member(chain: Any) -> None:
    chain.signers[OTHER] = (SIGNER,)
    chain.refused[ONE] = AnchorError("shows no misbehaviour")
    assert [told.anchor for told in await run(reporting())] == [OTHER]


async def test_run_what_could_not_be_sent_is_sent_at_the_next_call(chain: Any) -> None:
    one = reporting()
    chain.refused[ONE] = NodeUnreachable("no answer")
    with pytest.raises(NodeUnreachable):
        await run(one)
    chain.refused.clear()
    assert len(await run(one)) == 1
