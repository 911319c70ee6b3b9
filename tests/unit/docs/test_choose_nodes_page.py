"""`docs/how-to/choose-nodes.md` names tests and cases of the hostile node: they are there."""

from __future__ import annotations

import re

from tests.hostile_node import DEVIATIONS
from tests.named_tests import ROOT, defined

TABLE = (ROOT / "docs" / "how-to" / "choose-nodes.md").read_text("utf-8").split("## What nodes were seen to do")[1]
ROWS = [line.strip("|").split("|") for line in TABLE.splitlines() if line.startswith("|")][2:]


def test_table_names_tests_that_are_there() -> None:
    named = re.findall(r"`(test_\w+)`", TABLE)
    assert len(named) > 10
    assert not set(named) - defined()


def test_table_names_cases_that_are_there() -> None:
    named = [case for row in ROWS for case in re.findall(r'"([^"]+)"', row[-1])]
    assert len(named) > 15
    assert not set(named) - DEVIATIONS.keys()


def test_table_shows_each_row_by_something() -> None:
    assert len(ROWS) > 15
    assert all(len(row) == 4 and ("`test_" in row[-1] or '"' in row[-1]) for row in ROWS)
