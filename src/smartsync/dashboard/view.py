"""Everything that the pages read: of the configuration, the relayer's memory, and now and then of a node."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from smartsync.anchors.describing import describe_anchor
from smartsync.attestor.sharing import Shared
from smartsync.dashboard.chart import Chart, Point, Range, chart
from smartsync.dashboard.figures import coins, count, counted, span
from smartsync.dashboard.happenings import Event, event, slots_of
from smartsync.dashboard.listing import Row, Spent, unseen
from smartsync.dashboard.slots import Names, hints_of
from smartsync.dashboard.transition import Explaining
from smartsync.discovery.hints import NO_HINTS, Hints
from smartsync.errors import ConfigError, SmartSyncError
from smartsync.explaining import Explanation
from smartsync.relayer.configuration import Configuration
from smartsync.relayer.lateness import late_after_s
from smartsync.relayer.pairs import Pair, subject
from smartsync.relayer.replicas import Replica
from smartsync.relayer.seen import DAY_S
from smartsync.relayer.state.costs import Cost, Costs
from smartsync.relayer.state.database import Database
from smartsync.relayer.state.reading import Lag, Reading, Sent, Used
from smartsync.relayer.state.store import Status
from smartsync.results import AnchorReport

MONTH_S = 30 * DAY_S

EVENTS = 20
"""Happenings on one page, and transactions."""

_ROWS_FRESH_S = 5.0
"""Seconds for which the rows of one version are shown again: what was paid may be newer, and the configuration."""

_SPENT_FRESH_S = 20.0
_ANCHOR_FRESH_S = 15.0
_ANCHOR_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True)
class AnchorSeen:
    """What an anchor says of itself; ``None`` where it could not be asked, and why."""

    report: AnchorReport | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class _Paid:
    """What was paid, in a day and in thirty: by subject (`Pair.subject`), and by pair."""

    by_subject: tuple[Mapping[str, Cost], Mapping[str, Cost]]
    by_pair: tuple[Mapping[str, Cost], Mapping[str, Cost]]

    def for_subject(self, subject: str) -> Spent:
        return Spent(*(known.get(subject, Cost()) for known in self.by_subject))

    def for_pair(self, pair: str) -> Spent:
        return Spent(*(known.get(pair, Cost()) for known in self.by_pair))


@dataclass(frozen=True, slots=True)
class _Shown:
    """The rows of a version of the memory, being put together since ``at_s`` of the event loop's clock."""

    version: str
    at_s: float
    rows: asyncio.Future[list[Row]]


class Relayer(Protocol):
    """A relayer at work. Its configuration and its connected pairs are exchanged when the file is read again."""

    @property
    def database(self) -> Database:
        """Where its memory is."""

    @property
    def configuration(self) -> Configuration:
        """As it is now."""

    @property
    def pairs(self) -> Sequence[Pair]:
        """As they are now."""


