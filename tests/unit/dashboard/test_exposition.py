"""`/metrics`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from smartsync.dashboard import exposition
from smartsync.dashboard.exposition import add_metrics
from smartsync.relayer.gauges import Snapshot
from smartsync.relayer.shown import Shown
from smartsync.relayer.state.database import opened
from smartsync.relayer.state.errors import StateUnavailable
from smartsync.relayer.state.store import Store
from tests.relayer_metrics import STATUS, configuration, known_metrics, used
from tests.unit.dashboard.conftest import Client, Serving


@pytest.fixture
async def shown(tmp_path: Path) -> AsyncIterator[Shown]:
    async with opened(f"sqlite:///{tmp_path / 'state.db'}") as database:
        of = configuration(tmp_path)
        await Store(database).remember(STATUS)
        yield Shown(database, of, used(of))


async def names(client: Client, query: str = "") -> set[str]:
    async with client.get(f"/metrics{query}") as answer:
        assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/plain; version=")
        families = list(text_string_to_metric_families(await answer.text()))
    return {f"{one.name}_total" if one.type == "counter" else one.name for one in families}


async def test_metrics_are_all_of_them(shown: Shown, serving: Serving, tmp_path: Path) -> None:
    async with serving(partial(add_metrics, shown=shown), token=None) as client:
        found = await names(client)
    assert found >= known_metrics(shown.configuration).keys()
    assert "process_resident_memory_bytes" in found
    assert not [name for name in found if name.endswith("_created")]


async def test_metrics_of_the_process_leave_out_the_databases(shown: Shown, serving: Serving) -> None:
    known = known_metrics(shown.configuration)
    async with serving(partial(add_metrics, shown=shown), token=None) as client:
        found = await names(client, "?of=process")
    assert found & known.keys() == {name for name, one in known.items() if one.of == "process"}


async def test_metrics_of_anything_else_is_refused(shown: Shown, serving: Serving) -> None:
    metrics = partial(add_metrics, shown=shown)
    async with serving(metrics, token=None) as client, client.get("/metrics?of=everything") as answer:
        assert answer.status == 400


@pytest.mark.parametrize("failure", [StateUnavailable("sqlite:///x", "gone"), TimeoutError()])
async def test_metrics_database_away_are_those_of_the_process(
    shown: Shown, serving: Serving, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    async def fail(_: Shown) -> Snapshot:
        raise failure

    monkeypatch.setattr(Shown, "snapshot", fail)
    async with serving(partial(add_metrics, shown=shown), token=None) as client, client.get("/metrics") as answer:
        text = await answer.text()
    assert "\nsmartsync_state_up 0.0\n" in text and "smartsync_looks_total" in text
    assert "smartsync_replica_state{" not in text


async def test_metrics_many_scrapes_read_the_database_once(
    shown: Shown, serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Shown] = []
    real = Shown.snapshot

    async def count(of: Shown) -> Snapshot:
        asked.append(of)
        return await real(of)

    monkeypatch.setattr(Shown, "snapshot", count)
    async with serving(partial(add_metrics, shown=shown), token=None) as client:
        for _ in range(5):
            await names(client)
    assert len(asked) == 1
    assert exposition._FRESH_S < 15, "less than what Prometheus waits between two"
