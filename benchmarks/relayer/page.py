"""The text of docs/reference/relayer-throughput.md, out of relayer.json."""

from __future__ import annotations

from typing import Any

from benchmarks.gas.text import Record, paragraph, table
from benchmarks.relayer.scaling import BUSY, needs

REPLICAS = 100_000
BLOCK_S = 12.0
CHANGING = (0.0, 0.001, 0.01, 0.1)
SYNC_GAS, BLOCK_GAS = 130_000, 60_000_000
"""Gas of a sync of some five slots, and of a block of the target, for what a target takes at most."""


def page(results: dict[str, Any]) -> str:
    """Return the page for these results."""
    return (
        "\n\n".join(
            [
                "# What a relayer's workers do",
                "<!-- `make bench-relayer` makes this from benchmarks/results/relayer.json. -->",
                _introduction(results),
                "## Looks at quiet replicas",
                paragraph(_LOOKS_TEXT.strip().format(**_numbers(results))),
                _looks(results["looks"]),
                "## Syncs",
                paragraph(_SYNCS_TEXT.strip()),
                _syncs(results["syncs"]),
                "## What is asked of nodes and database",
                paragraph(_COUNTED_TEXT.strip().format(**_numbers(results))),
                _counted(results["counted"]),
                f"## {REPLICAS:,} replicas",
                paragraph(_SCALING_TEXT.strip().format(**_numbers(results))),
                _scaling(results),
                "What that means:",
                _meaning(results),
            ]
        )
        + "\n"
    )


_LOOKS_TEXT = """
No source changes, and workers look again at once (`poll_s = 0.05`): at {replicas_a_look:,.0f} replicas a look, in the
mean. Parts are looked at side by side, by one worker each, so that several workers share the looks of one pair. The
last columns are cores: those that the workers had, and all that was busy, nodes and PostgreSQL included."""

_SYNCS_TEXT = """
All sources change, and workers sync what is behind, eight at once each (`jobs = 8`). The target makes a block of each
transaction, so nothing waits for a block. A sync here is of one to six changed slots of a small contract."""

_COUNTED_TEXT = """
Of one worker, through proxies that count, apart from the measurements above. Requests are those of HTTP: many calls
go in one. What a worker asks its queue although there is nothing to do is in the first column, for each second; a
look is at {replicas_a_look:,.0f} replicas. Rows are those that PostgreSQL writes, changed ones included."""

_SCALING_TEXT = """
One look at each replica for each block of the source ({block_s:.0f} s), and a sync for each whose source changed in
it. Computed from the figures above of one worker: the seconds of the processor of a look and of a sync, at most
{busy:.0%} of a core for each worker. Wherever a policy gathers changes (`max_lag_s`) there are fewer syncs than
changes."""


def _numbers(results: dict[str, Any]) -> dict[str, float]:
    return {"replicas_a_look": results["counted"]["replicas_a_look"], "block_s": BLOCK_S, "busy": BUSY}


def _introduction(results: dict[str, Any]) -> str:
    machine = results["machine"]
    note = f" {machine['note']}" if machine["note"] else ""
    return paragraph(
        f"Measured on {machine['date']}: {machine['cores']} cores, {machine['system']}, Python "
        f"{machine['python']}; {results['replicas']:,} replicas of {results['sources']} sources.{note} Source "
        "(hardhat), target (anvil), PostgreSQL and all workers share these cores: so more workers do not get more "
        "done here once the cores are busy, and what tells of other machines is the processor's time that a worker "
        "takes for a look and for a sync. A worker is one process on one core. That killed workers and restarted "
        "databases cost nothing is tested by `make test-soak`. How to repeat this: "
        "[benchmarks](../../benchmarks/README.md#relayer)."
    )


def _looks(records: list[Record]) -> str:
    header = ["workers", "looks (1/s)", "replicas looked at (1/s)", "CPU a look (ms)", "memory (MiB)", "cores", "busy"]
    return table(
        header,
        [
            [
                str(one["workers"]),
                f"{one['looks_a_s']:.1f}",
                f"{one['replicas_a_s']:,.0f}",
                _ms(one["cpu_s_a_look"]),
                _mib(one["memory_bytes"]),
                f"{one['cores_of_workers']:.2f}",
                f"{one['cores_busy']:.2f}",
            ]
            for one in records
        ],
    )


