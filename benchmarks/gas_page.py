"""Write docs/reference/gas.md and its plots out of benchmarks/results/gas.json."""

from __future__ import annotations

import json

from benchmarks.gas.page import page
from benchmarks.gas.plots import draw
from benchmarks.gas.workload import ROOT


def main() -> None:
    """Run the command line."""
    results = json.loads((ROOT / "benchmarks" / "results" / "gas.json").read_text("utf-8"))
    folder = ROOT / "docs" / "reference"
    (folder / "gas.md").write_text(page(results), "utf-8")
    draw(results, folder)


if __name__ == "__main__":
    main()
