"""``smartsync diff``."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from smartsync.cli import render
from smartsync.cli.command import command
from smartsync.cli.options import ContractOption, KeysOption, LayoutOption, ReplicaArgument, SlotsOption
from smartsync.cli.session import Session, chosen_hints, chosen_slots
from smartsync.config import parse_address, parse_block
from smartsync.results.telling import counted
from smartsync.sync import SyncPlan

_Block = Annotated[
    str | None,
    typer.Option(
        "--block",
        metavar="NUMBER",
        help="Any source block, accepted or not. Default: the newest that the anchor accepts.",
    ),
]


@command("hub", needs=("source_url", "target_url", "hub"))
def diff(
    session: Session,
    replica: ReplicaArgument,
    block: _Block = None,
    slots: SlotsOption = None,
    layout: LayoutOption = None,
    contract: ContractOption = None,
    keys: KeysOption = None,
) -> None:
    """Show what a sync would write, slot by slot. Sends nothing."""
    address = parse_address(replica, "REPLICA")
    number = None if block is None else parse_block(block)
    chosen, hints = chosen_slots(slots), chosen_hints(layout, contract, keys, slots)
    plan = session.connected(
        lambda client, on_progress: client.diff(
            address, block=number, slots=chosen, hints=hints, on_progress=on_progress
        )
    )
    session.output.show(plan, lambda console: _draw(console, plan))


def _draw(console: Console, plan: SyncPlan) -> None:
    render.card(
        console,
        f"Replica {plan.replica}",
        [
            ("from block", plan.from_block),
            ("to block", plan.to_block),
            ("slots to change", counted(plan.changes)),
            ("found by", plan.strategy),
            ("witness bytes", plan.witness_bytes),
        ],
    )
    render.changes(console, plan.changes)
