"""All pairs of a configuration, until the relayer is to end or has another configuration."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress

from eth_account.signers.local import LocalAccount
from structlog.contextvars import bound_contextvars

from smartsync.errors import SmartSyncError
from smartsync.relayer.accounts import unlock
from smartsync.relayer.balances import watch_balances
from smartsync.relayer.changes import changes
from smartsync.relayer.configuration import Configuration
from smartsync.relayer.metrics import Metrics
from smartsync.relayer.missing import package_missing
from smartsync.relayer.pairs import Pair, connected, require_chain
from smartsync.relayer.parts import parts_of
from smartsync.relayer.queueing.embedded import Embedded
from smartsync.relayer.queueing.ending import end
from smartsync.relayer.queueing.job import Job, Queue
from smartsync.relayer.queueing.lane import lanes_of
from smartsync.relayer.replicas import Replica
from smartsync.relayer.service import Service
from smartsync.relayer.shown import Show, Shown
from smartsync.relayer.state.database import Database, opened
from smartsync.relayer.state.errors import StateUnavailable
from smartsync.relayer.state.pruning import forget
from smartsync.relayer.state.store import Store
from smartsync.relayer.supervisor import Supervisor
from smartsync.relayer.tending import Tending
from smartsync.replica import read_records

logger = logging.getLogger(__name__)

_FORGET_EVERY_S = 3_600.0

_LOST_EVERY_S = 10.0
"""Seconds after which looks are put into the queue again, where they are not in it."""


async def run(
    configuration: Configuration,
    environ: Mapping[str, str],
    reread: Callable[[], Configuration],
    *,
    dry: bool = False,
    once: bool = False,
    metrics: Metrics | None = None,
    show: Show | None = None,
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
    metrics
        Where it counts what it does.
    show
        Shows it while it is at work; not where it ends by itself.

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
    supervised = [asyncio.create_task(one) for one in (supervisor.kept_alive(), _tell_the_end(supervisor, stop))]
    try:
        async with AsyncExitStack() as outer:
            accounts: Mapping[str, LocalAccount] = unlock(configuration.keys, environ)
            database = await outer.enter_async_context(opened(configuration.relayer.state.url))
            shown = Shown(database, configuration, metrics or Metrics())
            if show is not None and not once:
                await outer.enter_async_context(show(shown))
            while not stop.is_set():
                async with AsyncExitStack() as stack:
                    pairs = await stack.enter_async_context(connected(configuration, accounts, shown.metrics))
                    queue = await _queue(configuration, pairs, database, stack, dry=dry, once=once)
                    services = _services(configuration, pairs, database, queue, shown.metrics, dry=dry)
                    with shown.at_work(configuration, pairs, queue):
                        supervisor.ready(f"replicas kept: {len(configuration.replicas)}")
                        await _work(services, queue, shown, (stop,) if once else (stop, again))
                if once:
                    await _sum_up(configuration, database)
                    return
                if again.is_set():
                    again.clear()
                    supervisor.reading_again()
                    configuration, accounts = await _reread(configuration, accounts, environ, reread, shown.metrics)
    finally:
        for task in supervised:
            task.cancel()
        for number, _ in handled:
            loop.remove_signal_handler(number)


async def check(configuration: Configuration, environ: Mapping[str, str]) -> list[str]:
    """Return what is wrong with a configuration that its file alone does not show: keys, nodes, chains, hubs, replicas.

    Raises
    ------
    KeyUnavailable
        A key is not there, or cannot be unlocked.
    """
    accounts = unlock(configuration.keys, environ)
    problems: list[str] = []
    wrong: dict[str, str] = {}
    async with connected(configuration, accounts) as pairs:
        for pair in pairs:
            table = configuration.pairs[pair.name]
            for chain, name in ((pair.source, table.source), (pair.target, table.target)):
                try:
                    await require_chain(chain, configuration.chains[name].chain_id)
                except SmartSyncError as error:
                    wrong[name] = f"chain {name}: {error.in_full}"
            if table.target not in wrong:
                source_id = configuration.chains[table.source].chain_id
                problems += [f"pair {pair.name}: {one}" for one in await _strangers(configuration, pair, source_id)]
    return list(dict.fromkeys([*wrong.values(), *problems]))


async def _strangers(configuration: Configuration, pair: Pair, source_id: int) -> list[str]:
    """Return what is wrong with a pair's hub, and with its replicas by what that has recorded of them."""
    problems = []
    for part in parts_of(_replicas(configuration, pair)):
        try:
            found = await read_records(pair.target, pair.hub, [one.address for one in part.replicas])
        except SmartSyncError as error:
            return [error.in_full]
        for replica, record in zip(part.replicas, found, strict=True):
            if isinstance(record, SmartSyncError):
                problems.append(record.in_full)
            elif (actual := record.key.source_chain_id) != source_id:
                problems.append(
                    f"{replica.name} is a replica of a contract on chain {actual}, and the pair's source is chain "
                    f"{source_id}: it belongs to another pair, or the source's chain_id is wrong"
                )
    return problems


