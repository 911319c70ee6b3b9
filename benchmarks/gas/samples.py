"""The contracts that only measurements need, compiled by forge: their source is in ``contracts/test``."""

from __future__ import annotations

import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.gas.workload import ROOT

_SOURCES = (
    "contracts/test/samples/MappingSource.sol",
    "contracts/test/harness/ReadMeter.sol",
    "contracts/test/harness/L1BlockStandIn.sol",
)


@dataclass(frozen=True, slots=True)
class Samples:
    """``source_code`` is the runtime code of what is replicated, ``meter`` the creation code of the read meter.

    ``l1_block`` is the runtime code of what stands in for the predeploy of OP-stack chains.
    """

    source_code: bytes
    meter: bytes
    l1_block: bytes
    solc: str


def compile_samples() -> Samples:
    """Compile in a folder of its own, so that nothing that lies in ``out`` counts."""
    with tempfile.TemporaryDirectory(prefix="smartsync-bench-") as folder:
        out, cache = Path(folder, "out"), Path(folder, "cache")
        build = [str(ROOT / "tools" / "forge"), "build", *_SOURCES, "--out", str(out), "--cache-path", str(cache)]
        subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
        source, meter, l1_block = (
            json.loads((out / f"{name}.sol" / f"{name}.json").read_text("utf-8"))
            for name in ("MappingSource", "ReadMeter", "L1BlockStandIn")
        )
    return Samples(
        bytes.fromhex(source["deployedBytecode"]["object"][2:]),
        bytes.fromhex(meter["bytecode"]["object"][2:]),
        bytes.fromhex(l1_block["deployedBytecode"]["object"][2:]),
        source["metadata"]["compiler"]["version"],
    )
