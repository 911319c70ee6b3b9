"""`docs/reference/cli.md` names every command and every option of its own, and none that is not there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from smartsync.cli import app

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "reference" / "cli.md").read_text("utf-8")
HOW_TO = sorted((ROOT / "docs" / "how-to").glob("*.md"))
SHARED = {"--help", "--config", "--timeout", "--keystore", "--attestor-keystore", "--hub", "--anchor", "--version"}
SHARED |= {"--max-fee"}
OUTPUT = {"--json", "--debug"}
SHARED |= {f"--{role}-{what}" for role in ("source", "target") for what in ("url", "chain-id")}


def commands(group: Any, above: str = "") -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{above}{name} ")
        else:
            yield above + name, command


# typer brings a click of its own, so its classes have no name to be imported by.
COMMANDS = dict(commands(typer.main.get_command(app)))


def options(command: Any) -> set[str]:
    return {name for part in command.params for name in part.opts if name.startswith("--")} - SHARED


@pytest.mark.parametrize("name", COMMANDS)
def test_page_names_the_command(name: str) -> None:
    # `anchor deploy KIND`: the kinds are listed behind it.
    name, _, kind = name.partition(" deploy ")
    assert re.search(rf"^\| `{name}{' deploy KIND' if kind else ''}[` ]", PAGE, re.M)
    if kind:
        (row,) = [line for line in PAGE.splitlines() if line.startswith("| `anchor deploy KIND`")]
        assert f"`{kind}`" in row


def rows() -> Iterator[tuple[str, set[str]]]:
    """Yield each option of the page with the commands that it is of."""
    option, of = "", set[str]()
    for first, second in re.findall(r"^\|((?: `--[^|]*(?:\\\|[^|]*)?)?) \| ([^|]+) \|", PAGE, re.M):
        if found := re.match(r" `(--[a-z-]+)", first):
            option = found.group(1)
        names = set(re.findall(r"`([a-z0-9 -]+)`", second))
        meant = {name for name in COMMANDS if any(f"{name} ".startswith(f"{one} ") for one in names)}
        if second.startswith("the same"):
            meant |= of
        of = set(COMMANDS) if second == "all" else meant
        assert of, f"{option}: the page names no command that is there, but {second}"
        yield option, of


@pytest.mark.parametrize("name", COMMANDS)
def test_page_names_every_option_of_a_command_and_no_other(name: str) -> None:
    named = {option for option, of in rows() if name in of}
    assert named - OUTPUT == options(COMMANDS[name]) - OUTPUT
    assert named >= OUTPUT


@pytest.mark.parametrize("page", [ROOT / "docs" / "reference" / "cli.md", *HOW_TO], ids=lambda page: page.name)
def test_page_types_only_commands_that_are_there(page: Path) -> None:
    text = page.read_text("utf-8").replace("\n", " ")
    for typed in re.findall(r"smartsync ([a-z][a-z-]*(?: [a-z][a-z0-9-]*)*)", text):
        words = typed.split()
        found = [name for name in COMMANDS if name.split() == words[: len(name.split())]]
        assert found, typed


@pytest.mark.parametrize("page", HOW_TO, ids=lambda page: page.name)
def test_how_to_links_lead_to_files(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", page.read_text("utf-8")):
        if "://" not in target:
            assert (page.parent / target).resolve().is_file(), target
