"""One node as a process: started, waited for, ended with everything that it started."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from eth_account.signers.local import LocalAccount

from smartsync.errors import NodeError
from smartsync.testing.accounts import dev_accounts

# Leads the node's process group. It kills the whole group when stdin closes, which happens at the latest when the
# process that started it is gone, even by SIGKILL, when no finally clause runs. On SIGTERM, which the node gets too, it
# waits for the node to end. The node's own stdin is empty; its exit code is passed on.
_GUARD = """
exec 3<&0
trap : TERM
"$@" 3<&- </dev/null & node=$!
(cat <&3 >/dev/null; kill -9 0) & exec 3<&-
wait $node; code=$?
[ $code -le 128 ] || wait $node
exit $code
"""

_START_ATTEMPTS = 3

CommandLine = Callable[[int, Path], Sequence[str]]
"""From a port and an empty folder to the arguments that start the node on this port, with its files in this folder."""


class NodeNotStarted(NodeError):
    """A node ended, or did not answer in time, before it was ready. ``log`` is the end of what it printed."""

    def __init__(self, name: str, reason: str, log: str) -> None:
        super().__init__(f"{name} did not start: {reason}; the end of its output:\n{log or '(nothing)'}")
        self.name, self.log = name, log


@dataclass(frozen=True, slots=True)
class Node:
    """A running node.

    ``url`` is its JSON-RPC endpoint (http), ``accounts`` are funded and hold their keys, ``log_path`` collects what it
    prints, ``process`` leads its process group.
    """

    name: str
    url: str
    chain_id: int
    accounts: tuple[LocalAccount, ...]
    log_path: Path
    process: subprocess.Popen[bytes]

    def request(self, method: str, params: Sequence[Any] = ()) -> Any:
        """Return the result of one JSON-RPC call: for what is no business of the package's client, as ``evm_mine``.

        Raises
        ------
        NodeError
            The node answered with an error, or not within 30 s.
        """
        body: Any = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        try:
            # S310 is about other schemes: this is our own node, always http on loopback.
            post = Request(self.url, json.dumps(body).encode(), {"Content-Type": "application/json"})  # noqa: S310
            with urlopen(post, timeout=30) as response:  # noqa: S310
                answer = json.load(response)
        except (OSError, ValueError) as error:
            raise NodeError(f"{self.name}: no answer to {method}") from error
        if "error" in answer:
            raise NodeError(f"{self.name}: {method}: {answer['error'].get('message')}")
        return answer["result"]

    def log_tail(self, lines: int = 20) -> str:
        """Return the last lines that the node printed."""
        return "\n".join(self.log_path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

    def wait_until(self, condition: Callable[[], bool], what: str, *, timeout_s: float) -> None:
        """Return once ``condition`` holds.

        Raises
        ------
        NodeNotStarted
            The process has ended, or the time is up. ``what`` says in the message what was waited for.
        """
        deadline = time.monotonic() + timeout_s
        while not condition():
            code = self.process.poll()
            if code is not None:
                raise NodeNotStarted(self.name, f"it ended with exit code {code}", self.log_tail())
            if time.monotonic() > deadline:
                raise NodeNotStarted(self.name, f"{what} not within {timeout_s:.0f} s", self.log_tail())
            time.sleep(0.05)


@contextlib.contextmanager
def running(name: str, chain_id: int, command: CommandLine, *, cwd: Path | None = None) -> Iterator[Node]:
    """Start a node, wait until it serves its chain, and end it afterwards.

    Parameters
    ----------
    name
        For messages.
    chain_id
        What ``eth_chainId`` must answer before the node counts as started.
    command
        Makes the arguments.
    cwd
        Working directory; the node's own temporary folder where it is None.

    Raises
    ------
    NodeNotStarted
        The node ended or did not answer within a minute.
    """
    with tempfile.TemporaryDirectory(prefix=f"smartsync-{name}-", ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary)
        node = _start(name, chain_id, command, folder, cwd or folder)
        try:
            yield node
        finally:
            _stop(node.process)


def _start(name: str, chain_id: int, command: CommandLine, folder: Path, cwd: Path) -> Node:
    """Return the node once it answers; on another port where the one chosen was taken in the meantime."""
    for attempt in range(1, _START_ATTEMPTS + 1):
        port, log_path = free_port(), folder / f"{name}-{attempt}.log"
        process = _spawn(command(port, folder), folder, cwd, log_path)
        node = Node(name, f"http://127.0.0.1:{port}", chain_id, dev_accounts(), log_path, process)
        try:
            node.wait_until(lambda node=node: _serves(node), "no answer", timeout_s=60)  # type: ignore[misc]
            return node
        except BaseException as error:
            _stop(process)
            port_taken = isinstance(error, NodeNotStarted) and "in use" in error.log
            if not port_taken or attempt == _START_ATTEMPTS:
                raise
    raise AssertionError("the last attempt returns or raises")


def _spawn(arguments: Sequence[str], folder: Path, cwd: Path, log_path: Path) -> subprocess.Popen[bytes]:
    with log_path.open("wb") as log:
        return subprocess.Popen(
            ["/bin/sh", "-c", _GUARD, "sh", *arguments],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=_environment(folder),
            start_new_session=True,
        )


def _serves(node: Node) -> bool:
    try:
        return node.process.poll() is None and int(node.request("eth_chainId"), 16) == node.chain_id
    except NodeError:
        return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the group, politely first: what still writes would be in the way when the folder is removed next."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=5)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdin is not None:
        process.stdin.close()


def _environment(folder: Path) -> Mapping[str, str]:
    """Return an environment in which a node asks nothing, reports nothing and writes into ``folder`` only."""
    own = {
        "HARDHAT_DISABLE_TELEMETRY_PROMPT": "true",
        "TMPDIR": str(folder),
        "XDG_DATA_HOME": str(folder / "data"),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "XDG_CACHE_HOME": str(folder / "cache"),
    }
    return {**os.environ, **own}


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 on which nobody listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
