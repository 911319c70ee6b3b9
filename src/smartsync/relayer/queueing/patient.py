"""What procrastinate asks of its tables, by one who does not give up where the database is away for a while."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from procrastinate import exceptions, jobs, manager
from procrastinate.connector import BaseConnector
from psycopg.errors import ForeignKeyViolation

from smartsync.relayer.queueing.ending import end

logger = logging.getLogger(__name__)

_AGAIN_S = 1.0


class Patient(manager.JobManager):
    """The tables of the queue, as procrastinate's workers use them.

    A worker of procrastinate's (3.10) ends where it cannot fetch a job, and stops to say that it lives where it could
    not say so once, without a word. Here an answer that does not come is no job; what cannot be written down is left,
    since `Shared` looks regularly for jobs that are said to be at work and are not.

    Parameters
    ----------
    where
        The database's url, for messages.
    """

    def __init__(self, connector: BaseConnector, where: str) -> None:
        super().__init__(connector)
        self.workers: set[int] = set()
        self.is_away = False
        self._where = where

    async def register_worker(self) -> int:
        """Take a number for a worker, which is one of this process's from now on."""
        number = await super().register_worker()
        self.workers.add(number)
        return number

    async def unregister_worker(self, worker_id: int) -> None:
        """Give a worker's number back."""
        self.workers.discard(worker_id)
        try:
            await super().unregister_worker(worker_id)
        except exceptions.ConnectorException as error:
            self._miss(error)

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> jobs.Job | None:
        """Return a job that is to be done; ``None`` also where the database does not say.

        Raises
        ------
        ConnectorException
            The worker is not known any more: it was taken for dead.
        """
        try:
            job = await super().fetch_job(queues, worker_id)
        except exceptions.ConnectorException as error:
            if isinstance(error.__cause__, ForeignKeyViolation):
                raise
            self._miss(error)
            return None
        self._meet()
        return job

    async def update_heartbeat(self, worker_id: int) -> None:
        """Say that a worker lives, where that can be said."""
        try:
            await super().update_heartbeat(worker_id)
        except exceptions.ConnectorException as error:
            self._miss(error)

    async def finish_job_by_id_async(self, job_id: int, status: jobs.Status, delete_job: bool) -> None:
        """Write down that a job was done, where that can be written."""
        try:
            await super().finish_job_by_id_async(job_id, status, delete_job)
        except exceptions.ConnectorException as error:
            self._miss(error)

    async def listen_for_jobs(
        self, *, on_notification: manager.NotificationCallback, queues: Iterable[str] | None = None
    ) -> None:
        """Tell of new jobs at once; meanwhile, where that cannot be had, they are found by asking."""
        while True:
            listening = asyncio.create_task(super().listen_for_jobs(on_notification=on_notification, queues=queues))
            try:
                await asyncio.wait([listening])
            finally:
                await end(listening)
            if isinstance(error := listening.exception(), exceptions.ConnectorException):
                self._miss(error)
            await asyncio.sleep(_AGAIN_S)

    def _miss(self, error: exceptions.ConnectorException) -> None:
        if not self.is_away:
            self.is_away = True
            logger.warning("the queue in %s is not to be had: %s", self._where, cause_of(error))

    def _meet(self) -> None:
        if self.is_away:
            self.is_away = False
            logger.info("the queue in %s is there again", self._where)


def cause_of(error: Exception) -> str:
    """Return what the database's library says, in a line. It tells no password."""
    lines = str(error.__cause__ or error).strip().splitlines()
    return lines[0] if lines else type(error.__cause__ or error).__name__
