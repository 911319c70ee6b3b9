"""What workers have written down, read past them from their database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, NullPool, create_engine, select

from smartsync.relayer.state.tables import AttemptRow, ReplicaRow, TransactionRow
from tests.soak.ledger import Entry


@contextmanager
def _reading(state: str) -> Iterator[Connection]:
    engine = create_engine(state.replace("postgresql:", "postgresql+psycopg:"), poolclass=NullPool)
    with engine.connect() as connection:
        yield connection


def read_states(state: str) -> dict[str, tuple[str, str]]:
    """Return the state of each replica and its reason, by address."""
    with _reading(state) as connection:
        rows = connection.execute(select(ReplicaRow.address, ReplicaRow.state, ReplicaRow.reason))
        return {address: (word, reason) for address, word, reason in rows}


def read_looks(state: str) -> dict[str, float]:
    """Return when each replica was looked at last, seconds since 1970, by address."""
    with _reading(state) as connection:
        rows = connection.execute(select(ReplicaRow.address, ReplicaRow.looked_s))
        return {address: looked_s for address, looked_s in rows}


def read_journal(state: str) -> list[Entry]:
    """Return all that the journal has, the oldest first; also while workers have it."""
    rows = TransactionRow
    columns: list[Any] = [rows.id, rows.subject, rows.sender, rows.nonce, rows.state, rows.tx_hash, rows.success]
    hashes: defaultdict[int, set[bytes]] = defaultdict(set)
    with _reading(state) as connection:
        found = connection.execute(select(*columns).order_by(rows.id)).all()
        for id_, tx_hash in connection.execute(select(AttemptRow.transaction_id, AttemptRow.tx_hash)):
            hashes[id_].add(tx_hash)
    return [
        Entry(
            one.subject, one.sender.lower(), one.nonce, one.state, frozenset(hashes[one.id]), one.tx_hash, one.success
        )
        for one in found
    ]
