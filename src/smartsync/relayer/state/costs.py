"""What was paid: gas and cost of the transactions, by what they were for, by pair, by day.

Of what is in a block, failed transactions too: they cost the same. Amounts are in the coin of the target chain, so that
sums over pairs of several targets say nothing. Times are those of the blocks (`TransactionRow.spent_s`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from sqlalchemy import BigInteger, Integer, Numeric, Text, case, cast, func, select, type_coerce

from smartsync.relayer.seen import DAY_S
from smartsync.relayer.state.database import Database
from smartsync.relayer.state.tables import TransactionRow

_T = TransactionRow
_DIGITS, _PARTS = 10, 3
"""Of SQLite's, which adds up to 63 bits: digits are added up ten by ten. Thirty do for the 10^30 wei that are the most
that is written down of one transaction; and there is room for 9 * 10^8 transactions."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What transactions used and cost together.

    ``transactions`` counts them, ``failed`` those among them that reverted, and ``unpriced`` those of which it is not
    known what they cost: ``cost_wei`` is that of the others.
    """

    transactions: int = 0
    failed: int = 0
    unpriced: int = 0
    gas_used: int = 0
    cost_wei: int = 0

    def __add__(self, other: Cost) -> Cost:
        """Return both together."""
        return Cost(
            self.transactions + other.transactions,
            self.failed + other.failed,
            self.unpriced + other.unpriced,
            self.gas_used + other.gas_used,
            self.cost_wei + other.cost_wei,
        )


class Costs:
    """What the relayer has paid, by its database. A subject is a replica or an anchor, as `Pair.subject` names it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def by_subject(self, since_s: float, *, pair: str | None = None) -> dict[str, Cost]:
        """Return what was paid since a time for each replica and each anchor; nothing of those for which nothing was.

        Parameters
        ----------
        pair
            Of this one only. An anchor that several pairs share is paid for by whoever is the first to need it.
        """
        rows = await self._sums([_T.subject], since_s, pair=pair)
        return {subject: cost for (subject,), cost in rows}

    async def by_pair(self, since_s: float) -> dict[str, Cost]:
        """Return what was paid since a time for each pair: its replicas, and its anchors."""
        return {pair: cost for (pair,), cost in await self._sums([_T.pair], since_s)}

    async def by_day(
        self, since_s: float, *, pair: str | None = None, subject: str | None = None
    ) -> list[tuple[int, Cost]]:
        """Return what was paid on each day (number of days since 1970, UTC), the oldest first; no days without.

        Parameters
        ----------
        pair, subject
            Of this one only.
        """
        days = _T.spent_s / DAY_S
        # Both round down: no time is before 1970. (PostgreSQL's cast rounds to the nearest, SQLite may have no floor.)
        day = func.floor(days) if self._database.is_shared else cast(days, Integer)
        rows = await self._sums([day], since_s, pair=pair, subject=subject)
        return sorted((int(number), cost) for (number,), cost in rows)

    async def total(self, since_s: float, *, pair: str | None = None, subject: str | None = None) -> Cost:
        """Return what was paid since a time in all."""
        rows = await self._sums([], since_s, pair=pair, subject=subject)
        return rows[0][1] if rows else Cost()

    async def _sums(
        self, keys: Sequence[Any], since_s: float, *, pair: str | None = None, subject: str | None = None
    ) -> list[tuple[tuple[Any, ...], Cost]]:
        wanted = select(
            *keys,
            func.count(),
            func.sum(case((_T.success.is_(False), 1), else_=0)),
            func.sum(case((_T.cost_wei.is_(None), 1), else_=0)),
            func.sum(_T.gas_used),
            *self._wei(),
        ).where(_T.state.in_(("included", "final")), _T.spent_s >= since_s)
        for column, value in ((_T.pair, pair), (_T.subject, subject)):
            if value is not None:
                wanted = wanted.where(column == value)
        async with self._database.transaction() as connection:
            rows: Sequence[Any] = (await connection.execute(wanted.group_by(*keys))).all()
        return [
            _sum(row, len(keys)) for row in rows if row[len(keys)]
        ]  # of nothing there is one row where there are no keys

    def _wei(self) -> list[Any]:
        """Return the sums of the costs' digits, the highest first."""
        digits = type_coerce(_T.cost_wei, Text)
        if self._database.is_shared:
            return [func.sum(cast(digits, Numeric(78, 0)))]
        ends = [func.max(func.length(digits) - _DIGITS * place, 0) for place in range(_PARTS, -1, -1)]
        return [
            func.sum(cast(func.substr(digits, begin + 1, end - begin), BigInteger)) for begin, end in pairwise(ends)
        ]


def _sum(row: Sequence[Any], keys: int) -> tuple[tuple[Any, ...], Cost]:
    count, failed, unpriced, gas, *parts = row[keys:]
    wei = 0
    for part in parts:
        wei = wei * 10**_DIGITS + int(part or 0)
    return tuple(row[:keys]), Cost(count, failed, unpriced, int(gas or 0), wei)
