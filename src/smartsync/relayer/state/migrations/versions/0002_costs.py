"""What transactions cost, of which pair they are, when that counts as spent; versions that cancel.

Columns are added in place: where SQLite copies a table to alter it, dropping the old one takes its attempts along.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Change the tables."""
    op.add_column("transactions", sa.Column("pair", sa.Text(), server_default="", nullable=False))
    op.add_column("transactions", sa.Column("cost_wei", sa.String(78), nullable=True))
    op.add_column("transactions", sa.Column("spent_s", sa.Double(), server_default="0", nullable=False))
    op.execute("UPDATE transactions SET spent_s = coalesce(ended_s, signed_s)")
    op.create_index("ix_transactions_spent_s", "transactions", ["spent_s"], unique=False)
    op.create_index("ix_transactions_subject_spent_s", "transactions", ["subject", "spent_s"], unique=False)
    op.add_column("attempts", sa.Column("cancels", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("history", sa.Column("estimated_cost_wei", sa.String(78), nullable=True))


def downgrade() -> None:
    """Change them back."""
    op.drop_column("history", "estimated_cost_wei")
    op.drop_column("attempts", "cancels")
    for name in ("ix_transactions_subject_spent_s", "ix_transactions_spent_s"):
        op.drop_index(name, "transactions")
    for name in ("spent_s", "cost_wei", "pair"):
        op.drop_column("transactions", name)
