"""The text of docs/reference/offchain.md, out of offchain.json, and the targets below."""

from __future__ import annotations

from math import log
from typing import Any

from benchmarks.gas.text import Record, paragraph, table

SECONDS, PEAK_BYTES = 20.0, 2 * 2**30
"""Of a million slots, root and fill plan together; and the most memory of either."""

WITNESS_SECONDS = 0.05
"""Of a witness of a hundred changes, whatever the number of slots."""

PEERS = {"py-trie": "py-trie", "ethereumjs": "@ethereumjs/mpt"}


def page(results: dict[str, Any]) -> str:
    """Return the page for these results."""
    records = results["records"]
    return (
        "\n\n".join(
            [
                "# Time and memory off chain",
                "<!-- `make bench-offchain` makes this from benchmarks/results/offchain.json. -->",
                _introduction(results["machine"]),
                "## What was aimed at",
                _targets(records),
                "## The root of a list of slots",
                paragraph(_ROOT_TEXT.strip()),
                _compared(records, "root"),
                "## A fill plan",
                paragraph(_PLAN_TEXT.strip()),
                _plans(records),
                "## The witness of a sync",
                paragraph(_WITNESS_TEXT.strip()),
                _witnesses(records),
                "## From a source block to the sync's transaction",
                _latency(results["latency"]),
            ]
        )
        + "\n"
    )


_ROOT_TEXT = """
From slots and values in memory to the storage root, every key hashed and every value encoded on the way. The peers put
one slot after the other into a trie in memory, which they then have and we do not: nothing here keeps one."""

_PLAN_TEXT = """
From the same list to the witnesses of all chunks (436 slots each) of a fork into an empty replica. Of some twenty of
them both roots are recomputed as the chain does, and the last one is the root of the list. No peer makes anything like
it."""

_WITNESS_TEXT = """
From the answers of both nodes to `eth_getProof`, parsed from JSON, to the witness: account and storage proofs read and
checked, values looked up, both tries walked. The peers verify the same proofs, one after the other and without the
account; they make no witness."""

_LATENCY_TEXT = """
The clock starts when the source answers with the receipt of the transaction that made the block, and stops when the
sync's `eth_sendRawTransaction` goes out. In between the block is attested and accepted by the anchor (one transaction,
whose receipt is looked for at once, and then after waits of 50 ms and twice as long each), the changed slots are found
by tracing the block, proven on both sides and planned, and the transaction is estimated, priced and signed. All of the
nodes' own time is in it, and it is the clock's: what else the machine did is in it too. A `watch` looks for new blocks
at its own interval, which is not."""


def _introduction(machine: Record) -> str:
    return paragraph(
        f"Measured in one run on {machine['date']}: {machine['cores']} cores, {machine['system']}, Python "
        f"{machine['python']}, Node {machine['node']}, py-trie {machine['py-trie']}, @ethereumjs/mpt "
        f"{machine['ethereumjs']}. {machine.get('note', '')} Each figure is of a process of its own, the fastest of "
        "three up to 100,000 slots. Time is the processor's: on a machine that does nothing else that is the clock's "
        "for ours, which runs on one core, and somewhat more than the clock's for Node, which has threads; below a "
        "hundredth of a second it is the clock's. Both are in the raw results. Memory is the most that the process "
        "had, interpreter and input included. A peer's figure stands beside ours, and behind it how many times ours it "
        "is; what it needs more than a minute for was not waited for. Raw results and how to repeat them: "
        "[benchmarks](../../benchmarks/README.md#off-chain)."
    )


def _targets(records: list[Record]) -> str:
    root, plan = (_one(records, task, 1_000_000) for task in ("root", "plan"))
    witnesses = [record for record in records if record.get("changes") == 100 and record["who"] == "smartsync"]
    seconds = root["time_s"] + plan["time_s"]
    peak = max(root["peak_bytes"], plan["peak_bytes"])
    slowest = max(record["time_s"] for record in witnesses)
    most, least = (pick(record["peak_bytes"] for record in witnesses) for pick in (max, min))
    rows = [
        [
            "1,000,000 slots, from list to root and fill plan",
            f"{SECONDS:.0f} s",
            f"{seconds:.1f} s",
            seconds <= SECONDS,
        ],
        ["the same, memory", _mib(PEAK_BYTES), _mib(peak), peak <= PEAK_BYTES],
        ["witness of 100 changes, any number of slots", "50 ms", _ms(slowest), slowest <= WITNESS_SECONDS],
        ["time of a root from 10,000 slots to 1,000,000", "× 150 (n log n)", *_growth(records, "root")],
        ["time of a plan likewise", "× 150 (n log n)", *_growth(records, "plan")],
        [
            "memory of a witness of 100 changes, 1,000 to 1,000,000 slots",
            "the same",
            f"{_mib(least)} to {_mib(most)}",
            most - least < 2**24,
        ],
    ]
    return table(["of", "target", "measured", "met"], [[*map(str, row[:3]), "yes" if row[3] else "no"] for row in rows])


