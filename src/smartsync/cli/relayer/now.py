"""``smartsync relayer now``."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated

import typer

from smartsync.amounts import duration
from smartsync.cli.command import command
from smartsync.cli.relayer.given import ConfigurationFile, chosen_replica, relayers_libraries
from smartsync.cli.session import Session
from smartsync.errors import ConfigError
from smartsync.relayer.configuration import DEFAULT_FILE, Configuration, read_configuration
from smartsync.relayer.lateness import late_after_s
from smartsync.relayer.replicas import Replica

_Replica = Annotated[str, typer.Argument(metavar="REPLICA", help="Name or address, as in the configuration.")]


@command(configured=False)
def now(session: Session, replica: _Replica, config: ConfigurationFile = DEFAULT_FILE) -> None:
    """Ask the relayer for a sync of one replica now.

    For replicas that are synced on demand; others are synced without waiting for more. Limits of gas and fee hold, and
    a newer block has to be accepted. The relayer does it at its next look; this command waits for nothing.
    """
    configuration = read_configuration(session.environ, config)
    chosen = chosen_replica(configuration, replica)
    with relayers_libraries():
        silent_s = asyncio.run(_demand(configuration, chosen))
    asked = {"pair": chosen.pair, "address": chosen.address, "name": chosen.name, "looked_ago_s": round(silent_s)}
    session.output.show(asked, lambda console: console.print(f"asked for a sync of {chosen.name}", soft_wrap=True))
    source = configuration.pairs[chosen.pair].source
    if silent_s > late_after_s(configuration.chains[source].poll_s):
        session.output.note(
            f"no relayer has looked at it for {duration(int(silent_s))}: it is done once one is at work again "
            "(smartsync run)"
        )


async def _demand(configuration: Configuration, replica: Replica) -> float:
    """Ask for a sync, and return how many seconds ago the replica was looked at."""
    from smartsync.relayer.state.database import visited
    from smartsync.relayer.state.store import Store

    async with visited(configuration.relayer.state.url) as database:
        store = Store(database)
        known = await store.status(replica.pair, replica.address)
        if known is None or not await store.demand(replica.pair, replica.address):
            raise ConfigError(
                f"no relayer has looked at {replica.name} yet",
                hint="start smartsync run with this configuration, or have the one that runs read it again (SIGHUP)",
            )
        return max(0.0, time.time() - known.looked_s)
