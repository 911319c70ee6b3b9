"""The queue in PostgreSQL: any number of workers, of which any may die, and a database that may be away."""

from __future__ import annotations

import asyncio
import itertools
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from sqlalchemy import text

from smartsync.relayer.queueing.job import Count, Job, Perform
from smartsync.relayer.queueing.lane import lanes_of
from smartsync.relayer.queueing.shared import LEASE_S, Shared, shared
from smartsync.relayer.state.database import opened
from smartsync.relayer.state.errors import StateUnavailable
from tests.postgres import Postgres, postgres_server

_NAMES = (f"queue{number}" for number in itertools.count())
QUICK_S = 2.0
"""A lease for tests that would else wait for the usual one."""


@pytest.fixture
def url(postgres: Postgres) -> str:
    return postgres.create(next(_NAMES))


def tend(number: int, pair: str = "a-b") -> Job:
    return Job("tend", pair, f"{number} on chain 1")


@asynccontextmanager
async def queue_in(url: str, *pairs: str, jobs: int = 4, lease_s: float = QUICK_S) -> AsyncIterator[Shared]:
    lanes = [lane for pair in pairs or ("a-b",) for lane in lanes_of(pair, jobs, 1, 0.2)]
    async with opened(url) as database, shared(database, lanes, lease_s) as queue:
        yield queue


@asynccontextmanager
async def working(queue: Shared, perform: Perform) -> AsyncIterator[None]:
    task = asyncio.create_task(queue.work(perform))
    try:
        yield
    finally:
        queue.stop()
        await task


