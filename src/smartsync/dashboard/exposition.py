"""``/metrics``: what Prometheus reads, of this process and of the database that it shares."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from aiohttp import web
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder

from smartsync.attestor.sharing import Shared
from smartsync.relayer.gauges import Snapshot, gauges
from smartsync.relayer.shown import Shown
from smartsync.relayer.state.errors import StateUnavailable

_FRESH_S = 5.0
"""Seconds for which what the database says is told again: several servers may scrape, and each minute counts."""

_WITHIN_S = 8.0
"""Seconds to wait for the database: Prometheus waits for ten."""


class _Families:
    """Metric families that are there already, as a collector."""

    def __init__(self, *families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        for families in self._families:
            for one in families:
                # When a counter was made is a gauge more for each, which nobody asks for.
                one.samples = [sample for sample in one.samples if not sample.name.endswith("_created")]
                yield one


def add_metrics(application: web.Application, shown: Shown) -> None:
    """Add ``/metrics``; with ``?of=process`` without what each process that shares the database says alike."""

    async def read(_: str) -> Snapshot:
        return await shown.snapshot()

    snapshots: Shared[str, Snapshot] = Shared(read, _FRESH_S)

    async def snapshot() -> Snapshot | None:
        try:
            return await asyncio.wait_for(snapshots.get(""), _WITHIN_S)
        except (StateUnavailable, TimeoutError):
            return None

    async def metrics(request: web.Request) -> web.Response:
        of = request.query.get("of", "all")
        if of not in ("all", "process"):
            raise web.HTTPBadRequest(reason="of= is all or process")
        standing = gauges(shown.configuration, await snapshot()) if of == "all" else ()
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        # Thousands of replicas take a while to write out; the loop is not to stand still for it.
        body = await asyncio.to_thread(encode, _Families(shown.metrics.registry.collect(), standing))
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def close(_: web.Application) -> None:
        await snapshots.aclose()

    application.router.add_get("/metrics", metrics)
    application.on_cleanup.append(close)
