from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, event, text

from smartsync.errors import ConfigError
from smartsync.relayer.state.database import Database, opened, visited
from smartsync.relayer.state.errors import StateUnavailable
from smartsync.relayer.state.journal import StateJournal
from smartsync.relayer.state.tables import Table
from tests.integration.relayer.test_journal import signed, write
from tests.postgres import Postgres


async def test_opened_tables_are_those_of_the_models(database: Database) -> None:
    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), Table.metadata))

    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_opened_again_keeps_what_is_there(url: str) -> None:
    async with opened(url) as database, database.transaction() as connection:
        await connection.execute(text("INSERT INTO samples VALUES ('p', 'r', 1, 2, 3)"))
    async with opened(url) as database, database.transaction() as connection:
        assert (await connection.execute(text("SELECT * FROM samples"))).all() == [("p", "r", 1, 2, 3)]


async def test_opened_tables_of_an_older_version_keep_what_is_in_them(url: str) -> None:
    """What was signed by the version before must not be lost: it may still get into a block."""
    async with opened(url) as database:
        await write(await StateJournal.of(database, "replica 1"), signed(5, versions=2))
        async with database.engine.connect() as connection:
            await connection.run_sync(_downgrade, "0001")
            await connection.commit()
    async with opened(url) as database:
        assert await (await StateJournal.of(database, "replica 1")).unfinished() == [signed(5, versions=2)]
        async with database.transaction() as connection:
            (row,) = await connection.execute(text("SELECT signed_s, spent_s, pair FROM transactions"))
            assert row.signed_s == row.spent_s > 0 and row.pair == ""


def _downgrade(connection: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", "smartsync.relayer.state:migrations")
    config.attributes["connection"] = connection
    command.downgrade(config, revision)


async def test_opened_tables_of_a_newer_version_are_left_alone(url: str) -> None:
    async with opened(url) as database, database.transaction() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ConfigError, match="are of another version of smartsync than this one"):
        async with opened(url):
            pass


async def test_opened_by_many_at_once_migrates_once(postgres: Postgres) -> None:
    url = postgres.create("crowd")

    async def count() -> int:
        async with opened(url) as database, database.transaction() as connection:
            return int(await connection.scalar(text("SELECT count(*) FROM alembic_version")) or 0)

    assert await asyncio.gather(*(count() for _ in range(8))) == [1] * 8


async def test_opened_file_has_one_owner(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    async with opened(url):
        with pytest.raises(ConfigError, match="another relayer works with"):
            async with opened(url):
                pass
    async with opened(url):
        pass


async def test_opened_no_server_is_told_without_the_password() -> None:
    with pytest.raises(StateUnavailable) as caught:
        async with opened("postgresql://me:secret@127.0.0.1:1/none"):
            pass
    error = caught.value
    assert "secret" not in str(error.as_dict()) and error.retryable and error.exit_code == 3
    assert "postgresql://me:***@127.0.0.1:1/none" in error.message, "as it was given, without the driver's name"


async def test_opened_without_the_package_for_it_is_told_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra ``relayer`` alone has none for PostgreSQL."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigError, match="needs the package psycopg") as caught:
        async with opened("postgresql://me@127.0.0.1:1/none"):
            pass
    assert "'.[relayer,postgresql]'" in caught.value.hint, "of a checkout: an index may have another one by this name"


@pytest.mark.parametrize("open_it", [opened, visited])
async def test_opened_file_that_is_no_database_is_told_with_what_to_do(
    open_it: Callable[[str], AbstractAsyncContextManager[Database]], tmp_path: Path
) -> None:
    (tmp_path / "state.db").write_bytes(b"damaged" * 100)
    with pytest.raises(StateUnavailable, match="not a database") as caught:
        async with open_it(f"sqlite:///{tmp_path / 'state.db'}"):
            pass
    assert f"sqlite:///{tmp_path}" in caught.value.message
    assert "rebuild" in caught.value.hint and "by itself" not in caught.value.hint, "nobody waits for it"


async def test_locked_lets_one_in_at_a_time(database: Database) -> None:
    inside = most = 0

    async def enter() -> None:
        nonlocal inside, most
        async with database.locked("one"):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.01)
            inside -= 1

    await asyncio.gather(*(enter() for _ in range(8)))
    assert most == 1