async def until(happened: Callable[[], bool], timeout_s: float = 30.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not happened():  # noqa: ASYNC110  # of what happens in other processes nobody tells
            await asyncio.sleep(0.02)


async def counted(queue: Shared, expected: dict[str, Count], timeout_s: float = 10.0) -> None:
    """Wait until there are so many jobs: what is done is written down a moment later."""
    async with asyncio.timeout(timeout_s):
        while await queue.counts() != expected:  # noqa: ASYNC110  # as above
            await asyncio.sleep(0.05)


async def test_defer_what_waits_or_is_at_work_is_not_there_twice(url: str) -> None:
    at_work, go = asyncio.Event(), asyncio.Event()
    done: list[Job] = []

    async def perform(job: Job) -> None:
        at_work.set()
        await go.wait()
        done.append(job)

    async with queue_in(url) as queue, queue_in(url) as other:
        assert await queue.defer([tend(1), tend(2), tend(1)]) == [tend(1), tend(2)]
        assert await other.defer([tend(2), tend(3)]) == [tend(3)]
        assert await queue.counts() == {"a-b": Count(due=3)}
        async with working(queue, perform):
            await at_work.wait()
            await counted(other, {"a-b": Count(at_work=3)})
            assert await other.defer([tend(1)]) == []
            await other.again(tend(1), 3_600.0)
            assert await other.counts() == {"a-b": Count(later=1, at_work=3)}
            go.set()
            await until(lambda: len(done) == 3)
    assert sorted(job.subject for job in done) == [tend(number).subject for number in (1, 2, 3)]


async def test_defer_by_many_at_once_puts_each_once(url: str) -> None:
    async with queue_in(url) as one, queue_in(url) as other:
        jobs = [tend(number) for number in range(20)]
        new = await asyncio.gather(*(queue.defer(jobs) for queue in (one, other) for _ in range(5)))
        assert Counter(job.subject for found in new for job in found) == dict.fromkeys((job.subject for job in jobs), 1)


async def test_work_one_job_of_a_subject_at_a_time_in_all_processes(url: str) -> None:
    inside: Counter[str] = Counter()
    most = done = 0

    async def perform(job: Job) -> None:
        nonlocal most, done
        inside[job.lock] += 1
        most = max(most, inside[job.lock])
        await asyncio.sleep(0.1)
        inside[job.lock] -= 1
        done += 1

    async with queue_in(url) as one, queue_in(url) as other, working(one, perform), working(other, perform):
        for kind in ("tend", "mind", "follow"):
            await one.defer([Job(kind, "a-b", f"{number} on chain 1") for number in range(3)])  # type: ignore[arg-type]
        await until(lambda: done == 9)
    assert most == 1


async def test_again_comes_when_its_time_has_come(url: str) -> None:
    came: list[float] = []

    async def perform(job: Job) -> None:
        came.append(time.monotonic())

    async with queue_in(url) as queue, working(queue, perform):
        began = time.monotonic()
        await queue.again(Job("look", "a-b", "part 1"), 1.0)
        await until(lambda: bool(came))
    assert came[0] - began > 0.9


async def test_again_is_by_the_databases_clock(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker whose clock is an hour ahead must not put off the looks of all."""
    came = asyncio.Event()

    async def perform(job: Job) -> None:
        came.set()

    async with queue_in(url) as queue, working(queue, perform):
        now = time.time
        monkeypatch.setattr(time, "time", lambda: now() + 3_600.0)
        await queue.again(Job("look", "a-b", "part 1"), 0.2)
        async with asyncio.timeout(10):
            await came.wait()


async def test_work_of_a_pair_that_is_stuck_does_not_hold_up_others(url: str) -> None:
    stuck, done = asyncio.Event(), []

    async def perform(job: Job) -> None:
        if job.pair == "dead" and job.kind == "tend":
            await stuck.wait()
        else:
            done.append(job)

    async with queue_in(url, "dead", "alive", jobs=2) as queue, working(queue, perform):
        await queue.defer([tend(number, "dead") for number in range(10)])
        await asyncio.sleep(1.0)
        wanted = [tend(99, "alive"), Job("look", "alive", "part 1"), Job("look", "dead", "part 1")]
        try:
            await queue.defer(wanted)
            await until(lambda: len(done) == 3)
            assert set(done) == set(wanted)
            await counted(queue, {"dead": Count(due=8, at_work=2)})
        finally:
            stuck.set()


async def test_stop_ends_what_is_under_way_and_leaves_the_rest(url: str) -> None:
    began, done = asyncio.Event(), []

    async def perform(job: Job) -> None:
        began.set()
        await asyncio.sleep(0.5)
        done.append(job)

    async with queue_in(url, jobs=1) as queue:
        await queue.defer([tend(1), tend(2)])
        async with working(queue, perform):
            await began.wait()
        assert done == [tend(1)]
        assert await queue.counts() == {"a-b": Count(due=1)}


async def test_stop_at_any_moment_of_the_start_ends(url: str) -> None:
    """As where a configuration is read again twice in a row."""

    async def perform(job: Job) -> None:
        pass

    for step in range(25):
        async with queue_in(url, "a-b", "c-d") as queue:
            task = asyncio.create_task(queue.work(perform))
            await asyncio.sleep(step * 0.004)
            queue.stop()
            async with asyncio.timeout(20):
                await task


async def test_work_goes_on_after_what_nobody_foresaw(url: str) -> None:
    seen = []

    async def perform(job: Job) -> None:
        seen.append(job)
        if job == tend(1):
            raise KeyError("unforeseen")

    async with queue_in(url) as queue, working(queue, perform):
        await queue.defer([tend(1), tend(2)])
        await until(lambda: len(seen) == 2)
        await until(lambda: not queue._at_work)
        await counted(queue, {})


WORKER = """
import asyncio, sys
from smartsync.relayer.queueing.lane import lanes_of
from smartsync.relayer.queueing.shared import shared
from smartsync.relayer.state.database import opened

async def main():
    async def perform(job):
        print("began", job.subject, flush=True)
        await asyncio.sleep(3600)
    async with opened(sys.argv[1]) as database, shared(database, lanes_of("a-b", 4, 1, 0.2)) as queue:
        await queue.work(perform)

asyncio.run(main())
"""


async def test_job_of_a_worker_that_was_killed_is_done_by_another_within_the_locks_time(url: str) -> None:
    """With the times as they are: the lease, a beat until it is looked for, a second until it is fetched."""
    done: dict[Job, float] = {}

    async def perform(job: Job) -> None:
        done[job] = time.monotonic()

    async with queue_in(url, lease_s=LEASE_S) as queue:
        worker = await asyncio.create_subprocess_exec(sys.executable, "-c", WORKER, url, stdout=subprocess.PIPE)
        try:
            await queue.defer([tend(1)])
            assert worker.stdout is not None
            assert b"began" in await asyncio.wait_for(worker.stdout.readline(), 30)
            async with working(queue, perform):
                # Past the first beats of both.
                await asyncio.sleep(LEASE_S / 2)
                worker.send_signal(signal.SIGKILL)
                killed = time.monotonic()
                await queue.defer([tend(2)])
                await until(lambda: len(done) == 2, 2 * LEASE_S)
        finally:
            if worker.returncode is None:
                worker.kill()
            await worker.wait()
    assert done[tend(2)] - killed < 3, "others are not held up"
    assert LEASE_S / 2 < done[tend(1)] - killed < LEASE_S + LEASE_S / 4 + 2


@pytest.mark.parametrize("is_ending", [False, True])
async def test_worker_that_is_slow_keeps_its_job(url: str, is_ending: bool) -> None:
    """Also while it ends: what is under way then may take as long as a transaction."""
    began: list[Job] = []

    async def perform(job: Job) -> None:
        began.append(job)
        await asyncio.sleep(3 * QUICK_S)

    async with queue_in(url) as one, queue_in(url) as other, working(one, perform):
        await one.defer([tend(1)])
        await until(lambda: bool(began))
        async with working(other, perform):
            if is_ending:
                one.stop()
            await asyncio.sleep(2.5 * QUICK_S)
            assert began == [tend(1)]


@pytest.mark.parametrize("away_s", [0.0, 6.0])
async def test_database_restarted_under_workers_all_goes_on(away_s: float) -> None:
    done: Counter[Job] = Counter()
    sleeping_s = 0.3

    async def perform(job: Job) -> None:
        await asyncio.sleep(sleeping_s)
        done[job] += 1

    with postgres_server() as server:
        url = server.create("restarted")
        async with AsyncExitStack() as stack:
            # With a lease as short as that of other tests, a worker of a busy machine is taken for dead.
            one, other = [await stack.enter_async_context(queue_in(url, lease_s=6.0)) for _ in range(2)]
            for queue in (one, other):
                await stack.enter_async_context(working(queue, perform))
            await one.defer([tend(number) for number in range(4)])
            await until(lambda: len(done) == 4)
            await one.defer([tend(number) for number in range(10, 40)])
            await asyncio.sleep(0.5)
            server.stop(kill=True)
            if away_s:
                with pytest.raises(StateUnavailable, match="is not to be had"):
                    await one.defer([tend(1)])
            await asyncio.sleep(away_s)
            server.start()
            async with asyncio.timeout(40):
                while True:
                    try:
                        await other.defer([tend(number) for number in range(40, 44)])
                        break
                    except StateUnavailable:
                        await asyncio.sleep(0.1)
                await counted(one, {}, 30)
            assert {job for job in done if done[job]} >= {tend(number) for number in range(10, 44)}
            assert max(done.values()) <= 2, "what was under way is done once more at most"


TAKEN = """
INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock, status, worker_id, args)
VALUES ('a-b', 'job', '1', 'tend 1', 'doing', :worker,
        '{"kind": "tend", "pair": "a-b", "subject": "1 on chain 1", "tries": 0}')
"""


async def test_job_that_was_taken_unheard_is_done(url: str) -> None:
    """An answer that is lost as the connection breaks leaves a job at work that nobody knows of."""
    done: list[Job] = []

    async def perform(job: Job) -> None:
        done.append(job)

    async with queue_in(url) as queue, opened(url) as database, working(queue, perform):
        await until(lambda: len(queue._tables.workers) == 2)
        async with database.transaction() as connection:
            await connection.execute(
                text(TAKEN),
                {"worker": min(queue._tables.workers)},
            )
        await until(lambda: done == [tend(1)], 4 * QUICK_S)


async def test_worker_that_was_taken_for_dead_begins_anew(url: str) -> None:
    done: list[Job] = []

    async def perform(job: Job) -> None:
        done.append(job)

    async with queue_in(url) as queue, opened(url) as database, working(queue, perform):
        await until(lambda: len(queue._tables.workers) == 2)
        async with database.transaction() as connection:
            await connection.execute(text("DELETE FROM procrastinate_workers"))
        await queue.defer([tend(1)])
        await until(lambda: done == [tend(1)], 10)


async def test_shared_opened_by_many_at_once_makes_its_tables_once(url: str) -> None:
    async def enter() -> None:
        async with queue_in(url):
            pass

    await asyncio.gather(*(enter() for _ in range(6)))


async def test_job_that_a_clock_put_off_for_ever_is_hastened(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[Job] = []

    async def perform(job: Job) -> None:
        done.append(job)

    monkeypatch.setattr("smartsync.relayer.queueing.shared._HASTEN_EVERY_S", 0.0)
    async with queue_in(url) as queue, working(queue, perform):
        await queue.again(Job("look", "a-b", "part 1"), 86_400.0)
        await queue.again(tend(1), 600.0)  # the longest pause after a failure
        await until(lambda: bool(done))
        assert done == [Job("look", "a-b", "part 1")]
        await counted(queue, {"a-b": Count(later=1)})
