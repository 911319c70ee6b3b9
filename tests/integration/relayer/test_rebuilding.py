"""The database lost, and made anew out of the chains: what matters is there again, in both kinds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from smartsync.anchors.once import SignersOnce
from smartsync.anchors.quorum import LocalSigners
from smartsync.relayer.pairs import Pair
from smartsync.relayer.policy import Policy
from smartsync.relayer.rebuilding import Rebuilt, rebuild
from smartsync.relayer.replicas import Replica
from smartsync.relayer.settling import settle
from smartsync.relayer.state.costs import Costs
from smartsync.relayer.state.database import Database, opened
from smartsync.relayer.state.journal import StateJournal
from smartsync.relayer.state.store import Store
from smartsync.testing import Node
from tests.integration.relayer.test_service import after_it_was_sent, dies, look, pair_of, service_of, transactions
from tests.integration.world import World, world

_TRANSACTIONS = "pair, subject, chain_id, sender, nonce, state, block_number, tx_hash, gas_used, cost_wei, spent_s"
_HISTORY = "pair, replica, anchor, kind, to_block, changes, gas_used, cost_wei"


@pytest.fixture
async def made(hardhat: Node, anvil: Node) -> AsyncIterator[World]:
    async with world(hardhat, anvil) as made:
        await made.do("setRange(uint256,uint256,uint256)", 0, 5, 1000)
        yield made


@pytest.fixture
async def replica(made: World) -> str:
    return await made.fork()


def paid_by_itself(made: World, anvil: Node, **changes: Any) -> Pair:
    """Return a pair with an account of its own: what the world sends is none of its transactions."""
    return pair_of(made, accounts={"main": anvil.accounts[2]}, **changes)


def other_url(url: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if url.startswith("sqlite"):
        return f"sqlite:///{tmp_path / 'anew.db'}"
    postgres = request.getfixturevalue("postgres")
    return str(postgres.create(f"{url.rpartition('/')[2]}anew"))


async def rebuilt(pair: Pair, replica: str, database: Database, *, check: bool = False) -> Rebuilt:
    return await rebuild(pair, [Replica(pair.name, replica, "number 0", Policy())], database, 0.0, check=check)


async def rows(database: Database, columns: str, table: str) -> list[tuple[object, ...]]:
    async with database.transaction() as connection:
        found = await connection.execute(text(f"SELECT {columns} FROM {table}"))  # noqa: S608  # of this test's own
        return sorted((tuple(row) for row in found), key=str)


async def remembered(database: Database) -> dict[str, object]:
    """Return what matters of a database."""
    statuses = await Store(database).statuses()
    return {
        "transactions": await rows(database, _TRANSACTIONS, "transactions"),
        "attempts": await rows(database, "tx_hash, place, raw, max_fee_wei, priority_fee_wei, cancels", "attempts"),
        "history": await rows(database, _HISTORY, "history"),
        "costs": await Costs(database).by_subject(0.0),
        "replicas": [
            (one.pair, one.address, one.name, one.state, one.anchor, one.block_number, one.block_hash, one.level)
            for one in statuses
        ],
    }


async def test_rebuild_of_a_lost_database_tells_what_was_in_it(
    made: World, replica: str, anvil: Node, url: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    pair = paid_by_itself(made, anvil, signers=SignersOnce(LocalSigners([made.owner]), made.client.target))
    async with opened(url) as database:
        service = service_of(pair, database, (replica, Policy()))
        for value in (1, 2, 3):
            await made.do("set(uint256,uint256)", value, 7)
            assert (await look(service))["number 0"].state == "exact"
        await settle(database, pair.target, pair.target_chain_id, pair.confirmations)
        before = await remembered(database)
        found = await rebuilt(pair, replica, database, check=True)
        assert (found.syncs, found.accepted, found.transactions, found.differences) == (3, 3, 6, ())
    assert len(before["transactions"]) == 6 and len(before["attempts"]) == 6  # type: ignore[arg-type]
    async with opened(other_url(url, request, tmp_path)) as anew:
        told = await rebuilt(pair, replica, anew, check=True)
        assert len(told.differences) == 6 + 6 + 1 and await transactions(anew) == 0, "nothing is written to check"
        written = await rebuilt(pair, replica, anew)
        assert written.differences == told.differences and written.unknown == ()
        assert await remembered(anew) == before
        for _ in range(2):
            again = await rebuilt(pair, replica, anew)
            assert again.differences == () and again.transactions == 6
        assert await remembered(anew) == before, "a second time nothing is left to write"
        await made.do("set(uint256,uint256)", 4, 7)
        assert (await look(service_of(pair, anew, (replica, Policy()))))["number 0"].state == "exact"
        assert await transactions(anew) == 8, "it goes on from there"
    assert (await made.client.verify(replica)).exact


async def test_rebuild_tells_the_changes_with_what_was_there_before(
    made: World, replica: str, anvil: Node, url: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    pair = paid_by_itself(made, anvil)
    async with opened(url) as database:
        await made.do("set(uint256,uint256)", 1, 71)
        await made.attest()
        await look(service_of(pair, database, (replica, Policy())))
        ((_, before),) = await Store(database).history(pair.name, replica)
    async with opened(other_url(url, request, tmp_path)) as anew:
        await rebuilt(pair, replica, anew)
        ((_, after),) = await Store(anew).history(pair.name, replica)
        (sample,) = await Store(anew).samples(pair.name, replica, 0.0)
    assert after.told == before.told
    assert after.document.replace(', "rebuilt": true', "") == before.document
    assert sample.behind_blocks == (after.to_block or 0) - (after.from_block or 0) > 0


async def test_rebuild_check_names_what_the_database_tells_otherwise(
    made: World, replica: str, anvil: Node, database: Database
) -> None:
    pair = paid_by_itself(made, anvil)
    await made.do("set(uint256,uint256)", 1, 72)
    await made.attest()
    await look(service_of(pair, database, (replica, Policy())))
    async with database.transaction() as connection:
        await connection.execute(text("UPDATE transactions SET gas_used = 1"))
        await connection.execute(text("UPDATE replicas SET block_number = 1"))
        await connection.execute(text("DELETE FROM history"))
    found = await rebuilt(pair, replica, database, check=True)
    assert len(found.differences) == 3
    gas, history, status = found.differences
    assert "gas 1 in the database" in gas and "not in the history" in history and "at block 1 in the database" in status


async def test_rebuild_names_a_transaction_that_no_chain_has(
    made: World, replica: str, anvil: Node, database: Database
) -> None:
    pair = paid_by_itself(made, anvil)
    await made.do("set(uint256,uint256)", 1, 73)
    await made.attest()
    await look(service_of(pair, database, (replica, Policy())))
    async with database.transaction() as connection:
        await connection.execute(text("UPDATE transactions SET tx_hash = :other"), {"other": b"\x01" * 32})
        await connection.execute(text("DELETE FROM attempts"))
    found = await rebuilt(pair, replica, database, check=True)
    assert any("is in a block by the database, and in none by the chain" in one for one in found.differences)


async def test_rebuild_finds_what_waits_and_it_is_paid_for_once(
    made: World,
    replica: str,
    anvil: Node,
    url: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Signed, sent, and the database lost before it is in a block: the one thing that the chains do not tell."""
    pair = paid_by_itself(made, anvil)
    await made.do("set(uint256,uint256)", 1, 74)
    await made.attest()
    nonce = await pair.target.nonce(anvil.accounts[2].address)
    await pair.target.rpc.call("evm_setAutomine", [False])
    try:
        async with opened(url) as database:
            await dies(service_of(pair, database, (replica, Policy())), after_it_was_sent, monkeypatch)
            lost = await (await StateJournal.of(database, pair.subject(replica))).unfinished()
            assert len(lost) == 1
        async with opened(other_url(url, request, tmp_path)) as anew:
            found = await rebuilt(pair, replica, anew)
            assert (found.waiting, found.unknown) == (1, ())
            kept = await (await StateJournal.of(anew, pair.subject(replica))).unfinished()
            assert [one.attempts for one in kept] == [one.attempts for one in lost]
            assert (await rebuilt(pair, replica, anew)).differences == ()
            await pair.target.rpc.call("evm_setAutomine", [True])
            await pair.target.rpc.call("anvil_mine", ["0x1"])
            assert (await look(service_of(pair, anew, (replica, Policy()))))["number 0"].state == "exact"
            assert await transactions(anew) == 1
    finally:
        await pair.target.rpc.call("evm_setAutomine", [True])
    assert await pair.target.nonce(anvil.accounts[2].address) == nonce + 1
    assert (await made.client.verify(replica)).exact


