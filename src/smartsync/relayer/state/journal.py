"""The journal of what was signed, in the relayer's database."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from smartsync.answers import Receipt
from smartsync.errors import Overtaken
from smartsync.fees import Fees
from smartsync.relayer.state.database import Database
from smartsync.relayer.state.tables import AttemptRow, TransactionRow
from smartsync.submit.journal import Attempt, Signed

_T, _A = TransactionRow, AttemptRow
_OPEN = ("signed", "included")

ABANDONED_S = 180.0
"""Seconds after which nobody is taken to follow what was signed: `Sender` gives up after 120."""

TURN_S = 300.0
"""Seconds for which a turn may wait for nodes at most; then it is another's, as of a process that was stopped."""

_COLUMNS: tuple[Any, ...] = (
    *(_T.id, _T.what, _T.sender, _T.nonce, _T.to, _T.data, _T.gas),
    *(_A.tx_hash, _A.raw, _A.max_fee_wei, _A.priority_fee_wei, _A.cancels),
)


class StateJournal:
    """What was signed for one subject.

    Made when a job begins to look at its subject: if anybody else has sent something for it by the time that this one
    wants to, what this one has seen is stale, and it is refused.

    Parameters
    ----------
    subject
        A replica or an anchor, with its chain.
    number
        How many transactions the subject has had.
    pair
        Of whose configuration it is: what is spent is told by it.
    """

    def __init__(self, database: Database, subject: str, number: int, pair: str = "") -> None:
        self.subject, self.pair = subject, pair
        self._database, self._number = database, number
        self._ids: dict[tuple[str, int], int] = {}

    @classmethod
    async def of(cls, database: Database, subject: str, pair: str = "") -> StateJournal:
        """Return a subject's journal as it stands now."""
        async with database.transaction() as connection:
            newest = await connection.scalar(select(func.max(_T.number)).where(_T.subject == subject))
        return cls(database, subject, newest or 0, pair)

    @asynccontextmanager
    async def turn(self, chain_id: int, sender: str) -> AsyncIterator[_Turn]:
        """Wait for the turn of an account, in whichever process the others are."""
        async with self._database.locked(f"{chain_id} {sender}", idle_s=TURN_S) as connection:
            yield _Turn(self, connection, chain_id, sender)

    @asynccontextmanager
    async def alone(self, what: str) -> AsyncIterator[None]:
        """Wait until nobody else is at something, in whichever process; for two minutes at most where it is shared."""
        # Who is at it needs further connections to write down what he does.
        async with self._database.few, self._database.locked(what):
            yield

    async def unfinished(self) -> Sequence[Signed]:
        """Return what was signed for the subject and is in no block that is known, the oldest first."""
        async with self._database.transaction() as connection:
            rows = await connection.execute(
                select(*_COLUMNS)
                .join(_A, _A.transaction_id == _T.id)
                .where(_T.subject == self.subject, _T.state == "signed")
                .order_by(_T.number, _A.place)
            )
            found = _signed(rows.all())
        self._ids |= {(one.sender, one.nonce): id_ for id_, one in found.items()}
        return list(found.values())

    async def included(self, signed: Signed, receipt: Receipt) -> None:
        """Write down the block."""
        await self._end(
            signed,
            state="included",
            block_number=receipt.block_number,
            block_hash=receipt.block_hash,
            tx_hash=receipt.tx_hash,
            gas_used=receipt.gas_used,
            success=receipt.success,
            cost_wei=receipt.cost_wei,
            why="cancelled" if signed.is_cancelled_by(receipt.tx_hash) else "",
        )

    async def dropped(self, signed: Signed, why: str) -> None:
        """Write down that its nonce is free, and why.

        Not where somebody else knows better: who follows it too, and has signed a further version, which this one has
        not looked for, or has found its block.
        """
        number = select(func.count()).where(_A.transaction_id == _T.id).scalar_subquery()
        is_mine = (_T.state == "signed") & (number <= len(signed.attempts))
        await self._end(signed, is_mine, state="dropped", why=why)

    async def left(self, signed: Signed) -> None:
        """Leave it to whoever is next: it stands in the table."""

    async def _end(self, signed: Signed, only: ColumnElement[bool] | None = None, **values: object) -> None:
        id_ = self._ids[signed.sender, signed.nonce]
        async with self._database.transaction() as connection:
            now_s = time.time()
            change = update(_T).where(_T.id == id_).values(ended_s=now_s, spent_s=now_s, **values)
            await connection.execute(change if only is None else change.where(only))


