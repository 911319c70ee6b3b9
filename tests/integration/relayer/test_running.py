"""`smartsync run` as a process: configured by a file, told by signals."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from smartsync.contracts import address_topic, event_topic
from smartsync.relayer.state.database import opened
from smartsync.testing import Node
from tests.integration.world import World, world

FILE = """
[relayer]
state = "{state}"
listen = "127.0.0.1:0"

[chains.here]
chain_id = {source_id}
urls = ["{source}"]
poll_s = 0.2

[chains.there]
chain_id = {target_id}
urls = ["{target}"]

[pairs.here-there]
source = "here"
target = "there"
hub = "{hub}"

[[replicas]]
address = "{replica}"
name = "the sample"
"""


@pytest.fixture
async def made(hardhat: Node, anvil: Node) -> AsyncIterator[World]:
    async with world(hardhat, anvil) as made:
        await made.do("setRange(uint256,uint256,uint256)", 0, 5, 1000)
        yield made


class Relayer:
    """A relayer in a process of its own, in its own folder."""

    def __init__(self, folder: Path, made: World, *, key: str) -> None:
        self.folder = folder
        self.log = folder / "log"
        self.workers: list[subprocess.Popen[bytes]] = []
        self.environ = {**os.environ, "SMARTSYNC_KEY_MAIN": key}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> None:
        command = [sys.executable, "-m", "smartsync", "run", "--config", str(self.folder / "relayer.toml"), *options]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder, env=self.environ)
        self.workers.append(self.process)

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def ended(self, timeout_s: float = 30.0) -> int:
        assert self.process is not None
        return self.process.wait(timeout_s)

    def told(self) -> str:
        return self.log.read_text()

    def until(self, happened: Callable[[str], bool], timeout_s: float = 60.0) -> str:
        end = time.monotonic() + timeout_s
        while not happened(told := self.told() if self.log.exists() else ""):
            assert time.monotonic() < end, told
            assert self.process is not None and self.process.poll() is None, told
            time.sleep(0.1)
        return told


@pytest.fixture
async def relayer(made: World, hardhat: Node, anvil: Node, tmp_path: Path, url: str) -> AsyncIterator[Relayer]:
    replica = await made.fork()
    text = FILE.format(
        state=url,
        source_id=hardhat.chain_id,
        target_id=anvil.chain_id,
        source=hardhat.url,
        target=anvil.url,
        hub=made.client.hub,
        replica=replica,
    )
    (tmp_path / "relayer.toml").write_text(text)
    relayer = Relayer(tmp_path, made, key="0x" + made.owner.key.hex().removeprefix("0x"))
    relayer.environ["REPLICA"] = replica
    yield relayer
    for worker in relayer.workers:
        worker.kill()
        worker.wait()


async def transactions(url: str) -> list[tuple[str, bool]]:
    """Return the state of each transaction, and whether it succeeded."""
    async with opened(url) as database, database.transaction() as connection:
        rows = await connection.execute(text("SELECT state, success FROM transactions"))
        return [(state, bool(success)) for state, success in rows]


async def test_run_keeps_in_sync_until_sigterm(made: World, relayer: Relayer) -> None:
    relayer.start()
    relayer.until(lambda told: "the sample: exact" in told)
    await made.do("set(uint256,uint256)", 1, 101)
    await made.attest()
    relayer.until(lambda told: "synced: block" in told)
    relayer.signal(signal.SIGTERM)
    assert relayer.ended() == 0
    assert (await made.client.verify(relayer.environ["REPLICA"])).exact
    assert "Traceback" not in relayer.told()
    *_, before, last = relayer.told().splitlines()
    assert "ending: nothing new is begun" in before and last.endswith("  ended")


async def test_run_once_tells_how_all_stand_also_where_nothing_is_new(relayer: Relayer) -> None:
    for _ in range(2):
        relayer.start("--once")
        assert relayer.ended() == 0
    assert relayer.told().count("replicas, by state: 1 exact") == 2


async def test_run_killed_at_any_moment_goes_on(made: World, relayer: Relayer, url: str) -> None:
    replica = relayer.environ["REPLICA"]
    for value in range(110, 114):
        await made.do("set(uint256,uint256)", 1, value)
        await made.attest()
        relayer.start()
        # Starting takes it more than a second; so it is killed anywhere from before its first look to after its sync.
        await asyncio.sleep(1.2 + 0.35 * (value - 110))
        relayer.signal(signal.SIGKILL)
        relayer.ended()
    relayer.start("--once")
    assert relayer.ended() == 0, relayer.told()
    assert (await made.client.verify(replica)).exact
    rows = await transactions(url)
    assert rows and set(rows) == {("included", True)}, "none reverted, none is left over"
    topics = [event_topic("Hub", "ReplicaSynced"), address_topic(replica)]
    assert len(await made.client.target.logs(made.client.hub or "", topics)) == len(rows) <= 5


async def test_run_two_workers_on_one_database_share_the_work(made: World, relayer: Relayer, url: str) -> None:
    if url.startswith("sqlite"):
        pytest.skip("its file is one process's")
    for _ in range(2):
        relayer.start()
    relayer.until(lambda told: "the sample: exact" in told)
    replica = relayer.environ["REPLICA"]
    for value in range(120, 126):
        await made.do("set(uint256,uint256)", 1, value)
        await made.attest()
        await asyncio.sleep(1.0)
        if value == 122:
            relayer.workers[0].kill()  # whatever it is at: the other one goes on
    for _ in range(600):
        if (await made.client.verify(replica)).exact:
            break
        await asyncio.sleep(0.1)
    assert (await made.client.verify(replica)).exact
    for number in (signal.SIGHUP, signal.SIGTERM):
        relayer.signal(number)
    assert relayer.ended() == 0, relayer.told()
    rows = await transactions(url)
    assert set(rows) == {("included", True)}
    topics = [event_topic("Hub", "ReplicaSynced"), address_topic(replica)]
    assert len(await made.client.target.logs(made.client.hub or "", topics)) == len(rows) <= 6
    assert "Traceback" not in relayer.told()


async def test_run_once_ends_cleanly_on_sigterm(made: World, relayer: Relayer, anvil: Node) -> None:
    """What it has sent is followed to its end, which is not to come soon here; a second replica would not be begun."""
    await made.do("set(uint256,uint256)", 1, 130)
    await made.attest()
    await made.client.target.rpc.call("evm_setAutomine", [False])
    try:
        relayer.start("--once")
        relayer.until(lambda told: "the sample: behind" in told)
        await asyncio.sleep(1.0)
        relayer.signal(signal.SIGTERM)
        await asyncio.sleep(1.0)
        assert relayer.process is not None and relayer.process.poll() is None, "what is under way is not left"
    finally:
        await made.client.target.rpc.call("evm_setAutomine", [True])
        await made.client.target.rpc.call("evm_mine", [])
    assert relayer.ended() == 0
    assert (await made.client.verify(relayer.environ["REPLICA"])).exact


async def test_run_second_one_on_the_same_file_is_refused(relayer: Relayer, url: str) -> None:
    if not url.startswith("sqlite"):
        pytest.skip("PostgreSQL is for many")
    relayer.start()
    relayer.until(lambda told: "the sample: exact" in told)
    first, relayer.process = relayer.process, None
    relayer.start("--once")
    assert relayer.ended() == 2 and "another relayer works with" in relayer.told()
    relayer.process = first


async def test_run_reads_its_configuration_again_and_keeps_it_where_the_new_one_is_wrong(relayer: Relayer) -> None:
    relayer.start()
    relayer.until(lambda told: "the sample: exact" in told)
    file = relayer.folder / "relayer.toml"
    good = file.read_text()
    file.write_text(good.replace("[[replicas]]", "[[replicass]]"))
    relayer.signal(signal.SIGHUP)
    relayer.until(lambda told: "the configuration stays as it is" in told)
    file.write_text(good.replace("[[replicas]]", '[keys.another]\nkeystore = "none.json"\n\n[[replicas]]'))
    relayer.signal(signal.SIGHUP)
    relayer.until(lambda told: told.count("the configuration stays as it is") == 2)
    file.write_text(good.replace('name = "the sample"', 'name = "under another name"'))
    relayer.signal(signal.SIGHUP)
    relayer.until(lambda told: "the configuration was read again" in told)
    relayer.signal(signal.SIGINT)
    assert relayer.ended() == 0


async def test_check_names_what_is_wrong(relayer: Relayer) -> None:
    relayer.start("--check")
    assert relayer.ended() == 0 and "all nodes answer" in relayer.told()
    file = relayer.folder / "relayer.toml"
    file.write_text(file.read_text().replace("chain_id = 31338", "chain_id = 31339"))
    relayer.start("--check")
    assert relayer.ended() == 2 and "chain there" in relayer.told() and "31339" in relayer.told()


async def test_check_names_a_hub_that_is_none_and_a_replica_that_it_lacks(made: World, relayer: Relayer) -> None:
    file = relayer.folder / "relayer.toml"
    right, hub, replica = file.read_text(), made.client.hub or "", relayer.environ["REPLICA"]
    for wrong, expected in (
        (right.replace(hub, made.anchor), "there is no hub at " + made.anchor),
        (right.replace(replica, made.anchor), f"{made.anchor} is not a replica of the hub"),
        (right.replace(replica, made.owner.address), f"{made.owner.address} is not a replica of the hub"),
    ):
        assert wrong != right
        file.write_text(wrong)
        relayer.log.unlink(missing_ok=True)
        relayer.start("--check")
        assert relayer.ended() == 2, relayer.told()
        assert expected in " ".join(relayer.told().split())


async def test_run_no_key_is_told_and_shows_none(relayer: Relayer) -> None:
    relayer.environ["SMARTSYNC_KEY_MAIN"] = "0xdeadbeef"
    relayer.start()
    assert relayer.ended() == 2
    assert "deadbeef" not in relayer.told()
    assert not list(relayer.folder.glob("*.db*")), "nothing is begun"
