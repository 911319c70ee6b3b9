"""What slots of replicas are called, by the layouts of the configuration: each is looked for once."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from contextlib import suppress

from smartsync.chain import Chain
from smartsync.discovery.hints import NO_HINTS, Hints, read_hints
from smartsync.errors import SmartSyncError
from smartsync.explaining.naming import places_of
from smartsync.layout import Place
from smartsync.relayer.replicas import Replica

_WITHIN_S = 1.5
"""Seconds that a page waits for names: where mappings' keys are unknown, millions of hashes may be tried."""

_KEPT = 50_000
"""Slots of a replica whose names are kept."""


def hints_of(replica: Replica | None) -> Hints:
    """Return what is known of a replica's slots. Raises ``ConfigError``."""
    if replica is None or replica.layout is None:
        return NO_HINTS
    return read_hints(replica.layout, replica.contract, replica.keys)


class Names:
    """The names of slots, by replica. A page takes what is known by then; the next one has more."""

    def __init__(self) -> None:
        self._known: dict[Replica, dict[bytes, Place | None]] = {}
        self._at_work: dict[Replica, asyncio.Task[None]] = {}
        self._one = asyncio.Lock()
        self.problems: dict[Replica, str] = {}

    async def of(self, replica: Replica, target: Chain, slots: Collection[bytes]) -> dict[bytes, Place]:
        """Return the places of slots (32 bytes each), as far as they are known by now."""
        if replica.layout is None:
            return {}
        known = self._known.setdefault(replica, {})
        if missing := set(slots) - known.keys():
            task = self._at_work.get(replica)
            if task is None:
                task = self._at_work[replica] = asyncio.create_task(self._look(replica, target, missing))
                task.add_done_callback(lambda _: self._at_work.pop(replica, None))
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(task), _WITHIN_S)
            known = self._known.setdefault(replica, {})
        return {slot: place for slot in slots if (place := known.get(slot)) is not None}

    async def aclose(self) -> None:
        """Stop all work."""
        tasks = list(self._at_work.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _look(self, replica: Replica, target: Chain, slots: Collection[bytes]) -> None:
        try:
            async with self._one:
                hints = await asyncio.to_thread(hints_of, replica)
                found = await places_of(target, hints, replica.address, sorted(slots))
        except SmartSyncError as error:
            self.problems[replica] = error.message
            found = {}
        else:
            self.problems.pop(replica, None)
        known = self._known[replica]
        if len(known) > _KEPT:
            known.clear()
        known |= {slot: found.get(slot) for slot in slots}
