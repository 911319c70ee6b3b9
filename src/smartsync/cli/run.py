"""``smartsync run``."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Annotated

import typer

from smartsync.cli.command import command
from smartsync.cli.logged import LogFormat
from smartsync.cli.session import Session
from smartsync.dashboard.figures import counted
from smartsync.errors import ConfigError
from smartsync.relayer.configuration import DEFAULT_FILE, read_configuration
from smartsync.relayer.missing import package_missing

_Configuration = Annotated[
    Path,
    typer.Option("--config", metavar="FILE", help="The relayer's configuration.", envvar="SMARTSYNC_RELAYER_CONFIG"),
]
_Check = Annotated[
    bool,
    typer.Option(
        "--check", help="Check configuration, keys, nodes and replicas, and end; exit code 2 where one is wrong."
    ),
]
_Once = Annotated[bool, typer.Option("--once", help="Look once at every replica, do what is due, and end.")]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Tell what would be done, and send nothing.")]
_LogFormat = Annotated[
    LogFormat,
    typer.Option(
        "--log-format",
        help="How the log is written, to stderr: lines for people, or JSON, one document a line.",
        envvar="SMARTSYNC_LOG_FORMAT",
    ),
]


@command(configured=False)
def run(
    session: Session,
    config: _Configuration = DEFAULT_FILE,
    check: _Check = False,
    once: _Once = False,
    dry_run: _DryRun = False,
    log_format: _LogFormat = LogFormat.TEXT,
) -> None:
    """Keep many replicas in sync, unattended, as a configuration file says.

    SIGTERM and Ctrl-C end it: nothing new is begun, and what is under way is followed to its end. SIGHUP has it read
    the configuration again. It remembers in a database what it has signed, so that whoever is started next goes on, and
    pays for nothing twice. Where the configuration says (127.0.0.1:8600), it serves metrics and its health.
    """
    configuration = read_configuration(session.environ, config)
    relaying = _relaying()
    if check:
        problems = relaying.check(session, configuration)
        if problems:
            raise ConfigError("\n".join(problems), hint="correct it, or start the node; then check again")
        many = counted(len(configuration.replicas), "replica")
        pairs = counted(len(configuration.pairs), "pair")
        told = f"{many} of {pairs}: all nodes answer, and the hubs have all replicas"
        session.output.show({"problems": []}, lambda console: console.print(told))
        return
    form = LogFormat.JSON if session.output.as_json else log_format
    relaying.relay(session, config, form, dry=dry_run, once=once)


def _relaying() -> ModuleType:
    """Return what runs a relayer: with the libraries of an extra, which nothing else needs."""
    try:
        from smartsync.cli import relaying
    except ModuleNotFoundError as error:
        raise package_missing("the relayer", error) from error
    return relaying
