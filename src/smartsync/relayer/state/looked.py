"""When each pair was looked at last, by whichever process."""

from __future__ import annotations

from sqlalchemy import func, select

from smartsync.relayer.state.database import Database
from smartsync.relayer.state.tables import ReplicaRow

_R = ReplicaRow


async def looked(database: Database) -> dict[str, float]:
    """Return the time of the last look at any replica of each pair, seconds since 1970; no pairs never looked at."""
    wanted = select(_R.pair, func.max(_R.looked_s)).group_by(_R.pair)
    async with database.transaction() as connection:
        return {pair: at_s for pair, at_s in await connection.execute(wanted)}
