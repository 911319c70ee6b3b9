"""The HTTP server of a relayer: one application, to which each face adds its pages, and one address."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from smartsync.dashboard.access import Access
from smartsync.dashboard.guarding import guard
from smartsync.listening import Listen
from smartsync.serving import bind

Face = Callable[[web.Application], None]
"""Adds handlers to an application. What they serve is for whoever has the token; nothing is served to others."""

_MAX_BODY = 4096
_STOP_S = 2.0
"""Seconds that open answers, such as streams of events, have when the relayer ends. Who streams ends by
``application.on_shutdown``."""


MOST = 300
"""Connections at once. A process may have 1,024 files open where nobody says otherwise: without a limit, any stranger
who opens so many and says nothing would leave none for nodes and the database."""


class _NotOfStrangers(logging.Filter):
    """Leaves out that somebody sent what is no HTTP: aiohttp has an error with a traceback for each such request."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        return not isinstance(error, (HttpProcessingError, web.RequestPayloadError))


logger = logging.getLogger(__name__)
logger.addFilter(_NotOfStrangers())


def application(access: Access, *faces: Face) -> web.Application:
    """Return the application, guarded: with a token or for this machine only, read-only, nothing from elsewhere."""
    made = web.Application(client_max_size=_MAX_BODY)
    guard(made, access)
    for face in faces:
        face(made)
    return made


def _limit_connections(server: web.Server) -> None:
    """Close what is opened beyond the limit, at once."""
    made = server.connection_made

    def connection_made(handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        made(handler, transport)
        if len(server.connections) > MOST:
            transport.abort()

    server.connection_made = connection_made  # type: ignore[method-assign]  # aiohttp has no setting for it


@asynccontextmanager
async def served(application: web.Application, listen: Listen) -> AsyncIterator[str]:
    """Serve an application, and give the url at which.

    Raises
    ------
    ConfigError
        It cannot listen there.
    """
    runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=_STOP_S, logger=logger)
    await runner.setup()
    if runner.server is not None:
        _limit_connections(runner.server)
    try:
        yield await bind(
            runner,
            listen,
            what="[relayer] listen",
            taken="another relayer may run there: give each on one machine a port of its own (0 is any that is free)",
        )
    finally:
        await runner.cleanup()