async def holds_up(database: Database, chain_id: int, signed: Signed, after_s: float) -> bool:
    """Whether a transaction was signed so many seconds ago, and others of its account wait behind its nonce.

    By the machine's clock: one that jumps has it cancelled too early or late, for the gas of a transfer.
    """
    open_ = select(_T.nonce, _T.signed_s).where(
        _T.chain_id == chain_id, _T.sender == signed.sender, _T.state == "signed", _T.nonce >= signed.nonce
    )
    async with database.transaction() as connection:
        rows = {nonce: signed_s for nonce, signed_s in await connection.execute(open_)}
    waited_s = time.time() - rows.pop(signed.nonce, time.time())
    return bool(rows) and abs(waited_s) >= after_s


def attempt_row(id_: int, attempt: Attempt, place: int) -> dict[str, object]:
    """Return the columns of a version of a transaction: the how-manieth, from 0."""
    return {
        "tx_hash": attempt.tx_hash,
        "transaction_id": id_,
        "place": place,
        "raw": attempt.raw,
        "max_fee_wei": attempt.fees.max_fee_wei,
        "priority_fee_wei": attempt.fees.priority_fee_wei,
        "cancels": attempt.cancels,
    }


@dataclass(frozen=True, slots=True)
class Included:
    """A transaction that is in a block, which is not final yet."""

    id: int
    sender: str
    nonce: int
    block_number: int
    block_hash: bytes
    tx_hash: bytes
    spent_s: float


async def included(database: Database, chain_id: int, subject: str = "") -> list[Included]:
    """Return what is in blocks of a chain that may be dropped yet; of one subject where it is given."""
    wanted = select(_T.id, _T.sender, _T.nonce, _T.block_number, _T.block_hash, _T.tx_hash, _T.spent_s)
    wanted = wanted.where(_T.chain_id == chain_id, _T.state == "included").order_by(_T.id)
    if subject:
        wanted = wanted.where(_T.subject == subject)
    async with database.transaction() as connection:
        rows: Sequence[Any] = (await connection.execute(wanted)).all()
    return [Included(*row) for row in rows]


async def reopen(database: Database, id_: int) -> None:
    """Write down that the block of a transaction is dropped: it is signed, and in no block that is known."""
    await _alter(
        database,
        id_,
        state="signed",
        block_number=None,
        block_hash=None,
        tx_hash=None,
        gas_used=None,
        success=None,
        cost_wei=None,
        why="",
        ended_s=None,
    )


async def finalise(database: Database, id_: int) -> None:
    """Write down that the block of a transaction is deep enough: its nonce is looked at no more."""
    await _alter(database, id_, state="final")


async def date(database: Database, id_: int, block_s: float) -> None:
    """Write down when a transaction's block was made, by the target's clock: then it counts as spent."""
    await _alter(database, id_, spent_s=float(block_s))


async def _alter(database: Database, id_: int, **values: object) -> None:
    async with database.transaction() as connection:
        await connection.execute(update(_T).where(_T.id == id_, _T.state == "included").values(**values))


