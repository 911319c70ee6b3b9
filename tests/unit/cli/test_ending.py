from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from smartsync.cli.ending import broken_pipes_are_quiet

WAITS = """
import time
from smartsync.cli.ending import terminated_like_interrupted
try:
    with terminated_like_interrupted():
        print("waits", flush=True)
        time.sleep(60)
except KeyboardInterrupt:
    print("ended")
"""


@pytest.mark.parametrize("before", [signal.SIG_DFL, signal.SIG_IGN], ids=["in front", "in a script's background"])
def test_terminated_like_interrupted_ends_by_sigterm(before: signal.Handlers) -> None:
    start = f"import signal; signal.signal(signal.SIGINT, signal.Handlers({int(before)}))" if before else ""
    process = subprocess.Popen([sys.executable, "-c", start + WAITS], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "waits\n"
    process.send_signal(signal.SIGTERM)
    told, _ = process.communicate(timeout=10)
    assert told == "ended\n" and process.returncode == 0


def piped(*command: str, closed: str = "stdout") -> subprocess.CompletedProcess[bytes]:
    """Run a command, one of whose streams is a pipe that nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, closed: writer}
    try:
        return subprocess.run([sys.executable, *command], **streams, timeout=30)
    finally:
        os.close(writer)


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_broken_pipes_are_quiet_command_without_a_reader_ends_by_141(argument: str) -> None:
    ended = piped("-m", "smartsync", argument)
    assert (ended.returncode, ended.stderr) == (141, b"")


REPORTS = """
import sys
from smartsync.cli.ending import broken_pipes_are_quiet
from smartsync.cli.output import Output
with broken_pipes_are_quiet():
    {writes}
    {then}
"""
WAYS = {
    "text": "Output(as_json=False).show(None, lambda console: console.print('report'))",
    "json": "Output(as_json=True).show({'is': 'report'}, print)",
    "in its buffer": "print('report')",
}


@pytest.mark.parametrize("writes", WAYS.values(), ids=WAYS)
def test_broken_pipes_are_quiet_report_without_a_reader_ends_by_141(writes: str) -> None:
    # Whatever the verdict would have been, nobody got it.
    ended = piped("-c", REPORTS.format(writes=writes, then="sys.exit(6)"))
    assert (ended.returncode, ended.stderr) == (141, b"")


def test_broken_pipes_are_quiet_work_whose_progress_nobody_reads_goes_on() -> None:
    notes = "output = Output(as_json=False); output.note('step 1'); output.note('step 2')"
    then = "output.show(None, lambda console: console.print('done')); sys.exit(6)"
    ended = piped("-c", REPORTS.format(writes=notes, then=then), closed="stderr")
    assert (ended.returncode, ended.stdout) == (6, b"done\n")


def test_broken_pipes_are_quiet_in_an_event_loop_closes_what_is_open() -> None:
    # As `watch` does, which writes while it works.
    script = """
import asyncio, sys
from smartsync.cli.ending import broken_pipes_are_quiet
async def work():
    try:
        print("event", flush=True)
        await asyncio.sleep(60)
    finally:
        print("closed", file=sys.stderr)
with broken_pipes_are_quiet():
    asyncio.run(work())
"""
    ended = piped("-c", script)
    assert (ended.returncode, ended.stderr) == (141, b"closed\n")


def test_broken_pipes_are_quiet_with_a_reader_changes_nothing() -> None:
    script = REPORTS.format(writes="print('report'); print('note', file=sys.stderr)", then="sys.exit(6)")
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=30)
    assert (ended.returncode, ended.stdout, ended.stderr) == (6, b"report\n", b"note\n")


def test_broken_pipes_are_quiet_without_streams_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    with broken_pipes_are_quiet():
        assert sys.stdout is None and sys.stderr is None
