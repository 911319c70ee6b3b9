"""Whether a relayer is alive, and whether it can do its work."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from smartsync.dashboard import health
from smartsync.dashboard.health import add_health, problems
from smartsync.relayer.metrics import Metrics
from smartsync.relayer.shown import Shown
from smartsync.relayer.state.database import opened
from smartsync.relayer.state.store import Store
from tests.relayer_metrics import STATUS, configuration
from tests.unit.dashboard.conftest import SECRET, Serving

PAIR = "main-to-base"
BEARER = {"Authorization": f"Bearer {SECRET}"}


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Give the seconds by which all clocks of this process are later than they are."""
    by, monotonic, clock = [0.0], time.monotonic, time.time
    monkeypatch.setattr("smartsync.relayer.metrics.time.monotonic", lambda: monotonic() + by[0])
    monkeypatch.setattr("smartsync.dashboard.health.time.time", lambda: clock() + by[0])
    return by


@pytest.fixture
async def shown(tmp_path: Path) -> AsyncIterator[Shown]:
    async with opened(f"sqlite:///{tmp_path / 'state.db'}") as database:
        yield Shown(database, configuration(tmp_path), Metrics())


async def test_problems_none_where_a_pair_was_looked_at_by_this_process(shown: Shown, later: list[float]) -> None:
    later[0] = 1_000.0
    shown.metrics.looked(PAIR, is_ok=False)
    assert await problems(shown) == {}


async def test_problems_none_where_a_pair_was_looked_at_by_another_process(shown: Shown, later: list[float]) -> None:
    await Store(shown.database).remember(replace(STATUS, looked_s=time.time() + 1_000))
    later[0] = 1_020.0
    assert await problems(shown) == {}


async def test_problems_none_in_the_first_moments(shown: Shown) -> None:
    assert await problems(shown) == {}


async def test_problems_pair_that_nobody_looks_at(shown: Shown, later: list[float]) -> None:
    later[0] = 91.0
    (told,) = (await problems(shown)).values()
    assert told.startswith("not looked at for 91 s, and should be every 12 s")


async def test_problems_database_that_is_read_only(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    async with shown.database.transaction() as connection:
        await connection.exec_driver_sql("PRAGMA query_only = ON")
    (told,) = (await problems(shown)).values()
    assert "readonly" in told


async def test_problems_database_that_does_not_answer(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    async def silent(_: object) -> None:
        await health.asyncio.sleep(60)

    monkeypatch.setattr(health, "_WITHIN_S", 0.05)
    monkeypatch.setattr(health, "_require_writable", silent)
    assert await problems(shown) == {"state": "the database did not answer within 0.05 s"}


async def test_readyz_tells_the_reasons_to_those_only_who_have_the_token(
    shown: Shown, serving: Serving, later: list[float]
) -> None:
    later[0] = 100.0
    async with serving(partial(add_health, shown=shown)) as client:
        async with client.get("/readyz") as answer:
            assert (answer.status, await answer.json()) == (503, {"ok": False})
        async with client.get("/readyz", headers=BEARER) as answer:
            assert answer.status == 503 and PAIR in (await answer.json())["problems"]


async def test_readyz_many_who_ask_are_one_question(
    shown: Shown, serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    async def count(of: Shown) -> dict[str, str]:
        asked.append(of)
        return {}

    monkeypatch.setattr(health, "problems", count)
    async with serving(partial(add_health, shown=shown)) as client:
        for _ in range(20):
            async with client.get("/readyz") as answer:
                assert answer.status == 200
    assert len(asked) == 1


async def test_healthz_is_about_this_process_alone(shown: Shown, serving: Serving, later: list[float]) -> None:
    async with serving(partial(add_health, shown=shown)) as client:
        for by, status in ((0.0, 200), (health.DEAD_S - 10, 200), (health.DEAD_S + 10, 503)):
            later[0] = by
            async with client.get("/healthz") as answer:
                assert answer.status == status, by
        shown.metrics.rested()
        async with client.get("/healthz") as answer:
            assert answer.status == 200


async def test_healthz_of_chains_that_are_looked_at_rarely_is_alive_between_two_looks(
    shown: Shown, serving: Serving, later: list[float]
) -> None:
    chains = {name: one.model_copy(update={"poll_s": 3_600.0}) for name, one in shown.configuration.chains.items()}
    shown.configuration = replace(shown.configuration, chains=chains)
    async with serving(partial(add_health, shown=shown)) as client:
        for by, status in ((3_700.0, 200), (5 * 3_600.0 + 10, 503)):
            later[0] = by
            async with client.get("/healthz") as answer:
                assert answer.status == status, by
