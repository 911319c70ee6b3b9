"""``/healthz`` and ``/readyz``: whether the process is alive, and whether it can do its work.

Neither says that all is well with the replicas, or with the nodes: a chain that is down is no reason to start a relayer
anew. That is what ``/metrics`` and the page are for.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping

from aiohttp import web
from sqlalchemy import text

from smartsync.attestor.sharing import Shared
from smartsync.dashboard.guarding import SIGNED_IN
from smartsync.relayer.lateness import late_after_s
from smartsync.relayer.shown import Shown
from smartsync.relayer.state.database import Database
from smartsync.relayer.state.errors import StateUnavailable
from smartsync.relayer.state.reading import Reading

DEAD_S = 900.0
"""Seconds without any job coming to its end after which the process is not alive. A look waits for nodes, for minutes
where all of them are silent; it comes to its end all the same. Where looks are rare it is longer."""

_FRESH_S = 2.0
_WITHIN_S = 5.0
_TURN_S = 1.0


def add_health(application: web.Application, shown: Shown) -> None:
    """Add both. The reasons are for whoever has the token; the others learn the status alone."""

    async def find(_: str) -> Mapping[str, str]:
        return await problems(shown)

    found: Shared[str, Mapping[str, str]] = Shared(find, _FRESH_S)  # strangers may ask, and ask often

    async def healthz(request: web.Request) -> web.Response:
        idle_s = shown.metrics.idle_s()
        is_alive = idle_s < max(DEAD_S, late_after_s(_longest_poll_s(shown)))
        return _answer(request, {} if is_alive else {"process": f"nothing was brought to its end in {idle_s:.0f} s"})

    async def readyz(request: web.Request) -> web.Response:
        return _answer(request, await found.get(""))

    async def turning(_: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(_watch_loop(shown))
        yield
        task.cancel()
        await found.aclose()

    application.router.add_get("/healthz", healthz)
    application.router.add_get("/readyz", readyz)
    application.cleanup_ctx.append(turning)


async def problems(shown: Shown) -> dict[str, str]:
    """Return what keeps the relayer from its work, by what it is about: ``state``, or a pair.

    A pair that has been looked at has had its outcome written down, so that a disk that is full shows there.
    """
    try:
        async with asyncio.timeout(_WITHIN_S):
            await _require_writable(shown.database)
            looked_s = await Reading(shown.database).newest_looks()
    except StateUnavailable as error:
        return {"state": error.message}
    except TimeoutError:
        return {"state": f"the database did not answer within {_WITHIN_S:g} s"}
    found = {}
    for name, pair in shown.configuration.pairs.items():
        poll_s = shown.configuration.chains[pair.source].poll_s
        silent_s = min(shown.metrics.silent_s(name), time.time() - looked_s.get(name, 0.0))
        if silent_s > late_after_s(poll_s):
            found[name] = f"not looked at for {silent_s:.0f} s, and should be every {poll_s:g} s"
    return found


def _longest_poll_s(shown: Shown) -> float:
    configuration = shown.configuration
    return max((configuration.chains[pair.source].poll_s for pair in configuration.pairs.values()), default=0.0)


async def _require_writable(database: Database) -> None:
    """Check that the database takes changes, without making one.

    Raises
    ------
    StateUnavailable
        It does not.
    """
    async with database.transaction() as connection:
        if not database.is_shared:
            # Takes the lock for writing, which SQLite refuses where the file can be read only.
            await connection.exec_driver_sql("UPDATE replicas SET failures = failures WHERE pair = ''")
        elif await connection.scalar(text("SHOW transaction_read_only")) == "on":
            raise StateUnavailable(database.shown, "it is read-only, as a standby is")


async def _watch_loop(shown: Shown) -> None:
    """Note by how much the event loop is late, again and again."""
    loop = asyncio.get_running_loop()
    while True:
        due_s = loop.time() + _TURN_S
        await asyncio.sleep(_TURN_S)
        shown.metrics.late(max(0.0, loop.time() - due_s))


def _answer(request: web.Request, found: Mapping[str, str]) -> web.Response:
    is_told: bool = request[SIGNED_IN]
    told = {"ok": not found} | ({"problems": found} if found and is_told else {})
    return web.json_response(told, status=503 if found else 200)
