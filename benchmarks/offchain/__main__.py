"""Measure our own work off chain beside other people's, and write benchmarks/results/offchain.json.

Every measurement runs in a process of its own, one after the other. What counts is the processor's time, since the
clock's depends on what else the machine does; below a hundredth of a second the clock's, which is finer. What a peer
needs more than a minute for is not waited for. The exit code is 1 where a result is wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.gas.workload import ROOT
from benchmarks.offchain import latency

OUTPUT = ROOT / "benchmarks" / "results" / "offchain.json"
SIZES = (1_000, 10_000, 100_000, 1_000_000)
CHANGES = (1, 10, 100, 1_000)
PATIENCE_S = 60
"""Seconds of the processor after which a peer is ended, and not asked about more slots."""

RUNS = 3
"""Runs of which the fastest counts, up to 100,000 slots; above there is one."""

_FINE_S = 0.01
"""Seconds below which the clock is taken: systems count the processor's in ticks."""

_PYTHON = [sys.executable, "-m"]
_COMMANDS = {
    "smartsync": [*_PYTHON, "benchmarks.offchain.task"],
    "py-trie": [*_PYTHON, "benchmarks.offchain.py_trie"],
    "ethereumjs": [shutil.which("node") or "node", str(Path(__file__).with_name("ethereumjs.mjs"))],
}

Record = dict[str, Any]


def main() -> int:
    """Run the command line and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.offchain", description=__doc__)
    parser.add_argument("--sizes", nargs="*", type=int, default=list(SIZES), metavar="N", help="only these")
    parser.add_argument("--output", type=Path, help="where to write; without it only a run of all sizes is written")
    options = parser.parse_args()

    records: list[Record] = []
    tired: set[tuple[str, str]] = set()
    for size in options.sizes:
        with tempfile.TemporaryDirectory() as folder:
            changes = [count for count in CHANGES if count <= size]
            _run([*_PYTHON, "benchmarks.offchain.inputs", str(size), folder, *map(str, changes)], None)
            for task, peers_task, arguments in _tasks(changes):
                for who in _COMMANDS:
                    name = task if who == "smartsync" else peers_task
                    if name is not None and (who, name) not in tired:
                        record = {"task": task, "slots": size, **arguments, "who": who}
                        records.append(record | _measured(who, [name, folder, *map(str, arguments.values())], size))
                        _show(records[-1])
                        if records[-1]["time_s"] is None:
                            tired.add((who, name))
    wrong = _disagreeing(records)
    results = {"machine": _machine(), "records": records, "latency": latency.measure()}
    for one in results["latency"]["records"]:
        print(one)
    output = options.output or (OUTPUT if tuple(options.sizes) == SIZES else None)
    if output is not None and not wrong:
        output.write_text(_text(results), "utf-8")
    for size in wrong:
        print(f"wrong: the roots of {size} slots differ", file=sys.stderr)
    return 1 if wrong else 0


def _tasks(changes: Sequence[int]) -> list[tuple[str, str | None, dict[str, int]]]:
    """Return our task, the peers' that comes nearest, and what both are given."""
    witnesses: list[tuple[str, str | None, dict[str, int]]] = [("witness", "verify", {"changes": c}) for c in changes]
    return [("root", "root", {}), ("plan", None, {}), *witnesses]


def _measured(who: str, arguments: list[str], size: int) -> Record:
    """Return what the fastest of some runs took; ``time_s`` is None where it takes too long."""
    ours = who == "smartsync"
    best: Record = {"time_s": None}
    for _ in range(RUNS if size <= 100_000 else 1):
        told = _run([*_COMMANDS[who], *arguments], None if ours else PATIENCE_S)
        if told is None:
            break
        told = {"time_s": told["seconds"] if told["seconds"] < _FINE_S else told["cpu_seconds"], **told}
        if best["time_s"] is None or told["time_s"] < best["time_s"]:
            best = told
        if told["time_s"] > PATIENCE_S / RUNS:
            break
    return {key: round(value, 6) if isinstance(value, float) else value for key, value in best.items()}


def _run(command: list[str], cpu_limit_s: int | None) -> Record | None:
    """Return what a command prints; nothing where it used more than so many seconds of the processor."""

    def limit() -> None:
        if cpu_limit_s is not None:
            resource.setrlimit(resource.RLIMIT_CPU, (cpu_limit_s, cpu_limit_s + 1))

    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, preexec_fn=limit)
    if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL) and cpu_limit_s is not None:
        return None
    done.check_returncode()
    return dict(json.loads(done.stdout)) if done.stdout else {}


def _disagreeing(records: list[Record]) -> list[int]:
    """Return the numbers of slots of which not all have the same root."""
    roots: dict[int, set[str]] = {}
    for record in records:
        if "root" in record:
            roots.setdefault(record["slots"], set()).add(record.pop("root"))
    return [size for size, found in roots.items() if len(found) > 1]


def _machine() -> Record:
    node = subprocess.run([_COMMANDS["ethereumjs"][0], "--version"], stdout=subprocess.PIPE, check=True, text=True)
    package = json.loads((ROOT / "node_modules" / "@ethereumjs" / "mpt" / "package.json").read_text("utf-8"))
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "node": node.stdout.strip(),
        "py-trie": version("trie"),
        "ethereumjs": package["version"],
    }


def _show(record: Record) -> None:
    told = "over a minute" if record["time_s"] is None else f"{record['time_s']:10.4f} s"
    peak = f"{record.get('peak_bytes', 0) / 2**20:8.0f} MiB"
    print(
        f"{record['task']:8} {record['slots']:>9,} {record.get('changes', ''):>5} {record['who']:11} {told} {peak}",
        flush=True,
    )


def _text(results: Record) -> str:
    """Return JSON with one record a line, so that a diff shows what changed."""
    lines = ",\n".join(f"    {json.dumps(record)}" for record in results["records"])
    machine, latencies = (json.dumps(results[key]) for key in ("machine", "latency"))
    return f'{{\n  "machine": {machine},\n  "records": [\n{lines}\n  ],\n  "latency": {latencies}\n}}\n'


if __name__ == "__main__":
    sys.exit(main())
