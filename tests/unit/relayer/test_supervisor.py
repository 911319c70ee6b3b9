from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from smartsync.relayer.supervisor import Supervisor

PID = 4711


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """A service manager's end of the socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(str(tmp_path / "notify"))
        end.settimeout(5)
        yield end


def environ(manager: socket.socket, **more: str) -> dict[str, str]:
    return {"NOTIFY_SOCKET": manager.getsockname(), **more}


def test_supervisor_is_told_what_happens(manager: socket.socket) -> None:
    supervisor = Supervisor.of(environ(manager), PID)
    supervisor.ready("keeping 2 replicas\nREADY=0")
    supervisor.reading_again()
    supervisor.stopping()
    assert [manager.recv(999).decode() for _ in range(3)] == [
        "READY=1\nSTATUS=keeping 2 replicas READY=0",
        "RELOADING=1",
        "STOPPING=1\nSTATUS=ending what is under way",
    ]


def test_supervisor_with_a_name_that_no_file_has() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind("\0smartsync-test-supervisor")
        end.settimeout(5)
        Supervisor.of({"NOTIFY_SOCKET": "@smartsync-test-supervisor"}, PID).reading_again()
        assert end.recv(99) == b"RELOADING=1"


def test_supervisor_nobody_is_told_where_nobody_watches() -> None:
    supervisor = Supervisor.of({"WATCHDOG_USEC": "1000000"}, PID)
    assert supervisor == Supervisor(None, None)
    supervisor.ready("x")
    asyncio.run(asyncio.wait_for(supervisor.kept_alive(), 5))


def test_supervisor_that_is_gone_is_warned_of_and_no_more(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Supervisor.of({"NOTIFY_SOCKET": str(tmp_path / "gone")}, PID).ready("x")
    assert "the service manager cannot be told READY=1: No such file or directory" in caplog.text


async def test_kept_alive_gives_three_signs_in_the_time(manager: socket.socket) -> None:
    supervisor = Supervisor.of(environ(manager, WATCHDOG_USEC="300000", WATCHDOG_PID=str(PID)), PID)
    assert supervisor.watchdog_s == 0.3
    alive = asyncio.create_task(supervisor.kept_alive())
    await asyncio.sleep(0.5)
    alive.cancel()
    with suppress(asyncio.CancelledError):
        await alive
    manager.setblocking(False)
    signs = 0
    with suppress(BlockingIOError):
        while manager.recv(99) == b"WATCHDOG=1":
            signs += 1
    assert 2 <= signs <= 6


@pytest.mark.parametrize(
    "more",
    [{}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "x"}, {"WATCHDOG_USEC": "300000", "WATCHDOG_PID": str(PID + 1)}],
)
async def test_kept_alive_ends_where_nobody_waits_for_signs(manager: socket.socket, more: dict[str, str]) -> None:
    await asyncio.wait_for(Supervisor.of(environ(manager, **more), PID).kept_alive(), 5)
