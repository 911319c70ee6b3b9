"""`smartsync run` as its operator sees it: metrics, health, log; and no secret in any of them."""

from __future__ import annotations

import asyncio
import contextlib
import html
import json
import re
import signal
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from smartsync.testing import Node
from tests.integration.relayer.test_running import Relayer
from tests.integration.world import World, world
from tests.lying_proxy import LyingProxy, lying
from tests.postgres import Postgres

FILE = """
[relayer]
listen = "127.0.0.1:0"

[chains.here]
chain_id = {source_id}
poll_s = 0.2

[chains.there]
chain_id = {target_id}

[keys.main]
keystore = "main.json"
[keys.other]

[pairs.here-there]
source = "here"
target = "there"
hub = "{hub}"
keys = ["main"]
signers = ["http://127.0.0.1:1/{attestor}/v1"]

[pairs.back]
source = "there"
target = "here"
hub = "{hub}"

[[replicas]]
address = "{replica}"
name = "the sample"
pair = "here-there"

[[replicas]]
address = "{replica}"
name = "one that is not there"
pair = "back"
"""

TOKEN = "the-relayers-own-token"
SECRETS = {
    "SMARTSYNC_RELAYER_TOKEN": TOKEN,
    "SMARTSYNC_ATTESTOR_TOKEN": "the-attestors-token",
    "SMARTSYNC_PAIR_HERE_THERE_TOKEN": "the-token-of-the-pair",
    "SMARTSYNC_KEY_MAIN_PASSWORD": "the-keystores-password",
    "SMARTSYNC_KEY_OTHER": "0x" + "5ec2e7" * 10 + "5ec2",
    "PGPASSWORD": "the-databases-password",
}
PATHS = {"here": "source-path-5ec2e7", "there": "target-path-5ec2e7", "attestor": "attestor-path-5ec2e7"}
IN_STATE = "the-password-in-the-url"


@dataclass
class Seen:
    """A relayer, with the nodes before it, and all that came out of it."""

    relayer: Relayer
    source: LyingProxy
    target: LyingProxy
    answers: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        found = re.search(r"are at (http://[^ ,]+)", self.relayer.told())
        assert found, self.relayer.told()
        return found[1]

    async def get(self, path: str, token: str | None = TOKEN, **headers: str) -> tuple[int, str]:
        asked = headers | ({} if token is None else {"Authorization": f"Bearer {token}"})
        async with aiohttp.ClientSession() as session, session.get(self.url + path, headers=asked) as answer:
            text = await answer.text()
            self.answers += [text, str(answer.headers)]
            return answer.status, text

    async def metrics(self, of: str = "all") -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        status, text = await self.get(f"/metrics?of={of}")
        assert status == 200
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    async def until(self, metric: str, value: float, /, timeout_s: float = 60.0, **labels: str) -> None:
        """Wait until a metric has a value: one with these labels among others."""
        async with asyncio.timeout(timeout_s):
            while value not in (found := await self.values(metric, **labels)):
                assert self.relayer.process is not None and self.relayer.process.poll() is None, self.relayer.told()
                await asyncio.sleep(0.2)
        assert found

    async def crawled(self) -> int:
        """Read all pages that a link leads to, and return how many there are."""
        read: set[str] = set()
        waiting = {"/"}
        while waiting:
            path = waiting.pop()
            read.add(path)
            status, text = await self.get(path, Accept="text/html")
            assert status < 500, text
            links = {html.unescape(one) for one in re.findall(r'(?:href|src)="(/[^"#]*)', text)}
            waiting |= links - read if len(read) < 40 else set()
        return len(read)

    async def ready(self, timeout_s: float = 30.0) -> None:
        async with asyncio.timeout(timeout_s):
            while (await self.get("/readyz", token=None))[0] != 200:  # noqa: ASYNC110  # it is in another process
                await asyncio.sleep(0.2)

    async def values(self, metric: str, /, **labels: str) -> list[float]:
        return [
            value
            for (of, have), value in (await self.metrics()).items()
            if of == metric and labels.items() <= dict(have).items()
        ]


