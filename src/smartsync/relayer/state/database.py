"""A database that has the relayer's tables: opened, brought up to date, locked, closed."""

from __future__ import annotations

import asyncio
import fcntl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import URL, Connection, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from smartsync.errors import ConfigError
from smartsync.keccak import keccak256
from smartsync.relayer.missing import package_missing
from smartsync.relayer.state.errors import StateUnavailable

_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+psycopg"}
_MIGRATING = "migrations"
_FEW = 5
_LOCK_S = 120
"""Seconds to wait for a lock: several times as long as a turn takes."""

_GONE_S = 15
"""Seconds without a sign of life after which a machine at the other end of a connection is taken to be away."""

_STOPPED_S = 60
"""Seconds without a statement in the middle of a transaction after which its process is taken to have been stopped."""

_WAL_BYTES = 64 * 1024 * 1024
"""What SQLite's log keeps of the disk once it was larger."""


class Database:
    """The relayer's database.

    Parameters
    ----------
    engine
        SQLAlchemy's, of `aiosqlite` or `psycopg`.
    """

    def __init__(self, engine: AsyncEngine, file: IO[bytes] | None = None) -> None:
        self.engine = engine
        self._file = file
        self._locks: dict[str, asyncio.Lock] = {}
        self.few = asyncio.Semaphore(_FEW)
        """For who keeps a connection while he needs others."""

    @property
    def is_shared(self) -> bool:
        """Whether several processes may work with it: PostgreSQL."""
        return self.engine.dialect.name == "postgresql"

    @property
    def shown(self) -> str:
        """Its url, without driver and password."""
        return shown_url(self.engine.url)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """Give a connection whose changes stand all or not at all.

        Raises
        ------
        StateUnavailable
            The database does not answer, or cannot write.
        """
        try:
            async with self.engine.begin() as connection:
                yield connection
        except (DBAPIError, PoolTimeout, OSError) as error:
            raise _unavailable(self.engine.url, error) from error

    @asynccontextmanager
    async def locked(self, name: str, idle_s: float | None = None) -> AsyncIterator[AsyncConnection]:
        """Wait until nobody else, in any process, is between here and the end, and give a connection to work with.

        No transaction is open on it. In PostgreSQL the lock is the connection's own: whoever lost it, since the
        database was restarted or took him for dead, cannot write by this connection either.

        Parameters
        ----------
        idle_s
            Seconds without a statement on the connection after which the lock is lost: of a process that was stopped,
            or a machine that sleeps. ``None``: it may take any time.

        Raises
        ------
        StateUnavailable
            The database does not answer, or cannot write.
        """
        lock = self._locks.setdefault(name, asyncio.Lock())
        try:
            async with lock, self.engine.connect() as connection:
                if not self.is_shared:
                    yield connection
                    return
                await _advisory(connection, "pg_advisory_lock", name)
                try:
                    if idle_s is not None:
                        await _end_when_idle(connection, idle_s)
                    yield connection
                finally:
                    try:
                        await connection.rollback()
                        if idle_s is not None:
                            await _end_when_idle(connection, 0.0)
                        await _advisory(connection, "pg_advisory_unlock", name)
                    except BaseException:
                        # The pool must not hand it out again with the lock.
                        await connection.invalidate()
                        raise
        except (DBAPIError, PoolTimeout, OSError) as error:
            raise _unavailable(self.engine.url, error) from error

    async def close(self) -> None:
        """Close all connections."""
        await self.engine.dispose()
        if self._file is not None:
            self._file.close()


