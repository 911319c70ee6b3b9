"""Everything that the pages read: of the configuration, the relayer's memory, and now and then of a node."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from smartsync.anchors.describing import describe_anchor
from smartsync.attestor.sharing import Shared
from smartsync.dashboard.chart import Chart, Point, Range, chart
from smartsync.dashboard.figures import coins, count, counted, span
from smartsync.dashboard.happenings import Event, event, slots_of
from smartsync.dashboard.listing import Row, unseen
from smartsync.dashboard.slots import Names, hints_of
from smartsync.dashboard.transition import Explaining
from smartsync.discovery.hints import NO_HINTS, Hints
from smartsync.errors import ConfigError, SmartSyncError
from smartsync.explaining import Explanation
from smartsync.relayer.configuration import Configuration
from smartsync.relayer.pairs import Pair
from smartsync.relayer.replicas import Replica
from smartsync.relayer.state.database import Database
from smartsync.relayer.state.reading import Lag, Reading, Sent, Spent, Subject, Used
from smartsync.relayer.state.store import Status
from smartsync.results import AnchorReport

DAY_S = 86_400.0
MONTH_S = 30 * DAY_S

EVENTS = 20
"""Happenings on one page, and transactions."""

_SPENT_FRESH_S = 20.0
_ANCHOR_FRESH_S = 15.0
_ANCHOR_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True)
class AnchorSeen:
    """What an anchor says of itself; ``None`` where it could not be asked, and why."""

    report: AnchorReport | None
    why: str = ""


class View:
    """What the pages read.

    Parameters
    ----------
    configuration
        Whose urls and tokens are not looked at.
    pairs
        Connected.
    clock
        Seconds since 1970.
    """

    def __init__(
        self,
        configuration: Configuration,
        database: Database,
        pairs: Iterable[Pair],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.reading = Reading(database)
        self.clock = clock
        self.names = Names()
        self._explaining = Explaining()
        self._standing: Shared[str, list[tuple[Status, float | None]]] = Shared(lambda _: self.reading.standing(), 5.0)
        self._spent: Shared[str, dict[Subject, Spent]] = Shared(self._read_spent, _SPENT_FRESH_S)
        self._anchors: Shared[Subject, AnchorSeen] = Shared(self._ask_anchor, _ANCHOR_FRESH_S)
        self.renew(configuration, pairs)

    def renew(self, configuration: Configuration, pairs: Iterable[Pair]) -> None:
        """Go by another configuration from now on."""
        self.configuration = configuration
        self.pairs = {pair.name: pair for pair in pairs}
        self.replicas = {(one.pair, one.address): one for one in configuration.replicas}

    async def aclose(self) -> None:
        """Stop all work."""
        await self.names.aclose()
        for shared in (self._standing, self._spent, self._anchors):
            await shared.aclose()

    async def rows(self, version: str) -> list[Row]:
        """Return all replicas, of the configuration and of the memory, by pair; and the memory's ``version``."""
        spent = await self._spent.get("")
        known = await self._standing.get(version)
        found = [
            Row(
                status,
                last_s,
                spent.get((status.pair, status.address), Spent()),
                (status.pair, status.address) in self.replicas,
            )
            for status, last_s in known
        ]
        seen = {(row.status.pair, row.status.address) for row in found}
        found += [Row(unseen(*key, one.name)) for key, one in self.replicas.items() if key not in seen]
        return found

    async def row(self, pair: str, address: str) -> Row | None:
        """Return one of the rows; ``None`` where there is no such replica."""
        rows = await self.rows(await self.reading.version())
        return next((row for row in rows if (row.status.pair, row.status.address) == (pair, address)), None)

    async def spent_for_anchors(self) -> dict[str, Spent]:
        """Return, by pair, what was spent for what is no replica that is known: its anchors."""
        found: dict[str, Spent] = {}
        known = {(row.status.pair, row.status.address) for row in await self.rows(await self.reading.version())}
        for (pair, subject), spent in (await self._spent.get("")).items():
            if (pair, subject) not in known:
                found[pair] = found.get(pair, Spent()) + spent
        return found

    async def spent_for(self, pair: str, subject: str) -> Spent:
        """Return what was spent for a replica or an anchor."""
        return (await self._spent.get("")).get((pair, subject), Spent())

    def unlooked(self, pair: str, looked_s: float | None) -> float | None:
        """Return for how many seconds nobody has looked at a pair, where that is longer than it should be."""
        poll_s = self.pairs[pair].poll_s if pair in self.pairs else 0.0
        late_s = self.clock() - (looked_s or self.clock())
        return late_s if late_s > max(90.0, 5 * poll_s) else None

    async def anchor(self, pair: str, anchor: str) -> AnchorSeen:
        """Return what an anchor says of itself, asked anew now and then only."""
        return await self._anchors.get((pair, anchor))

    async def events(
        self, pair: str, *, replica: str | None = None, anchor: str | None = None, before: int | None = None
    ) -> list[Event]:
        """Return what happened, the newest first, slots by their names; one more than a page has where there is."""
        found = await self.reading.history(pair, replica=replica, anchor=anchor, before=before, limit=EVENTS + 1)
        kept = self.replicas.get((pair, replica or ""))
        places = {}
        if kept is not None and pair in self.pairs:
            slots = {slot for _, one in found for slot in slots_of(one)}
            places = await self.names.of(kept, self.pairs[pair].target, slots)
        return [event(number, one, places) for number, one in found]

    async def sent(self, pair: str, address: str, before: int | None = None) -> list[Sent]:
        """Return what was signed for a replica or an anchor, the newest first; one more than a page has."""
        if pair not in self.pairs:
            return []
        return await self.reading.sent(self.pairs[pair].subject(address), before=before, limit=EVENTS + 1)

    async def charts(self, pair: str, address: str, shown: Range) -> tuple[Chart, Chart, list[Lag], list[Used]]:
        """Return the charts of a replica's lag and gas, and what is in them."""
        now_s = self.clock()
        since_s = shown.since(now_s)
        lags = await self.reading.lag(pair, address, since_s, shown.stretch_s)
        used = await self.reading.used(pair, address, since_s, shown.stretch_s)
        behind = [Point(one.from_s, one.seconds, lag_words(one)) for one in lags]
        gas = [Point(one.from_s, one.gas, used_words(one)) for one in used]
        return (
            chart("lag", "Lag behind the source", behind, shown, now_s, is_time=True),
            chart("gas", "Gas used", gas, shown, now_s, is_time=False),
            lags,
            used,
        )

    async def explained(self, pair: str, tx_hash: bytes, call: int) -> Explanation:
        """Return what a transaction did, by the target's node. Raises ``SmartSyncError``."""
        hints = {address: one for (of, address), one in self.replicas.items() if of == pair and one.layout is not None}
        return await self._explaining.explained(
            self.pairs[pair].target, tx_hash, call, lambda address: _hints(hints.get(address))
        )

    async def _read_spent(self, _: str) -> dict[Subject, Spent]:
        now_s = self.clock()
        return await self.reading.spent(now_s - DAY_S, now_s - MONTH_S)

    async def _ask_anchor(self, subject: Subject) -> AnchorSeen:
        pair = self.pairs.get(subject[0])
        if pair is None:
            return AnchorSeen(None, "its pair is not in the configuration")
        try:
            async with asyncio.timeout(_ANCHOR_WITHIN_S):
                return AnchorSeen(await describe_anchor(pair.source, pair.target, subject[1]))
        except TimeoutError:
            return AnchorSeen(None, f"the nodes have not told all of it within {_ANCHOR_WITHIN_S:g} s")
        except SmartSyncError as error:
            return AnchorSeen(None, error.in_full)


def _hints(replica: Replica | None) -> Hints:
    try:
        return hints_of(replica)
    except ConfigError:
        return NO_HINTS  # the replica's page says what is wrong with its files


def lag_words(lag: Lag) -> str:
    """Return how far behind in words."""
    return f"{span(lag.seconds)} behind, {counted(lag.blocks, 'block')}"


def used_words(used: Used) -> str:
    """Return gas, cost and how often in words."""
    cost = "" if used.cost_wei is None else f", cost {coins(used.cost_wei)}"
    return f"{count(used.gas)} gas in {counted(used.times, 'sync')}{cost}"
