"""What is outstanding: on both databases."""

from __future__ import annotations

from sqlalchemy import insert

from smartsync.relayer.state.database import Database
from smartsync.relayer.state.outstanding import Outstanding, outstanding
from smartsync.relayer.state.tables import TransactionRow
from tests.relayer_metrics import ANCHOR, SENDER


async def write(database: Database, *rows: tuple[int, str, int, str, float]) -> None:
    async with database.transaction() as connection:
        for number, (chain_id, sender, nonce, state, signed_s) in enumerate(rows):
            values = {"chain_id": chain_id, "sender": sender, "nonce": nonce, "state": state, "signed_s": signed_s}
            fixed = {"subject": "s", "number": number, "what": "", "data": b"", "gas": 1, "why": "", "pair": "p"}
            await connection.execute(insert(TransactionRow).values(**values, **fixed))


async def test_outstanding_nothing_was_sent_is_nothing(database: Database) -> None:
    assert await outstanding(database) == []


async def test_outstanding_counts_by_chain_and_account_what_is_not_final(database: Database) -> None:
    await write(
        database,
        (1, SENDER, 0, "final", 10.0),
        (1, SENDER, 1, "dropped", 11.0),
        (1, SENDER, 1, "included", 12.0),
        (1, SENDER, 2, "signed", 14.0),
        (1, SENDER, 3, "signed", 13.0),
        (2, SENDER, 0, "included", 15.0),
        (2, ANCHOR, 0, "final", 16.0),
    )
    assert await outstanding(database) == [Outstanding(1, SENDER, 2, 1, 13.0), Outstanding(2, SENDER, 0, 1, None)]