@asynccontextmanager
async def opened(url: str, password: str | None = None) -> AsyncIterator[Database]:
    """Open a database and bring its tables up to date.

    Parameters
    ----------
    url
        ``sqlite:///FILE`` (made where it is not there) or ``postgresql://USER@HOST/NAME``.
    password
        Of PostgreSQL's user, where the url has none; libpq's own ways, as ``PGPASSWORD``, go too.

    Raises
    ------
    ConfigError
        It is no such url, another relayer has the file, or the tables are of a newer version.
    StateUnavailable
        The database does not answer.
    """
    parsed = parse_url(url)
    if password is not None and parsed.password is None:
        parsed = parsed.set(password=password)
    file = _own(parsed)
    engine = _engine(parsed)
    database = Database(engine, file)
    try:
        async with _beginning():
            await _migrate(database)
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def visited(url: str, password: str | None = None) -> AsyncIterator[Database]:
    """Open a database beside a relayer that may be at work with it. Nothing is made, and no table is changed.

    Raises
    ------
    ConfigError
        It is no such url, no relayer has made it yet, or its tables are of another version.
    StateUnavailable
        The database does not answer.
    """
    parsed = parse_url(url)
    if password is not None and parsed.password is None:
        parsed = parsed.set(password=password)
    _require_file(parsed)
    engine = _engine(parsed)
    database = Database(engine)
    try:
        async with _beginning(), database.transaction() as connection:
            await connection.run_sync(_require_newest, parsed)
        yield database
    finally:
        await database.close()


async def _end_when_idle(connection: AsyncConnection, idle_s: float) -> None:
    """Have the server end a connection on which nothing is asked for so many seconds; 0: never."""
    # PostgreSQL 13 does not know it.
    wanted = "SELECT set_config('idle_session_timeout', :idle, false) WHERE current_setting('server_version_num')::int"
    await connection.execute(text(f"{wanted} >= 140000"), {"idle": f"{round(idle_s * 1000)}ms"})
    await connection.commit()


@asynccontextmanager
async def _beginning() -> AsyncIterator[None]:
    """Say of a database that is not to be had that it never was: nobody waits for it."""
    try:
        yield
    except StateUnavailable as error:
        raise StateUnavailable(error.url, error.cause, is_full=error.is_full, is_begun=False) from error


async def _advisory(connection: AsyncConnection, function: str, name: str) -> None:
    key = int.from_bytes(keccak256(name.encode())[:8], signed=True)
    # Whoever has the lock and does not go on must not hold up everybody without a word.
    await connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_S}s'"))
    await connection.execute(text(f"SELECT {function}(:key)"), {"key": key})
    await connection.commit()


def parse_url(url: str) -> URL:
    """Return a database's url with the driver for it. Raises ``ConfigError``."""
    kinds = "sqlite:///FILE and postgresql://USER@HOST/NAME are"
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise ConfigError("the relayer's state is no url of a database", hint=f"{kinds} understood") from None
    driver = _DRIVERS.get(parsed.drivername.partition("+")[0])
    if driver is None:
        raise ConfigError(f"the relayer keeps no state in {parsed.drivername}", hint=f"{kinds} understood")
    if driver.startswith("sqlite") and parsed.database in (None, "", ":memory:"):
        raise ConfigError("the relayer's state needs a file", hint="sqlite:///FILE; or sqlite:////ABSOLUTE/FILE")
    if driver.startswith("postgresql") and not parsed.database:
        raise ConfigError("the relayer's state names no database", hint="postgresql://USER@HOST/NAME")
    if any("password" in name.lower() for name in parsed.query):
        raise ConfigError(
            "a password does not stand behind the ? of the state's url, where messages would show it",
            hint="give it as postgresql://USER:PASSWORD@HOST/NAME in SMARTSYNC_STATE_URL, or as PGPASSWORD",
        )
    return parsed.set(drivername=driver)


def shown_url(url: URL) -> str:
    """Return a database's url as the configuration has it, without driver and password."""
    return url.set(drivername=url.get_backend_name()).render_as_string()


def _engine(url: URL) -> AsyncEngine:
    try:
        engine = create_async_engine(url, pool_pre_ping=True, **_options(url))
    except ModuleNotFoundError as error:
        raise package_missing(f"the relayer's state in {shown_url(url)}", error) from error
    is_file = url.drivername.startswith("sqlite")
    event.listen(engine.sync_engine, "connect", _set_up_sqlite if is_file else _set_up_postgres)
    return engine


