from __future__ import annotations

from typing import Any

import pytest

from smartsync.dashboard.transition import CHANGES, Branch, branches, changed
from smartsync.explaining import Change
from tests.unit.explaining.sample import VECTORS, accepted, drawing_of, explanation
from tests.unit.explaining.test_shortened import large


def flat(tree: list[Branch]) -> list[Branch]:
    return [one for branch in tree for one in (branch, *flat(branch.below))]


@pytest.mark.parametrize("vector", VECTORS["accepted"], ids=[vector["name"] for vector in VECTORS["accepted"]])
def test_branches_tell_every_write_once(vector: dict[str, Any]) -> None:
    told = explanation(drawing_of(vector))
    kinds = [one.kind for one in flat(branches(told)) if one.kind in ("insert", "update", "delete", "write")]
    assert sorted(kinds) == sorted(change.kind for change in told.changes)


def test_branches_of_much_are_bounded_and_count_what_is_left_out() -> None:
    tree = flat(branches(explanation(large(2_000))))
    assert len(tree) <= 230
    assert any(one.kind == "omitted" and "more" in one.words for one in tree)


def test_branches_hang_below_their_fork() -> None:
    (root,) = branches(explanation(drawing_of(accepted("leaf updated"))))
    assert [one.kind for one in flat([root])].count("update") == 1


def test_branches_of_no_witness_are_none() -> None:
    assert branches(explanation(None)) == []


def test_changed_lists_the_first_ones() -> None:
    changes = [Change("insert", bytes(32), 0, number) for number in range(CHANGES + 3)]
    told = changed(changes)
    assert len(told) == CHANGES and told[5][1:] == ("slot 0", "5")
