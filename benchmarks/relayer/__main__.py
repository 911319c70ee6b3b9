"""Measure workers of the relayer, and write benchmarks/results/relayer.json.

Real nodes, one PostgreSQL and the workers share the machine: so what counts of a worker is the processor's time that it
takes, and how many there are until the machine is full is told besides. Some ten minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.gas.workload import ROOT
from benchmarks.relayer import counters
from benchmarks.relayer.counters import Counters
from smartsync.contracts import event_topic
from smartsync.relayer.parts import PART
from smartsync.relayer.state.database import opened
from smartsync.testing import anvil_node, hardhat_node
from tests.lying_proxy import LyingProxy, lying
from tests.postgres import postgres_server
from tests.soak.ground import Ground, ground
from tests.soak.memory import read_looks, read_states
from tests.soak.workers import Crew, Settings

OUTPUT = ROOT / "benchmarks" / "results" / "relayer.json"
REPLICAS, SOURCES, KEYS = 2_000, 20, 4
WORKERS = (1, 2, 4)
WINDOW_S = 30.0

CALM_POLL_S = 4.0
"""Seconds between looks where requests are counted: a worker then asks its queue as seldom as with longer ones."""

Record = dict[str, Any]


def main() -> int:
    """Run the command line and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.relayer", description=__doc__)
    parser.add_argument("--replicas", type=int, default=REPLICAS)
    parser.add_argument("--window", type=float, default=WINDOW_S, metavar="SECONDS", help="of each measurement")
    parser.add_argument("--note", default="", help="what is to be known of the machine, for the page")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    options = parser.parse_args()
    results = asyncio.run(_measure(options.replicas, options.window))
    results = {"machine": {**_machine(), "note": options.note}, **results}
    options.output.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    return 0


async def _measure(replicas: int, window_s: float) -> Record:
    with (
        tempfile.TemporaryDirectory() as folder,
        postgres_server() as server,
        hardhat_node(chain_id=31_411) as source,
        anvil_node(chain_id=31_412) as target,
    ):
        async with ground(source, target, replicas=replicas, sources=SOURCES, keys=KEYS) as made:
            bench = _Bench(made, server.create("bench"), Path(folder), window_s)
            async with opened(bench.state):
                pass
            looks = [await bench.looks(count) for count in WORKERS]
            counted = await bench.counted()
            syncs = [await bench.syncs(count) for count in WORKERS]
    return {"replicas": replicas, "sources": SOURCES, "looks": looks, "counted": counted, "syncs": syncs}