def _growth(records: list[Record], task: str) -> tuple[str, bool]:
    """Return by how much a hundred times the slots take longer, and whether that is n log n or less."""
    few, many = (_one(records, task, size)["time_s"] for size in (10_000, 1_000_000))
    return f"× {many / few:.0f}", many / few <= 100 * log(1_000_000) / log(10_000)


def _compared(records: list[Record], task: str) -> str:
    rows = []
    for record in _ours(records, task):
        row = [f"{record['slots']:,}", _s(record["time_s"]), _mib(record["peak_bytes"])]
        for who in PEERS:
            peer = _beside(records, record, who)
            row += [_s(peer["time_s"]), _times(peer, record), _mib(peer.get("peak_bytes"))]
        rows.append(row)
    header = [cell for name in PEERS.values() for cell in (f"{name} (s)", "ours ×", "MiB")]
    return table(["slots", "SmartSync (s)", "MiB", *header], [[_bare(cell) for cell in row] for row in rows])


def _plans(records: list[Record]) -> str:
    header = ["slots", "chunks", "witnesses (MiB)", "time (s)", "µs a slot", "memory (MiB)"]
    return table(
        header,
        [
            [
                f"{record['slots']:,}",
                f"{record['chunks']:,}",
                f"{record['witness_bytes'] / 2**20:.2f}",
                _bare(_s(record["time_s"])),
                f"{record['time_s'] / record['slots'] * 1e6:.1f}",
                _bare(_mib(record["peak_bytes"])),
            ]
            for record in _ours(records, "plan")
        ],
    )


def _witnesses(records: list[Record]) -> str:
    rows = []
    for record in _ours(records, "witness"):
        row = [
            f"{record['slots']:,}",
            f"{record['changes']:,}",
            f"{record['witness_bytes']:,}",
            _ms(record["time_s"]),
        ]
        row.append(_mib(record["peak_bytes"]))
        for who in PEERS:
            peer = _beside(records, record, who)
            row += [_ms(peer["time_s"]), _times(peer, record)]
        rows.append([_bare(cell) for cell in row])
    header = [cell for name in PEERS.values() for cell in (f"{name} (ms)", "ours ×")]
    return table(["slots", "changes", "witness (bytes)", "SmartSync (ms)", "MiB", *header], rows)


def _latency(latency: Record) -> str:
    text = paragraph(
        f"Two anvils that make a block for each transaction ({latency['source']}, {latency['target']}), a contract of "
        f"{latency['slots']:,} slots, {latency['rounds']} syncs for each number of changes. {_LATENCY_TEXT.strip()}"
    )
    rows = [
        [
            f"{record['changes']:,}",
            _bare(_ms(record["from_block_s"])),
            _bare(_ms(record["from_block_most_s"])),
            _bare(_ms(record["from_accepted_s"])),
        ]
        for record in latency["records"]
    ]
    header = ["changes", "from the block, median (ms)", "longest (ms)", "of it, from the accepted block, median (ms)"]
    return f"{text}\n\n{table(header, rows)}"


def _ours(records: list[Record], task: str) -> list[Record]:
    return [record for record in records if record["task"] == task and record["who"] == "smartsync"]


def _one(records: list[Record], task: str, slots: int) -> Record:
    return next(record for record in _ours(records, task) if record["slots"] == slots)


def _beside(records: list[Record], ours: Record, who: str) -> Record:
    """Return a peer's record of the same, one without seconds where it was not waited for."""
    same = {key: ours.get(key) for key in ("task", "slots", "changes")}
    found = (r for r in records if r["who"] == who and {key: r.get(key) for key in same} == same)
    return next(found, {"time_s": None})


def _times(peer: Record, ours: Record) -> str:
    return "" if peer["time_s"] is None else f"{peer['time_s'] / ours['time_s']:.1f}"


def _s(seconds: float | None) -> str:
    return "over 60" if seconds is None else f"{seconds:.3f} s" if seconds < 1 else f"{seconds:.1f} s"


def _ms(seconds: float | None) -> str:
    return "over 60,000" if seconds is None else f"{seconds * 1000:,.1f} ms"


def _mib(size: float | None) -> str:
    return "" if size is None else f"{size / 2**20:,.0f} MiB"


def _bare(cell: str) -> str:
    """Return a figure without its unit, which the column's title has."""
    return cell.removesuffix(" MiB").removesuffix(" ms").removesuffix(" s")
