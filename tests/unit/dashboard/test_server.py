"""The server: an address of its own, and why it has none."""

from __future__ import annotations

import asyncio
import logging
import socket
from contextlib import suppress

import aiohttp
import pytest
from yarl import URL

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


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"POST /sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
        b"POST /sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: gzip\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\nabc",
        b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
)
async def test_served_what_is_no_http_is_refused_without_a_line_in_the_log(
    sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with served(application(Access("x" * 16)), Listen("127.0.0.1", 0)) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", URL(url).port)
        writer.write(sent)
        assert b" 400 Bad Request" in await reader.readline()
        writer.close()
        await writer.wait_closed()
    assert not [one for one in caplog.records if one.levelno >= logging.WARNING]


async def test_served_connections_beyond_the_limit_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever opens many and says nothing must leave files for nodes and the database."""
    monkeypatch.setattr("smartsync.dashboard.server.MOST", 3)
    async with served(application(Access(None), page), Listen("127.0.0.1", 0)) as url:
        silent = [await asyncio.open_connection("127.0.0.1", URL(url).port) for _ in range(3)]
        await asyncio.sleep(0.05)
        reader, writer = await asyncio.open_connection("127.0.0.1", URL(url).port)
        async with asyncio.timeout(2):
            with suppress(ConnectionError):
                assert await reader.read(1) == b""
        for _, one in [silent.pop(), (reader, writer)]:
            one.close()
            with suppress(ConnectionError):
                await one.wait_closed()
        await asyncio.sleep(0.05)
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            assert answer.status == 200
        for _, one in silent:
            one.close()
            await one.wait_closed()
