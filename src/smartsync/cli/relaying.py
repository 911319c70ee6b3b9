"""What ``smartsync run`` runs: with the libraries of the extra ``relayer``, which nothing else needs."""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path

from smartsync import __version__
from smartsync.cli.logged import LogFormat
from smartsync.cli.session import Session
from smartsync.cli.structured import logged
from smartsync.dashboard.dashboard import shown_by_http
from smartsync.dashboard.figures import counted
from smartsync.errors import SmartSyncError
from smartsync.relayer import running
from smartsync.relayer.configuration import Configuration, read_configuration
from smartsync.relayer.metrics import Metrics
from smartsync.relayer.secrets import Secrets

logger = logging.getLogger(__name__)


def check(session: Session, configuration: Configuration) -> list[str]:
    """Return what is wrong with a configuration that its file alone does not show."""
    return asyncio.run(running.check(configuration, session.environ))


def relay(session: Session, file: Path, form: LogFormat, *, dry: bool, once: bool) -> None:
    """Keep the replicas of a configuration file until a signal ends it.

    Raises
    ------
    SmartSyncError
        What ends it before. Where the log is JSON it is its last line, too.
    """
    secrets, metrics = Secrets(), Metrics(__version__)

    def read() -> Configuration:
        found = read_configuration(session.environ, file)
        secrets.learn(found, session.environ)
        return found

    configuration = read()
    work = running.run(configuration, session.environ, read, dry=dry, once=once, metrics=metrics, show=shown_by_http)
    with logged(sys.stderr, form, secrets.hidden, metrics.logged):
        logger.info("keeping %s; SIGTERM or Ctrl-C ends it", counted(len(configuration.replicas), "replica"))
        try:
            asyncio.run(work)
        except SmartSyncError as error:
            if form is LogFormat.JSON:
                logger.critical("it ends: %s", error.in_full)
            raise
        logger.info("ended")
