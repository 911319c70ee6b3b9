"""What the pages read, without a browser."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import event

from smartsync.dashboard.chart import RANGES
from smartsync.dashboard.view import View
from smartsync.relayer.state.costs import Cost
from smartsync.relayer.state.database import Database
from smartsync.relayer.state.store import Store
from tests.integration.dashboard.scene import ANCHOR, NOW_S, remembering, replicas, status_of

COUNT = 60
FIRST = replicas(1)[0]


@pytest.fixture
async def memory(tmp_path: Path) -> AsyncIterator[tuple[View, Database]]:
    async with remembering(tmp_path, COUNT) as memory:
        yield memory
        await memory[0].aclose()


async def test_rows_many_who_ask_are_one_question(memory: tuple[View, Database]) -> None:
    view, database = memory
    version, asked = await view.reading.version(), list[str]()
    await view.spent_by_pair()
    event.listen(database.engine.sync_engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    found = await asyncio.gather(*(view.rows(version) for _ in range(50)))
    assert len([one for one in asked if "FROM replicas" in one]) == 1
    assert all(rows is found[0] for rows in found) and len(found[0]) == COUNT


async def test_rows_of_another_version_are_read_anew(memory: tuple[View, Database]) -> None:
    view, kept = memory[0], replicas(COUNT)
    before = await view.rows(await view.reading.version())
    await Store(memory[1]).remember(replace(status_of(3, kept[3]), state="ended", looked_s=NOW_S + 1))
    after = await view.rows(await view.reading.version())
    (row,) = [row for row in after if row.status.address == kept[3][1]]
    assert after is not before and row.status.state == "ended"


async def test_rows_have_what_was_paid(memory: tuple[View, Database]) -> None:
    view, kept = memory[0], replicas(COUNT)
    by_address = {row.status.address: row for row in await view.rows(await view.reading.version())}
    spent = by_address[kept[7][1]].spent
    assert (spent.day.transactions, spent.month.transactions) == (1, 5)
    assert spent.month.cost_wei > spent.day.cost_wei > 0
    one = await view.row(*kept[7][:2])
    assert one is not None and one.spent == spent and one.last_sync_s == by_address[kept[7][1]].last_sync_s
    by_pair = await view.spent_by_pair()
    whole = sum((row.spent.month for row in by_address.values() if row.status.pair == "main-to-base"), Cost())
    assert by_pair["main-to-base"].month == whole


async def test_row_of_nobody_is_none(memory: tuple[View, Database]) -> None:
    assert await memory[0].row("main-to-base", FIRST[1]) is None, "it is of another pair"
    assert await memory[0].row("nowhere", FIRST[1]) is None


async def test_row_of_one_that_is_not_configured_any_more_says_so(memory: tuple[View, Database]) -> None:
    view = memory[0]
    view._relayer.configuration = replace(view.configuration, replicas=())  # type: ignore[misc]
    row = await view.row(*FIRST[:2])
    assert row is not None and not row.is_kept
    assert {one.is_kept for one in await view.rows(await view.reading.version())} == {False}


async def test_unlooked_tells_only_of_what_should_have_been(memory: tuple[View, Database]) -> None:
    view = memory[0]
    assert view.unlooked("main-to-base", NOW_S - 89) is None
    assert view.unlooked("main-to-base", NOW_S - 300) == 300
    assert view.unlooked("main-to-base", None) is None, "a relayer that has just been started"
    assert view.unlooked("main-to-base", NOW_S + 50) is None, "another worker's clock"


async def test_charts_are_of_the_replica_alone(memory: tuple[View, Database]) -> None:
    view, kept = memory[0], replicas(COUNT)
    lag, gas, lags, used = await view.charts(*FIRST[:2], RANGES[0])
    assert len(lag.bars) == len(lags) > 30 and len(gas.bars) == len(used) > 5
    lag, gas, _, _ = await view.charts(*kept[9][:2], RANGES[0])
    assert lag.is_empty and len(gas.bars) == 1


async def test_anchor_of_nodes_that_are_away_says_why(memory: tuple[View, Database]) -> None:
    seen = await memory[0].anchor("main-to-base", ANCHOR)
    assert seen.report is None and "cannot connect" in seen.why and "secret" not in seen.why
    assert (await memory[0].anchor("nowhere", ANCHOR)).why == "its pair is not in the configuration"
