"""What was paid, added up by both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import insert, text

from smartsync.answers import Receipt
from smartsync.relayer.seen import DAY_S
from smartsync.relayer.state.costs import Cost, Costs
from smartsync.relayer.state.database import Database
from smartsync.relayer.state.journal import StateJournal, date, included, reopen
from smartsync.relayer.state.tables import TransactionRow
from tests.integration.relayer.test_journal import CHAIN, receipt, signed, write

ETHER = 10**18


async def pay(
    database: Database, subject: str, nonce: int, at_s: float, *, pair: str = "a-b", **changes: object
) -> None:
    """Have a transaction in a block that was made at a time."""
    journal = await StateJournal.of(database, subject, pair)
    one = signed(nonce, text=subject)
    await write(journal, one)
    told: Receipt = replace(receipt(one), **({"gas_price_wei": 10**9} | changes))
    await journal.included(one, told)
    (row,) = [row for row in await included(database, CHAIN, subject) if row.nonce == nonce]
    await date(database, row.id, int(at_s))


async def test_costs_are_of_what_was_for_it_and_since_then(database: Database) -> None:
    for nonce, (subject, at_s) in enumerate([("replica 1", 50.0), ("replica 1", 150.0), ("anchor", 160.0)]):
        await pay(database, subject, nonce, at_s)
    await pay(database, "replica 2", 9, 170.0, pair="c-d", success=False)
    one, costs = Cost(1, 0, 0, 21_000, 21_000 * 10**9), Costs(database)
    assert await costs.by_subject(100.0) == {"replica 1": one, "anchor": one, "replica 2": replace(one, failed=1)}
    assert await costs.by_subject(0.0, pair="a-b") == {"replica 1": one + one, "anchor": one}
    assert await costs.by_pair(100.0) == {"a-b": one + one, "c-d": replace(one, failed=1)}
    assert await costs.total(0.0, subject="replica 1") == one + one
    assert await costs.total(1_000.0) == Cost()


async def test_costs_by_day_are_those_of_the_blocks_time(database: Database) -> None:
    for nonce, at_s in enumerate([3 * DAY_S - 1, 3 * DAY_S, 4 * DAY_S - 1, 20_000 * DAY_S + 5]):
        await pay(database, "replica 1", nonce, at_s)
    found = await Costs(database).by_day(0.0, pair="a-b", subject="replica 1")
    assert [(day, cost.transactions) for day, cost in found] == [(2, 1), (3, 2), (20_000, 1)]


@pytest.mark.parametrize("wei", [1, 10**15 - 1, 10**15, ETHER, 123_456_789_012_345_678_901, 10**30 - 1])
async def test_costs_are_added_up_to_the_last_wei(database: Database, wei: int) -> None:
    for nonce in range(5):
        await pay(database, "replica 1", nonce, 100.0 + nonce, gas_used=1, gas_price_wei=wei)
    assert (await Costs(database).total(0.0)).cost_wei == 5 * wei


async def test_costs_of_a_year_of_blocks_are_added_up(database: Database) -> None:
    """More than SQLite adds up at once, in a pair that is synced at every block."""
    row = {"pair": "a-b", "subject": "r", "chain_id": 1, "sender": "s", "what": "", "data": b"", "gas": 1, "why": ""}
    row |= {"state": "final", "success": True, "gas_used": 1, "cost_wei": 9_999_999_999_999_999, "signed_s": 1.0}
    rows = [row | {"number": number, "nonce": number, "spent_s": 100.0} for number in range(12_000)]
    async with database.transaction() as connection:
        await connection.execute(insert(TransactionRow), rows)
    assert (await Costs(database).by_pair(0.0))["a-b"].cost_wei == 12_000 * 9_999_999_999_999_999


async def test_costs_with_what_a_rollup_takes_for_its_l1(database: Database) -> None:
    await pay(database, "replica 1", 1, 100.0, l1_fee_wei=7)
    assert (await Costs(database).total(0.0)).cost_wei == 21_000 * 10**9 + 7


async def test_costs_not_known_are_counted_and_not_guessed(database: Database) -> None:
    await pay(database, "replica 1", 1, 100.0, gas_price_wei=None)
    await pay(database, "replica 1", 2, 100.0)
    assert await Costs(database).total(0.0) == Cost(2, 0, 1, 42_000, 21_000 * 10**9)


async def test_costs_of_a_dropped_block_are_none(database: Database) -> None:
    await pay(database, "replica 1", 1, 100.0)
    (row,) = await included(database, CHAIN)
    await reopen(database, row.id)
    assert await Costs(database).total(0.0) == Cost()
    async with database.transaction() as connection:
        assert await connection.scalar(text("SELECT cost_wei FROM transactions")) is None