@pytest.fixture
async def made(hardhat: Node, anvil: Node) -> AsyncIterator[World]:
    async with world(hardhat, anvil) as made:
        await made.do("setRange(uint256,uint256,uint256)", 0, 5, 1000)
        yield made


@pytest.fixture
def proxies(hardhat: Node, anvil: Node) -> Iterator[tuple[LyingProxy, LyingProxy]]:
    with lying(hardhat.url) as source, lying(anvil.url) as target:
        yield source, target


@pytest.fixture
async def seen(
    made: World, proxies: tuple[LyingProxy, LyingProxy], hardhat: Node, anvil: Node, postgres: Postgres, tmp_path: Path
) -> AsyncIterator[Seen]:
    """Give a relayer that has a secret wherever there can be one; not started."""
    source, target = proxies
    ids = {"source_id": hardhat.chain_id, "target_id": anvil.chain_id, "attestor": PATHS["attestor"]}
    text = FILE.format(hub=made.client.hub, replica=await made.fork(), **ids)
    (tmp_path / "relayer.toml").write_text(text)
    key = SECRETS["SMARTSYNC_KEY_MAIN_PASSWORD"]
    (tmp_path / "main.json").write_text(json.dumps(made.owner.encrypt(key, iterations=1_000, kdf="pbkdf2")))
    relayer = Relayer(tmp_path, made, key="")
    relayer.environ |= SECRETS | {
        "SMARTSYNC_STATE_URL": postgres.create(f"seen-{tmp_path.name}").replace("@", f":{IN_STATE}@"),
        "SMARTSYNC_CHAIN_HERE_URLS": f"{source.url}/v3/{PATHS['here']}?apikey=here-apikey-5ec2e7",
        "SMARTSYNC_CHAIN_THERE_URLS": f"{target.url}/{PATHS['there']}",
        "SMARTSYNC_LOG_FORMAT": "json",
    }
    yield Seen(relayer, source, target)
    if relayer.process is not None and relayer.process.poll() is None:
        relayer.process.kill()
        relayer.process.wait()


def secrets(made: World) -> list[str]:
    key = made.owner.key.hex().removeprefix("0x")
    return [*SECRETS.values(), *PATHS.values(), IN_STATE, key, "5ec2e7"]


