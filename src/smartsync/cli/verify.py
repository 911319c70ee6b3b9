"""``smartsync verify``."""

from __future__ import annotations

import typer
from rich.console import Console

from smartsync.cli import render
from smartsync.cli.command import command
from smartsync.cli.options import ReplicaArgument, SlotsOption
from smartsync.cli.session import Session, chosen_slots
from smartsync.config import parse_address
from smartsync.errors import ReplicaError
from smartsync.results import Verification


@command("hub", needs=("source_url", "target_url", "hub"))
def verify(session: Session, replica: ReplicaArgument, slots: SlotsOption = None) -> None:
    """Check by RPC answers alone whether a replica is exact; exit code 6 if it is not.

    Compares code, storage root and recorded block of source and replica, each proven against a block hash, and says
    what differs.
    """
    address = parse_address(replica, "REPLICA")
    chosen = chosen_slots(slots)
    found = session.connected(lambda client, _: client.verify(address, slots=chosen))
    session.output.show(found, lambda console: _draw(console, found))
    if not found.exact:
        raise typer.Exit(ReplicaError.exit_code)


def _draw(console: Console, found: Verification) -> None:
    render.checks(console, found.checks, failed="differs")
    console.print()
    verdict = "is exact" if found.exact else "is NOT exact"
    render.heading(console, f"Replica {found.replica} {verdict} at source block {found.block_number}.")
