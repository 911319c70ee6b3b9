"""The fuzz on all cores: each has a process with a node of its own, and takes a share of the cases after the other."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from queue import Empty
from typing import Any

from smartsync.testing import anvil_node
from tests.fuzz.bases import SHARED
from tests.fuzz.engine import Engine, Harness
from tests.fuzz.report import Report
from tests.fuzz.transition import BATCH, Disagreement, batches

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True)
class Job:
    """What the processes have to do. ``cases`` is ``None`` where they go on until they are stopped."""

    seed: int
    first: int
    cases: int | None
    cores: int
    harness: Harness

    def share(self, taken: int) -> range:
        """Return the indices that a process takes next where so many are taken; none at the end."""
        size = SHARED if self.cases is None else max(BATCH, min(SHARED, self.cases // (4 * self.cores)))
        left = size if self.cases is None else min(size, self.cases - taken)
        return range(self.first + taken, self.first + taken + left)


class Run:
    """A job being done. ``stopped``: whether it was ended by Ctrl-C or SIGTERM."""

    def __init__(self, job: Job) -> None:
        # Not forked: such a process would have this one's threads and sockets.
        context = multiprocessing.get_context("spawn")
        self.stopped = False
        self._taken, self._stop, self._seen = context.Value("q", 0), context.Event(), context.Queue()
        shared = self._taken, self._stop, self._seen
        self._processes = [context.Process(target=_work, args=(job, *shared)) for _ in range(job.cores)]

    def reports(self) -> Iterator[Report]:
        """Yield what was seen, every second at least, until all is done. Raises ``Disagreement`` at the first one."""
        with self._signals(), _running(self._processes, self._stop):
            left = len(self._processes)
            while left:
                try:
                    part = self._seen.get(timeout=1)
                except Empty:
                    part = Report()
                    if any(process.exitcode for process in self._processes):
                        raise RuntimeError("a process of the fuzz has died") from None
                if isinstance(part, Disagreement):
                    raise part
                left -= part is None
                yield part or Report()

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Let the first signal stop the run. Also where a shell has it in the background, which ignores Ctrl-C."""

        def stop(*_: object) -> None:
            if self.stopped:
                raise KeyboardInterrupt
            self.stopped = True
            self._stop.set()

        before = [signal.signal(number, stop) for number in SIGNALS]
        try:
            yield
        finally:
            for number, handler in zip(SIGNALS, before, strict=True):
                signal.signal(number, handler)


@contextmanager
def _running(processes: list[BaseProcess], stop: Any) -> Iterator[None]:
    for process in processes:
        process.start()
    try:
        yield
    except KeyboardInterrupt:
        for process in processes:
            process.kill()
        raise
    finally:
        stop.set()
        for process in processes:
            process.join()


def _work(job: Job, taken: Any, stop: Any, seen: Any) -> None:
    """Try a share after the other; put each batch's report, or a disagreement, and ``None`` at the end."""
    for number in SIGNALS:
        # They are the parent's, which tells when to stop.
        signal.signal(number, signal.SIG_IGN)
    parent = os.getppid()
    with anvil_node(tx_gas_limit=False) as node:
        engine = Engine(node, job.harness)
        while not stop.is_set():
            with taken.get_lock():
                indices = job.share(taken.value)
                taken.value += len(indices)
            if not indices:
                break
            try:
                for report in batches(engine, indices, job.seed):
                    seen.put(report)
                    if stop.is_set() or os.getppid() != parent:
                        break
            except Disagreement as found:
                seen.put(found)
                return
            if os.getppid() != parent:
                return
    seen.put(None)
