"""The journal of both databases: what is written stands, and no step is paid for twice."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from smartsync.answers import Receipt
from smartsync.errors import Overtaken
from smartsync.fees import Fees
from smartsync.relayer.state.database import Database, opened
from smartsync.relayer.state.journal import StateJournal
from smartsync.submit.journal import Attempt, Signed

SENDER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
CHAIN = 31338


def signed(nonce: int, *, versions: int = 1, text: str = "sync") -> Signed:
    attempts = [
        Attempt(
            f"{text}{nonce}.{place}".encode().ljust(32), b"raw" + bytes([nonce, place]), Fees(2**255 + place, place)
        )
        for place in range(versions)
    ]
    return Signed(text, SENDER, nonce, None, b"\x00data", 100_000, tuple(attempts))


def receipt(of: Signed, *, success: bool = True) -> Receipt:
    return Receipt(of.newest.tx_hash, 7, b"\x07" * 32, success, 21_000, None, ())


async def write(journal: StateJournal, one: Signed) -> None:
    async with journal.turn(CHAIN, SENDER) as turn:
        for versions in range(1, len(one.attempts) + 1):
            await turn.write(replace(one, attempts=one.attempts[:versions]))


async def test_write_stands_for_whoever_opens_the_database_next(url: str) -> None:
    written = signed(5, versions=3)
    async with opened(url) as database:
        await write(await StateJournal.of(database, "replica 1"), written)
    async with opened(url) as database:
        assert await (await StateJournal.of(database, "replica 1")).unfinished() == [written]
        assert await (await StateJournal.of(database, "replica 2")).unfinished() == []


async def test_taken_is_of_all_subjects_of_an_account(database: Database) -> None:
    one, other = [await StateJournal.of(database, f"replica {number}") for number in (1, 2)]
    await write(one, signed(5))
    await write(other, signed(6))
    async with one.turn(CHAIN, SENDER) as turn:
        assert await turn.taken() == {5, 6}
    async with one.turn(CHAIN + 1, SENDER) as turn:
        assert await turn.taken() == set()


async def test_included_is_finished_and_keeps_its_nonce(database: Database) -> None:
    journal = await StateJournal.of(database, "replica 1")
    await write(journal, signed(5))
    await journal.included(signed(5), receipt(signed(5)))
    assert await journal.unfinished() == []
    async with journal.turn(CHAIN, SENDER) as turn:
        assert await turn.taken() == {5}, "a node that lags still tells it as the next one"


async def test_dropped_frees_its_nonce(database: Database) -> None:
    journal = await StateJournal.of(database, "replica 1")
    await write(journal, signed(5))
    await journal.dropped(signed(5), "refused")
    async with journal.turn(CHAIN, SENDER) as turn:
        assert await turn.taken() == set()
    await write(journal, signed(5, text="another"))
    assert await journal.unfinished() == [signed(5, text="another")]


async def test_write_after_another_worker_has_sent_for_the_subject_is_refused(database: Database) -> None:
    """Whatever became of what the other one sent: what this one has seen is stale."""
    stale, quick = [await StateJournal.of(database, "replica 1") for _ in range(2)]
    await write(quick, signed(5))
    await quick.included(signed(5), receipt(signed(5)))
    with pytest.raises(Overtaken, match="another worker has sent a transaction for replica 1 meanwhile"):
        await write(stale, signed(6))
    async with quick.turn(CHAIN, SENDER) as turn:
        assert await turn.taken() == {5}
    assert await quick.unfinished() == []


async def test_write_refused_leaves_the_turn_usable(database: Database) -> None:
    stale, quick = [await StateJournal.of(database, "replica 1") for _ in range(2)]
    await write(quick, signed(5))
    for _ in range(3):
        with pytest.raises(Overtaken):
            await write(stale, signed(6))
    await write(await StateJournal.of(database, "replica 1"), signed(6))


async def test_write_by_many_workers_one_wins(url: str) -> None:
    """Ten who saw the same, of whom each wants to pay for the same step."""
    async with opened(url) as database:
        journals = [await StateJournal.of(database, "replica 1") for _ in range(10)]
        outcomes = await asyncio.gather(
            *(write(journal, signed(nonce)) for nonce, journal in enumerate(journals)), return_exceptions=True
        )
    assert [type(one) for one in outcomes].count(Overtaken) == 9 and None in outcomes


async def test_unfinished_of_an_heir_can_be_ended_by_him(database: Database) -> None:
    await write(await StateJournal.of(database, "replica 1"), signed(5, versions=2))
    heir = await StateJournal.of(database, "replica 1")
    (left,) = await heir.unfinished()
    await write_version(heir, signed(5, versions=3))
    await heir.included(left, receipt(left, success=False))
    assert await heir.unfinished() == []


async def test_write_of_two_who_outbid_the_same_transaction_one_wins(url: str) -> None:
    """Both follow it, since one lost its lock: by the same fees, or by others."""
    async with opened(url) as database:
        await write(await StateJournal.of(database, "replica 1"), signed(5))
        one, other, third = [await StateJournal.of(database, "replica 1") for _ in range(3)]
        for journal in (one, other, third):
            assert len(await journal.unfinished()) == 1
        await write_version(one, signed(5, versions=2))
        with pytest.raises(Overtaken, match="another worker has sent a transaction for replica 1 meanwhile"):
            await write_version(other, signed(5, versions=2))
        by_others = signed(5, versions=2, text="other")
        with pytest.raises(Overtaken):
            await write_version(third, by_others)
        assert await one.unfinished() == [signed(5, versions=2)]


async def test_dropped_by_one_who_does_not_know_all_versions_changes_nothing(database: Database) -> None:
    await write(await StateJournal.of(database, "replica 1"), signed(5))
    stale, quick = [await StateJournal.of(database, "replica 1") for _ in range(2)]
    for journal in (stale, quick):
        await journal.unfinished()
    await write_version(quick, signed(5, versions=2))
    await stale.dropped(signed(5), "another transaction has its nonce")
    assert await quick.unfinished() == [signed(5, versions=2)]
    await quick.included(signed(5, versions=2), receipt(signed(5, versions=2)))
    await stale.dropped(signed(5, versions=2), "another transaction has its nonce")
    async with quick.turn(CHAIN, SENDER) as turn:
        assert await turn.taken() == {5}, "it is in a block"


async def write_version(journal: StateJournal, one: Signed) -> None:
    async with journal.turn(CHAIN, SENDER) as turn:
        await turn.write(one)
