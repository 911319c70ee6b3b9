"""What is old is forgotten, and nothing that is open, in both databases."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from sqlalchemy import text

from smartsync.errors import Overtaken
from smartsync.relayer.seen import DAY_S
from smartsync.relayer.state.costs import Costs
from smartsync.relayer.state.database import Database, opened
from smartsync.relayer.state.journal import StateJournal, finalise, included
from smartsync.relayer.state.pruning import _AT_ONCE, KEPT_S, SENT_S, forget
from smartsync.relayer.state.store import Happening, Sample, Status, Store
from tests.integration.relayer.test_costs import pay
from tests.integration.relayer.test_journal import CHAIN, signed, write

NOW = 1_800_000_000.0


async def final(database: Database, subject: str, nonce: int, at_s: float) -> None:
    await pay(database, subject, nonce, at_s)
    for row in await included(database, CHAIN, subject):
        await finalise(database, row.id)


async def rows(database: Database) -> list[tuple[int, str, int, int]]:
    """Return nonce, state, bytes of data and number of versions of each transaction."""
    versions = "(SELECT count(*) FROM attempts WHERE transaction_id = transactions.id)"
    wanted = f"SELECT nonce, state, length(data), {versions} FROM transactions ORDER BY nonce"  # noqa: S608
    async with database.transaction() as connection:
        return [(*row,) for row in await connection.execute(text(wanted))]


async def test_forget_keeps_all_that_is_open_however_old(database: Database) -> None:
    await write(await StateJournal.of(database, "replica 1"), signed(1, versions=3))
    await pay(database, "replica 2", 2, NOW - 10 * KEPT_S)
    await final(database, "replica 3", 3, NOW)
    async with database.transaction() as connection:
        await connection.execute(text("UPDATE transactions SET spent_s = 1, signed_s = 1 WHERE state = 'signed'"))
    await forget(database, NOW + 10 * KEPT_S)
    await forget(database, NOW)
    assert await rows(database) == [(1, "signed", 5, 3), (2, "included", 5, 1), (3, "final", 5, 1)]
    assert await (await StateJournal.of(database, "replica 1")).unfinished() == [signed(1, versions=3)]


async def test_forget_what_was_sent_first_and_what_it_cost_later(database: Database) -> None:
    for nonce, age_s in enumerate([KEPT_S + 60, SENT_S + 60, SENT_S - 60, 0.0]):
        await final(database, "replica 1", nonce, NOW - age_s)
    await forget(database, NOW)
    assert await rows(database) == [(1, "final", 0, 0), (2, "final", 5, 1), (3, "final", 5, 1)]
    assert (await Costs(database).total(NOW - 30 * DAY_S)).transactions == 3, "what was paid lately is told still"


async def test_forget_dropped_ones_too(database: Database) -> None:
    journal = await StateJournal.of(database, "replica 1")
    await write(journal, signed(1))
    await journal.dropped(signed(1), "refused")
    await final(database, "replica 2", 2, time.time() + SENT_S + 60)
    await forget(database, time.time() + SENT_S + 60)
    assert (await rows(database))[0] == (1, "dropped", 0, 0)


async def test_forget_the_last_of_a_subject_is_counted_on_from(database: Database) -> None:
    """Who has seen it, and sends late, must still collide with who has not."""
    for nonce in (1, 2):
        await final(database, "replica 1", nonce, NOW - 2 * KEPT_S)
    await final(database, "replica 2", 3, NOW)
    late = await StateJournal.of(database, "replica 1")
    await forget(database, NOW)
    assert [row[0] for row in await rows(database)] == [2, 3]
    await write(await StateJournal.of(database, "replica 1"), signed(7))
    with pytest.raises(Overtaken):
        await write(late, signed(8))


@pytest.mark.parametrize("by_s", [365 * DAY_S, 20 * 365 * DAY_S])
async def test_forget_by_a_clock_that_jumped_ahead_forgets_no_cost(database: Database, by_s: float) -> None:
    await final(database, "replica 1", 1, NOW - SENT_S + 60)
    await final(database, "replica 1", 2, NOW)
    await Store(database).tell(Happening("a-b", "0x1", None, NOW - DAY_S, "sync", "synced"))
    before = await rows(database)
    await forget(database, NOW + by_s)
    assert await rows(database) == before and len(await Store(database).history()) == 1


async def test_forget_history_and_samples_that_are_old(database: Database) -> None:
    store = Store(database)
    await final(database, "replica 1", 1, NOW)
    for age_s in (KEPT_S + 120, KEPT_S - 120):
        await store.sample("a-b", "0x1", Sample(int((NOW - age_s) // 60), 1, 1))
        await store.tell(Happening("a-b", "0x1", None, NOW - age_s, "sync", f"{age_s}"))
    await forget(database, NOW)
    assert [one.told for _, one in await store.history()] == [f"{KEPT_S - 120}"]
    assert len(await store.samples("a-b", "0x1", 0.0)) == 1


async def test_forget_replicas_that_nobody_looks_at_any_more(database: Database) -> None:
    store = Store(database)
    await final(database, "replica 1", 1, NOW)
    for address, age_s in (("0x1", KEPT_S + 120), ("0x2", KEPT_S - 120), ("0x3", 0.0)):
        await store.remember(Status("a-b", address, address, "exact", "", NOW - age_s, NOW - age_s))
    await forget(database, NOW)
    assert [one.address for one in await store.statuses()] == ["0x2", "0x3"]


async def test_forget_more_than_at_once(database: Database) -> None:
    await final(database, "replica 1", 1, NOW)
    rows_ = [{"minute": minute} for minute in range(2 * _AT_ONCE + 5)]
    async with database.transaction() as connection:
        await connection.execute(text("INSERT INTO samples VALUES ('a-b', '0x1', :minute, 1, 1)"), rows_)
    await forget(database, NOW)
    assert await Store(database).samples("a-b", "0x1", 0.0) == []


async def test_forget_gives_room_back_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    async with opened(f"sqlite:///{file}") as database:
        await final(database, "replica 1", 0, NOW)
        async with database.transaction() as connection:
            filler = [{"told": "x" * 4_000} for _ in range(2_000)]
            insert = "INSERT INTO history (pair, at_s, kind, told, document) VALUES ('p', 1, 'sync', :told, '{}')"
            await connection.execute(text(insert), filler)
    large = file.stat().st_size
    async with opened(f"sqlite:///{file}") as database:
        await forget(database, NOW)
    assert large > 8_000_000 and file.stat().st_size < large / 20
