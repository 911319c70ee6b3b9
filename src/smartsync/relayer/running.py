"""All pairs of a configuration, until the relayer is to end or has another configuration."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, suppress

from eth_account.signers.local import LocalAccount

from smartsync.errors import SmartSyncError
from smartsync.relayer.accounts import unlock
from smartsync.relayer.changes import changes
from smartsync.relayer.configuration import Configuration
from smartsync.relayer.pairs import connected, require_chain
from smartsync.relayer.service import Service
from smartsync.relayer.state.database import Database, opened
from smartsync.relayer.state.errors import StateUnavailable
from smartsync.relayer.state.store import Store
from smartsync.relayer.supervisor import Supervisor
from smartsync.relayer.tending import Tending

logger = logging.getLogger(__name__)

_KEPT_S = 90 * 86_400.0
"""Seconds for which it is remembered what happened to replicas, and how far behind they were."""

_FORGET_EVERY_S = 3_600.0


async def run(
    configuration: Configuration,
    environ: Mapping[str, str],
    reread: Callable[[], Configuration],
    *,
    dry: bool = False,
    once: bool = False,
) -> None:
    """Keep all replicas of a configuration until SIGTERM or SIGINT; read it again on SIGHUP.

    On either of the first two nothing new is begun, and what is under way is followed to its end.

    Parameters
    ----------
    reread
        Reads the configuration again; what it raises is told, and the present one goes on.
    dry
        Tell what would be done, and send nothing.
    once
        Look once at every replica, do what is due, and end.

    Raises
    ------
    SmartSyncError
        The keys or the state are not to be had.
    """
    stop, again, supervisor = asyncio.Event(), asyncio.Event(), Supervisor.of(environ, os.getpid())
    loop = asyncio.get_running_loop()
    handled = ((signal.SIGTERM, stop), (signal.SIGINT, stop), (signal.SIGHUP, again))
    for number, event in handled:
        loop.add_signal_handler(number, event.set)
    alive = asyncio.create_task(supervisor.kept_alive())
    try:
        async with opened(configuration.relayer.state.url) as database:
            accounts: Mapping[str, LocalAccount] = unlock(configuration.keys, environ)
            while not stop.is_set():
                async with AsyncExitStack() as stack:
                    services = await _services(configuration, accounts, database, stack, dry=dry)
                    if once:
                        await _once(services)
                        return
                    supervisor.ready(f"replicas kept: {len(configuration.replicas)}")
                    await _until(services, stop, again, supervisor)
                if again.is_set():
                    again.clear()
                    configuration, accounts = await _reread(configuration, accounts, environ, reread)
    finally:
        alive.cancel()
        for number, _ in handled:
            loop.remove_signal_handler(number)


async def check(configuration: Configuration, environ: Mapping[str, str]) -> list[str]:
    """Return what is wrong with a configuration that its file alone does not show: keys, nodes, chains.

    Raises
    ------
    KeyUnavailable
        A key is not there, or cannot be unlocked.
    """
    accounts = unlock(configuration.keys, environ)
    problems = []
    async with connected(configuration, accounts) as pairs:
        for pair in pairs:
            table = configuration.pairs[pair.name]
            for chain, name in ((pair.source, table.source), (pair.target, table.target)):
                try:
                    await require_chain(chain, configuration.chains[name].chain_id)
                except SmartSyncError as error:
                    problems.append(f"chain {name}: {error.in_full}")
    return list(dict.fromkeys(problems))


async def _services(
    configuration: Configuration,
    accounts: Mapping[str, LocalAccount],
    database: Database,
    stack: AsyncExitStack,
    *,
    dry: bool,
) -> list[Service]:
    pairs = await stack.enter_async_context(connected(configuration, accounts))
    store, jobs = Store(database), asyncio.Semaphore(configuration.relayer.jobs)
    return [
        Service(
            pair,
            [replica for replica in configuration.replicas if replica.pair == pair.name],
            Tending(pair, database, store, dry),
            store,
            jobs,
        )
        for pair in pairs
    ]


async def _once(services: list[Service]) -> None:
    await asyncio.gather(*(service.round() for service in services))
    await asyncio.gather(*(service.settle() for service in services))


async def _forget(store: Store) -> None:
    """Forget what is old, again and again: a service that runs for years must not fill its disk."""
    while True:
        with suppress(StateUnavailable):
            await store.prune(time.time() - _KEPT_S)
        await asyncio.sleep(_FORGET_EVERY_S)


async def _until(services: list[Service], stop: asyncio.Event, again: asyncio.Event, supervisor: Supervisor) -> None:
    """Run services until one of these events; each ends what it has under way first."""
    tasks = [asyncio.create_task(service.run()) for service in services]
    tasks += [asyncio.create_task(_forget(service.store)) for service in services[:1]]
    waits = [asyncio.create_task(end.wait()) for end in (stop, again)]
    try:
        done, _ = await asyncio.wait([*tasks, *waits], return_when=asyncio.FIRST_COMPLETED)
    finally:
        if stop.is_set():
            supervisor.stopping()
        elif again.is_set():
            supervisor.reading_again()
        for task in (*tasks, *waits):
            task.cancel()
        for task in (*tasks, *waits):
            with suppress(asyncio.CancelledError):
                await asyncio.gather(task, return_exceptions=True)
    for task in done & set(tasks):
        task.result()  # a service ends by itself only by an error that nothing foresaw


async def _reread(
    configuration: Configuration,
    accounts: Mapping[str, LocalAccount],
    environ: Mapping[str, str],
    reread: Callable[[], Configuration],
) -> tuple[Configuration, Mapping[str, LocalAccount]]:
    """Return the configuration as it is now, with its accounts; the ones that there are where it cannot be gone by."""
    try:
        new = reread()
        unlocked = unlock(new.keys, environ)
        async with connected(new, unlocked):
            pass  # nothing is asked yet: that a url is none is found here
    except SmartSyncError as error:
        logger.error("the configuration stays as it is: %s", error.in_full)
        return configuration, accounts
    found = changes(configuration, new)
    logger.info("the configuration was read again: %s", "; ".join(found.words()) or "nothing has changed")
    return new, unlocked
