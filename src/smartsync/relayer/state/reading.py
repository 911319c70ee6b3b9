"""What is read of the relayer's memory to be looked at: few questions, each of all replicas or of one.

Times are seconds since 1970, of the relayer's clock. Costs are summed for charts as floating point, which keeps fifteen
digits; `smartsync.relayer.state.costs` sums exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import BigInteger, Double, Integer, cast, func, or_, select

from smartsync.relayer.state.database import Database
from smartsync.relayer.state.store import Happening, Status
from smartsync.relayer.state.tables import HistoryRow, ReplicaRow, SampleRow, TransactionRow

_R, _H, _S, _T = ReplicaRow, HistoryRow, SampleRow, TransactionRow

SYNCS = ("sync", "recovered")
"""Kinds of what happens to a replica that bring it to another block."""


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a replica was behind at most, in a stretch of time that begins at ``from_s``."""

    from_s: float
    blocks: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Used:
    """Gas and cost of a number of transactions in a stretch of time that begins at ``from_s``."""

    from_s: float
    gas: int
    cost_wei: int | None
    transactions: int


@dataclass(frozen=True, slots=True)
class Sent:
    """A transaction that was signed. ``state``, and what is ``None`` while it is in no block, as `TransactionRow`."""

    id: int
    what: str
    sender: str
    nonce: int
    gas: int
    state: str
    why: str
    block_number: int | None
    tx_hash: bytes | None
    gas_used: int | None
    success: bool | None
    cost_wei: int | None
    signed_s: float
    ended_s: float | None


class Reading:
    """The relayer's memory, to be looked at. Everything raises ``StateUnavailable`` where the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def version(self) -> str:
        """Return a text that is another one once anything that a page shows is another."""
        newest = select(func.max(_H.id)).scalar_subquery()
        signed = select(func.max(_T.id)).scalar_subquery()
        wanted = select(
            *(
                func.count(),
                func.max(_R.looked_s),
                func.max(_R.since_s),
                func.sum(_R.failures),
                func.sum(cast(_R.is_demanded, Integer)),
            ),
            newest,
            signed,
        ).select_from(_R)
        async with self._database.transaction() as connection:
            row = (await connection.execute(wanted)).one()
        return "-".join("" if one is None else f"{one:.3f}".rstrip("0").rstrip(".") for one in row)

    async def newest_looks(self) -> dict[str, float]:
        """Return when any replica of each pair was looked at last, by whichever process; no pairs never looked at."""
        wanted = select(_R.pair, func.max(_R.looked_s)).group_by(_R.pair)
        async with self._database.transaction() as connection:
            return {pair: at_s for pair, at_s in await connection.execute(wanted)}

    async def standing(self, pair: str | None = None, address: str | None = None) -> list[tuple[Status, float | None]]:
        """Return how replicas stand, each with the time of its last sync, ``None`` where none is remembered.

        Parameters
        ----------
        pair, address
            Of one replica; else of all.
        """
        last = (
            select(_H.at_s)
            .where(_H.pair == _R.pair, _H.replica == _R.address, _H.kind.in_(SYNCS))
            .order_by(_H.at_s.desc())
            .limit(1)
            .correlate(_R)
            .scalar_subquery()
        )
        columns = [getattr(_R, name) for name in Status.__slots__]
        wanted = select(*columns, last).order_by(_R.pair, _R.address)
        if pair is not None and address is not None:
            wanted = wanted.where(_R.pair == pair, _R.address == address)
        async with self._database.transaction() as connection:
            return [(Status(*row[:-1]), row[-1]) for row in await connection.execute(wanted)]

    async def lag(self, pair: str, replica: str, since_s: float, stretch_s: int) -> list[Lag]:
        """Return how far a replica was behind, in stretches of so many whole minutes; none where it was not looked."""
        minutes = stretch_s // 60
        place = _S.minute // minutes
        wanted = (
            select(place, func.max(_S.behind_blocks), func.max(_S.behind_s))
            .where(_S.pair == pair, _S.replica == replica, _S.minute >= since_s // 60)
            .group_by(place)
            .order_by(place)
        )
        async with self._database.transaction() as connection:
            rows = (await connection.execute(wanted)).all()
        return [Lag(float(int(at) * minutes * 60), int(blocks), int(seconds)) for at, blocks, seconds in rows]

    async def used(self, subject: str, since_s: float, stretch_s: int) -> list[Used]:
        """Return a subject's gas and cost (`Pair.subject`) in stretches of so many seconds; none without any."""
        # Both round down: no time is before 1970. (PostgreSQL's cast rounds to the nearest, SQLite may have no floor.)
        whole_s = func.floor(_T.spent_s) if self._database.is_shared else _T.spent_s
        place = cast(whole_s, BigInteger) // stretch_s
        wanted = (
            select(place, func.sum(_T.gas_used), func.sum(cast(_T.cost_wei, Double)), func.count())
            .where(_T.subject == subject, _T.spent_s >= since_s, _T.state.in_(("included", "final")))
            .group_by(place)
            .order_by(place)
        )
        async with self._database.transaction() as connection:
            rows = (await connection.execute(wanted)).all()
        return [Used(float(int(at) * stretch_s), int(gas or 0), _wei(cost), times) for at, gas, cost, times in rows]

    async def history(
        self, pair: str, *, replica: str | None = None, anchor: str | None = None, before: int | None, limit: int
    ) -> list[tuple[int, Happening]]:
        """Return what happened to a replica, or to an anchor, with its number, the newest first."""
        wanted = select(_H.__table__).where(_H.pair == pair).order_by(_H.at_s.desc(), _H.id.desc()).limit(limit)
        for column, value in ((_H.replica, replica), (_H.anchor, anchor)):
            if value is not None:
                wanted = wanted.where(column == value)
        if before is not None:
            # By the time, which there is an index for, and not by the number alone.
            at_s = select(_H.at_s).where(_H.id == before).scalar_subquery()
            wanted = wanted.where(_H.at_s <= at_s, or_(_H.at_s < at_s, _H.id < before))
        async with self._database.transaction() as connection:
            rows = (await connection.execute(wanted)).all()
        return [(row.id, Happening(**{name: getattr(row, name) for name in Happening.__slots__})) for row in rows]

    async def sent(self, subject: str, *, before: int | None, limit: int) -> list[Sent]:
        """Return what was signed for a subject (`Pair.subject`), the newest first."""
        wanted = select(*(getattr(_T, name) for name in Sent.__slots__)).where(_T.subject == subject)
        if before is not None:
            wanted = wanted.where(_T.id < before)
        async with self._database.transaction() as connection:
            rows = (await connection.execute(wanted.order_by(_T.id.desc()).limit(limit))).all()
        return [Sent(*row) for row in rows]


def _wei(value: float | None) -> int | None:
    return None if value is None else int(value)
