"""The plots of docs/reference/gas.md. The same figures give the same SVG, byte for byte."""

from __future__ import annotations

from pathlib import Path
from statistics import mean
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from benchmarks.gas.page import PARTS, TARGETS, groups, parts
from benchmarks.gas.text import Record

_SIZES = (10, 100, 1_000, 10_000)
_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "smartsync",
    "svg.fonttype": "path",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "figure.facecolor": "white",
}
_LINES = {
    "prototype_gas": ("prototype", "#b0413e", "s", "-"),
    "gas": ("SmartSync", "#1f5fa8", "o", "-"),
    "limit": ("limit", "#444444", None, "--"),
}
"""Key of a record -> label, colour, marker and line of its plot."""

_COLORS = ("#555555", "#9aa5b1", "#d8a03c", "#4c9f70", "#1f5fa8", "#7fb2e5", "#a678b4")
"""One for each of PARTS."""


def draw(results: dict[str, Any], folder: Path) -> None:
    """Write the plots into a folder."""
    with mpl.rc_context(_STYLE):
        for name, figure in (
            ("gas-changes", changes_figure(results["two_nodes"])),
            ("gas-parts", parts_figure(results["two_nodes"])),
        ):
            figure.savefig(folder / f"{name}.svg", metadata={"Date": None, "Creator": None})


def changes_figure(records: list[Record]) -> Figure:
    """Return gas against changed slots, one panel for each size of the contract."""
    figure = Figure(figsize=(9, 7), layout="constrained")
    grid = figure.subplots(2, 2, sharex=True, sharey=True)
    updates = {key: group for key, group in groups(records).items() if key[1].startswith("update")}
    for axes, size in zip(grid.flat, _SIZES, strict=True):
        _lines(axes, {key[1]: group for key, group in updates.items() if key[0] == size})
        targets = [(int(name[6:]), gas) for (of, name), gas in TARGETS.items() if of == size]
        if targets:
            axes.plot(*zip(*targets, strict=True), "D", ms=9, mfc="none", mec="#4c9f70", label="target", zorder=1)
        axes.set_title(f"contract with {size:,} values")
    for axes in grid[1]:
        axes.set_xlabel("changed slots in one sync")
    for axes in grid[:, 0]:
        axes.set_ylabel("gas of the transaction")
    handles, labels = grid.flat[-1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), frameon=False)
    return figure


def _lines(axes: Axes, updates: dict[str, list[Record]]) -> None:
    for key, (label, color, marker, line) in _LINES.items():
        known = [[record for record in group if record[key] is not None] for group in updates.values()]
        points = [(group[0]["changes"], mean(record[key] for record in group)) for group in known if group]
        axes.plot(*zip(*points, strict=True), color=color, marker=marker, ls=line, ms=5, lw=1.8, label=label)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(20_000, 100_000_000)
    axes.set_xticks([1, 10, 100], ["1", "10", "100"])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_yticks([30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000, 30_000_000])
    axes.yaxis.set_major_formatter(FuncFormatter(_short))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.grid(True, color="#dddddd", lw=0.6)


def parts_figure(records: list[Record]) -> Figure:
    """Return the shares of the parts of a sync, one bar for each kind of operation that has a target."""
    bars = {key: group for key, group in groups(records).items() if key in TARGETS}
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    axes = figure.subplots()
    labels = [f"{size:,} values, {name[6:]} changed" for size, name in bars]
    left = [0.0] * len(bars)
    for part, color in zip(PARTS, _COLORS, strict=True):
        shares = [
            100 * mean(parts(record)[part] for record in group) / mean(record["gas"] for record in group)
            for group in bars.values()
        ]
        axes.barh(labels, shares, left=left, color=color, label=part, edgecolor="white", lw=0.5)
        left = [before + share for before, share in zip(left, shares, strict=True)]
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel("% of the transaction's gas")
    figure.legend(loc="outside upper center", ncols=len(PARTS), frameon=False, columnspacing=1.2, handlelength=1.2)
    return figure


def _short(value: float, _: int) -> str:
    return f"{value / 1e6:g} M" if value >= 1e6 else f"{value / 1e3:g} k"
