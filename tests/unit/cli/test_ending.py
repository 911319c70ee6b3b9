from __future__ import annotations

import signal
import subprocess
import sys

import pytest

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
