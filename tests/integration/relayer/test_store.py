from __future__ import annotations

from dataclasses import replace

import pytest

from smartsync.relayer.state.database import Database
from smartsync.relayer.state.store import Happening, Sample, Status, Store

R1, R2 = "0x" + "11" * 20, "0x" + "22" * 20
EXACT = Status("a-b", R1, "ENS", "exact", "", 100.5, 101.25, block_number=2**63 - 1, block_hash=b"\x01" * 32)


@pytest.fixture
def store(database: Database) -> Store:
    return Store(database)


async def test_remember_stands_in_the_place_of_what_was(store: Store) -> None:
    await store.remember(EXACT)
    behind = replace(EXACT, state="behind", reason="12 blocks", failures=3)
    await store.remember(behind)
    await store.remember(replace(EXACT, address=R2))
    await store.remember(replace(EXACT, pair="c-d"))
    assert await store.status("a-b", R1) == behind
    assert [(one.pair, one.address) for one in await store.statuses()] == [("a-b", R1), ("a-b", R2), ("c-d", R1)]
    assert [one.address for one in await store.statuses("c-d")] == [R1]


async def test_remember_does_not_undo_a_demand(store: Store) -> None:
    """Who looked before somebody asked would else take the request back without a sync."""
    await store.remember(EXACT)
    assert await store.demand("a-b", R1)
    await store.remember(EXACT)
    found = await store.status("a-b", R1)
    assert found is not None and found.is_demanded
    await store.demand("a-b", R1, is_demanded=False)
    assert await store.status("a-b", R1) == EXACT


async def test_demand_unknown_replica_is_none(store: Store) -> None:
    assert not await store.demand("a-b", R1)


async def test_history_is_told_newest_first_in_pages(store: Store) -> None:
    happened = [
        Happening("a-b", R1, None, float(n), "sync", f"number {n}", gas_used=n, cost_wei=2**200 + n) for n in range(5)
    ]
    for one in happened:
        await store.tell(one)
    await store.tell(Happening("a-b", None, "0xaa", 9.0, "accepted", "block 9"))
    (first, newest), (last, _) = (await store.history("a-b", R1, limit=2))[:2]
    assert newest == happened[4] and first > last
    assert [one for _, one in await store.history("a-b", R1, before=last)] == happened[2::-1]
    assert [one.kind for _, one in await store.history()][:2] == ["accepted", "sync"]


async def test_last_sync_is_the_newest_of_that_replica(store: Store) -> None:
    assert await store.last_sync("a-b", R1) is None
    for at_s, replica, kind, gas in (
        (1.0, R1, "sync", 1),
        (2.0, R1, "sync", 2),
        (3.0, R1, "recovered", 3),
        (4.0, R2, "sync", 4),
    ):
        await store.tell(Happening("a-b", replica, None, at_s, kind, "", gas_used=gas))
    last = await store.last_sync("a-b", R1)
    assert last is not None and last.gas_used == 2


async def test_sample_of_a_minute_is_the_worst(store: Store) -> None:
    for minute, blocks, seconds in ((7, 1, 12), (7, 5, 3), (7, 2, 60), (8, 0, 0)):
        await store.sample("a-b", R1, Sample(minute, blocks, seconds))
    assert await store.samples("a-b", R1, 0.0) == [Sample(7, 5, 60), Sample(8, 0, 0)]
    assert await store.samples("a-b", R1, 480.0) == [Sample(8, 0, 0)]
