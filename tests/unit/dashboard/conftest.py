"""A guarded application with a page in it, and clients that show a token, or do not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from smartsync.dashboard.access import Access
from smartsync.dashboard.server import Face, application

SECRET = "a-token-of-some-length"

Client = TestClient[web.Request, web.Application]
Serving = Callable[..., AbstractAsyncContextManager[Client]]


def page(app: web.Application) -> None:
    async def show(_: web.Request) -> web.Response:
        return web.Response(text="<p>all replicas</p>", content_type="text/html")

    app.router.add_get("/", show)


@asynccontextmanager
async def _serving(*faces: Face, token: str | None = SECRET) -> AsyncIterator[Client]:
    async with TestClient(TestServer(application(Access(token), page, *faces))) as client:
        yield client


@pytest.fixture
def serving() -> Serving:
    return _serving
