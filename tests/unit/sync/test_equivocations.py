"""Which anchors are told of signers who signed twice; the evidence itself is tested with the anchors."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from smartsync.errors import AnchorError, AnchorFrozen, Equivocation, NodeUnreachable, TransactionReverted
from smartsync.results import EquivocationReported, MisbehaviourReport, Step
from smartsync.sync import equivocations
from smartsync.sync.equivocations import Reporting

ANCHOR, ONE, OTHER = ("0x" + digit * 40 for digit in "123")
SIGNER = "0x" + "aa" * 20
STEP = Step("report misbehaviour", "0x" + "cd" * 32, 1, 1)
NOTICED = Equivocation(SIGNER, 7, b"evidence")


@pytest.fixture
def chain(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Two quorums below an anchor; ``signers`` of each, ``refused`` what a report to it raises, ``told`` who was."""
    made = SimpleNamespace(signers={ONE: {SIGNER}, OTHER: set()}, refused={}, told=[], tried=0)

    async def quorums_of(*_: object) -> list[str]:
        return [ONE, OTHER]

    async def quorum_terms(_: object, anchor: str) -> SimpleNamespace:
        return SimpleNamespace(signers=made.signers[anchor])

    async def report(_: object, anchor: str, evidence: bytes) -> MisbehaviourReport:
        made.tried += 1
        if anchor in made.refused:
            raise made.refused[anchor]
        made.told.append((anchor, evidence))
        made.signers[anchor].remove(SIGNER)
        return MisbehaviourReport("active", (STEP,), removed=SIGNER)

    monkeypatch.setattr(equivocations, "quorums_of", quorums_of)
    monkeypatch.setattr(equivocations, "quorum_terms", quorum_terms)
    monkeypatch.setattr(equivocations, "report", report)
    return made


def reporting() -> Reporting:
    def reportable(terms: Any) -> list[Equivocation]:
        return [NOTICED] if SIGNER in terms.signers else []

    return Reporting(
        SimpleNamespace(chain=None),  # type: ignore[arg-type]
        SimpleNamespace(equivocations=[NOTICED], reportable=reportable),  # type: ignore[arg-type]
    )


async def run(one: Reporting) -> list[EquivocationReported]:
    return [told async for told in one.run(ANCHOR)]


async def test_run_tells_the_anchor_whose_signer_it_is_once(chain: Any) -> None:
    one = reporting()
    assert await run(one) == [EquivocationReported(ONE, SIGNER, 7, b"evidence", "active", (STEP,))]
    assert await run(one) == []
    assert chain.told == [(ONE, b"evidence")]


async def test_run_what_the_target_chain_undid_is_reported_again(chain: Any) -> None:
    one = reporting()
    await run(one)
    chain.signers[ONE].add(SIGNER)
    assert [told.anchor for told in await run(one)] == [ONE]


async def test_run_what_shows_an_anchor_nothing_is_logged_and_not_tried_again(
    chain: Any, caplog: pytest.LogCaptureFixture
) -> None:
    one = reporting()
    chain.refused[ONE] = AnchorError("it shows the anchor no misbehaviour")
    for _ in range(3):
        assert await run(one) == []
    assert chain.tried == 1
    (line,) = caplog.messages
    assert ONE in line
    assert line.endswith("has signed two hashes of block 7: it shows the anchor no misbehaviour")


@pytest.mark.parametrize("refusal", [AnchorFrozen("the anchor is frozen"), TransactionReverted("NotSigner(0, 0x0)")])
async def test_run_what_an_anchor_refuses_now_is_logged_once_and_tried_again(
    chain: Any, caplog: pytest.LogCaptureFixture, refusal: Exception
) -> None:
    one = reporting()
    chain.refused[ONE] = refusal
    for _ in range(3):
        assert await run(one) == []
    assert len(caplog.messages) == 1
    chain.refused.clear()
    assert len(await run(one)) == 1


async def test_run_goes_on_to_the_other_members(chain: Any) -> None:
    chain.signers[OTHER].add(SIGNER)
    chain.refused[ONE] = AnchorFrozen("the anchor is frozen")
    assert [told.anchor for told in await run(reporting())] == [OTHER]


async def test_run_what_could_not_be_sent_is_sent_at_the_next_call(chain: Any) -> None:
    one = reporting()
    chain.refused[ONE] = NodeUnreachable("no answer")
    with pytest.raises(NodeUnreachable):
        await run(one)
    chain.refused.clear()
    assert len(await run(one)) == 1
