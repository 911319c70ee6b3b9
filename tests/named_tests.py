"""The tests that there are, by name: for the pages of `docs` that name some."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOLIDITY = {path.name: path.read_text("utf-8") for path in (ROOT / "contracts" / "test").rglob("*.t.sol")}
PYTHON = "\n".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))


def defined() -> set[str]:
    """Return the names of all tests, in Solidity and in Python, and of the contracts that hold some."""
    told = "\n".join(SOLIDITY.values())
    names = re.findall(r"^ +function (test\w+|invariant\w+)\(", told, re.M) + re.findall(
        r"^contract (\w+Test)\b", told, re.M
    )
    return {*names, *re.findall(r"^(?:async )?def (test_\w+)\(", PYTHON, re.M)}


def named(page: str) -> set[str]:
    """Return the names of tests that a page names."""
    return set(re.findall(r"`(test\w+|invariant\w+|\w+Test)`", page))
