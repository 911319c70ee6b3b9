"""What goes wrong for months: each has a state, a line that a person understands, and is over by itself."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from smartsync.chain import Chain
from smartsync.errors import RpcError
from smartsync.relayer.policy import Policy
from smartsync.relayer.seen import DAY_S
from smartsync.relayer.state.database import Database, opened
from smartsync.relayer.state.errors import StateUnavailable
from smartsync.relayer.state.journal import StateJournal, abandoned
from smartsync.relayer.state.looks import spendings_of
from smartsync.relayer.state.store import Happening, Store
from smartsync.rpc import Rpc
from smartsync.testing import Node, anvil_node, hardhat_node
from tests.http_node import HttpNode, Refusal, serving
from tests.integration.relayer.test_journal import CHAIN, SENDER, signed, write
from tests.integration.relayer.test_service import look, pair_of, service_of, transactions
from tests.integration.world import World, creation_code, world
from tests.postgres import Postgres


@pytest.fixture
async def made(hardhat: Node, anvil: Node) -> AsyncIterator[World]:
    async with world(hardhat, anvil) as made:
        await made.do("setRange(uint256,uint256,uint256)", 0, 5, 1000)
        yield made


@pytest.fixture
async def replica(made: World) -> str:
    return await made.fork()


async def changed(made: World, value: int) -> None:
    await made.do("set(uint256,uint256)", 1, value)
    await made.attest()


# --- a source that stops, a node that is behind, one that is asked too often ---


async def test_source_that_stops_is_stalled_and_goes_on(database: Database) -> None:
    # Nodes of its own: the clocks of those that all tests share go by what other tests made of them.
    with hardhat_node() as source, anvil_node() as target:
        async with world(source, target) as made:
            replica = await made.fork()
            await look(service_of(pair_of(made), database, (replica, Policy())))
            await asyncio.sleep(2.1)
            await made.client.target.rpc.call("anvil_mine", ["0x1"])
            service = service_of(pair_of(made, stalled_after_s=1.0), database, (replica, Policy()))
            found = (await look(service))["number 0"]
            assert found.state == "source-stalled" and "no new source block for" in found.reason
            await changed(made, 301)
            service = service_of(pair_of(made, stalled_after_s=60.0), database, (replica, Policy()))
            assert (await look(service))["number 0"].state == "exact"


async def test_node_behind_what_the_anchor_accepts_is_told_and_catches_up(
    made: World, replica: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = service_of(pair_of(made), database, (replica, Policy()))
    before = await made.client.source.block_number()
    await changed(made, 302)
    header, source = Chain.header, made.client.source

    async def old(self: Chain, block: Any) -> Any:
        return await header(self, before if self is source and block == "latest" else block)

    with monkeypatch.context() as patch:
        patch.setattr(Chain, "header", old)
        found = (await look(service))["number 0"]
        assert found.state == "source-behind" and f"newest block is {before}" in found.reason
        assert await transactions(database) == 0
    assert (await look(service))["number 0"].state == "exact"


@pytest.mark.parametrize("role", ["source", "target"])
async def test_node_that_is_asked_too_often_is_told(
    made: World, replica: str, database: Database, role: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smartsync.rpc._BACKOFF_S", 0.001)
    with serving() as node:
        refuse_all(node)
        async with Rpc(node.url, retries=1) as rpc:
            service = service_of(pair_of(made, **{role: Chain(rpc, role)}), database, (replica, Policy()))
            found = (await look(service))["number 0"]
    assert found.state == f"{role}-limited" and "per second" in found.reason and "less often" in found.reason
    assert (await look(service_of(pair_of(made), database, (replica, Policy()))))["number 0"].state == "exact"


async def test_source_node_of_another_chain_is_told_before_anything_of_it_is_believed(
    made: World, replica: str, database: Database
) -> None:
    other = Chain(made.client.target.rpc, "source")
    found = (await look(service_of(pair_of(made, source=other), database, (replica, Policy()))))["number 0"]
    expected, actual = await made.client.source.chain_id(), await other.chain_id()
    assert found.state == "source-wrong"
    assert f"is on chain {actual}, expected chain {expected}" in found.reason and other.rpc.host in found.reason
    assert (await look(service_of(pair_of(made), database, (replica, Policy()))))["number 0"].state == "exact"


def refuse_all(node: HttpNode) -> None:
    for method in ("eth_chainId", "eth_getBlockByNumber", "eth_blockNumber", "eth_feeHistory"):
        node.results[method] = Refusal(-32029, "25 calls per second are allowed")


# --- one replica of which the node does not tell ---


@pytest.mark.parametrize("method", ["eth_getProof", "eth_call"])
async def test_one_replica_that_the_node_refuses_does_not_keep_the_others(
    made: World, replica: str, database: Database, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = await made.on_source.send(None, creation_code("Sample"), what="another sample")
    await made.attest()
    other = (await made.client.fork(receipt.contract_address or "", anchor=made.anchor)).replica
    needle = (receipt.contract_address if method == "eth_getProof" else other) or ""
    service = service_of(pair_of(made), database, (replica, Policy()), (other, Policy()))
    await changed(made, 303)
    batch = Rpc.batch

    async def refusing(self: Rpc, calls: Any, *, return_errors: bool = False) -> list[Any]:
        told = await batch(self, calls, return_errors=return_errors)
        for place, (name, params) in enumerate(calls):
            if len(calls) > 1 and name == method and needle[2:].lower() in str(params).lower():
                error = RpcError(name, -32000, "execution aborted (timeout = 5s)", host=self.host)
                if not return_errors:
                    raise error
                told[place] = error
        return told

    with monkeypatch.context() as patch:
        patch.setattr(Rpc, "batch", refusing)
        found = await look(service)
        assert found["number 0"].state == "exact" and found["number 0"].reason.startswith("synced")
        assert found["number 1"].state not in ("exact", "behind") and "timeout = 5s" in found["number 1"].reason
    assert (await look(service))["number 1"].state == "exact"


# --- a disk that is full ---


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("a small disk is mounted by root only")
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder]
    if subprocess.run(command, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)  # noqa: S607


def room_for_a_server(disk: Path) -> Path:
    """Return a folder on a disk that PostgreSQL's user may write to."""
    disk.parent.chmod(0o755)
    space = disk / "space"
    space.mkdir()
    shutil.chown(space, "postgres")
    return space


