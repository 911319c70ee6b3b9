"""A queue in one process. It ends with it: all that was in it is found again by the next look."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from smartsync.relayer.queueing.job import Count, Job, Perform
from smartsync.relayer.queueing.lane import Lane

logger = logging.getLogger(__name__)


class Embedded:
    """Jobs in memory, by a clock that does not jump.

    Parameters
    ----------
    lanes
        What there are jobs of.
    once
        End by itself when nothing is left to do; what is for later is not done.
    """

    def __init__(self, lanes: Sequence[Lane], *, once: bool = False) -> None:
        self._at_once, self._once = {lane.name: lane.at_once for lane in lanes}, once
        self._numbers = itertools.count()
        self._names: set[str] = set()
        self._later: list[tuple[float, int, Job]] = []
        self._due: defaultdict[str, list[tuple[int, int, Job]]] = defaultdict(list)
        self._held: defaultdict[str, list[Job]] = defaultdict(list)  # due, but another one has the lock
        self._at_work: dict[str, tuple[Job, asyncio.Task[None]]] = {}
        self._changed = asyncio.Event()
        self._is_stopped = False

    async def defer(self, jobs: Sequence[Job]) -> Sequence[Job]:
        """See `Queue`."""
        at_work = {job.name for job, _ in self._at_work.values()}
        return [job for job in jobs if job.name not in at_work and self._put(job, 0.0)]

    async def again(self, job: Job, in_s: float) -> None:
        """See `Queue`."""
        if not self._once:
            self._put(job, in_s)

    async def work(self, perform: Perform) -> None:
        """See `Queue`."""
        try:
            while not self._is_stopped:
                self._changed.clear()
                self._begin(perform)
                if self._once and not self._names and not self._at_work:
                    return
                wait_s = self._later[0][0] - time.monotonic() if self._later else None
                try:
                    async with asyncio.timeout(wait_s):
                        await self._changed.wait()
                except TimeoutError:
                    pass
        finally:
            self._is_stopped = True
            while tasks := [task for _, task in self._at_work.values() if not task.done()]:
                await asyncio.wait(tasks)

    def stop(self) -> None:
        """See `Queue`."""
        self._is_stopped = True
        self._changed.set()

    async def counts(self) -> Mapping[str, Count]:
        """See `Queue`."""
        now_s = time.monotonic()
        later = Counter(job.pair for at_s, _, job in self._later if at_s > now_s)
        due = Counter(job.pair for at_s, _, job in self._later if at_s <= now_s)
        due.update(job.pair for jobs in self._due.values() for _, _, job in jobs)
        due.update(job.pair for jobs in self._held.values() for job in jobs)
        at_work = Counter(job.pair for job, _ in self._at_work.values())
        return {pair: Count(due[pair], later[pair], at_work[pair]) for pair in {*due, *later, *at_work}}

    def _begin(self, perform: Perform) -> None:
        """Begin all that is due and may be begun."""
        while self._later and self._later[0][0] <= time.monotonic():
            self._wait(heapq.heappop(self._later)[2])
        for lane, waiting in self._due.items():
            while waiting and self._has_room(lane):
                job = heapq.heappop(waiting)[2]
                if job.lock in self._at_work:
                    self._held[job.lock].append(job)
                    continue
                self._names.discard(job.name)
                task = asyncio.create_task(self._perform(perform, job), name=job.name)
                self._at_work[job.lock] = job, task

    def _put(self, job: Job, in_s: float) -> bool:
        if self._is_stopped or job.name in self._names:
            return False
        self._names.add(job.name)
        heapq.heappush(self._later, (time.monotonic() + in_s, next(self._numbers), job))
        self._changed.set()
        return True

    def _wait(self, job: Job) -> None:
        heapq.heappush(self._due[job.lane], (-job.priority, next(self._numbers), job))

    def _has_room(self, lane: str) -> bool:
        return sum(job.lane == lane for job, _ in self._at_work.values()) < self._at_once[lane]

    async def _perform(self, perform: Perform, job: Job) -> None:
        try:
            await perform(job)
        except Exception:
            logger.exception("%s: unforeseen", job.name)
        finally:
            del self._at_work[job.lock]
            for held in self._held.pop(job.lock, []):
                self._wait(held)
            self._changed.set()
