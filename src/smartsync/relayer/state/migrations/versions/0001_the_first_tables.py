"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "history",
        sa.Column("id", _WHOLE, autoincrement=True, nullable=False),
        sa.Column("pair", sa.Text(), nullable=False),
        sa.Column("replica", sa.Text(), nullable=True),
        sa.Column("anchor", sa.Text(), nullable=True),
        sa.Column("at_s", sa.Double(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("told", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("from_block", _WHOLE, nullable=True),
        sa.Column("to_block", _WHOLE, nullable=True),
        sa.Column("changes", _WHOLE, nullable=True),
        sa.Column("estimated_gas", _WHOLE, nullable=True),
        sa.Column("gas_used", _WHOLE, nullable=True),
        sa.Column("cost_wei", sa.String(78), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_history")),
    )
    with op.batch_alter_table("history", schema=None) as batch_op:
        batch_op.create_index("ix_history_at_s", ["at_s"], unique=False)
        batch_op.create_index("ix_history_replica", ["pair", "replica", "at_s"], unique=False)

    op.create_table(
        "replicas",
        sa.Column("pair", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since_s", sa.Double(), nullable=False),
        sa.Column("looked_s", sa.Double(), nullable=False),
        sa.Column("anchor", sa.Text(), nullable=True),
        sa.Column("block_number", _WHOLE, nullable=True),
        sa.Column("block_hash", sa.LargeBinary(), nullable=True),
        sa.Column("level", sa.Text(), nullable=True),
        sa.Column("accepted_block", _WHOLE, nullable=True),
        sa.Column("source_head", _WHOLE, nullable=True),
        sa.Column("behind_s", _WHOLE, nullable=True),
        sa.Column("changed_s", sa.Double(), nullable=True),
        sa.Column("failures", _WHOLE, nullable=False),
        sa.Column("is_demanded", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("pair", "address", name=op.f("pk_replicas")),
    )
    op.create_table(
        "samples",
        sa.Column("pair", sa.Text(), nullable=False),
        sa.Column("replica", sa.Text(), nullable=False),
        sa.Column("minute", _WHOLE, nullable=False),
        sa.Column("behind_blocks", _WHOLE, nullable=False),
        sa.Column("behind_s", _WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("pair", "replica", "minute", name=op.f("pk_samples")),
    )
    op.create_table(
        "transactions",
        sa.Column("id", _WHOLE, autoincrement=True, nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("number", _WHOLE, nullable=False),
        sa.Column("chain_id", _WHOLE, nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("nonce", _WHOLE, nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("to", sa.Text(), nullable=True),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("gas", _WHOLE, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("block_number", _WHOLE, nullable=True),
        sa.Column("block_hash", sa.LargeBinary(), nullable=True),
        sa.Column("tx_hash", sa.LargeBinary(), nullable=True),
        sa.Column("gas_used", _WHOLE, nullable=True),
        sa.Column("success", sa.Boolean(), nullable=True),
        sa.Column("signed_s", sa.Double(), nullable=False),
        sa.Column("ended_s", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transactions")),
        sa.UniqueConstraint("subject", "number", name=op.f("uq_transactions_subject_number")),
    )
    with op.batch_alter_table("transactions", schema=None) as batch_op:
        batch_op.create_index("ix_transactions_state", ["state"], unique=False)
        batch_op.create_index(
            "uq_transactions_nonce",
            ["chain_id", "sender", "nonce"],
            unique=True,
            sqlite_where=sa.text("state IN ('signed', 'included')"),
            postgresql_where=sa.text("state IN ('signed', 'included')"),
        )

    op.create_table(
        "attempts",
        sa.Column("tx_hash", sa.LargeBinary(), nullable=False),
        sa.Column("transaction_id", _WHOLE, nullable=False),
        sa.Column("place", _WHOLE, nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("max_fee_wei", sa.String(78), nullable=False),
        sa.Column("priority_fee_wei", sa.String(78), nullable=True),
        sa.ForeignKeyConstraint(
            ["transaction_id"], ["transactions.id"], name=op.f("fk_attempts_transaction_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tx_hash", name=op.f("pk_attempts")),
    )
    with op.batch_alter_table("attempts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_attempts_transaction_id"), ["transaction_id"], unique=False)


def downgrade() -> None:
    """Change them back."""
    for table in ("attempts", "transactions", "samples", "replicas", "history"):
        op.drop_table(table)
