from __future__ import annotations

import pytest

from smartsync.dashboard.figures import ago, coins, count, counted, hexadecimal, iso, short, short_count, span, stamp


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "–"), (-5, "0 s"), (0, "0 s"), (59.9, "59 s"), (61, "1 min 1 s"), (599, "9 min 59 s"), (600, "10 min"),
        (3_661, "1 h 1 min"), (7_200, "2 h"), (90_000, "1 d 1 h"), (86_400 * 4_000, "4,000 d"), (2**70, None),
    ],
)  # fmt: skip
def test_span_tells_the_two_largest_units(seconds: float | None, words: str | None) -> None:
    assert span(seconds) == words if words else " d" in span(seconds)


def test_ago_tells_how_long(now_s: float = 1_000.0) -> None:
    assert ago(None, now_s) == "never"
    assert ago(940.0, now_s) == "1 min ago"
    assert ago(1_005.0, now_s) == "0 s ago", "another machine's clock may be ahead"


@pytest.mark.parametrize("at_s", [float(2**80), -1e30, float("1e308")])
def test_stamp_of_what_is_no_date_is_told_as_a_number(at_s: float) -> None:
    assert stamp(at_s).startswith("second ") and iso(at_s) == ""


def test_stamp_is_utc() -> None:
    assert stamp(1_795_470_000.0) == "2026-11-23 21:40:00 UTC"
    assert iso(1_795_470_000.0) == "2026-11-23T21:40:00Z"


def test_counts_and_amounts() -> None:
    assert (count(1_234_567), count(None), count(0)) == ("1,234,567", "–", "0")
    assert (counted(1, "block"), counted(2_000, "block")) == ("1 block", "2,000 blocks")
    assert [short_count(one) for one in (0, 250, 1_500, 2_500_000, 3e9)] == ["0", "250", "1.5 k", "2.5 M", "3 G"]
    assert (coins(None), coins(0), coins(1_234_567 * 10**12)) == ("–", "0", "1.235")


def test_short_keeps_both_ends() -> None:
    assert short("0x" + "ab" * 20) == "0xababab…ababab"
    assert (short("0x1234"), short(None)) == ("0x1234", "–")
    assert (hexadecimal(b"\x01\xff"), hexadecimal(None)) == ("0x01ff", "–")
