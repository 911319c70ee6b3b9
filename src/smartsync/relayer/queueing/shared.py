"""A queue in PostgreSQL, of procrastinate: any number of workers on any number of machines take its jobs."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from procrastinate import App, JobContext, PsycopgConnector, exceptions, jobs
from procrastinate.manager import JobManager
from procrastinate.worker import Worker

from smartsync.relayer.queueing.ending import end
from smartsync.relayer.queueing.job import Count, Job, Perform
from smartsync.relayer.queueing.lane import Lane
from smartsync.relayer.queueing.patient import Patient, cause_of
from smartsync.relayer.state.database import Database
from smartsync.relayer.state.errors import StateUnavailable

logger = logging.getLogger(__name__)

LEASE_S = 20.0
"""Seconds after which a worker that does not say so is taken not to live: its jobs go to others."""

_BEATS = 4
"""How often within that time each says that it lives, and looks for jobs of those that do not."""

_FETCH_S = 1.0
"""Seconds between two looks for jobs that nobody told of: those whose lock has come free, or whose time has come."""

_FORGET_S = 600.0
_HASTEN_EVERY_S = 30.0

_TASK = "job"

_COUNTS = """
SELECT args->>'pair' AS pair, status = 'doing' AS at_work, coalesce(scheduled_at > now(), false) AS later,
       count(*) AS number
  FROM procrastinate_jobs WHERE status IN ('todo', 'doing') GROUP BY 1, 2, 3
"""
_THERE = """
SELECT queueing_lock FROM procrastinate_jobs WHERE status = 'todo' AND queueing_lock = ANY(%(names)s)
 UNION
SELECT queueing_lock FROM procrastinate_jobs WHERE status = 'doing' AND queueing_lock = ANY(%(names)s)
"""
_HASTEN = """
UPDATE procrastinate_jobs SET scheduled_at = now()
 WHERE status = 'todo' AND queue_name = %(lane)s AND scheduled_at > now() + make_interval(secs => %(latest_s)s)
