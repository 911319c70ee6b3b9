"""Progress of long work on stderr: bars on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from smartsync.cli.output import printable
from smartsync.results import Progress

_EVERY_S = 10.0


@contextmanager
def shown_progress(console: Console, clock: Callable[[], float] = time.monotonic) -> Iterator[Progress]:
    """Give a callback that shows progress on this console while the block runs."""
    if not console.is_terminal:
        yield _lines(console, clock)
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    with Bars(*columns, TimeElapsedColumn(), console=console, transient=True) as bars:
        yield _bar(bars)


def _bar(bars: Bars) -> Progress:
    """Show the phase that is going on; phases follow each other, so one bar is enough."""
    task = bars.add_task("connect", total=None)
    current = ""

    def on_progress(phase: str, done: int, total: int) -> None:
        nonlocal current
        if phase != current:
            bars.reset(task, total=None, description=printable(phase))
            current = phase
        bars.update(task, completed=done, total=total or None)

    return on_progress


def _lines(console: Console, clock: Callable[[], float]) -> Progress:
    """Write the start and the end of each phase, and how far it is every ten seconds."""
    current, told_at = "", 0.0

    def on_progress(phase: str, done: int, total: int) -> None:
        nonlocal current, told_at
        now = clock()
        if phase == current and done != total and now - told_at < _EVERY_S:
            return
        current, told_at = phase, now
        console.print(printable(phase) + (f" {done}/{total}" if total else ""))

    return on_progress
