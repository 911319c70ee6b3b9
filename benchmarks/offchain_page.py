"""Write docs/reference/offchain.md out of benchmarks/results/offchain.json."""

from __future__ import annotations

import json

from benchmarks.gas.workload import ROOT
from benchmarks.offchain.page import page


def main() -> None:
    """Run the command line."""
    results = json.loads((ROOT / "benchmarks" / "results" / "offchain.json").read_text("utf-8"))
    (ROOT / "docs" / "reference" / "offchain.md").write_text(page(results), "utf-8")


if __name__ == "__main__":
    main()
