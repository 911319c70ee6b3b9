"""From what one worker does to what many replicas take. Pure arithmetic on measured figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

DAY_S = 86_400
BUSY = 0.7
"""Share of a core that a worker is given: the rest is for what comes at once."""


@dataclass(frozen=True)
class Needs:
    """What replicas take: workers (a core each), requests and calls of each chain's nodes, transactions and rows.

    ``*_a_s`` are means by the second, ``rows_a_day`` those that are added and stay until they are pruned.
    """

    syncs_a_s: float
    cores: float
    workers: int
    source_requests_a_s: float
    source_calls_a_s: float
    target_requests_a_s: float
    target_calls_a_s: float
    transactions_a_s: float
    rows_written_a_s: float
    rows_a_day: float


def needs(results: dict[str, Any], replicas: int, block_s: float, changing: float) -> Needs:
    """Return what it takes to look at replicas once a block, and to sync the share of them that changes in each.

    Parameters
    ----------
    changing
        Share of the replicas whose source changes in a block, 0.01 of a hundred one.
    """
    counted = results["counted"]
    look, sync, idle = counted["look"], counted["sync"], counted["idle"]
    looks_a_s = replicas / counted["replicas_a_look"] / block_s
    syncs_a_s = replicas * changing / block_s
    measured = looks_of(results, 1)
    look_s = measured["cpu_s_a_look"] * counted["replicas_a_look"] / measured["replicas_a_look"]
    sync_s = syncs_of(results, 1)["cpu_s_a_sync"]
    cores = looks_a_s * look_s + syncs_a_s * sync_s
    workers = max(1, -int(-cores // (BUSY - idle["cpu_s_a_s"])))

    def each(what: str) -> float:
        return float(looks_a_s * look[what] + syncs_a_s * sync[what])

    return Needs(
        syncs_a_s=syncs_a_s,
        cores=cores,
        workers=workers,
        source_requests_a_s=each("source_requests"),
        source_calls_a_s=each("source_calls"),
        target_requests_a_s=each("target_requests"),
        target_calls_a_s=each("target_calls"),
        transactions_a_s=each("transactions") + workers * idle["transactions_a_s"],
        rows_written_a_s=each("rows"),
        # A sample a replica and minute; a transaction, its first version and a line of history a sync.
        rows_a_day=replicas * DAY_S / 60 + 3 * syncs_a_s * DAY_S,
    )


def looks_of(results: dict[str, Any], workers: int) -> dict[str, Any]:
    """Return what was measured of so many workers that look."""
    found: dict[str, Any] = next(one for one in results["looks"] if one["workers"] == workers)
    return found


def syncs_of(results: dict[str, Any], workers: int) -> dict[str, Any]:
    """Return what was measured of so many workers that sync."""
    found: dict[str, Any] = next(one for one in results["syncs"] if one["workers"] == workers)
    return found
