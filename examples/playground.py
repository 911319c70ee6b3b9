"""Two chains to try things on: the ENS registry on the source, nothing yet on the target. Follows the tutorial.

Writes ``playground/smartsync.toml`` and ``playground/env`` (a development key that everybody knows), then changes the
registry each time that Enter is pressed. Ctrl-C, or the end of the input, ends it, and both chains with it.

Usage: .venv/bin/python examples/playground.py
"""

from __future__ import annotations

import asyncio
import sys
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
        number = 0
        while await _enter(f"[Enter] changes the registry (change {number + 1}) "):
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


async def _enter(prompt: str) -> bool:
    print(prompt, end="", flush=True)
    return bool(await asyncio.to_thread(sys.stdin.readline))


if __name__ == "__main__":
    with ganache_node(chain_id=1337) as source, hardhat_node(chain_id=31337) as target:
        try:
            asyncio.run(main(connected(source, target)))
        except KeyboardInterrupt:
            print("\nended")
