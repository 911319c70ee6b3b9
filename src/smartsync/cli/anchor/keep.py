"""``smartsync anchor keep``."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from smartsync.cli import render
from smartsync.cli.command import command
from smartsync.cli.session import Session
from smartsync.config import parse_block
from smartsync.results import KeptHash
from smartsync.results.telling import hexadecimal

_Block = Annotated[
    str | None,
    typer.Option("--block", metavar="NUMBER", help="Of a blockhash anchor: which block. Default: the newest."),
]


@command("anchor", "keystore", needs=("source_url", "target_url", "anchor"))
def keep(session: Session, block: _Block = None) -> None:
    """Have a blockhash or L1-block anchor write down a hash before the chain forgets it.

    The block can then be proven at any time: smartsync anchor update --block NUMBER.
    """
    number = None if block is None else parse_block(block)
    anchor = session.settings.require("anchor")
    account = session.account()
    result = session.connected(lambda client, _: client.keep_hash(anchor, block=number), account=account)
    session.output.show(result, lambda console: _draw(console, result))


def _draw(console: Console, result: KeptHash) -> None:
    rows = [("block hash", hexadecimal(result.block_hash))]
    render.card(console, f"The hash of source block {result.block_number} is kept", rows)
    render.transactions(console, result.steps)
