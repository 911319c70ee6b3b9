from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from smartsync.dashboard import stream
from smartsync.dashboard.stream import Stream
from smartsync.relayer.state.errors import StateUnavailable

Client = TestClient[web.Request, web.Application]


class Memory:
    """A version, and how often it was asked for."""

    def __init__(self) -> None:
        self.version, self.asked, self.is_away = "1", 0, False

    async def __call__(self) -> str:
        self.asked += 1
        if self.is_away:
            raise StateUnavailable("sqlite", "away")
        return self.version


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
async def client(memory: Memory) -> AsyncIterator[Client]:
    made, app = Stream(memory, every_s=0.01), web.Application()
    app.router.add_get("/events", made.serve)
    app.on_shutdown.append(lambda _: made.close())
    async with TestClient(TestServer(app)) as client:
        yield client


async def until(answer: object, text: str) -> None:
    found = b""
    async with asyncio.timeout(5):
        while text.encode() not in found:
            found += await answer.content.readany()  # type: ignore[attr-defined]


async def test_serve_tells_the_version_at_once_and_each_new_one(client: Client, memory: Memory) -> None:
    async with client.get("/events") as answer:
        assert answer.content_type == "text/event-stream"
        await until(answer, "retry: 3000")
        await until(answer, "event: version\ndata: 1\n\n")
        memory.version = "2"
        await until(answer, "event: version\ndata: 2\n\n")


async def test_serve_many_ask_once(client: Client, memory: Memory) -> None:
    answers = [await client.get("/events") for _ in range(20)]
    for answer in answers:
        await until(answer, "data: 1")
    before = memory.asked
    await asyncio.sleep(0.2)
    assert memory.asked - before < 30, "and not twenty times as often"
    for answer in answers:
        answer.close()


async def test_serve_nobody_listens_nobody_asks(
    client: Client, memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "_BEAT_S", 0.05)
    answer = await client.get("/events")
    await until(answer, "data: 1")
    answer.close()
    await asyncio.sleep(0.5)
    before = memory.asked
    await asyncio.sleep(0.2)
    assert memory.asked == before


async def test_serve_says_that_it_is_there(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_BEAT_S", 0.05)
    async with client.get("/events") as answer:
        await until(answer, ": still here")


async def test_serve_goes_on_once_the_database_is_back(client: Client, memory: Memory) -> None:
    async with client.get("/events") as answer:
        await until(answer, "data: 1")
        memory.is_away = True
        await asyncio.sleep(0.05)
        memory.is_away, memory.version = False, "2"
        await until(answer, "data: 2")


async def test_serve_too_many_are_refused(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "MOST", 1)
    async with client.get("/events") as first:
        await until(first, "data: 1")
        async with client.get("/events") as second:
            assert second.status == 503 and second.headers["Retry-After"] == "30"


async def test_close_ends_what_is_open(client: Client) -> None:
    answer = await client.get("/events")
    await until(answer, "data: 1")
    async with asyncio.timeout(2):
        await client.server.close()