async def abandoned(database: Database, chain_id: int, senders: Collection[str]) -> list[tuple[str, str]]:
    """Return subjects, each with the account, of which something is in no block long after it was signed.

    Longer than anybody follows a transaction: so nobody does. Also where the clock was set back.
    """
    now_s = time.time()
    wanted = select(_T.subject, _T.sender).distinct()
    wanted = wanted.where(_T.chain_id == chain_id, _T.sender.in_(senders), _T.state == "signed")
    wanted = wanted.where((_T.signed_s < now_s - ABANDONED_S) | (_T.signed_s > now_s))
    async with database.transaction() as connection:
        return [(subject, sender) for subject, sender in await connection.execute(wanted)]


async def unfinished_of(database: Database, subject: str) -> list[str]:
    """Return the accounts of what was signed for a subject and is in no block that is known."""
    wanted = select(_T.sender).distinct().where(_T.subject == subject, _T.state == "signed")
    async with database.transaction() as connection:
        return list(await connection.scalars(wanted))


@dataclass(frozen=True, slots=True)
class _Turn:
    journal: StateJournal
    connection: AsyncConnection
    chain_id: int
    sender: str
    has_all: bool = True

    async def taken(self) -> Collection[int]:
        """Return the nonces of what may not be known to the node yet."""
        async with self.connection.begin():
            rows = await self.connection.scalars(
                select(_T.nonce).where(_T.chain_id == self.chain_id, _T.sender == self.sender, _T.state.in_(_OPEN))
            )
            return frozenset(rows)

    async def write(self, signed: Signed) -> None:
        """Write down a transaction with its first version, or a further version."""
        journal, attempt = self.journal, signed.newest
        key = signed.sender, signed.nonce
        async with self.connection.begin():
            id_ = journal._ids[key] if len(signed.attempts) > 1 else await self._insert(signed)
            await self._attempt(id_, attempt, len(signed.attempts) - 1)
        if len(signed.attempts) == 1:
            journal._ids[key] = id_
            journal._number += 1

    async def _attempt(self, id_: int, attempt: Attempt, place: int) -> None:
        """Write down a version; refused where somebody else, who follows it too, has outbid it already."""
        newest = await self.connection.scalar(select(func.max(_A.place)).where(_A.transaction_id == id_))
        if place and newest != place - 1:
            raise Overtaken(self.journal.subject)
        # What a node refused is the very same where it is signed again, as long as the fees are: it is this one's.
        dropped = select(_T.id).where(_T.state == "dropped")
        same = _A.tx_hash == attempt.tx_hash
        await self.connection.execute(delete(_A).where(same, _A.transaction_id.in_(dropped)))
        try:
            await self.connection.execute(insert(_A).values(attempt_row(id_, attempt, place)))
        except IntegrityError as error:
            raise Overtaken(self.journal.subject) from error

    async def _insert(self, signed: Signed) -> int:
        journal, now_s = self.journal, time.time()
        try:
            result = await self.connection.execute(
                insert(_T)
                .values(
                    pair=journal.pair,
                    subject=journal.subject,
                    number=journal._number + 1,
                    chain_id=self.chain_id,
                    sender=signed.sender,
                    nonce=signed.nonce,
                    what=signed.what,
                    to=signed.to,
                    data=signed.data,
                    gas=signed.gas,
                    state="signed",
                    why="",
                    signed_s=now_s,
                    spent_s=now_s,
                )
                .returning(_T.id)
            )
        except IntegrityError as error:
            raise Overtaken(journal.subject) from error
        return int(result.scalar_one())


def _signed(rows: Sequence[Row[*tuple[Any, ...]]]) -> dict[int, Signed]:
    """Return transactions by id, in the order of the rows, of which each is one version."""
    found: dict[int, Signed] = {}
    for id_, what, sender, nonce, to, data, gas, tx_hash, raw, max_fee_wei, priority_fee_wei, cancels in rows:
        attempt = Attempt(tx_hash, raw, Fees(max_fee_wei, priority_fee_wei), cancels)
        earlier = found[id_].attempts if id_ in found else ()
        found[id_] = Signed(what, sender, nonce, to, data, gas, (*earlier, attempt))
    return found
