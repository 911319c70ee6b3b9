"""How the tables came to be what they are: alembic's, run by `smartsync.relayer.state.database`."""
