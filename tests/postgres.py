"""A PostgreSQL server of a test's own: Debian's programs, in a folder that is removed, on loopback."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from smartsync.testing.node import free_port

_USER = "postgres"
_START_S = 30.0


def programs() -> Path | None:
    """Return the folder of PostgreSQL's programs, the newest; ``None`` where it is not installed."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    return versions[-1] if versions else None


class Postgres:
    """A running server, which can be restarted and killed."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self.process: subprocess.Popen[bytes] | None = None

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://{_USER}@127.0.0.1:{self.port}/{database}"

    def create(self, database: str) -> str:
        self._run("psql", "-h", "127.0.0.1", "-p", str(self.port), "-c", f'CREATE DATABASE "{database}"', "postgres")
        return self.url(database)

    def start(self) -> None:
        command = [
            *(str(_folder() / "postgres"), "-D", str(self.folder), "-p", str(self.port)),
            *("-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={self.folder}"),
            *("-c", "max_connections=300"),
            # What is killed here is the server, never the machine: what it has written is there afterwards.
            *("-c", "fsync=off"),
        ]
        with (self.folder.parent / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder.parent, **_as_user())
        end = time.monotonic() + _START_S
        while subprocess.call([_folder() / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]) != 0:
            assert time.monotonic() < end, (self.folder.parent / "log").read_text()
            time.sleep(0.05)

    def stop(self, *, kill: bool = False) -> None:
        if self.process is None:
            return
        if kill:
            self.process.kill()
        else:
            self.process.send_signal(2)  # "fast": connections are cut, nothing is lost
        self.process.wait(_START_S)
        self.process = None

    def _run(self, program: str, *arguments: str) -> None:
        environ = {**os.environ, "PGUSER": _USER}
        subprocess.run([_folder() / program, *arguments], check=True, capture_output=True, env=environ, **_as_user())


@contextlib.contextmanager
def postgres_server() -> Iterator[Postgres]:
    """Run PostgreSQL; it trusts whoever is on this machine."""
    folder = Path(tempfile.mkdtemp(prefix="smartsync-postgres-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, _USER)
        data = folder / "data"
        options = ["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", f"--username={_USER}"]
        subprocess.run(
            [_folder() / "initdb", "-D", data, *options], check=True, capture_output=True, cwd=folder, **_as_user()
        )
        server = Postgres(data, free_port())
        server.start()
        try:
            yield server
        finally:
            server.stop(kill=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _folder() -> Path:
    found = programs()
    assert found is not None, "PostgreSQL is not installed: apt-get install postgresql"
    return found


def _as_user() -> dict[str, object]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam(_USER)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
