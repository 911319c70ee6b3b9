"""How reports look as text: cards of names and values, tables, transactions.

Hashes and addresses are never cut or folded: what does not fit beside each other is written below each other.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from smartsync.cli.output import printable, wrapped
from smartsync.results import Check, Step
from smartsync.results.telling import hexadecimal
from smartsync.types import SlotChange

_LEAST_DETAIL = 40
"""Columns below which a text beside a name is hard to read."""

_BELOW = 6
"""Columns that such a text is indented by below its name."""

_GOOD = frozenset({"ok", "yes", "active", "final", "safe"})
_BAD = frozenset({"no", "differs", "frozen", "revoked", "source_destroyed", "source_code_changed"})
_WAITING = frozenset({"filling", "pending", "paused", "expired", "unknown", "warn"})
_STYLES = {**dict.fromkeys(_GOOD, "green"), **dict.fromkeys(_BAD, "bold red"), **dict.fromkeys(_WAITING, "yellow")}


def heading(console: Console, text: str) -> None:
    """Write the line that a report or a part of it begins with."""
    console.print(Text(printable(text), style="bold"), soft_wrap=True)


def note(console: Console, text: str) -> None:
    """Write what one may want to know beside a report."""
    console.print(Text(wrapped(printable(text), console.width, 0), style="dim"), soft_wrap=True)


def warning(console: Console, text: str) -> None:
    """Write, behind a report, what is wrong and what to do about it."""
    console.print(Text("\n" + wrapped(printable(text), console.width, 0), style="bold yellow"), soft_wrap=True)


def card(console: Console, title: str, rows: Sequence[tuple[str, object]]) -> None:
    """Write names and values, beside each other; rows whose value is ``None`` are left out."""
    heading(console, title)
    shown = [(name, printable(str(value))) for name, value in rows if value is not None]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        told = wrapped(value, console.width, width + 4)
        line = Text.assemble((f"  {name:<{width}}  ", "dim"), (told, _STYLES.get(value, "")))
        line.rstrip()
        console.print(line, soft_wrap=True)


def table(
    console: Console, columns: Sequence[str], rows: Sequence[Sequence[object]], *, right: Collection[str] = ()
) -> None:
    """Write a table, or where it is wider than the terminal each row as a card named by its first cell.

    ``right`` are the columns aligned to the right: numbers.
    """
    cells = [[printable(str(cell)) for cell in row] for row in rows]
    drawn = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    for name in columns:
        drawn.add_column(name, justify="right" if name in right else "left")
    for row in cells:
        drawn.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in row))
    if Measurement.get(console, console.options.update(max_width=10_000_000), drawn).maximum <= console.width:
        _print_without_trailing_blanks(console, drawn)
        return
    for row in cells:
        card(console, row[0], list(zip(columns[1:], row[1:], strict=True)))


def _print_without_trailing_blanks(console: Console, drawn: Table) -> None:
    """Write a table, whose last column rich fills up with blanks."""
    for line in console.render_lines(drawn, pad=False):
        text = Text.assemble(*((part.text, part.style or "") for part in line), end="\n")
        text.rstrip()
        console.print(text, soft_wrap=True)


def transactions(console: Console, steps: Sequence[Step]) -> None:
    """Write what was sent to the target chain and what it cost."""
    if not steps:
        return
    console.print()
    rows = [(step.what, step.gas_used, step.calldata_bytes, step.tx_hash) for step in steps]
    table(console, ("transaction", "gas", "calldata bytes", "hash"), rows, right=("gas", "calldata bytes"))
    if len(steps) > 1:
        console.print(f"{len(steps)} transactions, {sum(step.gas_used for step in steps)} gas in all")


def changes(console: Console, changed: Sequence[SlotChange]) -> None:
    """Write slot by slot what a transition writes; values hexadecimal, 0 meaning absent."""
    if not changed:
        return
    console.print()
    rows = [(change.kind, hexadecimal(change.slot), hex(change.old), hex(change.new)) for change in changed]
    table(console, ("kind", "slot", "old", "new"), rows)


def checks(console: Console, found: Sequence[Check], *, failed: str) -> None:
    """Write what was compared, one below the other, details that do not fit beside a name below it.

    ``failed`` is the word for what is not as it should be; what one can do without is ``warn``.
    """
    words = ["ok" if check.ok else failed if check.needed else "warn" for check in found]
    verdict_width = max(map(len, words), default=0)
    width = max((len(check.name) for check in found), default=0)
    indent = 2 + verdict_width + 2 + width + 2
    for check, word in zip(found, words, strict=True):
        name, detail = printable(check.name), printable(check.detail)
        room = console.width - indent
        fits = len(detail) <= room or room >= max([_LEAST_DETAIL, *map(len, detail.split())])
        beside = f"{'':<{width - len(name)}}  " if fits else "\n" + " " * _BELOW
        told = wrapped(detail, console.width, indent if fits else _BELOW)
        verdict = (f"  {word:<{verdict_width}}  ", _STYLES.get(word, ""))
        style = "" if check.ok else "bold"
        console.print(Text.assemble(verdict, name, beside, (told, style)), soft_wrap=True)
