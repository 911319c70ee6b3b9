"""A story of faults at random: each has a state of its own, and all is exact again by itself after it, and paid once.

The suite tells a short one; `make test-soak` all of them, again and again for SOAK_S seconds.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from smartsync.relayer.state.database import opened
from smartsync.testing import anvil_node, hardhat_node
from tests.postgres import postgres_server, programs
from tests.soak.faults import (
    FAULTS,
    IN_THE_SUITE,
    SLOW_FAULTS,
    SOURCE_BLOCK_S,
    STALLED_AFTER_S,
    Fault,
    Place,
)
from tests.soak.faulty_proxy import faulty
from tests.soak.ground import ground
from tests.soak.ledger import complaints, read_payments
from tests.soak.memory import read_journal, read_states
from tests.soak.workers import Crew, Settings

SOAK_S = float(os.environ.get("SMARTSYNC_SOAK_S") or 0)
"""Seconds that the story goes on for; the short one where there are none."""

SEED = int(os.environ.get("SMARTSYNC_SOAK_SEED") or time.time())
ONLY = os.environ.get("SMARTSYNC_SOAK_FAULT", "")
"""Part of the names of the faults that are wanted, to look at one."""

WORKERS = 2
REPLICAS, SOURCES = 6, 2
EXACT_AGAIN_S = 120.0
"""Seconds within which all is exact after a fault: several failures in a row are waited for up to some 40 seconds."""

pytestmark = pytest.mark.timeout(600 + 2 * SOAK_S)


async def test_each_fault_has_a_state_and_heals_by_itself(tmp_path: Path) -> None:
    if programs() is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    chance = random.Random(SEED)
    print(f"seed {SEED}")
    async with _place(tmp_path) as (place, state):
        made, target = place.made, place.made.client.target
        since_block = await target.block_number()
        try:
            place.crew.start()
            await _until_exact(place, state, 60.0)
            for name, fault in _chosen(chance):
                print(await _endured(place, state, name, fault, chance), flush=True)
            assert await place.crew.stop() == [0] * WORKERS
        finally:
            place.crew.kill()
        keys = [one.address for one in made.keys.values()]
        payments = await read_payments(target, made.hub, keys, since_block)
        # Nobody is killed here: what a worker does not know of the other costs nothing.
        assert complaints(payments, read_journal(state), kills=0) == []
        assert await made.not_exact() == []
        for worker in place.crew.workers:
            assert "Traceback" not in worker.log, worker.log[-5_000:]


def _chosen(chance: random.Random) -> Iterator[tuple[str, Fault]]:
    """Give the faults of the story: each once in any order, and again as long as there is time."""
    every = FAULTS | SLOW_FAULTS if SOAK_S or ONLY else {name: FAULTS[name] for name in IN_THE_SUITE}
    every = {name: fault for name, fault in every.items() if ONLY in name}
    end = time.monotonic() + SOAK_S
    while True:
        for name in chance.sample(sorted(every), len(every)):
            yield name, every[name]
        if time.monotonic() >= end:
            return


async def _endured(place: Place, state: str, name: str, fault: Fault, chance: random.Random) -> str:
    """Let something happen at the source during a fault; returns how it went."""
    made = place.made
    source = chance.choice(sorted(made.values))
    logged = [len(worker.log) for worker in place.crew.workers]
    start = time.monotonic()
    async with AsyncExitStack() as stack:
        if fault.is_late:
            with place.crew.held():
                await made.change(chance, source)
                await made.accept()
                await stack.enter_async_context(fault.trouble(place))
        else:
            await stack.enter_async_context(fault.trouble(place))
            await made.change(chance, source)
            if fault.is_anchored:
                await made.accept()
        concerned = [replica for replica, of in made.replicas.items() if of == source]
        while (told := await _unlike(place, state, fault, concerned, logged)) is not None:
            assert time.monotonic() - start < fault.named_in_s, f"{name}: {told}"
            await asyncio.sleep(0.25)
        named_s = time.monotonic() - start
        await asyncio.sleep(3 * chance.random())
    if not fault.is_anchored:
        await made.accept()
    healed = time.monotonic()
    await _until_exact(place, state, EXACT_AGAIN_S)
    return f"{name}: named after {named_s:.1f} s, exact {time.monotonic() - healed:.1f} s after it was over"


async def _unlike(place: Place, state: str, fault: Fault, concerned: list[str], logged: list[int]) -> str | None:
    """Return what is not as it must be during a fault; ``None`` where all is."""
    if not fault.state and not fault.words:
        return "it is not exact yet" if await place.made.behind() else None
    if fault.state is None:
        news = [worker.log[start:] for worker, start in zip(place.crew.workers, logged, strict=True)]
        return None if all(fault.words in told for told in news) else "the log does not tell of it"
    found = read_states(state)
    for replica in concerned:
        word, reason = found[replica]
        if word != fault.state or fault.words not in reason:
            return f"{fault.state} ({fault.words!r}) is expected, it is {word}: {reason}"
    return None


async def _until_exact(place: Place, state: str, timeout_s: float) -> None:
    """Wait until all replicas are what their sources are, and the workers know it."""
    start = time.monotonic()
    await place.made.until_equal(timeout_s)
    while [word for word, _ in read_states(state).values()] != ["exact"] * len(place.made.replicas):
        assert time.monotonic() - start < timeout_s, read_states(state)
        await asyncio.sleep(0.25)


@asynccontextmanager
async def _place(folder: Path) -> AsyncIterator[tuple[Place, str]]:
    with (
        postgres_server() as server,
        hardhat_node(chain_id=31353) as source,
        anvil_node(chain_id=31354) as target,
        faulty(source.url) as before_source,
        faulty(target.url) as before_target,
    ):
        async with ground(source, target, replicas=REPLICAS, sources=SOURCES, keys=2) as made:
            state = server.create("faults")
            async with opened(state):
                pass  # there are tables to look into, whoever is first
            source.request("evm_setIntervalMining", [SOURCE_BLOCK_S * 1_000])
            settings = Settings(
                state,
                timeout_s=1.0,
                source_urls=[before_source.url],
                target_urls=[before_target.url],
                source_options=f"stalled_after_s = {STALLED_AFTER_S}",
            )
            crew = Crew.prepare(folder, made, settings, WORKERS)
            yield Place(made, before_source, before_target, server, crew), state
