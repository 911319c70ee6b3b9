"""The relayer's tables. What matters of them can be read from the chains again; `rebuilding.NEVER_KNOWN` has the rest.

Times are seconds since 1970, of the relayer's clock; addresses checksummed; hashes 32 bytes; what may pass 64 bits is
text, since neither database has a number for it that both keep exactly.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

_OPEN = text("state IN ('signed', 'included')")


class Wei(TypeDecorator[int]):
    """An amount of up to 256 bits."""

    impl = String(78)
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> str | None:
        """Write it in decimal."""
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> int | None:
        """Read it."""
        return None if value is None else int(value)


class Table(DeclarativeBase):
    """A table of the relayer's."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    # SQLite counts up only what is an INTEGER, which there has 64 bits.
    type_annotation_map = {  # noqa: RUF012  # as SQLAlchemy wants it
        int: BigInteger().with_variant(Integer, "sqlite"),
        float: Double,
        bytes: LargeBinary,
        str: Text,
    }


class TransactionRow(Table):
    """A transaction that was signed, written down before it is sent.

    ``subject`` is what it was for, ``number`` the how-manieth of it: two workers who both send for one subject collide
    here, before either has sent. ``state`` is ``signed`` until it is in a block, ``included`` then, ``final`` once that
    block is deep enough; ``dropped`` where it can be in none.

    ``pair`` is of whose configuration it is, ``cost_wei`` what was paid for it by its receipt (``None`` where that does
    not tell). ``spent_s`` is when that counts as spent: the time of its block by the target's clock, as soon as that
    was looked at; until then the relayer's clock has to do.
    """

    __tablename__ = "transactions"
    __table_args__ = (
        UniqueConstraint("subject", "number"),
        Index(
            "uq_transactions_nonce",
            "chain_id",
            "sender",
            "nonce",
            unique=True,
            sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
        Index("ix_transactions_state", "state"),
        Index("ix_transactions_spent_s", "spent_s"),
        Index("ix_transactions_subject_spent_s", "subject", "spent_s"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    pair: Mapped[str] = mapped_column(default="", server_default="")
    subject: Mapped[str]
    number: Mapped[int]
    chain_id: Mapped[int]
    sender: Mapped[str]
    nonce: Mapped[int]
    what: Mapped[str]
    to: Mapped[str | None]
    data: Mapped[bytes]
    gas: Mapped[int]
    state: Mapped[str] = mapped_column(default="signed")
    why: Mapped[str] = mapped_column(default="")
    block_number: Mapped[int | None]
    block_hash: Mapped[bytes | None]
    tx_hash: Mapped[bytes | None]
    gas_used: Mapped[int | None]
    success: Mapped[bool | None]
    cost_wei: Mapped[int | None] = mapped_column(Wei)
    signed_s: Mapped[float]
    ended_s: Mapped[float | None]
    spent_s: Mapped[float] = mapped_column(server_default="0")


class AttemptRow(Table):
    """A signed version of a transaction, as it is sent. There is no secret in it: it is what the chain will show.

    ``cancels`` where it does nothing but take the nonce, in the place of the versions before it.
    """

    __tablename__ = "attempts"

    tx_hash: Mapped[bytes] = mapped_column(primary_key=True)
    transaction_id: Mapped[int] = mapped_column(ForeignKey("transactions.id", ondelete="CASCADE"), index=True)
    place: Mapped[int]
    raw: Mapped[bytes]
    max_fee_wei: Mapped[int] = mapped_column(Wei)
    priority_fee_wei: Mapped[int | None] = mapped_column(Wei)
    cancels: Mapped[bool] = mapped_column(default=False, server_default=false())


class ReplicaRow(Table):
    """What is known of a replica now. Block numbers are the source's."""

    __tablename__ = "replicas"

    pair: Mapped[str] = mapped_column(primary_key=True)
    address: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    state: Mapped[str]
    reason: Mapped[str]
    since_s: Mapped[float]
    looked_s: Mapped[float]
    anchor: Mapped[str | None]
    block_number: Mapped[int | None]
    block_hash: Mapped[bytes | None]
    level: Mapped[str | None]
    accepted_block: Mapped[int | None]
    source_head: Mapped[int | None]
    behind_s: Mapped[int | None]
    changed_s: Mapped[float | None]
    failures: Mapped[int]
    is_demanded: Mapped[bool]


class HistoryRow(Table):
    """Something that happened to a replica, or to an anchor of a pair.

    ``told`` is a sentence, ``document`` the result as JSON. Gas and cost are those of its transactions; what was
    estimated before them is ``None`` where nothing was.
    """

    __tablename__ = "history"
    __table_args__ = (Index("ix_history_replica", "pair", "replica", "at_s"), Index("ix_history_at_s", "at_s"))

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    pair: Mapped[str]
    replica: Mapped[str | None]
    anchor: Mapped[str | None]
    at_s: Mapped[float]
    kind: Mapped[str]
    told: Mapped[str]
    document: Mapped[str]
    from_block: Mapped[int | None]
    to_block: Mapped[int | None]
    changes: Mapped[int | None]
    estimated_gas: Mapped[int | None]
    estimated_cost_wei: Mapped[int | None] = mapped_column(Wei)
    gas_used: Mapped[int | None]
    cost_wei: Mapped[int | None] = mapped_column(Wei)


class SampleRow(Table):
    """How far a replica was behind in one minute, at most: for the charts."""

    __tablename__ = "samples"

    pair: Mapped[str] = mapped_column(primary_key=True)
    replica: Mapped[str] = mapped_column(primary_key=True)
    minute: Mapped[int] = mapped_column(primary_key=True)
    behind_blocks: Mapped[int]
    behind_s: Mapped[int]
