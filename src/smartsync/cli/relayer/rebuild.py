"""``smartsync relayer rebuild``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from smartsync.cli import render
from smartsync.cli.command import command
from smartsync.cli.relayer.given import ConfigurationFile, relayers_libraries
from smartsync.cli.session import Session
from smartsync.errors import ReplicaError
from smartsync.relayer.configuration import DEFAULT_FILE, Configuration, read_configuration

if TYPE_CHECKING:
    from smartsync.relayer.rebuilding import Rebuilt

_Check = Annotated[
    bool,
    typer.Option("--check", help="Write nothing; name what differs from the chains, exit code 6 if anything does."),
]
_Days = Annotated[int, typer.Option("--days", metavar="DAYS", min=1, max=3_650, help="How far back to read.")]
_SHOWN = 20


@command(configured=False)
def rebuild(
    session: Session, config: ConfigurationFile = DEFAULT_FILE, check: _Check = False, days: _Days = 90
) -> None:
    """Make the relayer's database anew out of the chains, where it was lost.

    Reads each replica's record, the events of hub and anchors, and what waits in the pool of the target's node, and
    writes what the database lacks: how the replicas stand, their syncs and what these cost, transactions that are not
    final yet. What is there already stays. Nothing is sent. It tells what cannot be known from the chains.
    """
    configuration = read_configuration(session.environ, config)
    with relayers_libraries():
        found, never = asyncio.run(_rebuilt(configuration, session.environ, time.time() - days * 86_400.0, check=check))
    document = {"written": not check, "pairs": found, "never_known": never}
    session.output.show(document, lambda console: _draw(console, found, never, check=check))
    if check and any(one.differences for one in found):
        raise typer.Exit(ReplicaError.exit_code)


async def _rebuilt(
    configuration: Configuration, environ: Mapping[str, str], since_s: float, *, check: bool
) -> tuple[Sequence[Rebuilt], str]:
    from smartsync.relayer.accounts import unlock
    from smartsync.relayer.pairs import connected, require_chain
    from smartsync.relayer.rebuilding import NEVER_KNOWN, rebuild
    from smartsync.relayer.state.database import opened

    accounts = unlock(configuration.keys, environ)
    async with opened(configuration.relayer.state.url) as database, connected(configuration, accounts) as pairs:
        found = []
        for pair in pairs:
            await require_chain(pair.target, pair.target_chain_id)
            kept = [one for one in configuration.replicas if one.pair == pair.name]
            found.append(await rebuild(pair, kept, database, since_s, check=check))
        return found, NEVER_KNOWN


def _draw(console: Console, found: Sequence[Rebuilt], never: str, *, check: bool) -> None:
    for one in found:
        rows = [
            ("replicas", one.replicas),
            ("syncs", one.syncs),
            ("blocks accepted", one.accepted),
            ("transactions", one.transactions),
            ("waiting", one.waiting),
            ("differed" if check else "written", len(one.differences)),
        ]
        render.card(console, f"Pair {one.pair}, by the chains", rows)
        if one.differences and not check:
            console.print("  what the database lacked, and has now:")
        for text in one.differences[:_SHOWN]:
            console.print(f"  {text}", soft_wrap=True)
        if len(one.differences) > _SHOWN:
            console.print(f"  and {len(one.differences) - _SHOWN} more (--json tells all)")
        for text in one.unknown:
            render.warning(console, text)
    render.note(console, never)
