"""Two chains to try things on: the ENS registry on the source, nothing yet on the target. Follows the tutorial.

Writes ``playground/smartsync.toml`` and ``playground/env`` (a development key that everybody knows), then changes the
registry each time that Enter is pressed. Ctrl-C, or the end of the input, ends it, and both chains with it.

Usage: .venv/bin/python examples/playground.py
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
from pathlib import Path

from smartsync.demo.ens import LABELS, EnsRegistry, node_of
from smartsync.demo.stage import Stage, account, connected
from smartsync.testing import ganache_node, hardhat_node

FOLDER = Path("playground")


async def main(stage: Stage) -> None:
    """Deploy the registry, tell what is where, and change it on demand."""
    async with stage.client:
        registry = await EnsRegistry.deploy(stage)
        write_settings(stage)
        print(
            f"source chain {stage.source_node.chain_id} (ganache), target chain {stage.target_node.chain_id} (hardhat)"
        )
        print(f"ENS registry on the source: {registry.address}")
        print(f"the node of alice.eth:      0x{node_of('alice.eth').hex()}")
        print(f"settings in {FOLDER}/smartsync.toml, a key in {FOLDER}/env")
        entered, number = _listen(), 0
        while await _enter(entered, f"[Enter] changes the registry (change {number + 1}) "):
            number += 1
            await change(registry, number)


def write_settings(stage: Stage) -> None:
    """Write what the command line needs to know."""
    FOLDER.mkdir(exist_ok=True)
    urls = f'source_url = "{stage.source_node.url}"\ntarget_url = "{stage.target_node.url}"\n'
    (FOLDER / "smartsync.toml").write_text(urls)
    (FOLDER / "env").write_text(f"export SMARTSYNC_PRIVATE_KEY=0x{account('relayer').key.hex()}\n")


async def change(registry: EnsRegistry, number: int) -> None:
    """Register a new name, let two friends swap alice.eth, and remove an old name: an insert, an update, a delete."""
    await registry.register(f"new-name-{number}", "dave", "resolver 2", 60)
    names = ("alice", "bob")
    await registry.give("alice.eth", names[(number + 1) % 2], names[number % 2])
    if number <= len(LABELS) - 3:
        await registry.remove(LABELS[2 + number])
    print(f"changed: new-name-{number}.eth is new, alice.eth belongs to {names[number % 2]} now")


async def _enter(entered: asyncio.Queue[bool], prompt: str) -> bool:
    print(prompt, end="", flush=True)
    return await entered.get()


def _listen() -> asyncio.Queue[bool]:
    """Return a queue that gets True for each Enter, and False at the end of the input.

    Read in a daemon thread: asyncio waits at its end for the threads that it started itself, so that Ctrl-C would need
    an Enter to go with it. And read past ``sys.stdin``, whose lock such a thread would hold while Python shuts down.
    """
    loop, entered = asyncio.get_running_loop(), asyncio.Queue[bool]()

    def read() -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens any more
            while text := os.read(sys.stdin.fileno(), 1024):
                for _ in range(text.count(b"\n")):
                    loop.call_soon_threadsafe(entered.put_nowait, True)
            loop.call_soon_threadsafe(entered.put_nowait, False)

    threading.Thread(target=read, daemon=True).start()
    return entered


def play() -> None:
    """Start both chains, and end them whatever happens."""
    with ganache_node(chain_id=1337) as source, hardhat_node(chain_id=31337) as target:
        asyncio.run(main(connected(source, target)))


if __name__ == "__main__":
    try:
        play()
    except KeyboardInterrupt:
        print("\nended")
