"""`docs/explain/security.md` names tests, anchors, errors, states and variables that are there."""

from __future__ import annotations

import re
from typing import get_args

from smartsync import errors
from smartsync.anchors.kinds import KINDS
from smartsync.config import Settings
from smartsync.relayer.states import State
from tests.named_tests import ROOT, defined, named

FILE = ROOT / "docs" / "explain" / "security.md"
PAGE = FILE.read_text("utf-8")
SOURCES = "\n".join(path.read_text("utf-8") for path in (ROOT / "src" / "smartsync").rglob("*.py"))
CONTRACTS = "\n".join(path.read_text("utf-8") for path in (ROOT / "contracts" / "src").rglob("*.sol"))


def rows(section: str) -> list[list[str]]:
    """Return the rows of a section's table, without its head."""
    text = PAGE.split(f"\n## {section}\n")[1].split("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [
        [cell.strip() for cell in line.strip().removeprefix("|").removesuffix("|").split("|")] for line in lines[2:]
    ]


def slugs(page: str) -> set[str]:
    """Return what links to a page's headings end with."""
    heads = re.findall(r"^#+ (.+)$", page, re.M)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


def test_page_names_only_tests_that_are_there() -> None:
    assert len(named(PAGE)) > 80
    assert not named(PAGE) - defined()


def test_page_has_a_row_for_each_anchor() -> None:
    told = [re.findall(r"`([a-z0-9-]+/\d)`", row[0]) for row in rows("Each anchor")]
    assert sorted(name for names in told for name in names) == sorted(KINDS)


def test_page_rows_say_the_worst_and_what_cannot_be() -> None:
    found = [
        row
        for one in ("On the source chain", "Behind the anchor", "On the target chain", "Off chain")
        for row in rows(one)
    ]
    assert len(found) > 20
    for role, worst, cannot, *rest in found:
        assert len(rest) == 2, role
        assert role.startswith("**") and worst and cannot, role


def test_page_names_errors_events_and_states_that_are_there() -> None:
    told = set(re.findall(r"`([A-Z][a-z]+(?:[A-Z][a-z]+)*)`", PAGE)) - {"FreshReplica"}
    on_chain = set(re.findall(r"\b(?:error|event) (\w+)\(", CONTRACTS))
    assert "Stale" in told and "BlockVetoed" in told
    assert not told - on_chain - set(dir(errors))
    assert {"target-full", "fee-too-high"} <= {*re.findall(r"`([a-z-]+)`", PAGE)} & {*get_args(State)}


def test_page_names_variables_that_are_read() -> None:
    told = set(re.findall(r"`(SMARTSYNC_\w+)`", PAGE))
    assert len(told) > 8
    assert not {name for name in told if name not in SOURCES and name not in _settings()}


def _settings() -> set[str]:
    return {f"SMARTSYNC_{name.upper()}" for name in Settings.model_fields}


def test_page_links_lead_to_files_and_headings() -> None:
    links = re.findall(r"\]\(([^)#]*)(?:#([^)]+))?\)", PAGE)
    assert len(links) > 20
    for target, heading in links:
        file = (FILE.parent / target).resolve() if target else FILE
        assert file.is_file(), target
        assert not heading or heading in slugs(file.read_text("utf-8")), (target, heading)
