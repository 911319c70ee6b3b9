"""Rows that were lost, written anew out of what the chains tell: transactions that are in blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, insert, or_, select
from sqlalchemy.exc import IntegrityError

from smartsync.answers import Receipt
from smartsync.errors import Overtaken
from smartsync.relayer.state.database import Database
from smartsync.relayer.state.journal import attempt_row
from smartsync.relayer.state.tables import AttemptRow, HistoryRow, TransactionRow
from smartsync.submit.journal import Signed

_T, _A, _H = TransactionRow, AttemptRow, HistoryRow
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Known:
    """What the database tells of a transaction: its state, and its block, gas and cost where it is in one."""

    tx_hash: bytes
    state: str
    block_number: int | None
    block_hash: bytes | None
    gas_used: int | None
    cost_wei: int | None


async def known(database: Database, tx_hashes: Sequence[bytes]) -> dict[bytes, Known]:
    """Return what the database tells of transactions, by the hash of whichever version."""
    found: dict[bytes, Known] = {}
    columns = _T.state, _T.block_number, _T.block_hash, _T.gas_used, _T.cost_wei
    for start in range(0, len(tx_hashes), _AT_ONCE):
        chosen = list(tx_hashes[start : start + _AT_ONCE])
        by_version = select(_A.tx_hash, *columns).join(_T, _A.transaction_id == _T.id).where(_A.tx_hash.in_(chosen))
        by_block = select(_T.tx_hash, *columns).where(_T.tx_hash.in_(chosen))
        async with database.transaction() as connection:
            for wanted in (by_version, by_block):
                rows: Sequence[Any] = (await connection.execute(wanted)).all()
                found |= {row[0]: Known(*row) for row in rows}
    return found


async def told_since(database: Database, pair: str, since_s: float) -> list[bytes]:
    """Return the hashes of the transactions of a pair that the database has in blocks since a time."""
    wanted = select(_T.tx_hash).where(_T.pair == pair, _T.state.in_(("included", "final")), _T.spent_s >= since_s)
    async with database.transaction() as connection:
        return [tx_hash for tx_hash in await connection.scalars(wanted) if tx_hash is not None]


async def restore(
    database: Database,
    pair: str,
    subject: str,
    chain_id: int,
    signed: Signed,
    receipt: Receipt,
    block_s: float,
    state: str,
) -> None:
    """Write down a transaction that is in a block, as if it had been written before it was sent.

    Parameters
    ----------
    signed
        With its attempts, where what was signed is known to the byte: only then it can be sent again.
    state
        ``included`` or ``final``.

    Raises
    ------
    Overtaken
        A worker has sent something for the same subject at this very moment.
    """
    async with database.transaction() as connection:
        number = await connection.scalar(select(func.max(_T.number)).where(_T.subject == subject)) or 0
        try:
            result = await connection.execute(
                insert(_T)
                .values(
                    pair=pair,
                    subject=subject,
                    number=number + 1,
                    chain_id=chain_id,
                    sender=signed.sender,
                    nonce=signed.nonce,
                    what=signed.what,
                    to=signed.to,
                    data=signed.data if state != "final" else b"",
                    gas=signed.gas,
                    state=state,
                    why="",
                    block_number=receipt.block_number,
                    block_hash=receipt.block_hash,
                    tx_hash=receipt.tx_hash,
                    gas_used=receipt.gas_used,
                    cost_wei=receipt.cost_wei,
                    success=receipt.success,
                    signed_s=block_s,
                    ended_s=block_s,
                    spent_s=block_s,
                )
                .returning(_T.id)
            )
            id_ = int(result.scalar_one())
            for place, attempt in enumerate(signed.attempts if state != "final" else ()):
                await connection.execute(insert(_A).values(attempt_row(id_, attempt, place)))
        except IntegrityError as error:
            raise Overtaken(subject) from error


async def is_told(database: Database, pair: str, kind: str, tx_hash: bytes, *, address: str, to_block: int) -> bool:
    """Whether the history tells of a sync of a replica, or of an anchor's block, by this transaction."""
    wanted = select(_H.document).where(
        _H.pair == pair, _H.kind == kind, or_(_H.replica == address, _H.anchor == address)
    )
    if kind == "sync":
        wanted = wanted.where(_H.to_block == to_block)
    wanted = wanted.where(_H.document.contains(tx_hash.hex()))
    async with database.transaction() as connection:
        return (await connection.execute(wanted.limit(1))).first() is not None
