"""What alembic runs for each command: on the connection that it is given, in one transaction."""

from __future__ import annotations

from alembic import context

from smartsync.relayer.state.tables import Table

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Table.metadata,
    # SQLite cannot alter a table: it is copied.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
