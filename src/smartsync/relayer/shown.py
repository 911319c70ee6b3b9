"""A relayer at work, as its HTTP face sees it; and what its database says of the replicas."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TypeAlias

from smartsync.relayer.configuration import Configuration
from smartsync.relayer.gauges import Snapshot
from smartsync.relayer.metrics import Metrics
from smartsync.relayer.pairs import Pair
from smartsync.relayer.seen import DAY_S
from smartsync.relayer.state.costs import Costs
from smartsync.relayer.state.database import Database
from smartsync.relayer.state.outstanding import outstanding
from smartsync.relayer.state.store import Store

Counts: TypeAlias = Callable[[], Awaitable[Mapping[tuple[str, str], int]]]
"""Returns how many jobs there are, by pair and state: ``due``, ``later``, ``working``."""


@dataclass(slots=True)
class Shown:
    """A relayer at work.

    Parameters
    ----------
    configuration, pairs, counts
        As they are now: exchanged where the configuration is read again, so do not keep them.
    """

    database: Database
    configuration: Configuration
    metrics: Metrics
    pairs: Sequence[Pair] = ()
    counts: Counts | None = None

    def take(self, configuration: Configuration, pairs: Sequence[Pair], counts: Counts | None = None) -> None:
        """Go on with a configuration, its pairs connected; of a configuration that is refused it is the one of before.

        Parameters
        ----------
        counts
            How many jobs there are.
        """
        self.configuration, self.pairs, self.counts = configuration, pairs, counts
        self.metrics.configured(configuration)

    async def snapshot(self) -> Snapshot:
        """Return what the database says of all replicas.

        Raises
        ------
        StateUnavailable
            It does not answer.
        """
        return Snapshot(
            await Store(self.database).statuses(),
            await outstanding(self.database),
            {} if self.counts is None else await self.counts(),
            await Costs(self.database).by_subject(time.time() - DAY_S),
        )


Show: TypeAlias = Callable[[Shown], AbstractAsyncContextManager[None]]
"""Shows a relayer for as long as it is at work."""
