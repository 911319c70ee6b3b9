"""Write what benchmarks/results/gas.json says: docs/reference/gas.md, its plots, and what `analyze` computes with."""

from __future__ import annotations

import json

from benchmarks.gas.model import model
from benchmarks.gas.page import page
from benchmarks.gas.plots import draw
from benchmarks.gas.workload import ROOT


def main() -> None:
    """Run the command line."""
    results = json.loads((ROOT / "benchmarks" / "results" / "gas.json").read_text("utf-8"))
    folder = ROOT / "docs" / "reference"
    (folder / "gas.md").write_text(page(results), "utf-8")
    draw(results, folder)
    measured = json.dumps(model(results), indent=1) + "\n"
    (ROOT / "src" / "smartsync" / "analysis" / "measured.json").write_text(measured, "utf-8")


if __name__ == "__main__":
    main()
