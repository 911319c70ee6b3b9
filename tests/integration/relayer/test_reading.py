"""What pages read of the relayer's memory, of both databases."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import delete, insert

from smartsync.relayer.state.database import Database
from smartsync.relayer.state.reading import Lag, Reading, Used
from smartsync.relayer.state.store import Happening, Sample, Status, Store
from smartsync.relayer.state.tables import ReplicaRow, TransactionRow

STATUS = Status("a-b", "0x1", "one", "exact", "", 100.0, 200.0)
SYNC = Happening("a-b", "0x1", None, 1_000.0, "sync", "synced", to_block=7)
SENT = {
    "pair": "a-b", "subject": "0x1 on chain 7", "chain_id": 7, "sender": "0xs", "what": "sync", "data": b"", "gas": 9,
    "why": "", "signed_s": 1.0,
}  # fmt: skip


async def send(database: Database, number: int, at_s: float, state: str = "final", **changes: object) -> None:
    row = SENT | {"number": number, "nonce": number, "state": state, "spent_s": at_s, "gas_used": 100, **changes}
    async with database.transaction() as connection:
        await connection.execute(insert(TransactionRow), [row])


async def remove(database: Database, address: str) -> None:
    async with database.transaction() as connection:
        await connection.execute(delete(ReplicaRow).where(ReplicaRow.address == address))


async def test_version_is_another_one_after_anything_that_is_shown(database: Database) -> None:
    store, reading = Store(database), Reading(database)
    seen = [await reading.version()]
    assert await reading.version() == seen[0], "and the same where nothing happened"
    for change in (
        store.remember(STATUS),
        store.remember(replace(STATUS, looked_s=201.0)),
        store.remember(replace(STATUS, looked_s=201.0, failures=1)),
        store.demand("a-b", "0x1"),
        store.tell(SYNC),
        send(database, 1, 5.0),
        remove(database, "0x1"),
    ):
        await change
        seen.append(await reading.version())
    assert len(set(seen)) == len(seen), seen


async def test_standing_has_the_last_sync_of_each(database: Database) -> None:
    store, reading = Store(database), Reading(database)
    other = replace(STATUS, address="0x2")
    await store.remember(STATUS)
    await store.remember(other)
    for at_s, kind in ((1_000.0, "sync"), (3_000.0, "recovered"), (2_000.0, "sync"), (9_000.0, "reorganisation")):
        await store.tell(replace(SYNC, at_s=at_s, kind=kind))
    await store.tell(replace(SYNC, pair="c-d", replica="0x2"))
    assert await reading.standing() == [(STATUS, 3_000.0), (other, None)]
    assert await reading.standing("a-b", "0x1") == [(STATUS, 3_000.0)]
    assert await reading.standing("c-d", "0x2") == []


async def test_lag_is_the_most_of_each_stretch(database: Database) -> None:
    store, reading = Store(database), Reading(database)
    for minute, blocks, seconds in ((60, 1, 12), (89, 5, 60), (90, 2, 24), (20, 99, 99)):
        await store.sample("a-b", "0x1", Sample(minute, blocks, seconds))
    await store.sample("a-b", "0x2", Sample(60, 1_000, 1_000))
    assert await reading.lag("a-b", "0x1", 3_600.0, 1_800) == [Lag(3_600.0, 5, 60), Lag(5_400.0, 2, 24)]


async def test_used_is_of_what_is_in_a_block(database: Database) -> None:
    reading = Reading(database)
    await send(database, 1, 10.0)
    await send(database, 2, 3_600.0, cost_wei=2 * 10**18, success=True)
    await send(database, 3, 5_399.9, "included", cost_wei=10**19, success=False)
    await send(database, 4, 5_400.0)
    await send(database, 5, 3_700.0, "signed", gas_used=None)
    await send(database, 6, 3_700.0, subject="0x2 on chain 7")
    assert await reading.used("0x1 on chain 7", 3_600.0, 1_800) == [
        Used(3_600.0, 200, 12 * 10**18, 2),
        Used(5_400.0, 100, None, 1),
    ]


async def test_history_goes_back_page_by_page(database: Database) -> None:
    store, reading = Store(database), Reading(database)
    for number in range(25):
        await store.tell(replace(SYNC, at_s=1_000.0 + number // 10, to_block=number))
    await store.tell(replace(SYNC, replica="0x2"))
    await store.tell(replace(SYNC, replica=None, anchor="0xa", told="accepted"))
    found: list[int | None] = []
    before: int | None = None
    while page := await reading.history("a-b", replica="0x1", before=before, limit=4):
        found += [one.to_block for _, one in page]
        before = page[-1][0]
    assert found == list(range(24, -1, -1)), "also where several have one time"
    ((_, told),) = await reading.history("a-b", anchor="0xa", before=None, limit=4)
    assert told.told == "accepted"
    assert await reading.history("a-b", anchor="0xa", before=10**9, limit=4) == []


async def test_sent_has_the_newest_first(database: Database) -> None:
    reading = Reading(database)
    for number in range(5):
        await send(database, number, 5.0, tx_hash=bytes([number]) * 32, cost_wei=number)
    await send(database, 9, 5.0, subject="0x2 on chain 7")
    first = await reading.sent("0x1 on chain 7", before=None, limit=3)
    assert [one.cost_wei for one in first] == [4, 3, 2]
    rest = await reading.sent("0x1 on chain 7", before=first[-1].id, limit=3)
    assert [one.nonce for one in rest] == [1, 0]
    assert await reading.sent("' OR 1=1 --", before=None, limit=3) == []


async def test_newest_looks_are_those_at_any_replica_of_a_pair(database: Database) -> None:
    store, reading = Store(database), Reading(database)
    assert await reading.newest_looks() == {}
    for address, pair, looked_s in (("0x1", "one", 5.0), ("0x2", "one", 7.0), ("0x1", "other", 6.0)):
        await store.remember(replace(STATUS, address=address, pair=pair, looked_s=looked_s))
    assert await reading.newest_looks() == {"one": 7.0, "other": 6.0}