async def test_run_is_seen_from_a_sync_to_a_node_that_is_away_and_tells_no_secret(made: World, seen: Seen) -> None:
    relayer, replica = seen.relayer, {"pair": "here-there", "name": "the sample"}
    relayer.start()
    relayer.until(lambda told: "are at http" in told and "the sample: exact" in told)

    # --- all is well, of one pair; the other one names a replica that is none ---
    await made.do("set(uint256,uint256)", 1, 101)
    await made.attest()
    await seen.until("smartsync_sync_gas_count", 1, pair="here-there")
    await seen.until("smartsync_replica_state", 1, state="exact", **replica)
    await seen.until("smartsync_replica_gas_day", (await seen.values("smartsync_sync_gas_sum", pair="here-there"))[0])
    assert (await seen.values("smartsync_replica_cost_day_ether", **replica))[0] > 0
    assert await seen.values("smartsync_transactions_total", pair="here-there", event="sent") == [1]
    assert await seen.values("smartsync_transactions_total", pair="here-there", event="included") == [1]
    assert await seen.values("smartsync_synced_slots_total", pair="here-there") == [1]
    assert (await seen.values("smartsync_account_balance_ether", chain="there", key="main"))[0] > 0
    assert await seen.values("smartsync_replica_held_up", **replica) == [0]
    assert (await seen.values("smartsync_rpc_calls_total", chain="here"))[0] > 10
    assert await seen.values("smartsync_state_up") == [1]
    assert await seen.values("smartsync_replicas", pair="here-there", state="exact") == [1]
    assert sum(await seen.values("smartsync_replicas", pair="back")) == 1
    assert await seen.values("smartsync_replica_held_up", pair="back") == [1]
    assert (await seen.values("smartsync_failures_total", pair="back", kind="NotDeployed"))[0] >= 1
    assert {
        dict(labels)["kind"] for name, labels in await seen.metrics() if name == "smartsync_job_duration_seconds_count"
    } >= {"look", "tend"}
    process = await seen.metrics("process")
    assert not any(name.startswith("smartsync_replica_") for name, _ in process)
    assert any(name == "smartsync_looks_total" for name, _ in process)
    assert (await seen.get("/healthz", token=None))[0] == 200
    assert await seen.get("/readyz", token=None) == (200, '{"ok": true}')

    # --- every page, all links followed ---
    assert await seen.crawled() > 5

    # --- nothing without the token ---
    for token in (None, "", TOKEN[:-1], "the-attestors-token"):
        assert (await seen.get("/metrics", token=token))[0] == 401
    assert "password" in (await seen.get("/", token=None, Accept="text/html"))[1]

    # --- the source's node is away: told as such, and no reason to be taken for dead ---
    seen.source.away = True
    await seen.until("smartsync_replica_state", 1, state="source-down", **replica)
    assert (await seen.values("smartsync_rpc_failures_total", chain="here", kind="gateway"))[0] > 0
    assert await seen.values("smartsync_replicas", pair="here-there", state="source-down") == [1]
    assert (await seen.get("/readyz", token=None))[0] == 200
    await seen.crawled()
    seen.source.away = False
    await seen.until("smartsync_replica_state", 1, state="exact", **replica)

    # --- a configuration that is wrong ---
    file = relayer.folder / "relayer.toml"
    good = file.read_text()
    file.write_text(good.replace("[[replicas]]", "[[replicass]]"))
    relayer.signal(signal.SIGHUP)
    await seen.until("smartsync_configuration_accepted", 0)
    file.write_text(good)
    relayer.signal(signal.SIGHUP)
    await seen.until("smartsync_configuration_accepted", 1)
    await seen.until("smartsync_replica_state", 1, state="exact", **replica)

    relayer.signal(signal.SIGTERM)
    assert relayer.ended() == 0
    lines = [json.loads(line) for line in relayer.told().splitlines()]
    (synced,) = [line for line in lines if line.get("kind") == "sync"]
    assert synced["pair"] == "here-there" and synced["job"] == "tend" and synced["gas"] > 21_000
    assert synced["replica"].startswith("0x") and len(synced["transactions"]) == 1
    assert all({"time", "level", "event", "logger"} <= line.keys() for line in lines)
    assert "Traceback" not in relayer.told()
    told = relayer.told() + "\n".join(seen.answers)
    for secret in secrets(made):
        assert secret.lower() not in told.lower(), secret


async def test_run_whose_database_is_away_says_so_and_is_not_ready(made: World, seen: Seen, postgres: Postgres) -> None:
    seen.relayer.start()
    seen.relayer.until(lambda told: "are at http" in told and "the sample: exact" in told)
    postgres.stop()
    try:
        await seen.until("smartsync_state_up", 0)
        assert (await seen.get("/readyz", token=None)) == (503, '{"ok": false}')
        status, told = await seen.get("/readyz")
        assert status == 503 and "is not to be had" in json.loads(told)["problems"]["state"]
        assert (await seen.get("/healthz", token=None))[0] == 200, "it is alive, and goes on by itself"
        assert any(name == "smartsync_looks_total" for name, _ in await seen.metrics())
    finally:
        postgres.start()
    await seen.until("smartsync_state_up", 1)
    await seen.ready()
    seen.relayer.signal(signal.SIGTERM)
    assert seen.relayer.ended() == 0
    told = seen.relayer.told() + "\n".join(seen.answers)
    for secret in secrets(made):
        assert secret.lower() not in told.lower(), secret


async def test_run_port_that_is_taken_ends_it_with_what_to_do(seen: Seen) -> None:
    async with contextlib.AsyncExitStack() as stack:
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        await stack.enter_async_context(server)
        port = server.sockets[0].getsockname()[1]
        file = seen.relayer.folder / "relayer.toml"
        file.write_text(file.read_text().replace("127.0.0.1:0", f"127.0.0.1:{port}"))
        seen.relayer.start()
        assert seen.relayer.ended() == 2
    told = seen.relayer.told()
    assert f"[relayer] listen: cannot listen on 127.0.0.1 port {port}: the port is taken" in told
    assert '"level": "critical"' in told and "another relayer may run there" in told
