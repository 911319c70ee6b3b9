"""``smartsync run``."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Annotated

import typer

from smartsync.cli.command import command
from smartsync.cli.logged import logged
from smartsync.cli.output import timed
from smartsync.cli.session import Session
from smartsync.errors import ConfigError
from smartsync.relayer.configuration import DEFAULT_FILE, read_configuration

_Configuration = Annotated[
    Path,
    typer.Option("--config", metavar="FILE", help="The relayer's configuration.", envvar="SMARTSYNC_RELAYER_CONFIG"),
]
_Check = Annotated[
    bool, typer.Option("--check", help="Check configuration, keys and nodes, and end; exit code 2 where one is wrong.")
]
_Once = Annotated[bool, typer.Option("--once", help="Look once at every replica, do what is due, and end.")]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Tell what would be done, and send nothing.")]


@command(configured=False)
def run(
    session: Session,
    config: _Configuration = DEFAULT_FILE,
    check: _Check = False,
    once: _Once = False,
    dry_run: _DryRun = False,
) -> None:
    """Keep many replicas in sync, unattended, as a configuration file says.

    SIGTERM and Ctrl-C end it: nothing new is begun, and what is under way is followed to its end. SIGHUP has it read
    the configuration again. It remembers in a database what it has signed, so that whoever is started next goes on, and
    pays for nothing twice.
    """
    configuration = read_configuration(session.environ, config)
    running = _running()
    if check:
        problems = asyncio.run(running.check(configuration, session.environ))
        if problems:
            raise ConfigError("\n".join(problems), hint="correct it, or start the node; then check again")
        told = f"{len(configuration.replicas)} replicas of {len(configuration.pairs)} pairs: all nodes answer"
        session.output.show({"problems": []}, lambda console: console.print(told))
        return
    work = running.run(
        configuration,
        session.environ,
        partial(read_configuration, session.environ, config),
        dry=dry_run,
        once=once,
    )
    session.output.note(timed(f"keeping {len(configuration.replicas)} replicas; SIGTERM or Ctrl-C ends it"))
    with logged(session.output, logging.INFO):
        asyncio.run(work)


def _running() -> ModuleType:
    """Return what runs a relayer: with the database's libraries, which nothing else needs."""
    try:
        from smartsync.relayer import running
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"the relayer needs the package {error.name}", hint="pip install 'smartsync[relayer,postgresql]'"
        ) from error
    return running
