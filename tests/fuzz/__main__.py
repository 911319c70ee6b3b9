"""The differential fuzz on all cores, for a number of cases or until stopped (Ctrl-C): ``make fuzz``.

Case ``index`` of a seed is the same whoever tries it, and whatever was tried before. The first disagreement ends the
run, and the command that repeats it alone is printed.

Usage: ``python -m tests.fuzz [--cases N] [--seed S] [--first INDEX] [--cores N] [--report FILE]``
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.fuzz.engine import compiled
from tests.fuzz.processes import Job, Run
from tests.fuzz.report import Report, append, commit
from tests.fuzz.transition import Disagreement

PROGRESS_S = 10

SHOWN = 4_000
"""Characters of a disagreement that are printed: a witness can have a hundred thousand."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, and return the exit code: 1 where there was a disagreement."""
    options = _options(arguments)
    seed = secrets.randbelow(2**32) if options.seed is None else options.seed
    job = Job(seed, options.first, options.cases, options.cores, compiled())
    processes = f"{job.cores} process{'es' if job.cores > 1 else ''}"
    until = "until stopped" if job.cases is None else f"to {job.first + job.cases - 1}"
    print(f"seed {seed}, cases {job.first} {until}, {processes}", flush=True)
    print(f"engine 0x{job.harness.engine_hash.hex()}, commit {commit() or 'unknown'}", flush=True)
    report, run, started = Report(), Run(job), time.monotonic()
    try:
        _follow(job, run, report, started)
    except Disagreement as found:
        print(f"{report.cases:,} cases agreed. {str(found)[:SHOWN]}")
        print(f"repeat it: make fuzz SEED={found.seed} FIRST={found.index} CASES=1", flush=True)
        return 1
    wall_s = time.monotonic() - started
    print(f"{report}\nseed {seed}, {wall_s:.0f} s{', stopped' if run.stopped else ''}", flush=True)
    if options.report:
        append(options.report, record(job, report, wall_s, finished=not run.stopped))
    return 0


def record(job: Job, report: Report, wall_s: float, *, finished: bool) -> dict[str, Any]:
    """Return a run as the file of all runs has it."""
    return {
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "commit": commit(),
        "engine_hash": "0x" + job.harness.engine_hash.hex(),
        "seed": job.seed,
        "first": job.first,
        "finished": finished,
        "cores": job.cores,
        "wall_s": round(wall_s),
        **report.record(),
    }


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.split("\n")[0])
    parser.add_argument("--cases", type=int, help="how many; without it until stopped")
    parser.add_argument("--seed", type=int, help="random, and printed, unless given")
    parser.add_argument("--first", type=int, default=0, help="index of the first case: to go on, or to repeat one")
    parser.add_argument("--cores", type=int, default=os.cpu_count() or 1, help="processes, all cores unless given")
    parser.add_argument("--report", type=Path, help="JSON file to which what was seen is added")
    return parser.parse_args(arguments)


def _follow(job: Job, run: Run, report: Report, started: float) -> None:
    """Add up what the run sees, and tell every now and then."""
    shown, told = started, False
    for part in run.reports():
        report.update(part)
        now = time.monotonic()
        if run.stopped and not told:
            print("stopping: each process ends what it has begun", flush=True)
            told = True
        elif now - shown >= PROGRESS_S:
            print(_progress(job, report, now - started), flush=True)
            shown = now


def _progress(job: Job, report: Report, elapsed_s: float) -> str:
    speed = report.cases / elapsed_s
    spoiled = f"{report.witnesses.total():,} spoiled witnesses"
    if job.cases is None:
        return f"{report.cases:,} cases, {spoiled}, {elapsed_s:.0f} s, {speed:.1f} a second"
    left = f"{(job.cases - report.cases) / speed / 60:.0f} min left" if speed else "just begun"
    return f"{report.cases:,} of {job.cases:,} cases, {spoiled}, {elapsed_s:.0f} s, {speed:.1f} a second, {left}"


if __name__ == "__main__":
    sys.exit(main())
