"""A relayer at work, as its HTTP face sees it; and what its database says of the replicas."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from typing import TypeAlias

from smartsync.relayer.configuration import Configuration
from smartsync.relayer.gauges import Snapshot
from smartsync.relayer.metrics import Metrics
from smartsync.relayer.pairs import Pair
from smartsync.relayer.queueing.job import Queue
from smartsync.relayer.seen import DAY_S
from smartsync.relayer.state.costs import Costs
from smartsync.relayer.state.database import Database
from smartsync.relayer.state.outstanding import outstanding
from smartsync.relayer.state.store import Store


@dataclass(slots=True)
class Shown:
    """A relayer at work.

    Parameters
    ----------
    configuration, pairs, queue
        As they are now: exchanged where the configuration is read again, so do not keep them. In between, and at the
        end, there are no pairs and there is no queue.
    """

    database: Database
    configuration: Configuration
    metrics: Metrics
    pairs: Sequence[Pair] = ()
    queue: Queue | None = None

    @contextmanager
    def at_work(self, configuration: Configuration, pairs: Sequence[Pair], queue: Queue) -> Iterator[None]:
        """Go by a configuration, its pairs connected, until it is read again."""
        self.configuration, self.pairs, self.queue = configuration, pairs, queue
        self.metrics.configured(configuration)
        try:
            yield
        finally:
            self.pairs, self.queue = (), None

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
            {} if self.queue is None else await self.queue.counts(),
            await Costs(self.database).by_subject(time.time() - DAY_S),
        )


Show: TypeAlias = Callable[[Shown], AbstractAsyncContextManager[None]]
"""Shows a relayer for as long as it is at work."""
