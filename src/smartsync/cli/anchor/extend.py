"""``smartsync anchor extend``."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from smartsync.cli import render
from smartsync.cli.command import command
from smartsync.cli.session import Session
from smartsync.config import parse_block
from smartsync.results import AnchorExtension
from smartsync.results.telling import hexadecimal

_DownTo = Annotated[
    str, typer.Option("--down-to", metavar="NUMBER", help="The oldest source block wanted.", show_default=False)
]


@command("anchor", "keystore", needs=("source_url", "target_url", "anchor"))
def extend(session: Session, down_to: _DownTo) -> None:
    """Have the ancestors of an accepted block accepted, down to a number.

    It costs some 90,000 gas for each block in between. After an interruption the same command goes on where it was.
    """
    number = parse_block(down_to, "the option --down-to")
    anchor = session.settings.require("anchor")
    account = session.account()
    result = session.connected(
        lambda client, on_progress: client.extend_ancestors(anchor, number, on_progress=on_progress), account=account
    )
    session.output.show(result, lambda console: _draw(console, result))


def _draw(console: Console, result: AnchorExtension) -> None:
    render.card(
        console,
        f"Source blocks down to {result.block_number} are accepted" + ("" if result.steps else " already"),
        [("block hash", hexadecimal(result.block_hash))],
    )
    render.transactions(console, result.steps)
