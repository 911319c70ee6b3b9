"""The systemd unit: systemd takes it, what it sets is what the relayer reads, and it may do no more than it needs."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from smartsync.relayer.accounts import unlock
from smartsync.relayer.configuration import read_configuration
from smartsync.submit import Sender
from tests.deployed import EXAMPLE, UNIT, unit, unit_environment

ANALYZE = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(ANALYZE is None, reason="no systemd-analyze: it comes with systemd")


def verified(text: str, folder: Path) -> str:
    """Return what systemd has to say of a unit, whose program is one that is there."""
    file = folder / UNIT.name
    file.write_text(text.replace("/opt/smartsync/bin/smartsync", "/bin/true"))
    assert ANALYZE is not None
    command = [ANALYZE, "verify", "--man=no", "--recursive-errors=no", str(file)]
    found = subprocess.run(command, capture_output=True, text=True)
    return found.stdout + found.stderr


@needs_systemd
def test_unit_is_one(tmp_path: Path) -> None:
    assert verified(UNIT.read_text(), tmp_path) == ""


@needs_systemd
@pytest.mark.parametrize(
    ("right", "wrong", "problem"),
    [
        ("NoNewPrivileges=yes", "NoNewPrivilege=yes", "Unknown key '?(name '?)?NoNewPrivilege'?"),
        ("WatchdogSec=5min", "WatchdogSec=often", "Failed to parse sec value"),
        ("LoadCredential=key-main:", "LoadCredential=key/main:", "Credential name .* not valid"),
    ],
)
def test_unit_that_is_none_refused(tmp_path: Path, right: str, wrong: str, problem: str) -> None:
    text = UNIT.read_text()
    assert right in text
    assert re.search(problem, verified(text.replace(right, wrong), tmp_path))


@needs_systemd
def test_unit_may_do_little(tmp_path: Path) -> None:
    (tmp_path / UNIT.name).write_text(UNIT.read_text())
    assert ANALYZE is not None
    # Tenths of what systemd calls the exposure: 100 is a service without any limit, below 20 it is content.
    command = [ANALYZE, "security", "--no-pager", "--offline=yes", "--threshold=20", str(tmp_path / UNIT.name)]
    found = subprocess.run(command, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout


def test_unit_variables_are_those_that_the_relayer_reads(tmp_path: Path) -> None:
    contents = {
        "key-main": "11" * 32,
        "chain-mainnet-urls": "https://a.example/key",
        "chain-base-urls": "https://b.example/key",
    }
    loaded = [value.partition(":")[0] for value in unit()["LoadCredential"]]
    assert sorted(loaded) == sorted(contents)
    for name, content in contents.items():
        (tmp_path / name).write_text(content)
    environ = {
        name: value.replace("%d", str(tmp_path)).replace("%S", "/var/lib") for name, value in unit_environment().items()
    }
    found = read_configuration(environ, EXAMPLE)
    assert found.relayer.state.url == f"sqlite:////var/lib/{unit()['StateDirectory'][0]}/state.db"
    assert found.relayer.listen.is_loopback
    assert list(unlock(found.keys, environ)) == ["main"]
    files = [value for value in unit_environment().values() if value.startswith("%d/")]
    assert sorted(file.removeprefix("%d/") for file in files) == sorted(contents)


def test_unit_starts_ends_and_reloads_as_the_relayer_does() -> None:
    service = unit()
    assert service["ExecStart"] == ["/opt/smartsync/bin/smartsync run --config /etc/smartsync/relayer.toml"]
    assert service["ExecReload"] == ["/bin/kill -HUP $MAINPID"]
    assert service["Type"] == ["notify"]
    longest_s = Sender.__init__.__kwdefaults__["timeout_s"]
    assert int(service["TimeoutStopSec"][0].removesuffix("s")) > longest_s
    assert service["RestartPreventExitStatus"] == ["2"]
