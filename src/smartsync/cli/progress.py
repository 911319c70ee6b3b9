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
        lines = _Lines(console, clock)
        try:
            yield lines.on_progress
        finally:
            lines.end()
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
        if _name(phase) != current:
            bars.reset(task, total=None)
            current = _name(phase)
        bars.update(task, completed=done, total=total or None, description=printable(phase))

    return on_progress


class _Lines:
    """Lines that tell the start and the end of each phase, and how far it is every ten seconds."""

    def __init__(self, console: Console, clock: Callable[[], float]) -> None:
        self._console, self._clock = console, clock
        self._name, self._began_s, self._told_s = "", 0.0, 0.0
        self._waiting = ""
        """What was to be told last and has not been."""

    def on_progress(self, phase: str, done: int, total: int) -> None:
        now = self._clock()
        if _name(phase) != self._name:
            self.end()
            self._name, self._began_s = _name(phase), now
            self._write(_line(phase, done, total, 0), now)
            return
        line = _line(phase, done, total, now - self._began_s)
        if (total and done == total) or now - self._told_s >= _EVERY_S:
            self._write(line, now)
        else:
            self._waiting = line

    def end(self) -> None:
        """Write how far the phase came."""
        if self._waiting:
            self._write(self._waiting, self._told_s)

    def _write(self, line: str, now: float) -> None:
        self._waiting, self._told_s = "", now
        self._console.print(printable(line))


def _name(phase: str) -> str:
    """Return a phase without what is counted in it, see `smartsync.results.Progress`."""
    return phase.partition(" (")[0]


def _line(phase: str, done: int, total: int, seconds: float) -> str:
    name, _, counted = phase.removesuffix(")").partition(" (")
    count = f"{done}/{total}" if total else str(done) if done or counted else ""
    took = f"{seconds:.0f} s" if seconds >= 1 else ""
    if counted:
        if done == 1 and not total and counted.startswith("slots "):
            counted = "slot" + counted.removeprefix("slots")
        return f"{name}: {count} {', '.join(filter(None, (counted, took)))}"
    return ", ".join(filter(None, (f"{name} {count}".rstrip(), took)))