async def _queue(
    configuration: Configuration,
    pairs: Sequence[Pair],
    database: Database,
    stack: AsyncExitStack,
    *,
    dry: bool,
    once: bool,
) -> Queue:
    lanes = []
    for pair in pairs:
        parts = len(parts_of(_replicas(configuration, pair)))
        lanes += lanes_of(pair.name, configuration.relayer.jobs, parts, pair.poll_s)
    if dry or once or not database.is_shared:
        # What is done for a trial, or once, is not taken from those who do it for good.
        return Embedded(lanes, once=once)
    try:
        from smartsync.relayer.queueing.shared import shared
    except ModuleNotFoundError as error:
        raise package_missing("sharing the work through PostgreSQL", error) from error
    return await stack.enter_async_context(shared(database, lanes))


def _services(
    configuration: Configuration,
    pairs: Sequence[Pair],
    database: Database,
    queue: Queue,
    metrics: Metrics,
    *,
    dry: bool,
) -> list[Service]:
    store = Store(database)
    tendings = [Tending(pair, database, store, dry, metrics) for pair in pairs]
    return [Service(tending, _replicas(configuration, tending.pair), queue) for tending in tendings]


def _replicas(configuration: Configuration, pair: Pair) -> list[Replica]:
    return [replica for replica in configuration.replicas if replica.pair == pair.name]


async def _tell_the_end(supervisor: Supervisor, stop: asyncio.Event) -> None:
    await stop.wait()
    supervisor.stopping()
    logger.info("ending: nothing new is begun, and what is under way is followed to its end")


async def _sum_up(configuration: Configuration, database: Database) -> None:
    """Tell how many replicas stand how: who looks once may not know how they stood before, and only news is told."""
    kept = {(one.pair, one.address) for one in configuration.replicas}
    states = Counter(one.state for one in await Store(database).statuses() if (one.pair, one.address) in kept)
    logger.info("replicas, by state: %s", ", ".join(f"{number} {state}" for state, number in states.most_common()))


async def _forget(database: Database) -> None:
    """Forget what is old, again and again: a service that runs for years must not fill its disk."""
    while True:
        with suppress(StateUnavailable):
            await forget(database, time.time())
        await asyncio.sleep(_FORGET_EVERY_S)


async def _put_looks(services: Sequence[Service], queue: Queue) -> None:
    """Put all looks into the queue. Each puts in the next one itself; this is for those that got lost."""
    try:
        await queue.defer([look for service in services for look in service.looks])
    except StateUnavailable as error:
        logger.warning("%s", error.in_full)


async def _keep_looking(services: Sequence[Service], queue: Queue, shown: Shown) -> None:
    while True:
        await asyncio.sleep(_LOST_EVERY_S)
        await _put_looks(services, queue)
        if shown.database.is_shared:  # others may have all the work
            shown.metrics.rested()


async def _work(services: Sequence[Service], queue: Queue, shown: Shown, ends: Sequence[asyncio.Event]) -> None:
    """Do what is in the queue until one of these events, or until nothing is left; what is under way is ended first."""
    by_pair = {service.tending.pair.name: service for service in services}

    async def perform(job: Job) -> None:
        with bound_contextvars(**job.fields), shown.metrics.job(job.pair, job.kind):
            await by_pair[job.pair].perform(job)

    await _put_looks(services, queue)
    working = asyncio.create_task(queue.work(perform))
    besides = (
        _keep_looking(services, queue, shown),
        _forget(shown.database),
        watch_balances(shown.configuration, shown.pairs, shown.metrics),
    )
    others = [asyncio.create_task(one) for one in besides]
    waits = [asyncio.create_task(one.wait()) for one in ends]
    try:
        done, _ = await asyncio.wait([working, *others, *waits], return_when=asyncio.FIRST_COMPLETED)
    finally:
        queue.stop()
        await asyncio.gather(working, return_exceptions=True)
        await end(*others, *waits)
    for task in done:
        task.result()  # they end by themselves only by an error that nothing foresaw


async def _reread(
    configuration: Configuration,
    accounts: Mapping[str, LocalAccount],
    environ: Mapping[str, str],
    reread: Callable[[], Configuration],
    metrics: Metrics,
) -> tuple[Configuration, Mapping[str, LocalAccount]]:
    """Return the configuration as it is now, with its accounts; the ones that there are where it cannot be gone by."""
    try:
        new = reread()
        unlocked = unlock(new.keys, environ)
        async with connected(new, unlocked):
            pass  # nothing is asked yet: that a url is none is found here
    except SmartSyncError as error:
        metrics.reread(is_accepted=False)
        logger.error("the configuration stays as it is: %s", error.in_full)
        return configuration, accounts
    metrics.reread(is_accepted=True)
    # A key is in no file of the configuration, so that nothing of that changes with it.
    told = [*changes(configuration, new).words(), *_other_accounts(accounts, unlocked)]
    logger.info("the configuration was read again: %s", "; ".join(told) or "nothing has changed")
    return new, unlocked


def _other_accounts(before: Mapping[str, LocalAccount], after: Mapping[str, LocalAccount]) -> list[str]:
    return [
        f"key {name}: pays by another account, {account.address}"
        for name, account in after.items()
        if name in before and before[name].address != account.address
    ]
