"""A relayer's whole HTTP face, for as long as the relayer is at work."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from smartsync.dashboard.access import Access
from smartsync.dashboard.exposition import add_metrics
from smartsync.dashboard.health import add_health
from smartsync.dashboard.pages import add_pages
from smartsync.dashboard.server import application, served
from smartsync.dashboard.view import View
from smartsync.relayer.shown import Shown

logger = logging.getLogger(__name__)


@asynccontextmanager
async def shown_by_http(shown: Shown) -> AsyncIterator[None]:
    """Serve health, metrics and the web page where the configuration says; nothing where that is ``none``.

    Raises
    ------
    ConfigError
        It cannot listen there.
    """
    listen = shown.configuration.relayer.listen
    if listen == "none":
        yield
        return
    access = Access(shown.configuration.token)
    faces = (
        partial(add_health, shown=shown),
        partial(add_metrics, shown=shown),
        partial(add_pages, view=View(shown)),
    )
    async with served(application(access, *faces), listen) as url:
        asked = "with the token" if access.needs_token else "without a token, from this machine only"
        logger.info("metrics, health and the web page are at %s, %s", url, asked)
        yield