class View:
    """What the pages read. Of the configuration neither urls nor tokens are looked at.

    Parameters
    ----------
    clock
        Seconds since 1970.
    """

    def __init__(self, relayer: Relayer, clock: Callable[[], float] = time.time) -> None:
        self._relayer = relayer
        self.reading = Reading(relayer.database)
        self._costs = Costs(relayer.database)
        self.clock = clock
        self.names = Names()
        self._explaining = Explaining()
        self._shown: _Shown | None = None
        self._paid: Shared[str, _Paid] = Shared(self._read_paid, _SPENT_FRESH_S)
        self._anchors: Shared[tuple[str, str], AnchorSeen] = Shared(self._ask_anchor, _ANCHOR_FRESH_S)

    @property
    def configuration(self) -> Configuration:
        """The configuration as it is now."""
        return self._relayer.configuration

    @property
    def pairs(self) -> dict[str, Pair]:
        """The connected pairs, by name."""
        return {pair.name: pair for pair in self._relayer.pairs}

    @property
    def replicas(self) -> dict[tuple[str, str], Replica]:
        """The replicas of the configuration, by pair and address."""
        return {(one.pair, one.address): one for one in self.configuration.replicas}

    async def aclose(self) -> None:
        """Stop all work."""
        await self.names.aclose()
        if self._shown is not None:
            self._shown.rows.cancel()
            await asyncio.gather(self._shown.rows, return_exceptions=True)
        await self._paid.aclose()
        await self._anchors.aclose()

    async def rows(self, version: str) -> list[Row]:
        """Return all replicas, of the configuration and of the memory with this ``version``, by pair."""
        now_s = asyncio.get_running_loop().time()
        shown = self._shown
        if shown is None or shown.version != version or now_s - shown.at_s > _ROWS_FRESH_S:
            # Of one version only: of thousands of replicas they are megabytes.
            shown = self._shown = _Shown(version, now_s, asyncio.ensure_future(self._read_rows()))
        return await asyncio.shield(shown.rows)

    async def row(self, pair: str, address: str) -> Row | None:
        """Return one of the rows; ``None`` where there is no such replica."""
        kept = self.replicas.get((pair, address))
        for status, last_s in await self.reading.standing(pair, address):
            return Row(status, last_s, await self.spent_for(pair, address), kept is not None)
        return None if kept is None else Row(unseen(pair, address, kept.name))

    async def spent_by_pair(self) -> dict[str, Spent]:
        """Return what was paid for the replicas and the anchors of each pair."""
        paid = await self._paid.get("")
        return {pair: paid.for_pair(pair) for pair in self.configuration.pairs}

    async def spent_for(self, pair: str, address: str) -> Spent:
        """Return what was paid for a replica or an anchor."""
        return (await self._paid.get("")).for_subject(self._subject(pair, address))

    def unlooked(self, pair: str, looked_s: float | None) -> float | None:
        """Return for how many seconds nobody has looked at a pair, where that is longer than it should be."""
        poll_s = self.pairs[pair].poll_s if pair in self.pairs else 0.0
        late_s = self.clock() - (looked_s or self.clock())
        return late_s if late_s > late_after_s(poll_s) else None

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
        return await self.reading.sent(self._subject(pair, address), before=before, limit=EVENTS + 1)

    async def charts(self, pair: str, address: str, shown: Range) -> tuple[Chart, Chart, list[Lag], list[Used]]:
        """Return the charts of a replica's lag and gas, and what is in them."""
        now_s = self.clock()
        since_s = shown.since(now_s)
        lags = await self.reading.lag(pair, address, since_s, shown.stretch_s)
        used = await self.reading.used(self._subject(pair, address), since_s, shown.stretch_s)
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

    def _subject(self, pair: str, address: str) -> str:
        """Return what the journal calls a replica or an anchor; nothing where its pair is not configured."""
        table = self.configuration.pairs.get(pair)
        return "" if table is None else subject(address, self.configuration.chains[table.target].chain_id)

    async def _read_rows(self) -> list[Row]:
        paid, known = await self._paid.get(""), await self.reading.standing()
        # Of thousands it takes a while, for which nobody else is to wait.
        return await asyncio.to_thread(self._joined, known, paid)

    def _joined(self, known: Sequence[tuple[Status, float | None]], paid: _Paid) -> list[Row]:
        kept = self.replicas
        found = []
        for status, last_s in known:
            spent = paid.for_subject(self._subject(status.pair, status.address))
            found.append(Row(status, last_s, spent, (status.pair, status.address) in kept))
        seen = {(row.status.pair, row.status.address) for row in found}
        return found + [Row(unseen(*key, one.name)) for key, one in kept.items() if key not in seen]

    async def _read_paid(self, _: str) -> _Paid:
        day_s, month_s = self.clock() - DAY_S, self.clock() - MONTH_S
        return _Paid(
            (await self._costs.by_subject(day_s), await self._costs.by_subject(month_s)),
            (await self._costs.by_pair(day_s), await self._costs.by_pair(month_s)),
        )

    async def _ask_anchor(self, asked: tuple[str, str]) -> AnchorSeen:
        name, anchor = asked
        pair = self.pairs.get(name)
        if pair is None:
            return AnchorSeen(None, "its pair is not in the configuration")
        try:
            async with asyncio.timeout(_ANCHOR_WITHIN_S):
                return AnchorSeen(await describe_anchor(pair.source, pair.target, anchor))
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
    return f"{count(used.gas)} gas in {counted(used.transactions, 'transaction')}{cost}"