async def test_database_lost_and_not_rebuilt_while_a_step_waits_it_is_paid_for_once(
    made: World,
    replica: str,
    anvil: Node,
    url: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pair = paid_by_itself(made, anvil)
    await made.do("set(uint256,uint256)", 1, 76)
    await made.attest()
    nonce = await pair.target.nonce(anvil.accounts[2].address)
    await pair.target.rpc.call("evm_setAutomine", [False])
    try:
        async with opened(url) as database:
            await dies(service_of(pair, database, (replica, Policy())), after_it_was_sent, monkeypatch)
        async with opened(other_url(url, request, tmp_path)) as anew:
            with monkeypatch.context() as hidden:
                hidden.setattr("smartsync.relayer.rebuilding.waiting", _nothing_waits)
                found = await rebuilt(pair, replica, anew, check=True)
            assert found.waiting == 1 and "does not tell which" in found.unknown[0]
            (status,) = (await look(service_of(pair, anew, (replica, Policy())))).values()
            assert status.state == "target-full" and "1 are not in the journal" in status.reason
            assert await transactions(anew) == 0
            assert await pair.target.nonce(anvil.accounts[2].address) == nonce + 1, "nothing more is sent"
            await pair.target.rpc.call("evm_setAutomine", [True])
            await pair.target.rpc.call("anvil_mine", ["0x1"])
            assert (await look(service_of(pair, anew, (replica, Policy()))))["number 0"].state == "exact"
    finally:
        await pair.target.rpc.call("evm_setAutomine", [True])
    assert await pair.target.nonce(anvil.accounts[2].address) == nonce + 1
    assert (await made.client.verify(replica)).exact


async def _nothing_waits(*_: object) -> list[object]:
    return []


async def test_rebuild_keeps_the_days_gas_spent(
    made: World, replica: str, anvil: Node, url: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """A bound that a lost database lifts is none."""
    pair, policy = paid_by_itself(made, anvil), Policy(max_gas_a_day=700_000)
    async with opened(url) as database:
        service = service_of(pair, database, (replica, policy))
        state = "exact"
        for value in range(10):
            await made.do("set(uint256,uint256)", 1, 100 + value)
            await made.attest()
            state = (await look(service))["number 0"].state
        assert state == "gas-spent"
    async with opened(other_url(url, request, tmp_path)) as anew:
        await rebuild(pair, [Replica(pair.name, replica, "number 0", policy)], anew, 0.0)
        (status,) = await Store(anew).statuses()
        assert status.state == "gas-spent"
