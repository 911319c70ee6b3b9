import io

import pytest
from rich.console import Console

from smartsync.cli import render
from smartsync.results import Check, Step
from smartsync.results.telling import counted, utc
from smartsync.types import SlotChange

HASH = "0x" + "cd" * 32


def drawn(draw, *, width: int) -> str:
    console = Console(file=io.StringIO(), width=width, markup=False, highlight=False, emoji=False)
    draw(console)
    return console.file.getvalue()


def test_table_wide_enough_has_a_line_a_row() -> None:
    text = drawn(lambda c: render.transactions(c, [Step("sync", HASH, 221066, 740)]), width=120)
    assert ["sync", "221066", "740", HASH] in [line.split() for line in text.splitlines()]


@pytest.mark.parametrize("width", [40, 70, 90])
def test_table_too_narrow_keeps_hashes_whole(width: int) -> None:
    text = drawn(lambda c: render.transactions(c, [Step("sync", HASH, 221066, 740)]), width=width)
    assert HASH in text
    assert "221066" in text


@pytest.mark.parametrize("width", [40, 80, 300])
def test_changes_any_width_keeps_slots_and_values_whole(width: int) -> None:
    change = SlotChange(bytes(range(32)), 0, 2**256 - 1)
    text = drawn(lambda c: render.changes(c, [change]), width=width)
    assert "0x" + bytes(range(32)).hex() in text
    assert "0x" + "ff" * 32 in text


def test_card_leaves_out_what_is_not_known() -> None:
    text = drawn(lambda c: render.card(c, "Title", [("known", 0), ("unknown", None)]), width=80)
    assert text == "Title\n  known  0\n"


def test_card_shows_brackets_and_colons_as_they_are() -> None:
    text = drawn(lambda c: render.card(c, "T", [("reason", "[bold]x[/] :smile: \x1b[0m")]), width=80)
    assert "[bold]x[/] :smile: \\u001b[0m" in text


def test_changes_and_transactions_none_write_nothing() -> None:
    assert drawn(lambda c: (render.changes(c, []), render.transactions(c, [])), width=80) == ""


def test_counted_by_kind() -> None:
    assert counted([]) == "0"
    assert counted([SlotChange(bytes(32), 1, 2)] * 2) == "2 (2 updates)"


def test_utc_date_beyond_the_calendar_is_left_a_number() -> None:
    assert utc(0) == "0 (1970-01-01 00:00:00 UTC)"
    assert utc(2**64 - 1) == str(2**64 - 1)


LONG = "a sentence that goes on for so long that it does not fit into any narrow terminal beside its name"


@pytest.mark.parametrize("width", [60, 80, 100])
def test_checks_fit_the_terminal_and_keep_hashes_whole(width: int) -> None:
    found = [
        Check("replica's storage", True, LONG),
        Check("a name that is long itself", False, f"{HASH}, expected {HASH}"),
    ]
    text = drawn(lambda c: render.checks(c, found, failed="differs"), width=width)
    assert max(len(line) for line in text.splitlines()) <= max(width, 6 + len(HASH) + 1)
    assert text.count(HASH) == 2
    assert " ".join(LONG.split()) in " ".join(text.split())


def test_checks_in_a_pipe_are_a_line_each() -> None:
    found = [Check("storage", True, LONG), Check("code", True, HASH)]
    assert len(drawn(lambda c: render.checks(c, found, failed="no"), width=100_000).splitlines()) == 2


def test_checks_what_one_can_do_without_has_a_mark_of_its_own() -> None:
    found = [Check("one", True, "x"), Check("two", False, "x", needed=False), Check("three", False, "x")]
    text = drawn(lambda c: render.checks(c, found, failed="no"), width=80)
    assert [line.split()[0] for line in text.splitlines()] == ["ok", "warn", "no"]


def test_card_breaks_sentences_and_not_hashes() -> None:
    text = drawn(lambda c: render.card(c, "Title", [("trusts", LONG), ("hash", HASH)]), width=60)
    lines = text.splitlines()
    assert all(len(line) <= 60 or HASH in line for line in lines)
    assert lines[2].startswith(" " * 10)


@pytest.mark.parametrize("width", [60, 100_000])
def test_no_line_ends_in_blanks(width: int) -> None:
    def draw(console: Console) -> None:
        render.table(console, ("one", "two"), [("a", "long " * 4 + "cell"), ("b", "x"), ("c", "")])
        render.card(console, "Title", [("name", "value"), ("empty", "")])

    lines = drawn(draw, width=width).splitlines()
    assert len(lines) == 8 and all(line == line.rstrip() for line in lines)
