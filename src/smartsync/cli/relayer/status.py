"""``smartsync relayer status``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from decimal import ROUND_CEILING
from typing import TYPE_CHECKING

from rich.console import Console

from smartsync.amounts import duration, ether
from smartsync.cli import render
from smartsync.cli.command import command
from smartsync.cli.relayer.given import ConfigurationFile, relayers_libraries
from smartsync.cli.session import Session
from smartsync.document import to_json
from smartsync.relayer.configuration import DEFAULT_FILE, Configuration, read_configuration
from smartsync.relayer.seen import DAY_S
from smartsync.relayer.states import FINE

if TYPE_CHECKING:
    from smartsync.relayer.state.costs import Cost
    from smartsync.relayer.state.store import Status

_NAMED = 10


@command(configured=False)
def status(session: Session, config: ConfigurationFile = DEFAULT_FILE) -> None:
    """Show how the replicas of a relayer stand, by what it has written down; no node is asked."""
    configuration = read_configuration(session.environ, config)
    with relayers_libraries():
        found = asyncio.run(_read(configuration))
    rows = [_document(one, cost) for one, cost in found]
    session.output.show({"replicas": rows}, lambda console: _draw(console, rows))
    looked = {(one.pair, one.address) for one, _ in found}
    if missing := [one.name for one in configuration.replicas if (one.pair, one.address) not in looked]:
        more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
        session.output.note(
            f"not looked at yet: {', '.join(missing[:_NAMED])}{more}; start smartsync run with this configuration, or "
            "have the one that runs read it again (SIGHUP)"
        )


async def _read(configuration: Configuration) -> list[tuple[Status, Cost | None]]:
    """Return how the replicas of the configuration stand, each with what was paid for it in a day, if anything."""
    from smartsync.relayer.pairs import subject
    from smartsync.relayer.state.costs import Costs
    from smartsync.relayer.state.database import visited
    from smartsync.relayer.state.store import Store

    async with visited(configuration.relayer.state.url) as database:
        kept = {(one.pair, one.address) for one in configuration.replicas}
        statuses = await Store(database).statuses()
        costs = await Costs(database).by_subject(time.time() - DAY_S)
        return [
            (one, costs.get(subject(one.address, _chain_id(configuration, one.pair))))
            for one in statuses
            if (one.pair, one.address) in kept
        ]


def _chain_id(configuration: Configuration, pair: str) -> int:
    return configuration.chains[configuration.pairs[pair].target].chain_id


def _document(status: Status, cost: Cost | None) -> dict[str, object]:
    told = to_json(status)
    gas, wei = (0, 0) if cost is None else (cost.gas_used, cost.cost_wei)
    return {**(told if isinstance(told, dict) else {}), "gas_24h": gas, "cost_24h_wei": wei}


def _draw(console: Console, rows: Sequence[dict[str, object]]) -> None:
    render.heading(console, f"{len(rows)} replica{'' if len(rows) == 1 else 's'}")
    if not rows:
        return
    columns = ("replica", "state", "block", "accepted", "source head", "behind", "looked", "gas 24 h", "ether 24 h")
    cells = [
        (
            row["name"],
            row["state"],
            *(_or_dash(row[name]) for name in ("block_number", "accepted_block", "source_head")),
            "-" if row["behind_s"] is None else f"{row['behind_s']} s",
            f"{duration(int(max(0.0, time.time() - float(str(row['looked_s'])))))} ago",
            row["gas_24h"],
            ether(int(str(row["cost_24h_wei"])), ROUND_CEILING),
        )
        for row in rows
    ]
    console.print()
    render.table(console, columns, cells, right=("block", "accepted", "source head", "behind", "gas 24 h"))
    for row in rows:
        if row["state"] not in FINE:
            render.warning(console, f"{row['name']}: {row['state']}: {row['reason']}")


def _or_dash(value: object) -> object:
    return "-" if value is None else value
