"""``smartsync fork``."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from smartsync.cli import render
from smartsync.cli.command import command
from smartsync.cli.options import BlockOption, ContractOption, KeysOption, LayoutOption, SlotsOption
from smartsync.cli.session import Session, chosen_hints, chosen_slots
from smartsync.config import parse_address, parse_block
from smartsync.results import ForkResult
from smartsync.results.telling import hexadecimal

_Source = Annotated[str, typer.Argument(metavar="SOURCE", help="Address of the contract, on the source chain.")]


@command("hub", "anchor", "keystore", needs=("source_url", "target_url", "hub", "anchor"))
def fork(
    session: Session,
    source: _Source,
    block: BlockOption = None,
    slots: SlotsOption = None,
    layout: LayoutOption = None,
    contract: ContractOption = None,
    keys: KeysOption = None,
) -> None:
    """Create a replica of a contract, or carry on with one that was interrupted.

    The replica is filled in as many transactions as it takes, and answers once its root is proven. What has landed is
    read from the chain: after an interruption the same command carries on from there.

    The replica of a proxy delegates to a proven copy of its implementation, which is supplied as well; a beacon gets a
    replica of its own.
    """
    address = parse_address(source, "SOURCE")
    number = None if block is None else parse_block(block)
    chosen, hints = chosen_slots(slots), chosen_hints(layout, contract, keys, slots)
    anchor = session.settings.require("anchor")
    result = session.connected(
        lambda client, on_progress: client.fork(
            address, anchor=anchor, block=number, slots=chosen, hints=hints, on_progress=on_progress
        ),
        account=session.account(),
    )
    session.output.show(result, lambda console: _draw(console, result))


def _draw(console: Console, result: ForkResult) -> None:
    render.card(
        console,
        f"Replica {result.replica}",
        [
            ("of", result.source),
            ("block", result.block_number),
            ("block hash", hexadecimal(result.block_hash)),
            ("slots", "active already, nothing was done" if result.slots is None else result.slots),
            *([("implementation", result.implementation)] if result.implementation else []),
        ],
    )
    render.transactions(console, result.steps)
