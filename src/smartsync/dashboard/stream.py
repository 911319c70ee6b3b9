"""News for open pages, as Server-Sent Events: that there is something new, and nothing of what.

An open page hears the version of what the relayer remembers, and where it is another one than its own it asks for
itself again. So a page looks the same whether it was loaded or kept up, and there is nothing in the stream to protect.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from aiohttp import web

from smartsync.relayer.state.errors import StateUnavailable

logger = logging.getLogger(__name__)

MOST = 200
"""Open pages."""

_EVERY_S = 1.0
_BEAT_S = 15.0
_AGAIN_MS = 3_000
"""After which a browser asks again where the connection was lost."""


class Stream:
    """Tells all open pages the newest version.

    Parameters
    ----------
    version
        Asks for it; once a second while anybody listens, however many there are.
    """

    def __init__(self, version: Callable[[], Awaitable[str]], every_s: float = _EVERY_S) -> None:
        self._version, self._every_s = version, every_s
        self._news = asyncio.Condition()
        self._newest: str | None = None
        self._listeners = 0
        self._watcher: asyncio.Task[None] | None = None
        self._is_over = False

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer with the stream, until the page is closed or the relayer ends."""
        if self._is_over or self._listeners >= MOST:
            return web.Response(status=503, text="too many open pages", headers={"Retry-After": "30"})
        answer = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        )
        self._listeners += 1
        try:
            await answer.prepare(request)
            await answer.write(f"retry: {_AGAIN_MS}\n\n".encode())
            await self._tell(answer)
        except ConnectionError:
            pass  # the page was closed
        finally:
            self._listeners -= 1
        return answer

    async def close(self) -> None:
        """End all streams: who waits for open connections to end must not wait for these."""
        self._is_over = True
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.gather(self._watcher, return_exceptions=True)
        async with self._news:
            self._news.notify_all()

    async def _tell(self, answer: web.StreamResponse) -> None:
        if self._watcher is None or self._watcher.done():
            self._newest = None
            self._watcher = asyncio.create_task(self._watch())
        told: str | None = None
        while not self._is_over:
            newest = await self._next(told)
            if self._is_over:
                return
            if newest is None or newest == told:
                await answer.write(b": still here\n\n")
            else:
                await answer.write(f"event: version\ndata: {newest}\n\n".encode())
                told = newest

    async def _next(self, told: str | None) -> str | None:
        """Wait until there is another version, or for some time; return the newest one."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_BEAT_S), self._news:
                await self._news.wait_for(lambda: self._is_over or self._newest not in (None, told))
        return self._newest

    async def _watch(self) -> None:
        while self._listeners:
            try:
                newest = await self._version()
            except StateUnavailable as error:
                logger.warning("open pages are not kept up: %s", error.message)
            else:
                if newest != self._newest:
                    self._newest = newest
                    async with self._news:
                        self._news.notify_all()
            await asyncio.sleep(self._every_s)
