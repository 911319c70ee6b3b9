"""What the relayer forgets, so that a service that runs for years does not fill its disk.

Never what is open: what is signed, or in a block that is not final. And by the time of the newest final block that is
known, where the machine's clock is ahead of that: one that jumped by a year is no reason to forget.
But for how far behind replicas were, which is of the machine's clock itself, and for charts alone.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, exists, func, select, tuple_, update
from sqlalchemy.orm import aliased

from smartsync.relayer.seen import DAY_S
from smartsync.relayer.state.database import Database
from smartsync.relayer.state.tables import AttemptRow, HistoryRow, ReplicaRow, SampleRow, TransactionRow

_T, _A, _H, _R, _S = TransactionRow, AttemptRow, HistoryRow, ReplicaRow, SampleRow

SENT_S = 7 * DAY_S
"""Seconds for which it is kept what was signed, byte for byte, once its block is final: to look something up."""

KEPT_S = 90 * DAY_S
"""Seconds for which it is kept what happened, what it cost, how far behind the replicas were, and how one stood that
nobody looks at any more: it was taken out of the configuration."""

_AT_ONCE = 1_000
"""Rows in one transaction: others wait for that long."""

_FREED_PAGES = 10_000


async def forget(database: Database, now_s: float) -> None:
    """Forget what is old.

    Parameters
    ----------
    now_s
        By the machine's clock.

    Raises
    ------
    StateUnavailable
        The database does not answer, or cannot write.
    """
    await _repeat(database, delete(_S), _S.minute < (now_s - KEPT_S) // 60, (_S.pair, _S.replica, _S.minute))
    async with database.transaction() as connection:
        newest_s = await connection.scalar(select(func.max(_T.spent_s)).where(_T.state == "final"))
    if newest_s is not None:
        now_s = min(now_s, newest_s)
        await _forget_sent(database, now_s - SENT_S)
        await _forget_transactions(database, now_s - KEPT_S)
        await _repeat(database, delete(_H), _H.at_s < now_s - KEPT_S, (_H.id,))
        await _repeat(database, delete(_R), _R.looked_s < now_s - KEPT_S, (_R.pair, _R.address))
    if not database.is_shared:
        # Gives the room back that rows have left, of files that were made for that; others use it again themselves.
        async with database.transaction() as connection:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            # As a script: each page is a row of its answer, and `execute` reads one.
            await driver.executescript(f"PRAGMA incremental_vacuum({_FREED_PAGES})")


async def _forget_sent(database: Database, before_s: float) -> None:
    """Forget the bytes of what has ended."""
    is_old = _T.state.in_(("final", "dropped")) & (_T.spent_s < before_s)
    await _repeat(database, delete(_A), _A.transaction_id.in_(select(_T.id).where(is_old)), (_A.tx_hash,))
    await _repeat(database, update(_T).values(data=b""), is_old & (func.length(_T.data) > 0), (_T.id,))


async def _forget_transactions(database: Database, before_s: float) -> None:
    """Forget what has ended, but for the last one of each subject: its number is the one from which they count on."""
    later = aliased(_T)
    is_counted_on = exists().where(later.subject == _T.subject, later.number > _T.number)
    is_old = _T.state.in_(("final", "dropped")) & (_T.spent_s < before_s)
    await _repeat(database, delete(_T), is_old & is_counted_on, (_T.id,))


async def _repeat(database: Database, change: Any, which: Any, key: tuple[Any, ...]) -> None:
    """Change rows, some at a time, until there are none."""
    while True:
        some = select(*key).where(which).limit(_AT_ONCE)
        chosen = key[0].in_(some) if len(key) == 1 else tuple_(*key).in_(some)
        async with database.transaction() as connection:
            if (await connection.execute(change.where(chosen))).rowcount < _AT_ONCE:
                return
