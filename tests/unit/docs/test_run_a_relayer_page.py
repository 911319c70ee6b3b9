"""`docs/how-to/run-a-relayer.md` tells every state, and names nothing that is not there."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from typing import get_args

import pytest

from smartsync.relayer import variables
from smartsync.relayer.states import FIRST_WAIT_S, LONGEST_WAIT_S, State
from tests.deployed import DEPLOY, compose, unit

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "docs" / "how-to"
PAGE = (FOLDER / "run-a-relayer.md").read_text("utf-8")


def section(heading: str) -> str:
    (found,) = [part for part in PAGE.split("\n## ") if part.startswith(heading)]
    return found


def written(heading: str) -> list[str]:
    """Return the secrets that a section has its reader write."""
    return re.findall(r"(?:cat|tr -d '\\n'|rand -hex 32) +>(?:secrets/)?([a-z-]+)", section(heading))


def test_page_tells_every_state_once_in_their_order() -> None:
    assert re.findall(r"^\| `([a-z-]+)` \|", section("When something is wrong"), re.M) == list(get_args(State))


def test_page_links_lead_to_files_and_headings() -> None:
    for target, heading in re.findall(r"\]\(([^)#]*)#?([^)]*)\)", PAGE):
        file = (FOLDER / target).resolve() if target else FOLDER / "run-a-relayer.md"
        assert file.is_file(), target
        if heading:
            known = [
                re.sub(r"[^\w -]", "", one.lower()).strip().replace(" ", "-")
                for one in re.findall(r"^#+ (.*)$", file.read_text("utf-8"), re.M)
            ]
            assert heading in known, f"{target}#{heading}"


def test_page_has_its_reader_write_every_secret() -> None:
    loaded = [value.partition(":")[0] for value in unit()["LoadCredential"]]
    assert sorted(written("One process under systemd")) == sorted(loaded)
    assert sorted(written("Several workers with compose")) == sorted(compose()["secrets"])


def test_page_names_files_that_are_there() -> None:
    for name in re.findall(r"(?:^|[ `(/])((?:deploy|requirements)/[\w./-]+\w)", PAGE):
        assert (ROOT / name).exists(), name


def test_page_names_variables_that_are_read() -> None:
    read = {
        *("SMARTSYNC_RELAYER_CONFIG", variables.STATE_URL, variables.LISTEN, variables.TOKEN, variables.ATTESTOR_TOKEN),
        *(variables.urls_variable(chain) for chain in ("mainnet", "base")),
        *(variables.key_variable(key) for key in ("main", "hot")),
        variables.password_variable("main"),
    }
    for name in re.findall(r"\bSMARTSYNC_[A-Z_]+[A-Z]", PAGE):
        assert name.removesuffix("_FILE") in read, name


def test_page_times_are_those_of_the_program() -> None:
    assert f"after {FIRST_WAIT_S:g} seconds first and every {LONGEST_WAIT_S / 60:g} minutes at last" in PAGE
    stop = unit()["TimeoutStopSec"][0].removesuffix("s")
    assert stop == compose()["services"]["relayer"]["stop_grace_period"].removesuffix("s")
    assert f"for {stop} seconds at most" in PAGE and f"`docker compose stop`: {stop} seconds at most" in PAGE


def test_page_services_are_those_of_the_compose_file() -> None:
    known = set(compose()["services"])
    for line in re.findall(r"docker compose (?:kill|up|run)[^`#\n&]*", section("Several workers with compose")):
        words = shlex.split(line)
        for word in words:
            name = word.partition("=")[0]
            if name in ("worker", "relayer"):
                assert name in known
    assert "cp relayer.example.toml config/relayer.toml" in PAGE
    assert "./config:/etc/smartsync:ro" in compose()["services"]["relayer"]["volumes"]


def test_page_no_command_ends_workers_unawares() -> None:
    """Compose goes by the file's ``scale`` wherever it is not told another one, whatever runs."""
    assert compose()["services"]["worker"]["scale"] == 0
    for line in re.findall(r"docker compose up [^`#\n]*", PAGE)[1:]:
        assert "--scale worker=" in line, line


def test_page_folder_made_by_hand_is_one_that_systemd_takes() -> None:
    """``DynamicUser`` refuses a ``/var/lib/private`` that others than root may look into (setup_exec_directory)."""
    (made,) = re.findall(r"^(?:mkdir|install) [^#\n]*/var/lib/private[^#\n]*", PAGE, re.M)
    assert "-m 0700 /var/lib/private /var/lib/private/smartsync" in made


def test_page_python_is_that_of_the_lock() -> None:
    (version,) = re.findall(r"pip-compile with Python (\S+)", (ROOT / "requirements/relayer.txt").read_text())
    assert f"python{version} -m venv /opt/smartsync" in PAGE
    assert tomllib.loads((DEPLOY / "relayer.example.toml").read_text())["keys"].keys() == {"main"}


@pytest.mark.parametrize("name", ["README.md", "docs/reference/relayer-configuration.md"])
def test_page_is_found(name: str) -> None:
    assert "run-a-relayer.md" in (ROOT / name).read_text("utf-8")