"""
_DUE = datetime(1970, 1, 1, tzinfo=UTC)


class Shared:
    """Jobs in PostgreSQL.

    A job that a worker has taken is its own while it lives; where it dies, the job is another's after ``lease_s``,
    a beat and a look at most. Nothing hangs on that: who was only slow finds in the journal that he was overtaken.

    Parameters
    ----------
    app
        Procrastinate's, open.
    lanes
        What this process works at.
    """

    def __init__(
        self, database: Database, app: App, tables: Patient, lanes: Sequence[Lane], lease_s: float = LEASE_S
    ) -> None:
        self._database, self._app, self._tables = database, app, tables
        self._lanes, self._lease_s = lanes, lease_s
        self._stopped = asyncio.Event()
        self._perform: Perform | None = None
        self._workers: dict[str, Worker] = {}
        self._at_work: set[int] = set()
        self._unaccounted: set[int] = set()
        self._clock: tuple[float, float] | None = None
        self._hastened = time.monotonic()
        app.task(name=_TASK, pass_context=True)(self._run)

    async def defer(self, jobs: Sequence[Job]) -> Sequence[Job]:
        """See `Queue`."""
        with _told(self._database):
            there = await self._there([job.name for job in jobs])
            new = list({job.name: job for job in jobs if job.name not in there}.values())
            if not new:
                return []
            try:
                await self._tables.batch_defer_jobs_async([_row(job) for job in new])
            except exceptions.AlreadyEnqueued:  # by somebody else, since then
                return [job for job in new if await self._defer_one(_row(job))]
            return new

    async def again(self, job: Job, in_s: float) -> None:
        """See `Queue`."""
        with _told(self._database):
            await self._defer_one(_row(job, await self._in(in_s)))

    async def _defer_one(self, row: jobs.Job) -> bool:
        try:
            await self._tables.defer_job_async(row)
        except exceptions.AlreadyEnqueued:
            return False
        return True

    async def work(self, perform: Perform) -> None:
        """See `Queue`."""
        self._perform = perform
        lanes = [asyncio.create_task(self._work_at(lane)) for lane in self._lanes]
        others = [asyncio.create_task(self._rescue()), asyncio.create_task(self._live())]
        try:
            await self._stopped.wait()
        finally:
            self._stopped.set()
            for worker in self._workers.values():
                worker.stop()  # type: ignore[no-untyped-call]  # procrastinate says no types there
            await asyncio.gather(*lanes, return_exceptions=True)
            await end(*others)

    def stop(self) -> None:
        """See `Queue`."""
        self._stopped.set()

    async def counts(self) -> Mapping[str, Count]:
        """See `Queue`."""
        with _told(self._database):
            rows = await self._tables.connector.execute_query_all_async(_COUNTS)
        found: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
        for row in rows:
            found[row["pair"]][2 if row["at_work"] else 1 if row["later"] else 0] += row["number"]
        return {pair: Count(*numbers) for pair, numbers in found.items()}

    # --- doing ---

    async def _work_at(self, lane: Lane) -> None:
        """Do the jobs of a lane until stopped: then those that are under way are ended."""
        while not self._stopped.is_set():
            worker = self._workers[lane.name] = Worker(
                self._app,
                queues=[lane.name],
                name=lane.name,
                concurrency=lane.at_once,
                delete_jobs="always",
                install_signal_handlers=False,
                listen_notify=lane.every_s is None,
                fetch_job_polling_interval=min(_FETCH_S, max((lane.every_s or _FETCH_S) / 4, 0.05)),
                abort_job_polling_interval=3_600.0,
                update_heartbeat_interval=3_600.0,  # `_live` does
                stalled_worker_timeout=_FORGET_S,
            )
            try:
                await worker.run()  # type: ignore[no-untyped-call]  # as above
            except exceptions.ConnectorException as error:
                logger.warning("the worker for %s begins anew: %s", lane.name, cause_of(error))
            except Exception:  # of a library: a lane at which nobody works would be told by nothing
                logger.exception("the worker for %s begins anew", lane.name)
            with suppress(TimeoutError):
                async with asyncio.timeout(_FETCH_S):
                    await self._stopped.wait()

    async def _live(self) -> None:
        """Say that the workers live, also when they take nothing more: procrastinate's do not while they end."""
        while True:
            await asyncio.sleep(self._lease_s / _BEATS)
            try:
                for number in list(self._tables.workers):
                    await self._tables.update_heartbeat(number)
            except Exception:  # of a library: who is taken for dead has his work done by others, again and again
                logger.exception("it cannot be said that this worker lives; it is tried again")

    async def _run(self, context: JobContext, /, **arguments: Any) -> None:
        number = context.job.id or 0
        self._at_work.add(number)
        try:
            if self._perform is not None:
                await self._perform(Job(**arguments))
        except Exception:  # a job of another version of this program, too
            logger.exception("%s: unforeseen", context.job.queueing_lock)
        finally:
            self._at_work.discard(number)

    # --- what was left behind ---

    async def _rescue(self) -> None:
        """Have done what those have left who died; what this process is said to do and does not, too."""
        # Where the database was away, or this process, nobody could say that he lives: they are given the time.
        await asyncio.sleep(2 * self._lease_s / _BEATS)
        while True:
            try:
                if await self._lost() or await self._unaccounted_for():
                    async with self._database.locked("the queue's rescue"):
                        # Looked up again: another worker may have been here meanwhile.
                        for job in [*await self._lost(), *await self._unaccounted_for()]:
                            await self._free(job)
                await self._hasten()
                await asyncio.sleep(self._lease_s / _BEATS)
            except (exceptions.ConnectorException, StateUnavailable) as error:
                logger.debug("jobs left behind are not to be had: %s", error)
                await asyncio.sleep(2 * self._lease_s / _BEATS)
            except Exception:  # as above
                logger.exception("jobs left behind are not to be had; it is tried again")
                await asyncio.sleep(2 * self._lease_s / _BEATS)

    async def _lost(self) -> list[jobs.Job]:
        return list(await self._tables.get_stalled_jobs(seconds_since_heartbeat=self._lease_s))

    async def _unaccounted_for(self) -> list[jobs.Job]:
        """Return jobs that workers of this process have taken, without having heard of it, or have done long ago.

        An answer that got lost as the database went away is one of either. Between taking a job and doing it is a
        moment, so it has to be found so twice.
        """
        before, self._unaccounted = self._unaccounted, set()
        found = []
        for number in list(self._tables.workers):
            for job in await self._tables.list_jobs_async(status="doing", worker_id=number):
                if job.id is not None and job.id not in self._at_work:
                    self._unaccounted.add(job.id)
                    if job.id in before:
                        found.append(job)
        return found

    async def _free(self, job: jobs.Job) -> None:
        number = job.id or 0
        try:
            await self._tables.retry_job_by_id_async(number, retry_at=_DUE)
        except exceptions.UniqueViolation:  # the same waits already
            await JobManager.finish_job_by_id_async(self._tables, number, jobs.Status.FAILED, delete_job=True)
        self._unaccounted.discard(number)
        logger.warning("%s: whoever had this job is gone; it is done by the next one", job.queueing_lock)

    async def _hasten(self) -> None:
        """Have done now what is for a time that nobody can have meant: the database's clock was set back."""
        if time.monotonic() - self._hastened < _HASTEN_EVERY_S:
            return
        self._hastened = time.monotonic()
        self._clock = None  # it is read anew
        for lane in self._lanes:
            await self._tables.connector.execute_query_async(_HASTEN, lane=lane.name, latest_s=lane.latest_s)

    # --- the tables ---

    async def _there(self, names: Sequence[str]) -> set[str]:
        """Return which of these jobs wait, or are at work."""
        if not names:
            return set()
        rows = await self._tables.connector.execute_query_all_async(_THERE, names=list(names))
        return {row["queueing_lock"] for row in rows}

    async def _in(self, seconds: float) -> datetime:
        """Return a time on the database's clock, which all workers share and this machine's need not agree with."""
        if self._clock is None:
            row = await self._tables.connector.execute_query_one_async(
                "SELECT extract(epoch FROM clock_timestamp())::float8 AS now_s"
            )
            self._clock = row["now_s"], time.monotonic()
        now_s, read = self._clock
        return datetime.fromtimestamp(now_s, UTC) + timedelta(seconds=time.monotonic() - read + seconds)


