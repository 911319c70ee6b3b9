from __future__ import annotations

from typing import Any

import pytest

from smartsync.errors import ConfigError, TransactionReverted
from smartsync.sync import guarding
from smartsync.sync.guarding import deploy_guard

HUB, REPLICA = "0x" + "11" * 20, "0x" + "44" * 20


async def guard(max_age_s: int = 60) -> Any:
    return await deploy_guard(None, HUB, REPLICA, max_age_s, "final")  # type: ignore[arg-type]


@pytest.mark.parametrize("seconds", [0, -1, 2**64])
async def test_deploy_guard_age_out_of_range_says_which_ages_there_are(seconds: int) -> None:
    with pytest.raises(ConfigError, match=f"--max-age: {seconds} seconds is out of range") as caught:
        await guard(seconds)
    assert caught.value.hint == "give a number of seconds from 1 to 18446744073709551615"


@pytest.mark.parametrize(
    ("name", "way_out"),
    [
        ("LevelTooLow", "--level safe"),
        ("Stale", "--max-age"),
        ("Revoked", "smartsync sync"),
        ("AnchorDown", "smartsync anchor show"),
        ("ReplicaNotActive", "smartsync status"),
    ],
)
async def test_deploy_guard_replica_that_is_not_fresh_says_what_helps(
    monkeypatch: pytest.MonkeyPatch, name: str, way_out: str
) -> None:
    async def create(*_: object) -> None:
        raise TransactionReverted(f"{name}(…)", name=name)

    monkeypatch.setattr(guarding, "create", create)
    with pytest.raises(TransactionReverted) as caught:
        await guard()
    assert way_out in caught.value.hint
