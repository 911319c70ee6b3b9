from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from smartsync.relayer.queueing.embedded import Embedded
from smartsync.relayer.queueing.job import Count, Job, Perform
from smartsync.relayer.queueing.lane import lanes_of


def queue_of(*pairs: str, jobs: int = 2, once: bool = False) -> Embedded:
    return Embedded([lane for pair in pairs or ("a-b",) for lane in lanes_of(pair, jobs, 1, 12.0)], once=once)


def tend(number: int, pair: str = "a-b") -> Job:
    return Job("tend", pair, f"{number} on chain 1")


LOOK = Job("look", "a-b", "part 1")


@asynccontextmanager
async def working(queue: Embedded, perform: Perform) -> AsyncIterator[None]:
    task = asyncio.create_task(queue.work(perform))
    try:
        yield
    finally:
        queue.stop()
        await task


async def idle(queue: Embedded) -> None:
    async with asyncio.timeout(5):
        while await queue.counts():  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.005)


async def test_defer_what_waits_or_is_at_work_is_not_there_twice() -> None:
    go = asyncio.Event()
    done: list[Job] = []

    async def perform(job: Job) -> None:
        await go.wait()
        done.append(job)

    queue = queue_of(jobs=1)
    assert await queue.defer([tend(1), tend(2), tend(1)]) == [tend(1), tend(2)]
    assert await queue.counts() == {"a-b": Count(due=2)}
    async with working(queue, perform):
        await asyncio.sleep(0.01)
        assert await queue.counts() == {"a-b": Count(due=1, at_work=1)}
        assert await queue.defer([tend(1), tend(2)]) == []
        await queue.again(tend(1), 0.0)
        await queue.again(tend(1), 3_600.0)
        go.set()
        await idle(queue)
    assert done == [tend(1), tend(2), tend(1)], "again once, at the first time that was said"


async def test_work_one_job_of_a_subject_at_a_time() -> None:
    inside: Counter[str] = Counter()
    most = done = 0

    async def perform(job: Job) -> None:
        nonlocal most, done
        inside[job.lock] += 1
        most = max(most, inside[job.lock])
        await asyncio.sleep(0.005)
        inside[job.lock] -= 1
        done += 1

    queue = queue_of("a-b", "c-b", jobs=9)
    for pair in ("a-b", "c-b"):
        for kind in ("tend", "mind", "follow"):
            await queue.defer([Job(kind, pair, f"{number} on chain 1") for number in range(3)])  # type: ignore[arg-type]
    async with working(queue, perform):
        await idle(queue)
    assert (most, done) == (1, 18)


async def test_work_of_a_pair_that_is_stuck_holds_up_neither_others_nor_looks() -> None:
    stuck, done = asyncio.Event(), []

    async def perform(job: Job) -> None:
        if job.pair == "dead" and job.kind == "tend":
            await stuck.wait()
        else:
            done.append(job)

    queue = queue_of("dead", "alive")
    wanted = [tend(99, "alive"), Job("look", "alive", "part 1"), Job("look", "dead", "part 1")]
    await queue.defer([*(tend(number, "dead") for number in range(10)), *wanted])
    async with working(queue, perform):
        await asyncio.sleep(0.05)
        assert set(done) == set(wanted)
        assert await queue.counts() == {"dead": Count(due=8, at_work=2)}
        stuck.set()


async def test_work_what_others_wait_for_goes_first() -> None:
    done = []

    async def perform(job: Job) -> None:
        done.append(job.kind)

    queue = queue_of(jobs=1)
    await queue.defer([tend(1), Job("follow", "a-b", "8 on chain 1"), tend(2), Job("mind", "a-b", "9 on chain 1")])
    async with working(queue, perform):
        await idle(queue)
    assert done == ["follow", "mind", "tend", "tend"]


async def test_again_comes_when_its_time_has_come_and_not_before() -> None:
    came: list[float] = []

    async def perform(job: Job) -> None:
        came.append(time.monotonic())

    queue = queue_of()
    async with working(queue, perform):
        began = time.monotonic()
        await queue.again(LOOK, 0.1)
        assert await queue.counts() == {"a-b": Count(later=1)}
        await idle(queue)
    assert came[0] - began >= 0.1


async def test_stop_ends_what_is_under_way_and_begins_nothing() -> None:
    done = []

    async def perform(job: Job) -> None:
        queue.stop()
        await asyncio.sleep(0.01)
        done.append(job)

    queue = queue_of(jobs=1)
    await queue.defer([tend(1), tend(2)])
    await queue.work(perform)
    assert done == [tend(1)]
    assert await queue.defer([tend(3)]) == []


async def test_work_cancelled_ends_what_is_under_way() -> None:
    began, done = asyncio.Event(), []

    async def perform(job: Job) -> None:
        began.set()
        await asyncio.sleep(0.01)
        done.append(job)

    queue = queue_of(jobs=1)
    await queue.defer([tend(1), tend(2)])
    task = asyncio.create_task(queue.work(perform))
    await began.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled() and done == [tend(1)]


async def test_work_goes_on_after_what_nobody_foresaw() -> None:
    done = []

    async def perform(job: Job) -> None:
        if job == tend(1):
            raise KeyError("unforeseen")
        done.append(job)

    queue = queue_of(jobs=1)
    await queue.defer([tend(1), tend(2)])
    async with working(queue, perform):
        await idle(queue)
    assert done == [tend(2)]


async def test_work_once_ends_when_nothing_is_left_and_does_nothing_later() -> None:
    done = []

    async def perform(job: Job) -> None:
        done.append(job)
        await queue.again(job, 1.0)
        if job == LOOK:
            await queue.defer([tend(1)])

    queue = queue_of(once=True)
    await queue.defer([LOOK])
    async with asyncio.timeout(1):
        await queue.work(perform)
    assert done == [LOOK, tend(1)]


async def test_work_many_jobs_are_quick() -> None:
    """Whoever has 100,000 replicas has as many jobs at times."""
    done = 0

    async def perform(job: Job) -> None:
        nonlocal done
        done += 1

    queue = queue_of(jobs=8)
    await queue.defer([tend(number) for number in range(20_000)])
    began = time.monotonic()
    async with working(queue, perform):
        await idle(queue)
    assert done == 20_000 and time.monotonic() - began < 20
