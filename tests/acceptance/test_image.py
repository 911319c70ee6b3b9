"""The image's first stage, every step of it made here without a container engine; and the relayer that comes of it."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from smartsync.testing import Node
from tests.deployed import EXAMPLE, ROOT, dockerfile_stages, image_environment


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make each step as it stands in the Dockerfile, with /build and /opt elsewhere, and return what is installed."""
    folder = tmp_path_factory.mktemp("image")
    (folder / "bin").mkdir()
    (folder / "bin/python").symlink_to(sys.executable)
    environ = {"PATH": f"{folder}/bin:/usr/bin:/bin", "HOME": str(folder), "PIP_NO_COMPILE": "1"}
    where = folder
    for step in dockerfile_stages()[0]:
        rest = re.sub(r"(?<![\w./])/(build|opt)\b", rf"{folder}/\1", step.rest)
        if step.word == "WORKDIR":
            where = Path(rest)
            where.mkdir(parents=True)
        elif step.word == "ENV":
            environ |= dict(pair.split("=", 1) for pair in shlex.split(rest) if not pair.startswith("PIP_NO_CACHE_DIR"))
        elif step.word == "COPY":
            *sources, target = shlex.split(rest)
            for source in sources:
                _copy(ROOT / source, where / target / ("" if (ROOT / source).is_dir() else Path(source).name))
        elif step.word == "RUN":
            done = subprocess.run(["/bin/sh", "-ec", rest], cwd=where, env=environ, capture_output=True, text=True)
            assert done.returncode == 0, done.stdout + done.stderr
    return folder / "opt/smartsync/bin/smartsync"


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)


def test_image_checks_a_configuration_with_secrets_in_files(
    program: Path, ganache: Node, hardhat: Node, tmp_path: Path
) -> None:
    text = EXAMPLE.read_text()
    for name, node, number in (("mainnet", ganache, 1), ("base", hardhat, 8453)):
        (tmp_path / f"chain-{name}-urls").write_text(f"{node.url}\n")
        text = text.replace(f"chain_id = {number}\n", f"chain_id = {node.chain_id}\n")
    (tmp_path / "key-main").write_text(f"{hardhat.accounts[3].key.hex()}\n")
    (tmp_path / "token").write_text("0123456789abcdef\n")
    (tmp_path / "relayer.toml").write_text(text)
    environ = {
        "PATH": "/usr/bin:/bin",
        **{name: value for name, value in image_environment().items() if name.startswith("SMARTSYNC_")},
        "SMARTSYNC_RELAYER_CONFIG": str(tmp_path / "relayer.toml"),
        "SMARTSYNC_RELAYER_TOKEN_FILE": str(tmp_path / "token"),
        "SMARTSYNC_KEY_MAIN_FILE": str(tmp_path / "key-main"),
        "SMARTSYNC_CHAIN_MAINNET_URLS_FILE": str(tmp_path / "chain-mainnet-urls"),
        "SMARTSYNC_CHAIN_BASE_URLS_FILE": str(tmp_path / "chain-base-urls"),
    }
    done = subprocess.run([program, "run", "--check"], cwd=tmp_path, env=environ, capture_output=True, text=True)
    # The key opens and the nodes answer; the example's hub is on neither chain.
    told = " ".join(done.stderr.split())
    assert done.returncode == 2 and told.startswith("error: pair mainnet-to-base: "), told
    assert "chain mainnet:" not in told and "chain base:" not in told and "[keys.main]" not in told
    (tmp_path / "token").write_text("short")
    done = subprocess.run([program, "run", "--check"], cwd=tmp_path, env=environ, capture_output=True, text=True)
    assert done.returncode == 2
    assert "SMARTSYNC_RELAYER_TOKEN has to have at least 16" in done.stderr.replace("\n", " ")


def test_image_has_what_the_database_needs(program: Path) -> None:
    python = program.with_name("python")
    code = "import aiosqlite, alembic, psycopg, psycopg_pool, procrastinate; print(psycopg.pq.__impl__)"
    done = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "binary\n"), done.stderr
