"""``smartsync demo``."""

from __future__ import annotations

import asyncio

import typer
from rich.console import Console

from smartsync.cli.command import command
from smartsync.cli.session import Session
from smartsync.demo import run

_WIDTH_IN_A_PIPE = 110


@command(configured=False)
def demo(session: Session) -> None:
    """Show all of it on two chains that are started here: fork, change, sync, read, and an attack that is refused.

    Needs this project's repository, where make setup has installed the nodes. No configuration, no keys.
    """
    as_json = session.output.as_json
    console = Console(stderr=as_json, highlight=False)
    if not console.is_terminal:
        console.width = _WIDTH_IN_A_PIPE
    code = asyncio.run(run(console, as_json=as_json))
    if code:
        raise typer.Exit(code)
