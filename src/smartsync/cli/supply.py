"""``smartsync supply``."""

from __future__ import annotations

from rich.console import Console

from smartsync.cli import render
from smartsync.cli.command import command
from smartsync.cli.options import ReplicaArgument
from smartsync.cli.session import Session
from smartsync.config import parse_address
from smartsync.results import Supplied


@command("hub", "keystore", needs=("source_url", "target_url", "hub"))
def supply(session: Session, replica: ReplicaArgument) -> None:
    """Supply what a proxy's replica delegates to: a proven copy of its implementation.

    Anybody can; after an upgrade of the source the replica refuses to be read until somebody has. fork, sync and watch
    do it by themselves. Nothing is sent where all is there.
    """
    address = parse_address(replica, "REPLICA")
    result = session.connected(
        lambda client, on_progress: client.supply(address, on_progress=on_progress), account=session.account()
    )
    session.output.show(result, lambda console: _draw(console, result))


def _draw(console: Console, result: Supplied) -> None:
    render.card(
        console,
        f"Replica {result.replica}" + ("" if result.steps else ": all is there already"),
        [("proxy", result.kind), ("implementation", result.implementation), ("copied to", result.copy)],
    )
    render.transactions(console, result.steps)
