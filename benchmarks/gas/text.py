"""Paragraphs, numbers and tables of the page."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean
from textwrap import fill
from typing import Any

Record = dict[str, Any]

_WORDS = ("operation", "met", "the callee is", "kind", "of", "call")
"""Titles of columns that hold words."""


def paragraph(text: str, *, bullet: bool = False) -> str:
    """Return a text in lines."""
    start, indent = ("- ", "  ") if bullet else ("", "")
    return fill(
        text, 120, initial_indent=start, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def mean_of(group: Sequence[Record], key: str) -> float:
    """Return the mean of what the records have there."""
    return float(mean(record[key] for record in group))


def number(value: float) -> str:
    """Return a number without decimals."""
    return f"{round(value):,}"


def met(value: float, target: int | None, limit: float | None) -> list[str]:
    """Return a target and whether it is met, for a table; two empty cells where there is none."""
    if target is None:
        return ["", ""]
    if value <= target:
        return [number(target), "yes"]
    over = 100 * (value / target - 1)
    missed = f"no, {over:.0f} % over" if over >= 0.5 else f"no, {over:.2f} % over"
    return [number(target), "no, it is below the limit" if limit is not None and target < limit else missed]


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table; its columns of words begin at the left."""
    align = [":--" if title in _WORDS else "--:" for title in header]
    return "\n".join(f"| {' | '.join(row)} |" for row in [header, align, *rows])
