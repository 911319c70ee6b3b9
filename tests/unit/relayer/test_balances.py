"""What the accounts that pay have."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from smartsync.errors import NodeUnreachable
from smartsync.relayer.balances import balances, watch_balances
from smartsync.relayer.metrics import Metrics
from smartsync.relayer.pairs import Pair
from tests.relayer_metrics import ANCHOR, FILE, SENDER, configuration, samples

TWO = FILE.replace(
    "[[replicas]]", f'[pairs.again]\nsource = "mainnet"\ntarget = "base"\nhub = "{ANCHOR}"\n[[replicas]]', 1
)
TWO = TWO.replace('name = "', 'pair = "main-to-base"\nname = "')


class Target:
    """A target chain that tells a balance, or fails."""

    def __init__(self, told: int | Exception) -> None:
        self.told, self.asked = told, 0

    async def balance(self, _: str) -> int:
        self.asked += 1
        if isinstance(self.told, Exception):
            raise self.told
        return self.told


def pair(name: str, target: Target) -> Pair:
    accounts = {"main": SimpleNamespace(address=SENDER)}
    return cast(Pair, SimpleNamespace(name=name, target=target, accounts=accounts))


async def test_balances_account_of_two_pairs_is_asked_for_once(tmp_path: Path) -> None:
    target = Target(7)
    pairs = [pair("main-to-base", target), pair("again", target)]
    assert await balances(configuration(tmp_path, TWO), pairs) == {("base", "main", SENDER): 7}
    assert target.asked == 1


async def test_balances_node_that_is_away_says_nothing(tmp_path: Path) -> None:
    pairs = [pair("main-to-base", Target(NodeUnreachable("away")))]
    assert await balances(configuration(tmp_path), pairs) == {("base", "main", SENDER): None}


@pytest.mark.parametrize("told", [ValueError("unforeseen"), 10**400])
async def test_watch_balances_goes_on_whatever_a_node_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, told: Any
) -> None:
    monkeypatch.setattr("smartsync.relayer.balances.EVERY_S", 0.01)
    target, metrics = Target(told), Metrics()
    watching = asyncio.create_task(watch_balances(configuration(tmp_path), [pair("main-to-base", target)], metrics))
    async with asyncio.timeout(5):
        while target.asked < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        target.told = 10**18
        while not any("balance" in name for name, _ in samples(metrics.registry.collect())):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    watching.cancel()
    assert "what the accounts have is not told" in caplog.text
