"""`smartsync watch` as a process, left alone with chains that fork: it says what it did, and leaves what is exact."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from smartsync.testing import BALANCE_ETHER, MNEMONIC, Node, anvil_node, ganache_node
from smartsync.testing.node import running
from smartsync.testing.programs import npm_program
from tests.integration.forks.scene import Scene, scene

ROUNDS = 4


@pytest.fixture(scope="module")
def target() -> Iterator[Node]:
    with anvil_node() as node:
        yield node


@dataclass
class Process:
    """A running `smartsync watch`; ``lines`` is what it wrote to stdout, ``notes`` to stderr."""

    process: asyncio.subprocess.Process
    lines: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    async def until(self, words: str) -> str:
        """Return the next line with these words."""
        assert self.process.stdout is not None
        async with asyncio.timeout(60):
            while True:
                line = (await self.process.stdout.readline()).decode().rstrip("\n")
                assert line, "it ended: " + "\n".join([*self.lines, *self.notes])
                self.lines.append(line)
                if words in line:
                    return line

    async def end(self) -> list[str]:
        """End it as a service manager does, and return the lines that were not read yet."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.stdout is not None
        rest = (await asyncio.wait_for(self.process.stdout.read(), 30)).decode().splitlines()
        self.lines += rest
        assert await self.process.wait() == 0, "\n".join([*self.lines, *self.notes])
        return rest


@asynccontextmanager
async def watching(here: Scene, folder: Path, *options: str) -> AsyncIterator[Process]:
    """Run the command over a scene, with the keys of the anchor's signer."""
    slots = folder / "slots.json"
    slots.write_text(json.dumps([f"0x{slot.hex()}" for slot in here.slots or ()]))
    urls = "--source-url", here.proxy.url, "--target-url", here.target.url, "--hub", here.client.hub or ""
    arguments = "watch", here.replica, "--attest", "--interval", "0.2", "--slots", str(slots), *urls, *options
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "smartsync",
        *arguments,
        cwd=folder,
        env={**os.environ, "SMARTSYNC_PRIVATE_KEY": "0x" + here.owner.key.hex()},
        stdout=pipe,
        stderr=pipe,
    )
    run = Process(process)

    async def read_notes() -> None:
        assert process.stderr is not None
        async for line in process.stderr:
            run.notes.append(line.decode().rstrip("\n"))

    reading = asyncio.ensure_future(read_notes())
    try:
        yield run
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await reading


async def test_watch_left_alone_with_a_source_that_forks_says_what_it_did(target: Node, tmp_path: Path) -> None:
    with ganache_node() as source:
        async with scene(source, target) as here, watching(here, tmp_path) as run:
            for turn in range(ROUNDS):
                mark = here.mark()
                orphan = await here.set((turn, 111), (5, turn + 1))
                while (await here.record()).block_hash != orphan.hash:  # noqa: ASYNC110  # a chain has no event
                    await asyncio.sleep(0.1)
                here.drop(mark)
                canonical = await here.set((turn, 222), (6, turn + 1))
                seen = await run.until("reorganisation: ")
                assert (
                    f"dropped block {orphan.number} 0x{orphan.hash.hex()} (safe) for 0x{canonical.hash.hex()}" in seen
                )
                assert seen.endswith("revoking it")
                revoked = await run.until("revoked: ")
                assert "every block above" in revoked and "  gas " in revoked
                recovered = await run.until("recovered: ")
                assert f"orphaned block {orphan.number} 0x{orphan.hash.hex()} -> " in recovered
                while (await here.record()).block_hash != canonical.hash:  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
            (*_, last) = await run.end()
            assert "  stopped after " in last
            assert f", {ROUNDS} of them from an orphaned block, the replica stands at source block" in last
            await here.assert_exact()
            await here.assert_as_forked_anew()
            assert (await here.client.status(here.replica)).anchor_status == "active"
            assert not any("error" in note for note in run.notes), run.notes


async def test_watch_survives_a_source_that_comes_back_from_a_backup_with_other_blocks(
    target: Node, tmp_path: Path
) -> None:
    """The node is gone for a while, and what it has afterwards is older than what the replica mirrors."""
    chain, backup = tmp_path / "chain", tmp_path / "backup"
    async with made_and_stopped(chain, target) as here:
        shutil.copytree(chain, backup)
        with persistent(chain) as node:
            connect(here, node)
            async with watching(here, tmp_path, "--json") as run:
                orphan = await here.set((1, 111), (7, 70))
                while event(await run.until('"event": "sync"'))["block_hash"] != "0x" + orphan.hash.hex():
                    pass
                here.proxy.away = True
                stop(node)
                retry = json.loads(await run.until('"event": "retry"'))
                assert retry["error"] == "NodeUnreachable"
                with persistent(backup) as restored:
                    connect(here, restored)
                    here.proxy.away = False
                    canonical = await here.set((1, 222), (8, 80), (2, 22))
                    recovered = event(await run.until('"event": "recovered"'))
                    assert recovered["orphan_hash"] == "0x" + orphan.hash.hex()
                    while (await here.record()).block_hash != canonical.hash:  # noqa: ASYNC110
                        await asyncio.sleep(0.1)
                    (*_, last) = await run.end()
                    assert json.loads(last)["event"] == "stopped"
                    assert (json.loads(last)["recoveries"], json.loads(last)["block_number"]) == (1, canonical.number)
                    assert await here.value(here.replica, 7) == 0
                    await here.assert_exact()
                    await here.assert_as_forked_anew()


def event(line: str) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(line)["result"]
    return result


def persistent(folder: Path) -> AbstractContextManager[Node]:
    """Run ganache on a chain that stays in a folder."""

    def command(port: int, _: Path) -> list[str]:
        options = (
            f"--server.host 127.0.0.1 --server.port {port} --logging.quiet --chain.chainId 1337 "
            f"--chain.networkId 1337 --chain.hardfork shanghai --wallet.defaultBalance {BALANCE_ETHER} "
            f"--database.dbPath {folder} --wallet.mnemonic"
        )
        return [npm_program("ganache"), *options.split(), MNEMONIC]

    return running("ganache", 1337, command)


@asynccontextmanager
async def made_and_stopped(folder: Path, target: Node) -> AsyncIterator[Scene]:
    """Deploy everything on a chain in a folder, whose node has ended."""
    with persistent(folder) as node:
        async with scene(node, target) as here:
            stop(node)
            yield here


def stop(node: Node) -> None:
    os.killpg(node.process.pid, signal.SIGTERM)
    node.process.wait(10)


def connect(here: Scene, node: Node) -> None:
    here.proxy.upstream = node.url
    here.source = node
