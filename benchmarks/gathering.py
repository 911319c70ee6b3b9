"""Where gathering changes stops to pay: gas of syncs around the limits of one transaction.

Run it from the repository: ``python -m benchmarks.gathering`` (two minutes; hardhat is the source, anvil the
target). It writes ``benchmarks/results/gathering.json``, which the docstring of `smartsync.relayer.policy` quotes and
its tests read.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from smartsync.testing import anvil_node, hardhat_node
from tests.integration.world import World, sample_slots, world

RESULTS = Path(__file__).parent / "results" / "gathering.json"
SLOTS = 10_000
SYNCS = (200, 200, 400, 250, 250, 500, 500, 500, 1_000)
"""How many slots are changed before each sync, in one source block."""

_SET = "setRange(uint256,uint256,uint256)"
_A_BLOCK = 2_000


async def _write(made: World, first: int, count: int, value: int) -> None:
    made.on_source.gas_cap = None
    for start in range(first, first + count, _A_BLOCK):
        await made.do(_SET, start, min(_A_BLOCK, first + count - start), value)


async def _measure() -> list[dict[str, Any]]:
    rows = []
    with hardhat_node(chain_id=31341, hardfork="prague") as source, anvil_node() as target:
        async with world(source, target) as made:
            await _write(made, 0, SLOTS, 1)
            slots = sample_slots(range(SLOTS))
            replica = await made.fork(slots=slots)
            first = 0
            for place, count in enumerate(SYNCS, 1):
                await _write(made, first, count, place * 10**6)
                first += count
                await made.attest()
                result = await made.client.sync(replica, slots=slots)
                steps = [
                    {"what": step.what, "gas": step.gas_used, "calldata_bytes": step.calldata_bytes}
                    for step in result.steps
                ]
                row = {"changes": len(result.changes), "gas": sum(step.gas_used for step in result.steps)}
                rows.append({**row, "steps": steps})
                print(row)
    return rows


if __name__ == "__main__":
    RESULTS.write_text(json.dumps({"slots": SLOTS, "syncs": asyncio.run(_measure())}, indent=1) + "\n", "utf-8")
