"""What a look writes, in both databases: of many replicas at once, and never in the place of what is newer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import event

from smartsync.relayer.state.database import Database, opened
from smartsync.relayer.state.looks import remembered, waiting_for, write
from smartsync.relayer.state.store import Happening, Sample, Status, Store

NOW_S = 1_000_000.0


def status(number: int, **changes: object) -> Status:
    found = Status("a-b", f"0x{number:040x}", f"number {number}", "exact", "", NOW_S, NOW_S, anchor="0xaa")
    return replace(found, **changes)  # type: ignore[arg-type]


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    found: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        found.append(statement)

    engine = database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", note)


async def test_write_of_many_is_two_statements_and_reading_them_as_few(database: Database) -> None:
    many = [status(number) for number in range(500)]
    samples = {one.address: Sample(7, 1, 12) for one in many}
    with statements(database) as found:
        await write(database, many, samples)
        await write(database, many, samples)
    assert len(found) == 4
    with statements(database) as found:
        before = await remembered(database, "a-b", [one.address for one in many])
    assert len(found) <= 2
    assert list(before.statuses.values()) == many
    assert await Store(database).samples("a-b", many[499].address, 0.0) == [Sample(7, 1, 12)]


async def test_write_of_an_older_look_changes_nothing(database: Database) -> None:
    await write(database, [status(1, looked_s=NOW_S + 1, block_number=8), status(2, looked_s=NOW_S - 1)])
    await write(database, [status(number, state="behind", block_number=7) for number in (1, 2, 3)])
    found = (await remembered(database, "a-b", [status(number).address for number in (1, 2, 3)])).statuses
    assert [(one.state, one.block_number) for one in found.values()] == [("exact", 8), ("behind", 7), ("behind", 7)]


async def test_write_of_an_outcome_is_not_undone_by_a_look_that_began_before(database: Database) -> None:
    await write(database, [status(1)])
    began = await remembered(database, "a-b", [status(1).address])
    await write(database, [status(1, state="no-funds", failures=1)], is_outcome=True)
    await write(database, [status(1, state="behind", looked_s=began.now_s)])
    found = await Store(database).status("a-b", status(1).address)
    assert found is not None and (found.state, found.failures) == ("no-funds", 1)


async def test_write_after_a_clock_was_set_back_goes_on(database: Database) -> None:
    await write(database, [status(1, looked_s=NOW_S + 3_600)])
    await write(database, [status(1, state="behind")])
    found = await Store(database).status("a-b", status(1).address)
    assert found is not None and (found.state, found.looked_s) == ("behind", NOW_S)


async def test_write_does_not_undo_a_demand(database: Database) -> None:
    await write(database, [status(1)])
    await Store(database).demand("a-b", status(1).address)
    await write(database, [status(1)])
    found = await Store(database).status("a-b", status(1).address)
    assert found is not None and found.is_demanded


async def test_write_by_many_at_once_none_waits_for_ever(url: str) -> None:
    many = [status(number) for number in range(200)]
    async with opened(url) as database:
        await asyncio.gather(*(write(database, many[::step]) for step in (1, -1, 2, -2, 3, -3) for _ in range(3)))
        assert len(await Store(database).statuses()) == 200


async def test_sample_of_a_minute_is_the_worst(database: Database) -> None:
    for blocks, seconds in ((1, 12), (5, 3), (2, 60), (0, 0)):
        await write(database, [status(1)], {status(1).address: Sample(7, blocks, seconds)})
    assert await Store(database).samples("a-b", status(1).address, 0.0) == [Sample(7, 5, 60)]


async def test_remembered_tells_the_gas_of_the_last_sync_of_each(database: Database) -> None:
    store = Store(database)
    await write(database, [status(1), status(2)])
    for at_s, number, kind, gas in ((1.0, 1, "sync", 10), (3.0, 1, "sync", 30), (2.0, 1, "sync", 20), (4.0, 1, "x", 9)):
        await store.tell(Happening("a-b", status(number).address, None, at_s, kind, "", gas_used=gas))
    found = await remembered(database, "a-b", [status(number).address for number in (1, 2, 3)])
    assert found.gas == {status(1).address: 30}
    assert set(found.statuses) == {status(1).address, status(2).address}


async def test_remembered_tells_the_databases_time(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of several machines each has its own clock, and all share this one."""
    async with opened(url) as database:
        if not database.is_shared:
            assert abs((await remembered(database, "a-b", [])).now_s - time.time()) < 5
            return
        now = time.time
        monkeypatch.setattr(time, "time", lambda: now() + 3_600.0)
        assert abs((await remembered(database, "a-b", [])).now_s - now()) < 5


async def test_waiting_for_an_anchor_is_who_needs_a_block_of_it(database: Database) -> None:
    await write(
        database,
        [
            status(1),
            status(2, state="anchor-behind"),
            status(3, state="orphaned"),
            status(4, state="anchor-behind", anchor="0xbb"),
        ],
    )
    assert await waiting_for(database, "a-b", "0xaa") == [status(2).address, status(3).address]