@asynccontextmanager
async def shared(database: Database, lanes: Sequence[Lane], lease_s: float = LEASE_S) -> AsyncIterator[Shared]:
    """Open the queue in a database, with its tables.

    Raises
    ------
    StateUnavailable
        The database does not answer.
    """
    url = database.engine.url
    _, arguments = database.engine.dialect.create_connect_args(url)
    arguments.pop("context", None)
    # What is told of connections that are lost is told by `Patient`, once.
    for name, level in (("psycopg.pool", logging.ERROR), ("procrastinate", logging.WARNING)):
        logging.getLogger(name).setLevel(level)
    connector = PsycopgConnector(
        kwargs={**arguments, "connect_timeout": 10},
        min_size=1,
        max_size=10,
        timeout=10.0,
        # Its pauses between attempts get longer and longer: a database that is back is not to be waited for.
        reconnect_timeout=2.0,
        configure=_plan_for_queues,
    )
    app, tables = App(connector=connector), Patient(connector, database.shown)
    app.job_manager = tables
    try:
        with _told(database):
            await connector.open_async()
            await _make_tables(database, app)
        yield Shared(database, app, tables, lanes, lease_s)
    finally:
        with suppress(exceptions.ConnectorException):
            await connector.close_async()


async def _make_tables(database: Database, app: App) -> None:
    async with database.locked("the queue's tables"):
        if not await app.check_connection_async():
            await app.schema_manager.apply_schema_async()
        # Whether another job has its lock is asked of every candidate; procrastinate's own index begins with the id.
        await app.connector.execute_query_async(
            "CREATE INDEX IF NOT EXISTS smartsync_jobs_lock ON procrastinate_jobs (lock)"
        )


async def _plan_for_queues(connection: psycopg.AsyncConnection) -> None:
    """Have the next job found by the index that is in its order, and not by sorting all that wait.

    A table that is empty now and full then has no statistics to plan by: 3,000 jobs that waited were sorted for each
    that was fetched, 3 a second instead of 185.
    """
    for way in ("sort", "seqscan", "bitmapscan"):
        await connection.execute(f"SET enable_{way} = off")
    await connection.commit()


def _row(job: Job, at: datetime | None = None) -> jobs.Job:
    return jobs.Job(
        queue=job.lane,
        priority=job.priority,
        lock=job.lock,
        queueing_lock=job.name,
        task_name=_TASK,
        task_kwargs={"kind": job.kind, "pair": job.pair, "subject": job.subject, "tries": job.tries},
        scheduled_at=at,
    )


@contextmanager
def _told(database: Database) -> Iterator[None]:
    """Tell of a database that does not answer as the rest of the state does."""
    try:
        yield
    except (exceptions.ConnectorException, psycopg.Error) as error:
        raise StateUnavailable(database.shown, cause_of(error)) from error
