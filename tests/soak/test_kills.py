"""Workers that are killed again and again, and a database that dies: all is exact at the end, and paid for once.

The suite runs a short one; `make test-soak` the one that counts: SOAK_S=600 REPLICAS=200 WORKERS=4.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from smartsync.testing import Node, anvil_node, hardhat_node
from tests.postgres import postgres_server, programs
from tests.soak.ground import Ground, ground
from tests.soak.ledger import complaints, paid_in_vain, read_payments
from tests.soak.memory import read_journal
from tests.soak.workers import Crew, Settings

SOAK_S = float(os.environ.get("SMARTSYNC_SOAK_S") or 14)
REPLICAS = int(os.environ.get("SMARTSYNC_SOAK_REPLICAS") or 12)
WORKERS = int(os.environ.get("SMARTSYNC_SOAK_WORKERS") or 3)
SEED = int(os.environ.get("SMARTSYNC_SOAK_SEED") or time.time())
KILL_EVERY_S = float(os.environ.get("SMARTSYNC_SOAK_KILL_EVERY_S") or 4)
BLOCK_S = 1
"""Seconds between the target's blocks: so there are transactions in flight when a worker dies."""

EXACT_WITHIN_S = 120.0 + 2.0 * REPLICAS
"""Seconds after the last change within which all must be exact: what the killed were at waits for the queue's lease,
and on two cores, which nodes and database share, all that there are may be behind."""

pytestmark = pytest.mark.timeout(540 + 2 * SOAK_S)


@asynccontextmanager
async def _ground() -> AsyncIterator[Ground]:
    with hardhat_node(chain_id=31351) as source, anvil_node(chain_id=31352) as target:
        async with ground(source, target, replicas=REPLICAS, sources=max(2, REPLICAS // 10)) as made:
            await _mine_every(target, BLOCK_S)
            yield made


async def _mine_every(target: Node, seconds: int) -> None:
    target.request("evm_setAutomine", [False])
    target.request("evm_setIntervalMining", [seconds])


async def test_workers_killed_and_postgresql_restarted_pay_once_and_end_exact(tmp_path: Path) -> None:
    if programs() is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    with postgres_server() as server:
        state = server.create("soak")

        async def restart() -> None:
            await asyncio.to_thread(server.stop, kill=True)
            await asyncio.sleep(2.0)
            await asyncio.to_thread(server.start)

        async with _ground() as made:
            await _soak(made, state, tmp_path, WORKERS, restart)


async def test_worker_on_sqlite_killed_again_and_again_pays_once_and_ends_exact(tmp_path: Path) -> None:
    async with _ground() as made:
        await _soak(made, f"sqlite:///{tmp_path / 'state.db'}", tmp_path, 1, None)


async def _soak(
    made: Ground, state: str, folder: Path, workers: int, restart: Callable[[], Awaitable[None]] | None
) -> None:
    """Let a crew work while sources change, it is killed and its database restarted; then look at everything."""
    chance = random.Random(SEED)
    since_block = await made.client.target.block_number()
    crew = Crew.prepare(folder, made, Settings(state), workers)
    crew.start()
    try:
        troubles = [
            asyncio.create_task(made.write(random.Random(SEED + 1), every_s=_pause_s())),
            asyncio.create_task(crew.kill_at_random(chance, KILL_EVERY_S)),
            asyncio.create_task(crew.supervise()),
        ]
        if restart is not None:
            troubles.append(asyncio.create_task(_later(SOAK_S / 2, restart)))
        done, _ = await asyncio.wait(troubles[:3], timeout=SOAK_S, return_when=asyncio.FIRST_COMPLETED)
        for trouble in troubles:
            trouble.cancel()
        ends = await asyncio.gather(*troubles, return_exceptions=True)
        assert not done and not [one for one in ends if isinstance(one, Exception)], ends
        await made.accept()
        recovered_s = await made.until_equal(EXACT_WITHIN_S)
        settled_s = await _until_nothing_is_open(state)
        assert await crew.stop() == [0] * workers
    finally:
        crew.kill()
    payments = await read_payments(
        made.client.target, made.hub, [one.address for one in made.keys.values()], since_block
    )
    journal = read_journal(state)
    told = {
        "seed": SEED,
        "seconds": SOAK_S,
        "workers": workers,
        "replicas": len(made.replicas),
        "kills": crew.kills,
        "ended_by_themselves": len(crew.ended),
        "changes": made.written,
        "payments": len(payments),
        "in_vain": [str(one) for one in paid_in_vain(payments)],
        "dropped": sum(entry.state == "dropped" for entry in journal),
        "exact_after_s": round(recovered_s, 1),
        "nothing_open_after_s": round(recovered_s + settled_s, 1),
    }
    print(json.dumps(told, indent=1))
    assert complaints(payments, journal, kills=crew.kills) == [], told
    assert await made.not_exact() == [], told
    assert len(payments) >= len(made.replicas) / 2 and crew.kills >= SOAK_S / KILL_EVERY_S / 2, told
    # Only who is started while the database is away ends, and says so.
    assert all("the relayer's state" in words for words in crew.ended) and (restart or not crew.ended), crew.ended
    for worker in crew.workers:
        assert "Traceback" not in worker.log, worker.log[-5_000:]


def _pause_s() -> float:
    """Return seconds between two changes: each makes some ten syncs due, of which two cores do about four a second."""
    return 2.0


async def _later(delay_s: float, do: Callable[[], Awaitable[None]]) -> None:
    await asyncio.sleep(delay_s)
    await do()


async def _until_nothing_is_open(state: str, timeout_s: float = 240.0) -> float:
    """Wait until nothing is left that was signed and is in no block: who finds it follows it, after a while.

    Returns the seconds that it took.
    """
    start = time.monotonic()
    while left := [entry for entry in read_journal(state) if entry.state == "signed"]:
        assert time.monotonic() - start < timeout_s, left
        await asyncio.sleep(1.0)
    return time.monotonic() - start
