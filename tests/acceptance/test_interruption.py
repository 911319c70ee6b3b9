"""Ctrl-C while the command is still loading."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest


@pytest.mark.parametrize("after_s", [0.1, 0.3, 0.5, 0.8])
def test_interrupted_while_loading_says_so_and_nothing_else(after_s: float) -> None:
    # It says when it is ours: before that the interpreter itself starts, which nobody can guard.
    code = (
        "import sys; from smartsync.__main__ import main; sys.argv = ['smartsync', '--help']\n"
        "print('ours', flush=True); main()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == "ours\n"
        time.sleep(after_s)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
    assert "Traceback" not in told
    ended = [(0, ""), (-signal.SIGINT, "")]  # on a fast machine it had said all by then
    assert (process.returncode, told) in [(130, "error: interrupted\n"), *ended]


def test_interrupted_at_once_ends_with_its_exit_code() -> None:
    code = (
        "import builtins, smartsync.__main__ as ours\n"
        "load = builtins.__import__\n"
        "def interrupted(name, *rest):\n"
        "    if name == 'smartsync.cli': raise KeyboardInterrupt\n"
        "    return load(name, *rest)\n"
        "builtins.__import__ = interrupted\n"
        "ours.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "error: interrupted\n")
