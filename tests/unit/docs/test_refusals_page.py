"""`docs/reference/refusals.md` names tests: they are there, and nothing of the corpus is missing in it."""

from __future__ import annotations

import re

from tests.named_tests import ROOT, SOLIDITY, defined, named

PAGE = (ROOT / "docs" / "reference" / "refusals.md").read_text("utf-8")
NAMED = named(PAGE)


def test_page_names_only_tests_that_are_there() -> None:
    assert len(NAMED) > 150
    assert not NAMED - defined()


def test_page_names_every_test_of_the_corpus() -> None:
    files = ("RejectionCorpus.t.sol", "AccountCorpus.t.sol", "HaltCorpus.t.sol", "HubLimits.t.sol")
    made = {name for file in files for name in re.findall(r"function (test\w+)\(", SOLIDITY[file])}
    assert len(made) > 40
    assert not made - NAMED


def test_page_has_a_row_for_each_fault_on_chain() -> None:
    rows = re.findall(r"^\| \*\*(\d+)\*\*", PAGE.split("## On chain")[1].split("## Off chain")[0], re.M)
    assert rows == [str(number) for number in range(1, 17)]


def test_page_rows_have_a_cell_for_each_reader() -> None:
    rows = [line for line in PAGE.split("## On chain")[1].split("## Off chain")[0].splitlines() if "| **" in line[:4]]
    for row in rows:
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert len(cells) == 6
        assert all(cells)


def test_page_links_lead_to_files() -> None:
    for target in re.findall(r"\]\(([^)#]+)", PAGE):
        assert (ROOT / "docs" / "reference" / target).resolve().is_file(), target