def fill(folder: Path) -> Path:
    """Leave no room on a disk."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (65_536, 4_096, 512):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                pass
    return filler


async def test_disk_that_is_full_sends_nothing_is_told_and_goes_on_with_room(
    made: World, replica: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with small_disk(tmp_path / "disk", "2m") as disk:
        async with opened(f"sqlite:///{disk / 'state.db'}") as database:
            service = service_of(pair_of(made), database, (replica, Policy()))
            assert (await look(service))["number 0"].state == "exact"
            await changed(made, 304)
            nonce = await made.client.target.nonce(made.owner.address)
            filler = fill(disk)
            for _ in range(3):
                await service.once()
            told = [one for one in caplog.messages if "cannot be written, its disk is full" in one]
            assert told and "make room" in told[0], caplog.messages
            assert await made.client.target.nonce(made.owner.address) == nonce, "what cannot be written is not sent"
            filler.unlink()
            assert (await look(service))["number 0"].state == "exact"
            assert await transactions(database) == 1
    assert (await made.client.verify(replica)).exact


# --- a clock that jumps ---


@pytest.mark.parametrize("by_s", [10 * DAY_S, -10 * DAY_S, 86_400.0 * 365])
async def test_clock_that_jumps_changes_nothing_of_what_is_due_and_spent(
    made: World,
    replica: str,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    by_s: float,
) -> None:
    policy = Policy(max_gas_a_day=500_000)
    service = service_of(pair_of(made), database, (replica, policy))
    state = "exact"
    for value in range(310, 320):
        await changed(made, value)
        state = (await look(service))["number 0"].state
    assert state == "gas-spent"
    spent = await transactions(database)
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + by_s)
    for _ in range(2):
        found = (await look(service))["number 0"]
        assert found.state == "gas-spent", "a day is over when the target's day is"
    assert await transactions(database) == spent
    way = "ahead" if by_s > 0 else "back"
    assert [one for one in caplog.messages if f"clock went {way} by" in one] != []
    unbound = service_of(pair_of(made), database, (replica, Policy()))
    assert (await look(unbound))["number 0"].state == "exact"
    assert (await made.client.verify(replica)).exact


@pytest.mark.parametrize("by_s", [DAY_S, -DAY_S])
async def test_clock_that_jumps_leaves_nothing_that_nobody_follows(
    database: Database, monkeypatch: pytest.MonkeyPatch, by_s: float
) -> None:
    await write(await StateJournal.of(database, "replica 1"), signed(5))
    assert await abandoned(database, CHAIN, [SENDER]) == []
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + by_s)
    assert await abandoned(database, CHAIN, [SENDER]) == [("replica 1", SENDER)]


async def test_spendings_of_what_is_open_count_whenever_it_was_signed(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() - 3 * DAY_S)
    await write(await StateJournal.of(database, "replica 1"), signed(5))
    now_s = real()
    (one,) = (await spendings_of(database, ["replica 1"], now_s, now_s))["replica 1"]
    assert (one.gas, one.at_s) == (100_000, now_s)


async def test_disk_of_postgresql_that_is_full_is_told_and_goes_on_with_room(postgres: Postgres) -> None:
    with tempfile.TemporaryDirectory() as folder, small_disk(Path(folder) / "disk", "32m") as disk:
        space = room_for_a_server(disk)
        for statement in (
            f"CREATE TABLESPACE small LOCATION '{space}'",
            "CREATE DATABASE full_disk TABLESPACE small",
        ):
            postgres.run(statement)
        try:
            async with opened(postgres.url("full_disk")) as database:
                filler, store = fill(disk), Store(database)
                with pytest.raises(StateUnavailable) as caught:
                    for minute in range(2_000):
                        await store.tell(Happening("a-b", "0x1", None, float(minute), "sync", "x" * 2_000))
                assert caught.value.is_full and "its disk is full" in caught.value.message, caught.value.message
                filler.unlink()
                await store.tell(Happening("a-b", "0x1", None, 1.0, "sync", "x" * 2_000))
        finally:
            postgres.run("DROP DATABASE IF EXISTS full_disk WITH (FORCE)")
            postgres.run("DROP TABLESPACE small")
