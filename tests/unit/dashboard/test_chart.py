from __future__ import annotations

import random

import pytest

from smartsync.dashboard.chart import BOTTOM, HEIGHT, LEFT, RANGES, RIGHT, TOP, WIDTH, Point, chart, range_of

NOW_S = 1_795_470_000.0
DAY = RANGES[0]


def points(*values: float) -> list[Point]:
    since_s = DAY.since(NOW_S)
    return [Point(since_s + place * DAY.stretch_s, value, f"{value:g} of it") for place, value in enumerate(values)]


@pytest.mark.parametrize("shown", RANGES)
def test_range_ends_with_the_stretch_of_now(shown: object) -> None:
    for one in RANGES:
        since_s = one.since(NOW_S)
        assert since_s % one.stretch_s == 0
        assert since_s + one.length_s - one.stretch_s <= NOW_S < since_s + one.length_s
    assert range_of("7d") is RANGES[1] and range_of("<b>") is RANGES[0]


@pytest.mark.parametrize("is_time", [True, False])
def test_chart_of_anything_stays_in_its_frame(is_time: bool) -> None:
    dice = random.Random(7)
    for _ in range(200):
        values = [dice.choice((0, 1, dice.random() * 10 ** dice.randrange(0, 14))) for _ in range(48)]
        drawn = chart("c", "Gas", points(*values), DAY, NOW_S, is_time=is_time)
        assert len(drawn.bars) == 48 and 2 <= len(drawn.across) <= 6
        for bar in drawn.bars:
            assert bar.x >= LEFT and bar.x + bar.width <= WIDTH - RIGHT + 0.01
            assert bar.y >= TOP - 0.01 and abs(bar.y + bar.height - (HEIGHT - BOTTOM)) < 0.01
            assert bar.height >= 1.5, "nothing is a line, too"
        assert all(TOP <= tick.at <= HEIGHT - BOTTOM for tick in drawn.across)
        assert len({tick.label for tick in drawn.across}) == len(drawn.across)


def test_chart_labels_are_round() -> None:
    drawn = chart("c", "Gas", points(320_000, 10), DAY, NOW_S, is_time=False)
    assert [tick.label for tick in drawn.across] == ["0", "100 k", "200 k", "300 k", "400 k"]
    drawn = chart("c", "Lag", points(4_000), DAY, NOW_S, is_time=True)
    assert [tick.label for tick in drawn.across] == ["0 s", "30 min", "1 h", "1.5 h"]
    drawn = chart("c", "Lag", points(86_400 * 30), DAY, NOW_S, is_time=True)
    assert drawn.across[-1].label.endswith(" d")


def test_chart_leaves_room_where_nothing_is_known() -> None:
    some = [point for place, point in enumerate(points(*[5.0] * 48)) if place % 2]
    assert len(chart("c", "Lag", some, DAY, NOW_S, is_time=True).bars) == 24
    late = [Point(NOW_S + 10 * 86_400, 1, ""), Point(0.0, 1, "")]
    assert chart("c", "Lag", late, DAY, NOW_S, is_time=True).is_empty, "what is of another time is not drawn"


def test_chart_says_in_words_what_it_shows() -> None:
    drawn = chart("c", "Lag", points(5, 70, 6), DAY, NOW_S, is_time=True)
    assert drawn.about == "Lag in the last 24 hours; at most 70 of it, 22 Nov 22:30–23:00 UTC."
    assert "nothing is known" in chart("c", "Lag", [], DAY, NOW_S, is_time=True).about
    assert drawn.bars[0].when == "22 Nov 22:00–22:30 UTC"
