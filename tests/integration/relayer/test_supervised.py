"""`smartsync run` under a service manager: its secrets in files, and what it tells of itself."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path

from smartsync.testing import Node
from tests.integration.world import world

FILE = """
[relayer]
listen = "127.0.0.1:0"
[chains.here]
chain_id = {source_id}
urls = ["{source}"]
[chains.there]
chain_id = {target_id}
urls = ["{target}"]
[pairs.here-there]
source = "here"
target = "there"
hub = "{hub}"
[[replicas]]
address = "{replica}"
"""


async def _told(manager: socket.socket) -> str:
    """Return what is told next, signs of life left out."""
    while True:
        text = (await asyncio.wait_for(asyncio.get_running_loop().sock_recv(manager, 4096), 60)).decode()
        if text != "WATCHDOG=1":
            return text


async def test_run_tells_its_service_manager_and_takes_its_key_from_a_file(
    hardhat: Node, anvil: Node, tmp_path: Path
) -> None:
    async with world(hardhat, anvil) as made:
        await made.do("setRange(uint256,uint256,uint256)", 0, 5, 1000)
        replica = await made.fork()
        (tmp_path / "relayer.toml").write_text(
            FILE.format(
                source=hardhat.url,
                target=anvil.url,
                source_id=hardhat.chain_id,
                target_id=anvil.chain_id,
                hub=made.client.hub,
                replica=replica,
            )
        )
        (tmp_path / "key").write_text(f"0x{anvil.accounts[5].key.hex()}\n")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(str(tmp_path / "notify"))
            manager.setblocking(False)
            environ = {name: value for name, value in os.environ.items() if not name.startswith("SMARTSYNC_")} | {
                "SMARTSYNC_KEY_MAIN_FILE": str(tmp_path / "key"),
                "NOTIFY_SOCKET": str(tmp_path / "notify"),
                "WATCHDOG_USEC": "600000",
            }
            command = [sys.executable, "-m", "smartsync", "run", "--config", str(tmp_path / "relayer.toml")]
            with (tmp_path / "log").open("wb") as log:
                process = await asyncio.create_subprocess_exec(
                    *command, stdout=log, stderr=log, cwd=tmp_path, env=environ
                )
            try:
                first = await _told(manager)
                assert first == "READY=1\nSTATUS=replicas kept: 1"
                process.send_signal(signal.SIGHUP)
                assert [await _told(manager), await _told(manager)] == ["RELOADING=1", first]
                process.send_signal(signal.SIGTERM)
                assert (await _told(manager)).startswith("STOPPING=1")
                assert await asyncio.wait_for(process.wait(), 60) == 0, (tmp_path / "log").read_text()
            finally:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
