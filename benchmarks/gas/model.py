"""What `smartsync analyze` computes costs from: the means out of gas.json that it needs, and nothing else."""

from __future__ import annotations

from typing import Any

Record = dict[str, Any]

_PARTS = ("calldata_gas", "floor_gas", "execution_gas")


def model(results: Record) -> Record:
    """Return ``src/smartsync/analysis/measured.json`` as the results give it; `smartsync.analysis.cost` reads it."""
    two, nine = (results["account_proof"][shape]["bytes"] for shape in ("two_nodes", "nine_nodes"))
    return {
        "creation": next(iter(results["fork"].values()))["creation"],
        "fill": [
            {"slots": int(name[1:]), "gas_per_slot": round(fork["fill"] / int(name[1:]))}
            for name, fork in results["fork"].items()
        ],
        "activation": results["activation"],
        **results["proxies"],
        "account_proof": {
            "bytes": two,
            **{f"{part}_per_byte": _per_byte(results, part, nine - two) for part in _PARTS},
        },
        "sync": _syncs(results["two_nodes"]),
        "anchor_update": results["anchor_update"]["gas"],
    }


def _per_byte(results: Record, part: str, more_bytes: int) -> float:
    """Return the gas that a byte more of account proof takes, over all updates of values."""
    means = [_mean([record[part] for record in _updates(results[shape])]) for shape in ("two_nodes", "nine_nodes")]
    return round((means[1] - means[0]) / more_bytes, 3)


def _syncs(records: list[Record]) -> list[Record]:
    groups: dict[tuple[int, int], list[Record]] = {}
    for record in _updates(records):
        groups.setdefault((int(record["workload"][1:].partition("-")[0]), record["changes"]), []).append(record)
    return [
        {
            "slots": slots,
            "changes": changes,
            **{part: round(_mean([record[part] for record in group])) for part in _PARTS},
        }
        for (slots, changes), group in sorted(groups.items())
    ]


def _updates(records: list[Record]) -> list[Record]:
    return [record for record in records if record["name"].startswith("update")]


def _mean(values: list[int]) -> float:
    return sum(values) / len(values)
