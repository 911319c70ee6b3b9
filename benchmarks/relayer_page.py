"""Write docs/reference/relayer-throughput.md out of benchmarks/results/relayer.json."""

from __future__ import annotations

import json

from benchmarks.gas.workload import ROOT
from benchmarks.relayer.page import page


def main() -> None:
    """Run the command line."""
    results = json.loads((ROOT / "benchmarks" / "results" / "relayer.json").read_text("utf-8"))
    (ROOT / "docs" / "reference" / "relayer-throughput.md").write_text(page(results), "utf-8")


if __name__ == "__main__":
    main()