def _options(url: URL) -> dict[str, Any]:
    if url.drivername.startswith("sqlite"):
        return {"connect_args": {"timeout": 30.0}}
    return {"pool_size": 10, "max_overflow": 20, "connect_args": {"connect_timeout": 10}}


def _set_up_sqlite(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    # What is signed must be on disk before it is sent, also where the power fails.
    # Room that is left is given back (`pruning`): that has to be said before there is any table, and so first.
    pragmas = ("auto_vacuum=INCREMENTAL", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON")
    for pragma in (*pragmas, f"journal_size_limit={_WAL_BYTES}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _set_up_postgres(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    # A machine that lost its power or its network says no goodbye. The server would keep its locks for two hours, and
    # with them all that its accounts have to send.
    for name, value in (("idle", _GONE_S // 3), ("interval", _GONE_S // 3), ("count", 2)):
        cursor.execute(f"SET tcp_keepalives_{name} = {value}")
    # Nobody waits for anything but the database in the middle of a transaction, unless he was stopped.
    cursor.execute(f"SET idle_in_transaction_session_timeout = '{_STOPPED_S}s'")
    cursor.close()
    connection.commit()


def _own(url: URL) -> IO[bytes] | None:
    """Take SQLite's file for this process alone: two relayers on one would each follow what the other signed."""
    if not url.drivername.startswith("sqlite"):
        return None
    path = Path(str(url.database))
    try:
        file = path.with_name(path.name + ".lock").open("ab")
    except OSError as error:
        raise ConfigError(
            f"the relayer's state {path} cannot be written: {error.strerror}", hint="check its folder, and its rights"
        ) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise ConfigError(
            f"another relayer works with {path}",
            hint='stop it first; or share the work through PostgreSQL: state = "postgresql://…"',
        ) from None
    return file


async def _migrate(database: Database) -> None:
    async with database.locked(_MIGRATING) as connection:
        await connection.run_sync(_upgrade, database.engine.url)
        await connection.commit()


def _upgrade(connection: Connection, url: URL) -> None:
    config = Config()
    config.set_main_option("script_location", "smartsync.relayer.state:migrations")
    config.attributes["connection"] = connection
    if connection.dialect.name == "sqlite":
        # Its driver begins none before a CREATE: a process killed between two would leave half of the tables for ever.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        newest = ScriptDirectory.from_config(config).get_current_head()
        raise ConfigError(
            f"the tables in {shown_url(url)} are of another version of smartsync than this one ({newest})",
            hint="run the newer one; or give it another database: all that is in it can be had from the chains again",
        ) from error


def _require_file(url: URL) -> None:
    if url.drivername.startswith("sqlite") and not Path(str(url.database)).is_file():
        raise ConfigError(
            f"there is no relayer's state in {url.database}",
            hint="smartsync run makes it: start it with this configuration; or smartsync relayer rebuild",
        )


def _require_newest(connection: Connection, url: URL) -> None:
    config = Config()
    config.set_main_option("script_location", "smartsync.relayer.state:migrations")
    newest = ScriptDirectory.from_config(config).get_current_head()
    current = MigrationContext.configure(connection).get_current_revision()
    if current is None:
        raise ConfigError(
            f"there is no relayer's state in {shown_url(url)}",
            hint="smartsync run makes its tables: start it with this configuration; or smartsync relayer rebuild",
        )
    if current != newest:
        raise ConfigError(
            f"the tables in {shown_url(url)} are of version {current}, and this smartsync knows {newest}",
            hint="use the smartsync that the relayer is run with; smartsync run brings older tables up to date",
        )


def _unavailable(url: URL, error: Exception) -> StateUnavailable:
    cause = getattr(error, "orig", None) or error
    lines = str(cause).strip().splitlines()
    told = lines[0] if lines else type(cause).__name__
    # Source: PostgreSQL's appendix of error codes; SQLite's text of SQLITE_FULL.
    is_full = getattr(cause, "sqlstate", "") == "53100" or "disk is full" in told or "No space left" in told
    return StateUnavailable(shown_url(url), told, is_full=is_full)
