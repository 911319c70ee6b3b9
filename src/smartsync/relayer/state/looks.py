"""What a look at replicas needs of what is remembered of them, and what it adds: for many replicas at once."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import Double, cast, extract, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from smartsync.relayer.seen import DAY_S, Spending
from smartsync.relayer.state.database import Database
from smartsync.relayer.state.store import Sample, Status
from smartsync.relayer.state.tables import HistoryRow, ReplicaRow, SampleRow, Table, TransactionRow

_R, _H, _S, _T = ReplicaRow, HistoryRow, SampleRow, TransactionRow

_SKEW_S = 120.0
"""Seconds by which a look that is remembered can be later than one that is written, at most.

By more it was of a clock that has been set back, and what is newer in truth is not to wait for that time.
"""


@dataclass(frozen=True, slots=True)
class Remembered:
    """What is known of replicas before a look, by address.

    ``now_s`` is the database's time: workers whose clocks differ agree by it on who has looked last. ``gas`` is that of
    their last syncs.
    """

    now_s: float
    statuses: Mapping[str, Status]
    gas: Mapping[str, int]


async def remembered(database: Database, pair: str, addresses: Collection[str]) -> Remembered:
    """Return what is known of replicas. Raises ``StateUnavailable``."""
    last_gas = (
        select(_H.gas_used)
        .where(_H.pair == _R.pair, _H.replica == _R.address, _H.kind == "sync")
        .order_by(_H.at_s.desc())
        .limit(1)
        .correlate(_R)
        .scalar_subquery()
    )
    wanted = select(*_R.__table__.columns, last_gas.label("last_gas"))
    wanted = wanted.where(_R.pair == pair, _R.address.in_(addresses))
    async with database.transaction() as connection:
        now_s = await _now_s(database, connection)
        rows = [row._asdict() for row in await connection.execute(wanted)]
    gas = {row["address"]: used for row in rows if (used := row.pop("last_gas")) is not None}
    return Remembered(now_s, {row["address"]: Status(**row) for row in rows}, gas)


async def spendings_of(
    database: Database, subjects: Collection[str], now_s: float, target_s: float
) -> dict[str, list[Spending]]:
    """Return the gas that was spent for each of these subjects in the last 24 hours (`Pair.subject`).

    What is in no block yet counts with its limit.

    Parameters
    ----------
    now_s
        The time that is told of what is open: what is returned is of this clock.
    target_s
        The time of the target's newest block, by which the 24 hours are measured: a clock of a machine that jumps ahead
        would have what was spent forgotten.

    Raises
    ------
    StateUnavailable
        The database does not answer.
    """
    found: dict[str, list[Spending]] = {subject: [] for subject in subjects}
    if not found:
        return found
    is_recent = (_T.state != "dropped") & (_T.spent_s > target_s - DAY_S)
    wanted = select(_T.subject, _T.gas, _T.gas_used, _T.spent_s, _T.state).where(
        _T.subject.in_(found), is_recent | (_T.state == "signed")
    )
    async with database.transaction() as connection:
        for subject, gas, used, spent_s, state in await connection.execute(wanted):
            # What may be in the next block counts as of now, whenever it was signed; so does what is ahead of now.
            at_s = now_s if state == "signed" else min(now_s, now_s - target_s + spent_s)
            found[subject].append(Spending(at_s, gas if used is None else used))
    return found


async def write(
    database: Database,
    statuses: Sequence[Status],
    samples: Mapping[str, Sample] | None = None,
    *,
    is_outcome: bool = False,
) -> None:
    """Write down how replicas stand, and how far behind they are, by address: two statements, however many they are.

    A look that began before the one that is remembered of a replica changes nothing; ``looked_s`` is when it began.

    Parameters
    ----------
    is_outcome
        Whether it is what a job has come to: that is as of now, so that a look that began before does not undo it.

    Raises
    ------
    StateUnavailable
        The database does not answer, or cannot write.
    """
    if not statuses:
        return
    # By address: two who write some of the same must not wait for each other.
    ordered = sorted(statuses, key=lambda one: one.address)
    async with database.transaction() as connection:
        if is_outcome:
            now_s = await _now_s(database, connection)
            ordered = [replace(one, looked_s=now_s) for one in ordered]
        await connection.execute(_standing(database, ordered))
        if samples:
            await connection.execute(_sampling(database, ordered[0].pair, samples))


def _standing(database: Database, statuses: Sequence[Status]) -> Any:
    status = _insertion(database, _R).values([asdict(one) for one in statuses])
    kept = ("pair", "address", "is_demanded")
    return status.on_conflict_do_update(
        index_elements=["pair", "address"],
        set_={column.name: status.excluded[column.name] for column in _R.__table__.columns if column.name not in kept},
        where=or_(_R.looked_s <= status.excluded.looked_s, _R.looked_s > status.excluded.looked_s + _SKEW_S),
    )


async def waiting_for(database: Database, pair: str, anchor: str) -> list[str]:
    """Return the replicas of an anchor that wait for a block of it. Raises ``StateUnavailable``."""
    wanted = select(_R.address).where(_R.pair == pair, _R.anchor == anchor, _R.state.in_(("anchor-behind", "orphaned")))
    async with database.transaction() as connection:
        return list(await connection.scalars(wanted.order_by(_R.address)))


def _sampling(database: Database, pair: str, samples: Mapping[str, Sample]) -> Any:
    larger = func.greatest if database.is_shared else func.max
    rows = [{"pair": pair, "replica": address, **asdict(one)} for address, one in sorted(samples.items())]
    insertion = _insertion(database, _S).values(rows)
    most = {name: larger(getattr(_S, name), insertion.excluded[name]) for name in ("behind_blocks", "behind_s")}
    return insertion.on_conflict_do_update(
        index_elements=["pair", "replica", "minute"],
        set_=most,
        where=or_(*(insertion.excluded[name] > getattr(_S, name) for name in most)),
    )


def _insertion(database: Database, table: type[Table]) -> Any:
    return (postgresql if database.is_shared else sqlite).insert(table)


async def _now_s(database: Database, connection: AsyncConnection) -> float:
    if not database.is_shared:
        return time.time()
    now_s = await connection.scalar(select(cast(extract("epoch", func.clock_timestamp()), Double)))
    return float(now_s or 0.0)
