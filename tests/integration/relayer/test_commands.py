"""`smartsync relayer …` beside a relayer that runs, and where there is none."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from smartsync.relayer.state.database import opened
from smartsync.testing import Node
from tests.integration.relayer.test_running import FILE, Relayer
from tests.integration.world import World, world

POLICY = 'policy = { when = "on-demand" }\n'


@pytest.fixture
async def made(hardhat: Node, anvil: Node) -> AsyncIterator[World]:
    async with world(hardhat, anvil) as made:
        await made.do("setRange(uint256,uint256,uint256)", 0, 5, 1000)
        yield made


@pytest.fixture
async def relayer(made: World, hardhat: Node, anvil: Node, tmp_path: Path) -> AsyncIterator[Relayer]:
    replica = await made.fork()
    text = FILE.format(
        state="sqlite:///state.db",
        source_id=hardhat.chain_id,
        target_id=anvil.chain_id,
        source=hardhat.url,
        target=anvil.url,
        hub=made.client.hub,
        replica=replica,
    )
    (tmp_path / "relayer.toml").write_text(text + POLICY)
    relayer = Relayer(tmp_path, made, key="0x" + anvil.accounts[3].key.hex().removeprefix("0x"))
    relayer.environ["REPLICA"] = replica
    yield relayer
    if relayer.process is not None and relayer.process.poll() is None:
        relayer.process.kill()
        relayer.process.wait()


async def told(relayer: Relayer, *arguments: str) -> tuple[int, dict[str, object], str]:
    """Return exit code, document and notes of a command."""
    command = [sys.executable, "-m", "smartsync", "relayer", *arguments, "--json"]
    done = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, cwd=relayer.folder, env=relayer.environ, timeout=60
    )
    return done.returncode, json.loads(done.stdout), done.stderr


async def test_commands_beside_a_relayer_and_after_its_database_is_lost(made: World, relayer: Relayer) -> None:
    code, document, _ = await told(relayer, "now", "the sample")
    assert code == 2 and "there is no relayer's state in" in str(document["message"])
    relayer.start()
    relayer.until(lambda text: "the sample: exact" in text)
    await made.do("set(uint256,uint256)", 1, 201)
    await made.attest()
    relayer.until(lambda text: "the sample: waiting" in text)
    code, document, notes = await told(relayer, "now", relayer.environ["REPLICA"].lower())
    assert code == 0 and document["name"] == "the sample" and "no relayer" not in notes
    relayer.until(lambda text: "synced: block" in text)
    relayer.until(lambda text: text.count("the sample: exact") == 2)
    code, document, _ = await told(relayer, "status")
    (row,) = document["replicas"]  # type: ignore[misc]
    assert code == 0 and (row["state"], row["name"]) == ("exact", "the sample")
    assert row["gas_24h"] > 60_000 and row["cost_24h_wei"] > row["gas_24h"]
    code, document, _ = await told(relayer, "rebuild", "--check")
    assert code == 2 and "another relayer works with" in str(document["message"])
    relayer.signal(signal.SIGTERM)
    assert relayer.ended() == 0
    for file in relayer.folder.glob("state.db*"):
        file.unlink()
    code, document, _ = await told(relayer, "rebuild", "--check")
    assert code == 6 and len(document["pairs"][0]["differences"]) == 3  # type: ignore[index]
    code, document, _ = await told(relayer, "rebuild")
    assert code == 0 and document["written"] and document["pairs"][0]["syncs"] == 1  # type: ignore[index]
    code, document, _ = await told(relayer, "rebuild", "--check")
    assert code == 0 and document["pairs"][0]["differences"] == []  # type: ignore[index]
    code, document, notes = await told(relayer, "status")
    assert "not looked at" not in notes
    (again,) = document["replicas"]  # type: ignore[misc]
    assert [again[name] for name in ("block_number", "gas_24h", "cost_24h_wei")] == [
        row[name] for name in ("block_number", "gas_24h", "cost_24h_wei")
    ]


@pytest.mark.parametrize("replica", ["the sampel", "0x" + "12" * 20, ""])
async def test_now_of_a_replica_that_is_none_names_those_that_are(relayer: Relayer, replica: str) -> None:
    code, document, _ = await told(relayer, "now", replica)
    assert code == 2 and "has no replica" in str(document["message"]) and "the sample" in str(document["hint"])


async def test_now_while_nobody_looks_says_so(relayer: Relayer) -> None:
    relayer.start("--once")
    assert relayer.ended() == 0
    with sqlite3.connect(relayer.folder / "state.db") as connection:
        connection.execute("UPDATE replicas SET looked_s = looked_s - 7200")
    connection.close()
    code, document, notes = await told(relayer, "now", "the sample")
    assert code == 0 and "no relayer has looked at it for 2" in notes and int(str(document["looked_ago_s"])) >= 7200


async def test_status_names_replicas_that_nobody_has_looked_at(relayer: Relayer) -> None:
    async with opened(f"sqlite:///{relayer.folder / 'state.db'}"):
        pass
    code, document, notes = await told(relayer, "status")
    assert code == 0 and document["replicas"] == []
    assert "not looked at yet: the sample; start smartsync run" in " ".join(notes.split())


async def test_commands_without_a_configuration_say_so(relayer: Relayer) -> None:
    for command in (("now", "x"), ("status",), ("rebuild",)):
        code, document, _ = await told(relayer, *command, "--config", "none.toml")
        assert code == 2 and "none.toml" in str(document["message"])
