from __future__ import annotations

import pytest

from smartsync.anchors.block import AnchoredBlock, AnchorState
from smartsync.errors import AnchorMismatch, KeyUnavailable, SmartSyncError, TooFewSignatures
from smartsync.results import AnchorResumed, AnchorStopped, Revoked
from smartsync.sync.care import Care
from smartsync.sync.minding import Minding
from smartsync.sync.news import News

ANCHOR = "0x" + "22" * 20


def minding(care: Care = Care()) -> Minding:  # it is frozen
    return Minding(None, None, ANCHOR, care, News())  # type: ignore[arg-type]  # no chain is asked


async def test_turned_tells_only_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    states = [AnchorState(*state) for state in (("active", 1, 0), ("frozen", 5, 0), ("frozen", 5, 0), ("active", 9, 1))]

    async def anchor_state(*_: object) -> AnchorState:
        return states.pop(0)

    monkeypatch.setattr("smartsync.sync.minding.anchor_state", anchor_state)
    minded = minding()
    assert await minded.turned() is None and minded.is_active
    assert await minded.turned() == AnchorStopped(ANCHOR, "frozen", 5) and not minded.is_active
    assert await minded.turned() is None and not minded.is_active
    assert await minded.turned() == AnchorResumed(ANCHOR, 9, 1) and minded.is_active


async def no_revocation(anchor: str) -> list[Revoked]:
    raise AssertionError("nothing is to be revoked")


@pytest.mark.parametrize(
    ("can_revoke", "quorums", "level", "revoking"),
    [
        (True, [ANCHOR], "safe", True),
        (False, [ANCHOR], "safe", False),
        (True, [], "safe", False),
        (True, [ANCHOR], "final", False),
        (True, [ANCHOR], "revoked", False),
        (True, [ANCHOR], "pending", False),
    ],
)
async def test_reorganisation_is_being_revoked_only_by_signers_of_a_quorum_and_not_where_it_is_final(
    monkeypatch: pytest.MonkeyPatch, can_revoke: bool, quorums: list[str], level: str, revoking: bool
) -> None:
    async def quorums_of(*_: object) -> list[str]:
        return quorums

    monkeypatch.setattr("smartsync.sync.minding.quorums_of", quorums_of)
    minded = minding(Care(revoke=no_revocation) if can_revoke else Care())
    block = AnchoredBlock(b"\x01" * 32, 7, 70, level)
    seen = await minded._reorganisation(None, block, b"\x02" * 32)
    assert (seen.level, seen.revoking) == (level, revoking)


@pytest.mark.parametrize("error", [AnchorMismatch("0 of its signers are given"), KeyUnavailable("locked")])
def test_survived_what_was_given_wrongly_ends_the_watch(error: SmartSyncError) -> None:
    with pytest.raises(type(error)):
        minding()._survived(error)


def test_survived_other_errors_are_told_once() -> None:
    minded, error = minding(), TooFewSignatures("it", 2, 1, hint="")
    assert minded._survived(error) is error
    assert minded._survived(error) is None
