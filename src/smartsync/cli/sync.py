"""``smartsync sync``."""

from __future__ import annotations

from rich.console import Console

from smartsync.cli import render
from smartsync.cli.command import command
from smartsync.cli.options import (
    BlockOption,
    ContractOption,
    KeysOption,
    LayoutOption,
    ReplicaArgument,
    SlotsOption,
)
from smartsync.cli.session import Session, chosen_hints, chosen_slots
from smartsync.config import parse_address, parse_block
from smartsync.results import SyncResult
from smartsync.results.telling import counted, hexadecimal


@command("hub", "keystore", needs=("source_url", "target_url", "hub"))
def sync(
    session: Session,
    replica: ReplicaArgument,
    block: BlockOption = None,
    slots: SlotsOption = None,
    layout: LayoutOption = None,
    contract: ContractOption = None,
    keys: KeysOption = None,
) -> None:
    """Bring a replica to a source block that its anchor accepts.

    Nothing is sent where it stands there already. Where the source is a proxy, what it delegates to at that block is
    supplied first.
    """
    address = parse_address(replica, "REPLICA")
    number = None if block is None else parse_block(block)
    chosen, hints = chosen_slots(slots), chosen_hints(layout, contract, keys, slots)
    result = session.connected(
        lambda client, on_progress: client.sync(
            address, block=number, slots=chosen, hints=hints, on_progress=on_progress
        ),
        account=session.account(),
    )
    session.output.show(result, lambda console: draw_sync(console, result))


def draw_sync(console: Console, result: SyncResult) -> None:
    """Write what a sync did."""
    _draw(console, result)
    if result.unreadable:
        render.warning(console, f"Warning: the replica refuses to be read: {result.unreadable}.")


def _draw(console: Console, result: SyncResult) -> None:
    if not result.steps:
        render.heading(console, f"Replica {result.replica} stands at source block {result.to_block} already.")
        if result.source_head is not None:
            further = f"The source is at block {result.source_head}, of which the anchor accepts none that is newer"
            render.warning(console, f"{further}: {result.hint}.")
        return
    render.card(
        console,
        f"Replica {result.replica}",
        [
            ("from block", result.from_block),
            ("to block", result.to_block),
            ("block hash", hexadecimal(result.block_hash)),
            ("slots changed", counted(result.changes)),
            *([("implementation", result.implementation)] if result.implementation else []),
        ],
    )
    render.transactions(console, result.steps)
