"""Which of the anchors is told what the source has dropped; the telling itself is tested on real chains."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from smartsync.anchors import revoking
from smartsync.anchors.kinds import KINDS
from smartsync.anchors.parting import Parting
from smartsync.anchors.revoking import quorums_of, revoke_dropped
from smartsync.errors import AnchorError, AnchorFrozen, AnchorMismatch, SmartSyncError
from smartsync.results import Revoked, Step

ONE, TWO, NATIVE, OUTER = (f"0x{digit * 40}" for digit in "1234")
PARTING = Parting(b"\x07" * 32, 7, ())
STEP = Step("revoke all above block 7", "0x", 1, 2)
TOLD = {anchor: Revoked(anchor, 7, PARTING.head, 0, (STEP,)) for anchor in (ONE, TWO)}

Outcome = tuple[Parting, Step] | SmartSyncError | None


@pytest.fixture
def outcomes(monkeypatch: pytest.MonkeyPatch) -> dict[str, Outcome]:
    """What a revocation comes to, by anchor: nothing is dropped where it is not named."""
    made: dict[str, Outcome] = {}
    names = {ONE: "quorum/2", TWO: "quorum/2", NATIVE: "blockhash/1", OUTER: "k-of-n/1"}

    async def kind_of(target: object, anchor: str) -> Any:
        return KINDS.get(names.get(anchor, "clique/1"))

    async def members_of(target: object, anchor: str) -> list[str]:
        assert anchor == OUTER
        return [ONE, NATIVE, TWO]

    async def revoke_if_dropped(source: object, sender: object, anchor: str, signers: object) -> Any:
        outcome = made.get(anchor)
        if isinstance(outcome, SmartSyncError):
            raise outcome
        return outcome

    for function in (kind_of, members_of, revoke_if_dropped):
        monkeypatch.setattr(revoking, function.__name__, function)
    return made


async def revoke(anchor: str) -> list[Revoked]:
    sender: Any = SimpleNamespace(chain=None)
    nothing: Any = None
    return await revoke_dropped(nothing, sender, anchor, signers=nothing)


@pytest.mark.parametrize(
    ("anchor", "expected"), [(ONE, [ONE]), (NATIVE, []), (OUTER, [ONE, TWO]), ("0x" + "9" * 40, [])]
)
async def test_quorums_of_are_those_whose_signers_revoke(
    outcomes: dict[str, Outcome], anchor: str, expected: list[str]
) -> None:
    nothing: Any = None
    assert await quorums_of(nothing, anchor) == expected


async def test_revoke_dropped_tells_each_member_that_has_to_be(outcomes: dict[str, Outcome]) -> None:
    assert await revoke(OUTER) == []
    outcomes[TWO] = PARTING, STEP
    assert await revoke(OUTER) == [TOLD[TWO]]
    outcomes[ONE] = PARTING, STEP
    assert await revoke(OUTER) == [TOLD[ONE], TOLD[TWO]]


async def test_revoke_dropped_member_that_fails_is_raised_only_where_no_other_was_told(
    outcomes: dict[str, Outcome],
) -> None:
    outcomes[ONE] = AnchorFrozen("frozen")
    with pytest.raises(AnchorFrozen):
        await revoke(OUTER)
    outcomes[TWO] = PARTING, STEP
    assert await revoke(OUTER) == [TOLD[TWO]]


async def test_revoke_dropped_too_few_keys_are_a_mismatch_of_the_anchor_itself_only(
    outcomes: dict[str, Outcome],
) -> None:
    outcomes[ONE] = AnchorMismatch("0 of them are given")
    with pytest.raises(AnchorMismatch):
        await revoke(ONE)
    with pytest.raises(AnchorError, match=f"the member {ONE} was not told: 0 of them are given") as caught:
        await revoke(OUTER)
    assert not isinstance(caught.value, AnchorMismatch), "others may have the keys of this member"
