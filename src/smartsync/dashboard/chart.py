"""A chart of a quantity over time, as bars: where each stands in a drawing of a few hundred units. Pure.

The drawing is so narrow that its text can be read on a phone, where it is shown at about its own size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from smartsync.dashboard.figures import short_count

WIDTH, HEIGHT = 340, 170
LEFT, RIGHT, TOP, BOTTOM = 46, 6, 10, 24
"""Of the frame, in units of the drawing; the rest is around it."""

_SPANS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400)
_THREE = 3


@dataclass(frozen=True, slots=True)
class Range:
    """How much time a chart shows: ``name`` in its address, ``words``, its length and that of one bar in seconds."""

    name: str
    words: str
    length_s: int
    stretch_s: int

    def since(self, now_s: float) -> float:
        """Return where it begins: at the beginning of a stretch, so that each is whole but the last one."""
        return float((int(now_s) // self.stretch_s + 1) * self.stretch_s - self.length_s)


RANGES = (
    Range("24h", "24 hours", 86_400, 1_800),
    Range("7d", "7 days", 7 * 86_400, 4 * 3_600),
    Range("30d", "30 days", 30 * 86_400, 86_400),
)


def range_of(name: str) -> Range:
    """Return the range with a name; the shortest where there is none."""
    return next((one for one in RANGES if one.name == name), RANGES[0])


@dataclass(frozen=True, slots=True)
class Point:
    """A value at a stretch of time that begins at ``from_s``, and what it says in words."""

    from_s: float
    value: float
    words: str


@dataclass(frozen=True, slots=True)
class Bar:
    """Where a bar stands, and the column that it stands in; ``when`` and ``words`` are what it says."""

    column: float
    column_width: float
    x: float
    y: float
    width: float
    height: float
    when: str
    words: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A line of the frame: where, its label, and how that is aligned."""

    at: float
    label: str
    anchor: str = "middle"


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart, drawn by a template. ``about`` says it in a sentence; ``name`` is its element's."""

    name: str
    title: str
    unit: str
    about: str
    bars: tuple[Bar, ...]
    across: tuple[Tick, ...]
    below: tuple[Tick, ...]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not self.bars


def chart(
    name: str,
    title: str,
    points: Sequence[Point],
    shown: Range,
    now_s: float,
    *,
    is_time: bool,
) -> Chart:
    """Return a chart.

    Parameters
    ----------
    points
        In the order of time, one a stretch at most.
    is_time
        Whether the values are seconds.
    """
    since_s = shown.since(now_s)
    points = [point for point in points if since_s <= point.from_s < since_s + shown.length_s]
    most = max((point.value for point in points), default=0.0)
    steps = _steps_of_time(most) if is_time else _steps(most)
    label: Callable[[float], str] = _short_span if is_time else short_count
    inner, room = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    column = inner * shown.stretch_s / shown.length_s
    bars = []
    for point in points:
        x = LEFT + inner * (point.from_s - since_s) / shown.length_s
        # Nothing is a line, too: it is not the same as not known.
        height = max(room * point.value / steps[-1], 1.5)
        gap = min(1.0, column / 5)
        when = _when(point.from_s, shown)
        bars.append(Bar(x, column, x + gap / 2, TOP + room - height, column - gap, height, when, point.words))
    across = tuple(Tick(TOP + room - room * step / steps[-1], label(step), "end") for step in steps)
    highest = max(points, key=lambda point: point.value, default=None)
    about = (
        f"{title} in the last {shown.words}: nothing is known."
        if highest is None
        else f"{title} in the last {shown.words}; at most {highest.words}, {_when(highest.from_s, shown)}."
    )
    unit = "time" if is_time else "gas"
    return Chart(name, title, unit, about, tuple(bars), across, _dates(shown, since_s))


def _steps(most: float) -> list[float]:
    """Return the values that lines are drawn at: 0 and up to four round ones, the last not below the most."""
    size = 10.0 ** (len(str(int(most))) - 1) if most >= 1 else 1.0
    step = next(part * size for part in (0.25, 0.5, 1.0, 2.0, 2.5, 5.0) if part * size * 4 >= most)
    step = max(1.0, step)
    return [step * number for number in range(1 + max(1, -int(-most // step)))]


def _steps_of_time(most: float) -> list[float]:
    step = next((one for one in _SPANS if one * 4 >= most), 0)
    if not step:
        step = 86_400 * int(_steps(most / 86_400)[1] or 1)
    return [float(step * number) for number in range(1 + max(1, -int(-most // step)))]


def _short_span(seconds: float) -> str:
    """Return a length of time for an axis: ``1.5 h``."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"


def _dates(shown: Range, since_s: float) -> tuple[Tick, ...]:
    inner = WIDTH - LEFT - RIGHT
    found = []
    for part in range(_THREE + 1):
        at_s = since_s + shown.length_s * part / _THREE
        anchor = "start" if part == 0 else "end" if part == _THREE else "middle"
        date = datetime.fromtimestamp(at_s, UTC)
        label = f"{date:%H:%M}" if shown.length_s <= 86_400 else f"{date.day} {date:%b}"
        found.append(Tick(LEFT + inner * part / _THREE, label, anchor))
    return tuple(found)


def _when(from_s: float, shown: Range) -> str:
    begin, end = (datetime.fromtimestamp(at_s, UTC) for at_s in (from_s, from_s + shown.stretch_s))
    if shown.stretch_s >= 86_400:
        return f"{begin.day} {begin:%b}"
    return f"{begin.day} {begin:%b} {begin:%H:%M}–{end:%H:%M} UTC"
