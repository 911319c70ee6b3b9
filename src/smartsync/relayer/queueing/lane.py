"""Where jobs wait that may hold up each other, and nobody else. Pure."""

from __future__ import annotations

from dataclasses import dataclass

LOOKS = " looks"


@dataclass(frozen=True, slots=True)
class Lane:
    """Jobs of one pair, or looks at it, of which one process does so many at once.

    ``every_s`` is where its jobs come by the clock, seconds between two of them: nobody has to tell of those.
    ``latest_s`` is for how much later its jobs can be meant at most; beyond that a clock was wrong.
    """

    name: str
    at_once: int
    every_s: float | None = None
    latest_s: float = 1_800.0


def lanes_of(pair: str, jobs: int, parts: int, poll_s: float) -> list[Lane]:
    """Return the lanes of a pair: each part has its own place for looks, so that no jobs hold them up."""
    looks = Lane(f"{pair}{LOOKS}", max(parts, 1), every_s=poll_s, latest_s=60.0 + 2 * poll_s)
    return [looks, Lane(pair, jobs)]
