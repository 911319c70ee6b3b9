"""The words that stand for the numbers of the contracts' enums: out of the interfaces' own text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from smartsync import contracts
from smartsync.anchors import block
from smartsync.replica import STATUSES

INTERFACES = Path(__file__).parents[2] / "contracts" / "src" / "interfaces"


def declared() -> dict[str, tuple[str, ...]]:
    """Return the members of each enum that an interface declares, in lower case."""
    found: dict[str, tuple[str, ...]] = {}
    for path in INTERFACES.glob("*.sol"):
        text = re.sub(r"//[^\n]*|/\*.*?\*/", "", path.read_text("utf-8"), flags=re.S)
        for name, body in re.findall(r"\benum (\w+) \{(.*?)\}", text, re.S):
            assert name not in found, f"two enums are called {name}"
            found[name] = tuple(member.strip().lower() for member in body.split(","))
    return found


@pytest.mark.parametrize(
    ("name", "words"), [("Level", block.LEVELS), ("Status", block.STATUSES), ("ReplicaStatus", STATUSES)]
)
def test_words_of_an_enum_are_its_members_in_order(name: str, words: Sequence[str]) -> None:
    assert tuple(words) == declared()[name]


def test_words_in_revert_reasons_are_those_of_all_enums() -> None:
    assert {f"enum {name}": members for name, members in declared().items()} == contracts._ENUMS
