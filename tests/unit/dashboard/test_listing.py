from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from smartsync.dashboard.listing import OVERVIEW, PAGE, Row, Spent, Wanted, listed, problems, read_wanted, unseen
from smartsync.relayer.state.costs import Cost
from smartsync.relayer.state.store import Status


def row(name: str, state: str = "exact", pair: str = "a-b", **changes: Any) -> Row:
    status = Status(
        pair, f"0x{name}", name, state, f"because of {name}", 100.0, 200.0, block_number=90, source_head=100
    )
    return Row(replace(status, **changes), spent=Spent(Cost(gas_used=len(name)), Cost(gas_used=10 * len(name))))


def names(rows: list[Row], **wanted: Any) -> list[str]:
    return [one.status.name for group in listed(rows, Wanted(**wanted)).groups for one in group.rows]


def test_read_wanted_takes_what_it_understands() -> None:
    asked = {"pair": "a-b", "state": "bad", "q": "  ens ", "sort": "-lag", "page": "3"}
    assert read_wanted(asked) == Wanted("a-b", "bad", "ens", "-lag", 3)


@pytest.mark.parametrize(
    "query",
    [{}, {"sort": "--lag"}, {"sort": "__class__"}, {"page": "0"}, {"page": "-1"}, {"page": "9" * 30}, {"page": "²"}],
)
def test_read_wanted_of_nonsense_is_the_whole_list(query: dict[str, str]) -> None:
    assert read_wanted(query) == Wanted()


def test_url_leads_back_to_what_is_wanted() -> None:
    wanted = Wanted("a-b", "bad", 'a&b="<', "lag", 3)
    assert wanted.url(page=4) == "/?pair=a-b&state=bad&q=a%26b%3D%22%3C&sort=lag&page=4"
    assert Wanted().url() == "/"
    assert wanted.url(text="") == "/?pair=a-b&state=bad&sort=lag", "something else begins on its first page"
    assert (wanted.turned("lag"), wanted.turned("name")) != (wanted.url(page=1), wanted.url(page=1))


@pytest.mark.parametrize(
    ("order", "column", "direction"),
    [
        ("lag", "lag", "descending"),
        ("-lag", "lag", "ascending"),
        ("name", "name", "ascending"),
        ("lag", "name", "none"),
    ],
)
def test_direction_is_what_is_seen(order: str, column: str, direction: str) -> None:
    assert Wanted(order=order).direction(column) == direction


def test_listed_has_the_worst_first_and_of_those_the_oldest() -> None:
    rows = [
        row("fine"),
        row("late", "no-funds", since_s=500.0),
        row("held", "gas-spent"),
        row("early", "no-funds", since_s=10.0),
        row("busy", "behind"),
        row("over", "ended"),
        row("quiet", "waiting"),
    ]
    assert names(rows) == ["early", "late", "held", "busy", "quiet", "fine", "over"]
    assert names(rows, order="-worst")[0] == "over"


@pytest.mark.parametrize("order", ["lag", "-lag", "sync", "-sync", "level", "-level", "day", "month", "name", "-name"])
def test_listed_sorts_what_is_not_known_too(order: str) -> None:
    rows = [row("a", behind_s=None), row("b", behind_s=5, level="final"), row("c", behind_s=7, source_head=None)]
    assert sorted(names(rows, order=order)) == ["a", "b", "c"]


def test_listed_by_lag_has_the_largest_first_and_the_unknown_last() -> None:
    rows = [row("a", behind_s=None), row("b", behind_s=5), row("c", behind_s=7)]
    assert names(rows, order="lag") == ["c", "b", "a"]


def test_listed_filters_by_state_weight_and_text() -> None:
    rows = [row("ens", "no-funds"), row("usdc", "orphaned"), row("aave")]
    assert names(rows, state="no-funds") == ["ens"]
    assert names(rows, state="bad") == ["ens", "usdc"]
    assert names(rows, text="USD") == ["usdc"] == names(rows, text="0xusdc") == names(rows, text="because of usdc")
    assert names(rows, text="nothing") == []
    assert listed(rows, Wanted(state="bad")).total == 3, "what is said of all is of all"


def test_listed_pages_one_pair_and_shares_the_overview() -> None:
    rows = [row(f"{number:04}", pair=pair) for pair in ("a-b", "c-d") for number in range(PAGE * 2 + 50)]
    one = listed(rows, Wanted("a-b", page=3))
    assert [len(group.rows) for group in one.groups] == [50] and one.groups[0].pages == 3
    assert len(listed(rows, Wanted("a-b", page=99)).groups[0].rows) == 50, "beyond the last page is the last one"
    both = listed(rows, Wanted(), pairs=("a-b", "c-d", "empty"))
    assert [len(group.rows) for group in both.groups] == [OVERVIEW // 3, OVERVIEW // 3, 0]
    assert len(listed(rows, Wanted("no-such-pair")).groups) == 2


def test_problems_gather_what_is_alike() -> None:
    rows = [row("one", "no-funds", since_s=50.0), row("two", "no-funds", since_s=20.0), row("fine")]
    rows += [row("three", "gas-spent"), row("four", "no-funds", pair="c-d")]
    found = problems(rows)
    assert [(one.pair, one.state, len(one.rows)) for one in found] == [
        ("a-b", "no-funds", 2),
        ("c-d", "no-funds", 1),
        ("a-b", "gas-spent", 1),
    ]
    assert found[0].longest.status.name == "two"


def test_listed_of_what_is_not_configured_any_more_is_no_trouble() -> None:
    gone = replace(row("gone", "target-down"), is_kept=False)
    found = listed([gone, row("fine")], Wanted())
    assert found.problems == ()
    assert {weight: number for weight, number in found.weights.items() if number} == {"good": 1, "over": 1}
    assert names([gone, row("fine")]) == ["fine", "gone"]
    assert names([gone, row("fine")], state="bad") == []


def test_unseen_is_no_trouble() -> None:
    one = Row(unseen("a-b", "0x1", "new"))
    assert one.standing.weight == "wait" and one.behind_blocks is None
    assert listed([one], Wanted()).groups[0].looked_s is None


def test_behind_blocks_is_never_less_than_nothing() -> None:
    assert row("a").behind_blocks == 10
    assert row("a", block_number=120).behind_blocks == 0
