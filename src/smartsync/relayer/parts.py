"""The parts of a pair's replicas: what one job looks at. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from smartsync.keccak import keccak256
from smartsync.relayer.replicas import Replica

PART = 500
"""Replicas that are looked at together, in a handful of requests; others are a job of whoever is free."""


@dataclass(frozen=True, slots=True)
class Part:
    """Replicas of a pair that are looked at together.

    Its ``name`` is of what is in it: a worker with another configuration takes it for none of its own. With the first
    one what is of the whole pair is done.
    """

    name: str
    replicas: Sequence[Replica]
    is_first: bool


def parts_of(replicas: Sequence[Replica], size: int = PART) -> list[Part]:
    """Return the parts of one pair's replicas."""
    return [_part(place, replicas[start : start + size]) for place, start in enumerate(range(0, len(replicas), size))]


def _part(place: int, replicas: Sequence[Replica]) -> Part:
    digest = keccak256(" ".join(one.address for one in replicas).encode())[:4].hex()
    return Part(f"part {place + 1} ({digest})", replicas, place == 0)
