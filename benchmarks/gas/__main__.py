"""Measure the gas of forks, syncs, reads and anchors, and write benchmarks/results/gas.json.

Every operation has to be accepted: the exit code is 1 where one is refused.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.gas import activation, anchors, proxies
from benchmarks.gas.run import Record, Results, run
from benchmarks.gas.samples import Samples, compile_samples
from benchmarks.gas.source import FIRST_BLOCK, NINE_NODES, TWO_NODES, StateShape, source_block
from benchmarks.gas.workload import BASELINE, ROOT, read_workloads
from smartsync.types import EMPTY_CODE_HASH, EMPTY_ROOT

OUTPUT = ROOT / "benchmarks" / "results" / "gas.json"


def main() -> int:
    """Run the command line and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gas", description=__doc__)
    parser.add_argument("--workloads", nargs="*", default=[], metavar="NAME", help="only these, as in M100")
    parser.add_argument("--output", type=Path, help="where to write; without it only a run of all workloads is written")
    options = parser.parse_args()

    workloads = read_workloads(options.workloads)
    if not BASELINE.is_dir():
        print(f"skipped: there is no ../{BASELINE.relative_to(ROOT.parent)} with the workloads")
        return 0
    if unknown := set(options.workloads) - {workload.name for workload in workloads}:
        parser.error(f"no such workload: {', '.join(sorted(unknown))}")
    samples = compile_samples()
    measured: dict[str, Results] = {}
    for workload in workloads:
        print(f"{workload.name}: {len(workload.operations)} operations", flush=True)
        measured[workload.name] = asyncio.run(run(workload, samples))
    print("activations", flush=True)
    activations = asyncio.run(activation.measure(samples))
    print("proxies", flush=True)
    of_proxies = asyncio.run(proxies.measure(samples))
    print("anchors", flush=True)
    results = _document(measured, activations, of_proxies, asyncio.run(anchors.measure(samples)), samples)
    output = options.output or (None if options.workloads else OUTPUT)
    if output is not None:
        output.write_text(_text(results), "utf-8")
    return _report(results)


def _document(
    measured: dict[str, Results],
    activations: list[Record],
    of_proxies: dict[str, list[Record]],
    by_anchor: list[Record],
    samples: Samples,
) -> dict[str, Any]:
    """Return what gas.json holds; of workloads with the same contract the first one's fork."""
    first = next(iter(measured.values()))
    forks: dict[str, Any] = {}
    for name, result in measured.items():
        forks.setdefault(name.partition("-")[0], result.fork)
    return {
        "versions": {"anvil": first.anvil, "hardfork": "osaka", "solc": samples.solc},
        "account_proof": {"two_nodes": _proof_bytes(TWO_NODES), "nine_nodes": _proof_bytes(NINE_NODES)},
        "anchor_update": first.anchor_update,
        "reads": first.reads,
        "guard": first.guard,
        "fork": forks,
        "activation": activations,
        "proxies": of_proxies,
        "anchors": by_anchor,
        **{
            shape: [record for result in measured.values() for record in result.syncs[shape]]
            for shape in ("two_nodes", "nine_nodes")
        },
    }


def _proof_bytes(shape: StateShape) -> dict[str, int]:
    block = source_block(FIRST_BLOCK, EMPTY_ROOT, EMPTY_CODE_HASH, shape)
    return {"nodes": shape.nodes, "node_bytes": block.node_bytes, "bytes": len(block.account_proof)}


def _text(results: dict[str, Any]) -> str:
    """Return JSON with one record a line, so that a diff shows which operation changed."""
    entries = []
    for key, value in results.items():
        if isinstance(value, list):
            lines = ",\n".join(f"    {json.dumps(record)}" for record in value)
            entries.append(f"  {json.dumps(key)}: [\n{lines}\n  ]")
        else:
            entries.append(f"  {json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(entries) + "\n}\n"


def _report(results: dict[str, Any]) -> int:
    """Print the means, and return 1 where an operation was refused."""
    records = results["two_nodes"] + results["nine_nodes"]
    for shape in ("two_nodes", "nine_nodes"):
        groups: dict[tuple[str, str], list[int]] = {}
        for record in results[shape]:
            groups.setdefault((record["workload"], record["name"]), []).append(record["gas"])
        for (workload, name), gas in groups.items():
            print(
                f"{shape:10} {workload:13} {name:9} {len(gas):3} operations, mean {round(sum(gas) / len(gas)):>10,} gas"
            )
    for record in results["anchors"]:
        print(f"{record['kind']:10} {record['call']:18} {record['case']:32} {record['gas']:>10,} gas")
    refused = [record for record in records if not record["accepted"]]
    for record in refused:
        print(f"refused: {record['workload']} operation {record['op_index']} ({record['name']})", file=sys.stderr)
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
