"""The server: an address of its own, and why it has none."""

from __future__ import annotations

import socket

import aiohttp
import pytest

from smartsync.dashboard.access import Access
from smartsync.dashboard.server import application, served
from smartsync.errors import ConfigError
from smartsync.listening import Listen
from tests.unit.dashboard.conftest import page


async def test_served_any_port_answers_until_the_end() -> None:
    async with (
        served(application(Access(None), page), Listen("127.0.0.1", 0)) as url,
        aiohttp.ClientSession() as session,
        session.get(url) as answer,
    ):
        assert answer.status == 200
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(url)


async def test_served_port_that_is_taken_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError) as refused:
            async with served(application(Access(None)), Listen("127.0.0.1", port)):
                raise AssertionError("it listens")
    assert refused.value.message == f"[relayer] listen: cannot listen on 127.0.0.1 port {port}: the port is taken"
    assert "another relayer may run there" in refused.value.hint and "0 is any" in refused.value.hint


async def test_served_address_of_another_machine_says_so() -> None:
    with pytest.raises(ConfigError, match="this machine has no such address"):
        async with served(application(Access("x" * 16)), Listen("192.0.2.1", 8600)):
            raise AssertionError("it listens")
