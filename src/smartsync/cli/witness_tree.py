"""A witness as a tree in the terminal: the tries' union, what was written in it, what was left closed."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.text import Text

from smartsync.cli.output import printable
from smartsync.explaining.drawing import Closed, Drawing, Fork, Kept, Left, Written
from smartsync.explaining.explanation import Change, nibbles
from smartsync.explaining.shortened import Omitted, Row, is_beside, rows
from smartsync.explaining.words import KINDS, omitted, prefix, short_hash, short_value, sides_of, title_of, values_of

_ROWS = 120
"""Of a tree in the terminal; what does not fit is counted in its place."""

_STYLES = {"insert": "green", "update": "cyan", "delete": "red", "write": "magenta"}


def tree(console: Console, drawing: Drawing, changes: Mapping[bytes, Change]) -> None:
    """Write the tree. ``changes`` by slot (32 bytes) names what was written."""
    shown = rows(drawing, _ROWS)
    for row in shown:
        line = Text.assemble((_guides(row), "dim"), (f"{nibbles(row.step)} " if row.step else "", "bold"))
        line.append_text(_line(row, changes))
        console.print(line, soft_wrap=True, overflow="ignore", no_wrap=True)


def _guides(row: Row) -> str:
    if not row.is_last:
        return ""
    above = "".join("   " if last else "│  " for last in row.is_last[:-1])
    return above + ("└─ " if row.is_last[-1] else "├─ ")


def _line(row: Row, changes: Mapping[bytes, Change]) -> Text:
    match row.node:
        case Written() as node:
            change = changes[node.slot]
            style = _STYLES[change.kind]
            return Text.assemble(
                (f"{KINDS[change.kind]} ", f"bold {style}"),
                (printable(title_of(change)), style),
                f"  {printable(values_of(change))}",
            )
        case Kept() as node:
            return Text(f"unchanged leaf {short_hash(_key(node))}  {short_value(node.value)}", "dim")
        case Closed() as node:
            return Text(f"opaque, as before: {short_hash(node.hash)}", "dim")
        case Left():
            return Text("proven by an earlier part", "dim")
        case Fork() as node:
            return Text.assemble(("branch ", "bold"), f"{prefix(node.path)}  {sides_of(node)}", (_beside(node), "dim"))
        case Omitted() as node:
            return Text(omitted(node), "yellow")


def _key(leaf: Kept) -> bytes:
    return bytes.fromhex(nibbles(leaf.key))


def _beside(fork: Fork) -> str:
    """Return which children are told by their hash alone."""
    closed = [child.path[-1] for child in fork.children if isinstance(child, Closed) and is_beside(child, fork)]
    if not closed:
        return ""
    runs: list[list[int]] = []
    for nibble in closed:
        if runs and nibble == runs[-1][-1] + 1:
            runs[-1].append(nibble)
        else:
            runs.append([nibble])
    told = " ".join(f"{run[0]:x}" if len(run) == 1 else f"{run[0]:x}-{run[-1]:x}" for run in runs)
    return f"  opaque: {told}"
