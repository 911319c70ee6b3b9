"""Transactions that are signed and not final: how many there are of each account, and since when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from smartsync.relayer.state.database import Database
from smartsync.relayer.state.tables import TransactionRow

_T = TransactionRow


@dataclass(frozen=True, slots=True)
class Outstanding:
    """Those of one account on one chain: ``signed`` are in no block that is known, ``included`` in one that is young.

    ``signed_s`` is when the oldest one was signed that is in no block, ``None`` where there is none.
    """

    chain_id: int
    sender: str
    signed: int
    included: int
    signed_s: float | None


async def outstanding(database: Database) -> list[Outstanding]:
    """Return what accounts have outstanding, by chain and account; nothing of those that have nothing."""
    wanted: Any = select(
        _T.chain_id,
        _T.sender,
        func.count().filter(_T.state == "signed"),
        func.count().filter(_T.state == "included"),
        func.min(_T.signed_s).filter(_T.state == "signed"),
    )
    # By the index on the state: what is final grows and grows, and is not looked at.
    wanted = wanted.where(_T.state.in_(("signed", "included"))).group_by(_T.chain_id, _T.sender)
    async with database.transaction() as connection:
        rows = await connection.execute(wanted.order_by(_T.chain_id, _T.sender))
        return [Outstanding(*row) for row in rows]
