"""What `docs` say of the attestor is there, and what is there they say."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from smartsync.anchors.asking import TOKEN
from smartsync.attestor import server
from smartsync.cli import attestor as command
from smartsync.errors import AlreadySigned
from smartsync.listening import MIN_TOKEN

ROOT = Path(__file__).parents[3]
HOW_TO = ROOT / "docs" / "how-to" / "run-an-attestor.md"
PAGE = HOW_TO.read_text("utf-8")
REFERENCE = (ROOT / "docs" / "reference" / "cli.md").read_text("utf-8")


def test_reference_names_every_option_of_the_command() -> None:
    options = set(re.findall(r'"(--[a-z-]+)",', inspect.getsource(command)))
    assert options == {"--follow", "--second-source", "--record", "--listen", "--interval", "--resume"}
    told = {row.split("`")[1].split()[0] for row in REFERENCE.splitlines() if "| `attestor` |" in row}
    assert options <= told


def test_page_names_every_path_that_is_served() -> None:
    served = set(re.findall(r'"(/v1/[^"]*)": self', inspect.getsource(server)))
    assert len(served) == 4
    assert served == {path.replace("NUMBER", "{number}") for path in re.findall(r"^\| `(/v1/[^`]*)` \|", PAGE, re.M)}


def test_page_names_every_status_that_is_answered() -> None:
    # 405, and 404 of what is no path, are aiohttp's.
    statuses = set(re.findall(r"\b(4\d\d|50\d)\b", inspect.getsource(server))) | {"405"}
    errors = PAGE.split("Errors have the fields")[1]
    assert statuses == set(re.findall(r"\b(4\d\d|50\d)\b", errors))


def test_page_names_errors_variables_and_defaults_as_they_are() -> None:
    for name in (AlreadySigned.__name__, TOKEN, server.DEFAULT_LISTEN, "SMARTSYNC_SECOND_SOURCES"):
        assert name in PAGE
    assert f"at least {MIN_TOKEN} characters" in PAGE


def test_page_links_lead_to_files() -> None:
    links = re.findall(r"\]\(([^)#]+)", PAGE)
    assert links
    for target in links:
        assert (HOW_TO.parent / target).resolve().is_file(), target