class _Bench:
    """Replicas, a database, and crews that are set to work one after the other."""

    def __init__(self, made: Ground, state: str, folder: Path, window_s: float) -> None:
        self.made, self.state, self.folder, self.window_s = made, state, folder, window_s
        self._crews = 0

    async def looks(self, workers: int) -> Record:
        """Let workers look at quiet replicas as often as they can."""
        async with self._crew(Settings(self.state, poll_s=0.05), workers) as crew:
            took = await self._watched(crew)
            memory = max(counters.memory_bytes(one) for one in _processes(crew))
        looked = took.jobs * self._a_look()
        return self._told(
            {
                "workers": workers,
                "replicas_a_look": self._a_look(),
                "looks_a_s": took.jobs / self.window_s,
                "replicas_a_s": looked / self.window_s,
                "cpu_s_a_look": took.workers_s / took.jobs,
                "cores_of_workers": took.workers_s / self.window_s,
                "cores_busy": took.machine_s / self.window_s,
                "memory_bytes": memory,
            }
        )

    async def syncs(self, workers: int) -> Record:
        """Change all sources, and let workers sync as many replicas as they can."""
        await self._change(len(self.made.values))
        async with self._crew(Settings(self.state, poll_s=1.0), workers, is_calm=False) as crew:
            first = await self.made.client.target.block_number()
            took = await self._watched(crew)
            done = await self._synced_since(first)
            memory = max(counters.memory_bytes(one) for one in _processes(crew))
        if not done or not await self.made.behind():
            raise SystemExit("there was not enough, or nothing, to sync: give more --replicas, or a shorter --window")
        return self._told(
            {
                "workers": workers,
                "syncs_a_s": done / self.window_s,
                "cpu_s_a_sync": took.workers_s / done,
                "cores_of_workers": took.workers_s / self.window_s,
                "cores_busy": took.machine_s / self.window_s,
                "memory_bytes": memory,
            }
        )

    async def counted(self) -> Record:
        """Count what one worker asks of nodes and database: idle, for a look, and for a sync."""
        with lying(self.made.source.url) as source, lying(self.made.target.url) as target:
            calm = Settings(
                self.state, poll_s=CALM_POLL_S, timeout_s=60.0, source_urls=[source.url], target_urls=[target.url]
            )
            once = replace(calm, poll_s=3_600.0)
            async with self._crew(once, 1) as crew:
                idle = await self._watched(crew)
            async with self._crew(calm, 1) as crew:
                _forget(source, target)
                quiet = await self._watched(crew)
                looks = sum(_is_look(request) for request in source.requests)
                asked = _asked(source, target)
            each = {name: number / looks for name, number in asked.items()}
            each["transactions"] = (quiet.transactions - idle.transactions) / looks
            each["rows"] = (quiet.rows - idle.rows) / looks

            # Changed before the worker begins: then all that there is to do is one look at all, and the syncs.
            first = await self.made.client.target.block_number()
            await self._change(len(self.made.values) // 4)
            _forget(source, target)
            before, start = counters.read(self.state, []), time.monotonic()
            async with self._crew(once, 1) as crew:
                busy = counters.read(self.state, []).since(before)
                share = (time.monotonic() - start) / self.window_s
                done = await self._synced_since(first)
        parts = len(self.made.replicas) / self._a_look()
        spent = {
            **_asked(source, target),
            "transactions": busy.transactions - idle.transactions * share,
            "rows": busy.rows - idle.rows * share,
        }
        return {
            "replicas_a_look": self._a_look(),
            "looks": looks,
            "syncs": done,
            "idle": self._told(
                {
                    "transactions_a_s": idle.transactions / self.window_s,
                    "cpu_s_a_s": idle.workers_s / self.window_s,
                }
            ),
            "look": self._told(each),
            "sync": self._told({name: (number - parts * each[name]) / done for name, number in spent.items()}),
        }

    @asynccontextmanager
    async def _crew(self, settings: Settings, workers: int, *, is_calm: bool = True) -> AsyncIterator[Crew]:
        """Give workers that have begun: that have looked at all, or that sync."""
        self._crews += 1
        folder = self.folder / f"crew-{self._crews}"
        folder.mkdir()
        crew = Crew.prepare(folder, self.made, settings, workers)
        begun_s = time.time()
        crew.start()
        try:
            first = await self.made.client.target.block_number()
            # Another process's doing, of which nobody tells.
            while not (await self._is_calm(begun_s) if is_calm else await self._synced_since(first)):  # noqa: ASYNC110
                await asyncio.sleep(0.5)
            await asyncio.sleep(5.0)
            yield crew
            # Politely: what a killed one was at would be the next one's only after the queue's lease.
            await crew.stop()
        finally:
            crew.kill()

    async def _watched(self, crew: Crew) -> Counters:
        before = counters.read(self.state, _processes(crew))
        await asyncio.sleep(self.window_s)
        return counters.read(self.state, _processes(crew)).since(before)

    async def _change(self, count: int) -> None:
        chance = random.Random(self._crews)  # noqa: S311  # nothing is secret
        for address in sorted(self.made.values)[:count]:
            await self.made.change(chance, address)
        await self.made.accept()

    async def _is_calm(self, since_s: float) -> bool:
        """Whether all have been looked at since then, and found to be exact."""
        states = [word for word, _ in read_states(self.state).values()]
        if states != ["exact"] * len(self.made.replicas) or min(read_looks(self.state).values()) < since_s:
            return False
        return not await self.made.behind()

    async def _synced_since(self, block: int) -> int:
        target, topic = self.made.client.target, event_topic("Hub", "ReplicaSynced")
        if await target.block_number() <= block:
            return 0
        return len(await target.logs(self.made.hub, [topic], from_block=block + 1))

    def _a_look(self) -> float:
        """Return how many replicas a look is at, in the mean."""
        return len(self.made.replicas) / -(-len(self.made.replicas) // PART)

    def _told(self, record: Record) -> Record:
        rounded = {key: round(value, 4) if isinstance(value, float) else value for key, value in record.items()}
        print(rounded, flush=True)
        return rounded


def _processes(crew: Crew) -> list[int]:
    return [worker.process.pid for worker in crew.workers if worker.process is not None]


def _forget(*proxies: LyingProxy) -> None:
    for proxy in proxies:
        proxy.requests.clear()


def _asked(source: LyingProxy, target: LyingProxy) -> dict[str, float]:
    return {
        "source_requests": len(source.requests),
        "source_calls": len(source.calls),
        "target_requests": len(target.requests),
        "target_calls": len(target.calls),
    }


def _is_look(request: Any) -> bool:
    """Whether it is what each look asks a source once: its newest block, alone."""
    return isinstance(request, dict) and (request["method"], request["params"]) == (
        "eth_getBlockByNumber",
        ["latest", False],
    )


def _machine() -> Record:
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


if __name__ == "__main__":
    sys.exit(main())