def _syncs(records: list[Record]) -> str:
    return table(
        ["workers", "syncs (1/s)", "CPU a sync (ms)", "memory (MiB)", "cores", "busy"],
        [
            [
                str(one["workers"]),
                f"{one['syncs_a_s']:.1f}",
                _ms(one["cpu_s_a_sync"]),
                _mib(one["memory_bytes"]),
                f"{one['cores_of_workers']:.2f}",
                f"{one['cores_busy']:.2f}",
            ]
            for one in records
        ],
    )


def _counted(counted: dict[str, Any]) -> str:
    rows = [
        ("requests to the source's node", "source_requests"),
        ("calls in them", "source_calls"),
        ("requests to the target's node", "target_requests"),
        ("calls in them", "target_calls"),
        ("transactions of PostgreSQL", "transactions"),
        ("rows written", "rows"),
    ]
    idle = {"transactions": counted["idle"]["transactions_a_s"]}
    return table(
        ["of", "idle (1/s)", "a look", "a sync"],
        [
            [
                words,
                f"{idle[key]:.1f}" if key in idle else "",
                f"{counted['look'][key]:,.1f}",
                f"{counted['sync'][key]:,.1f}",
            ]
            for words, key in rows
        ],
    )


def _scaling(results: dict[str, Any]) -> str:
    rows = []
    for changing in CHANGING:
        one = needs(results, REPLICAS, BLOCK_S, changing)
        rows.append(
            [
                f"{changing:.1%}",
                f"{one.syncs_a_s:,.1f}",
                f"{one.workers:,}",
                f"{one.source_requests_a_s:,.0f} ({one.source_calls_a_s:,.0f})",
                f"{one.target_requests_a_s:,.0f} ({one.target_calls_a_s:,.0f})",
                f"{one.transactions_a_s:,.0f}",
                f"{one.rows_written_a_s:,.0f}",
                f"{one.rows_a_day / 1e6:,.0f}",
            ]
        )
    header = [
        "share that changes in a block",
        "syncs (1/s)",
        "workers",
        "requests (calls) to source (1/s)",
        "to target (1/s)",
        "transactions (1/s)",
        "rows written (1/s)",
        "rows added (million a day)",
    ]
    return table(header, rows)


def _meaning(results: dict[str, Any]) -> str:
    quiet, some = (needs(results, REPLICAS, BLOCK_S, changing) for changing in (0.0, 0.01))
    most = BLOCK_GAS / SYNC_GAS / BLOCK_S
    points = [
        "**Nodes come first.** Looking alone is "
        f"{quiet.source_calls_a_s + quiet.target_calls_a_s:,.0f} calls a second to both chains' nodes, whatever "
        "changes: nodes of one's own, several of them, and `poll_s` as long as the owners bear it. Twice the interval "
        "is half of everything but the syncs.",
        f"**The target is next.** A block of {BLOCK_GAS:,} gas every {BLOCK_S:.0f} s takes {most:.0f} syncs of some "
        f"{SYNC_GAS:,} gas a second and nothing else; 1 % of {REPLICAS:,} are {some.syncs_a_s:.0f}. Beyond that "
        "replicas have to be on several targets, or gather.",
        f"**One PostgreSQL** has {some.transactions_a_s:,.0f} transactions and {some.rows_written_a_s:,.0f} written "
        "rows a second at 1 %. Nearly all are states that are written down anew at each look, though nothing changed "
        "but its time, and samples for the charts.",
        f"**The disk**: {quiet.rows_a_day / 1e6:,.0f} million samples a day, one a replica and minute, are nearly all "
        "of the rows that stay. They are what has to be thinned out first where so many replicas are kept.",
    ]
    return "\n".join(paragraph(point, bullet=True) for point in points)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:,.0f}"


def _mib(size: float) -> str:
    return f"{size / 2**20:,.0f}"
