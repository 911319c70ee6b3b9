"""``smartsync halt``."""

from __future__ import annotations

from rich.console import Console

from smartsync.cli import render
from smartsync.cli.command import command
from smartsync.cli.options import BlockOption, ReplicaArgument
from smartsync.cli.session import Session
from smartsync.config import parse_address, parse_block
from smartsync.results import SyncResult
from smartsync.results.telling import hexadecimal


@command("hub", "keystore", needs=("source_url", "target_url", "hub"))
def halt(session: Session, replica: ReplicaArgument, block: BlockOption = None) -> None:
    """Record on chain that the source was destroyed or has other code.

    The replica keeps its last state and its readers are told. It can still be synced to blocks from before the end,
    which stays recorded; and to later ones, should the source come back with the same code.
    """
    address = parse_address(replica, "REPLICA")
    number = None if block is None else parse_block(block)
    result = session.connected(lambda client, _: client.halt(address, block=number), account=session.account())
    session.output.show(result, lambda console: _draw(console, result))


def _draw(console: Console, result: SyncResult) -> None:
    render.card(
        console,
        f"Replica {result.replica}: the end of its source is recorded",
        [("at source block", result.to_block), ("block hash", hexadecimal(result.block_hash))],
    )
    render.transactions(console, result.steps)
