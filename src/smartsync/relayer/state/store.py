"""What the relayer remembers of replicas: how each stands, what happened to it, how far behind it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from smartsync.relayer.state.database import Database
from smartsync.relayer.state.tables import HistoryRow, ReplicaRow, SampleRow, Table

_R, _H, _S = ReplicaRow, HistoryRow, SampleRow


@dataclass(frozen=True, slots=True)
class Status:
    """How a replica stands. Blocks are the source's, times seconds since 1970, of the relayer's clock.

    ``state`` since ``since_s``, for a ``reason`` in words; ``looked_s`` is when it was seen so last. ``level`` of the
    mirrored block, ``accepted_block`` the newest that the anchor accepts, ``source_head`` the source's newest;
    ``behind_s`` by how many seconds on the source's clock that one is later. ``changed_s`` is when a change was first
    seen that the replica does not have, ``failures`` how often in a row something went wrong, and ``is_demanded``
    whether somebody asked for a sync. ``None`` where it is not known.
    """

    pair: str
    address: str
    name: str
    state: str
    reason: str
    since_s: float
    looked_s: float
    anchor: str | None = None
    block_number: int | None = None
    block_hash: bytes | None = None
    level: str | None = None
    accepted_block: int | None = None
    source_head: int | None = None
    behind_s: int | None = None
    changed_s: float | None = None
    failures: int = 0
    is_demanded: bool = False


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happened to a replica, or to an anchor: ``told`` in a sentence, ``document`` as JSON.

    Gas and cost in wei are those of its transactions; what is estimated is what was expected before them, the cost at
    the price of then. ``None`` where it is not known.
    """

    pair: str
    replica: str | None
    anchor: str | None
    at_s: float
    kind: str
    told: str
    document: str = "{}"
    from_block: int | None = None
    to_block: int | None = None
    changes: int | None = None
    estimated_gas: int | None = None
    gas_used: int | None = None
    cost_wei: int | None = None
    estimated_cost_wei: int | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """How far a replica was behind in one minute (number of minutes since 1970), at most."""

    minute: int
    behind_blocks: int
    behind_s: int


class Store:
    """The relayer's memory of replicas, in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def remember(self, status: Status) -> None:
        """Write down how a replica stands, in the place of how it stood."""
        await self._put(_R, asdict(status), key=("pair", "address"), keep=("is_demanded",))

    async def statuses(self, pair: str | None = None) -> list[Status]:
        """Return how the replicas stand, of one pair or of all, by pair and address."""
        wanted = select(_R).order_by(_R.pair, _R.address)
        if pair is not None:
            wanted = wanted.where(_R.pair == pair)
        async with self._database.transaction() as connection:
            return [Status(**row._mapping) for row in await connection.execute(wanted)]

    async def status(self, pair: str, address: str) -> Status | None:
        """Return how a replica stands; ``None`` where it was never looked at."""
        wanted = select(_R).where(_R.pair == pair, _R.address == address)
        async with self._database.transaction() as connection:
            row = (await connection.execute(wanted)).one_or_none()
        return None if row is None else Status(**row._mapping)

    async def demand(self, pair: str, address: str, *, is_demanded: bool = True) -> bool:
        """Ask for a sync, or take the request back; returns whether the replica is known."""
        change = update(_R).where(_R.pair == pair, _R.address == address).values(is_demanded=is_demanded)
        async with self._database.transaction() as connection:
            return (await connection.execute(change)).rowcount > 0

    async def tell(self, happening: Happening) -> None:
        """Write down what happened."""
        await self._put(_H, asdict(happening))

    async def history(
        self, pair: str | None = None, replica: str | None = None, *, before: int | None = None, limit: int = 100
    ) -> list[tuple[int, Happening]]:
        """Return what happened, with its number, the newest first.

        Parameters
        ----------
        before
            A number: only what happened before it is wanted.
        """
        wanted = select(_H).order_by(_H.id.desc()).limit(limit)
        for column, value in ((_H.pair, pair), (_H.replica, replica)):
            if value is not None:
                wanted = wanted.where(column == value)
        if before is not None:
            wanted = wanted.where(_H.id < before)
        async with self._database.transaction() as connection:
            rows = (await connection.execute(wanted)).all()
        return [(row.id, Happening(**_without_id(row._asdict()))) for row in rows]

    async def last_sync(self, pair: str, replica: str) -> Happening | None:
        """Return a replica's last sync; ``None`` where none is remembered."""
        wanted = select(_H).where(_H.pair == pair, _H.replica == replica, _H.kind == "sync")
        async with self._database.transaction() as connection:
            row = (await connection.execute(wanted.order_by(_H.id.desc()).limit(1))).one_or_none()
        return None if row is None else Happening(**_without_id(row._asdict()))

    async def sample(self, pair: str, replica: str, sample: Sample) -> None:
        """Write down how far behind a replica is: of a minute the most stands."""
        await self._put(
            _S,
            {"pair": pair, "replica": replica, **asdict(sample)},
            key=("pair", "replica", "minute"),
            most=("behind_blocks", "behind_s"),
        )

    async def samples(self, pair: str, replica: str, since_s: float) -> list[Sample]:
        """Return how far a replica was behind since a time, the oldest first."""
        wanted = select(_S.minute, _S.behind_blocks, _S.behind_s).order_by(_S.minute)
        wanted = wanted.where(_S.pair == pair, _S.replica == replica, _S.minute >= since_s // 60)
        async with self._database.transaction() as connection:
            return [Sample(*row) for row in await connection.execute(wanted)]

    async def _put(
        self,
        table: type[Table],
        values: Mapping[str, object],
        *,
        key: Sequence[str] = (),
        keep: Sequence[str] = (),
        most: Sequence[str] = (),
    ) -> None:
        """Insert a row, or put it in the place of the one with this key, but for columns to ``keep``.

        Of the columns in ``most`` the larger of the old and the new value stands.
        """
        is_shared = self._database.is_shared
        insertion: Any = (postgresql if is_shared else sqlite).insert(table).values(**values)
        if key:
            larger = func.greatest if is_shared else func.max
            new = {
                name: larger(getattr(table, name), insertion.excluded[name])
                if name in most
                else insertion.excluded[name]
                for name in values
                if name not in key and name not in keep
            }
            insertion = insertion.on_conflict_do_update(index_elements=list(key), set_=new)
        async with self._database.transaction() as connection:
            await connection.execute(insertion)


def _without_id(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "id"}