async def test_locked_in_two_processes_lets_one_in_at_a_time(postgres: Postgres) -> None:
    url = postgres.create("two")
    async with opened(url) as one, opened(url) as other:
        async with one.locked("key"):
            waiting = asyncio.create_task(_enter(other))
            await asyncio.sleep(0.2)
            assert not waiting.done()
            async with asyncio.timeout(5), other.locked("another key"):
                pass
        async with asyncio.timeout(5):
            await waiting


async def _enter(database: Database) -> None:
    async with database.locked("key"):
        pass


async def test_locked_whose_connection_was_cut_cannot_write(postgres: Postgres) -> None:
    url = postgres.create("cut")
    async with opened(url) as database, opened(url) as next_worker:
        with pytest.raises(StateUnavailable):
            async with database.locked("key") as connection:
                async with database.transaction() as other:
                    await other.execute(
                        text("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
                    )
                await _enter(next_worker)
                async with connection.begin():
                    await connection.execute(text("INSERT INTO samples VALUES ('p', 'r', 1, 2, 3)"))
        async with database.transaction() as connection:
            assert await connection.scalar(text("SELECT count(*) FROM samples")) == 0


async def test_locked_by_who_was_stopped_is_anothers_after_a_while(postgres: Postgres) -> None:
    """A process that was stopped keeps its connection, and would keep the lock for ever."""
    url = postgres.create("stopped")
    async with opened(url) as stopped, opened(url) as next_worker:
        with pytest.raises(StateUnavailable):
            async with stopped.locked("key", idle_s=0.5) as connection:
                async with asyncio.timeout(5):
                    await _enter(next_worker)
                async with connection.begin():
                    await connection.execute(text("INSERT INTO samples VALUES ('p', 'r', 1, 2, 3)"))
        async with stopped.transaction() as connection:
            assert await connection.scalar(text("SELECT count(*) FROM samples")) == 0
        async with stopped.locked("key", idle_s=0.5):
            pass
        connections = [stopped.engine.connect() for _ in range(3)]
        for one in connections:
            opened_one = await one
            assert await opened_one.scalar(text("SHOW idle_session_timeout")) == "0", "only while it has the lock"
        for one in connections:
            await one.close()


async def test_connections_of_a_machine_that_is_gone_are_ended_soon(postgres: Postgres) -> None:
    """Else the server keeps its locks for two hours."""
    async with opened(postgres.create("gone")) as database, database.locked("key") as connection:
        told = [
            int(str(await connection.scalar(text(f"SHOW tcp_keepalives_{name}"))).removesuffix("s"))
            for name in ("idle", "interval", "count")
        ]
        assert told[0] + told[1] * told[2] <= 20
        assert await connection.scalar(text("SHOW idle_in_transaction_session_timeout")) == "1min"


async def test_opened_for_the_first_time_and_killed_meanwhile_opens_again(tmp_path: Path) -> None:
    def killed(_: object, __: object, statement: str, *___: object) -> None:
        if statement.lstrip().startswith("CREATE INDEX"):
            raise KeyboardInterrupt

    url = f"sqlite:///{tmp_path / 'state.db'}"
    event.listen(Engine, "before_cursor_execute", killed)
    try:
        with pytest.raises(KeyboardInterrupt):
            async with opened(url):
                pass
    finally:
        event.remove(Engine, "before_cursor_execute", killed)
    async with opened(url) as database:
        assert not database.is_shared


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nothing", "is no url of a database"),
        ("mysql://me@host/name", "keeps no state in mysql"),
        ("sqlite://", "needs a file"),
        ("sqlite:///:memory:", "needs a file"),
        ("postgresql://me@host", "names no database"),
        ("postgresql://me@host/name?password=secret", "does not stand behind"),
        ("sqlite:////no/such/folder/state.db", "cannot be written"),
    ],
)
async def test_opened_url_that_is_none_is_refused(url: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        async with opened(url):
            pass
    assert "secret" not in caught.value.in_full
