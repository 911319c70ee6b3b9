"""``smartsync guard``."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console

from smartsync.cli import render
from smartsync.cli.command import command
from smartsync.cli.options import ReplicaArgument
from smartsync.cli.session import Session
from smartsync.config import parse_address
from smartsync.results import Guard


class _Level(StrEnum):
    safe = "safe"
    final = "final"


_MaxAge = Annotated[
    int, typer.Option("--max-age", metavar="SECONDS", min=1, help="How old the mirrored source block may be.")
]
_MinLevel = Annotated[_Level, typer.Option("--level", help="How firmly the anchor has to stand behind it, at least.")]


@command("hub", "keystore", needs=("source_url", "target_url", "hub"))
def guard(session: Session, replica: ReplicaArgument, max_age: _MaxAge, level: _MinLevel = _Level.final) -> None:
    """Deploy a guard: it answers as the replica does, while that is fresh, and else reverts with the reason.

    For contracts that cannot be changed: give them the guard's address in place of the replica's. The policy is fixed
    for good, and nobody owns it.
    """
    address = parse_address(replica, "REPLICA")
    result = session.connected(
        lambda client, _: client.guard(address, max_age_s=max_age, level=level.value), account=session.account()
    )
    session.output.show(result, lambda console: _draw(console, result))


def _draw(console: Console, result: Guard) -> None:
    render.card(
        console,
        f"Guard {result.guard}",
        [("replica", result.replica), ("at most", f"{result.max_age_s} s old"), ("at least", result.level)],
    )
    render.transactions(console, result.steps)
