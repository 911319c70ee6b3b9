"""How the demo looks: what goes on, step by step, and the tables that it ends in."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.box import ROUNDED
from rich.console import Console
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from smartsync.demo.attack import Refusal
from smartsync.demo.questions import Answer
from smartsync.demo.stage import Entry

_WIDTH = 100
_INDENT = (0, 0, 0, 2)
_LONG_HEX = re.compile(r"0x([0-9a-fA-F]{8})[0-9a-fA-F]{16,}")


@dataclass(slots=True)
class Working:
    """A step that goes on. ``detail``, and whether all is as it should be, is told once it is done."""

    detail: str = ""
    ok: bool = True


@dataclass(slots=True)
class Show:
    """Writes the demo to a console, no wider than is good to read."""

    console: Console
    _acts: int = 0
    _inner: Console = field(init=False)

    def __post_init__(self) -> None:
        # In a pipe the command line's console is unbounded: lines may be, frames and rules must not.
        self._inner = Console(
            file=self.console.file,
            width=min(self.console.width, _WIDTH),
            force_terminal=self.console.is_terminal,
            no_color=self.console.no_color,
            markup=False,
            highlight=False,
            emoji=False,
        )

    def title(self) -> None:
        """Say what this is."""
        text = Text.assemble(
            ("SmartSync", "bold cyan"),
            "\nTwo contracts of one chain are forked onto another of a different make, kept in sync by proofs that "
            "the target chain checks, read there by an ordinary contract, and attacked.",
        )
        self._inner.print(Panel(text, box=ROUNDED, border_style="cyan", padding=(0, 2)))

    def act(self, text: str) -> None:
        """Open the next part."""
        self._acts += 1
        self._inner.print(Text.assemble("\n", (f"{self._acts}  ", "bold cyan"), (text, "bold")))

    def say(self, text: str) -> None:
        """Tell something that is good to know."""
        self._inner.print(Padding(Text(text, style="dim"), _INDENT))

    @contextmanager
    def working(self, text: str) -> Iterator[Working]:
        """Show that something goes on, and how long it took once it is done."""
        working, started = Working(), time.monotonic()
        try:
            if self._inner.is_terminal:
                with self._inner.status(Text(text), spinner="dots", spinner_style="cyan"):
                    yield working
            else:
                yield working
        except BaseException:
            self._line("✗", "bold red", text, "", _since(started))
            raise
        mark, style = ("✓", "green") if working.ok else ("✗", "bold red")
        self._line(mark, style, text, working.detail, _since(started))

    def answers(self, before: Sequence[Answer], now: Sequence[Answer]) -> None:
        """Show what original and replica answer, side by side, after what both answered before."""
        table = _table("", "both, before", "original, now", "replica, now", "")
        table.columns[0].no_wrap = True
        for old, new in zip(before, now, strict=True):
            changed = "" if old.replica == new.replica else "bold"
            mark = Text("=", style="green") if new.agree else Text("≠", style="bold red")
            table.add_row(
                new.label,
                Text(old.replica, style="dim"),
                Text(new.source, style=changed),
                Text(new.replica, style=changed),
                mark,
            )
        self._inner.print(Padding(table, _INDENT))

    def refusals(self, refusals: Iterable[Refusal]) -> None:
        """Show the forged transactions and the errors that refused them."""
        table = _table("mallory sends", "the target chain answers", "gas lost")
        table.columns[2].justify = "right"
        for refusal in refusals:
            name, _, arguments = _short(refusal.reason).partition("(")
            style = "bold red" if refusal.refused else "bold white on red"
            answer = Text.assemble((name, style), "\n" + arguments.removesuffix(")").replace("=", " "))
            table.add_row(refusal.forgery, answer, f"{refusal.gas_used:,}")
            table.add_section()
        self._inner.print(Padding(table, _INDENT))

    def gas(self, entries: Iterable[Entry]) -> None:
        """Show what every transaction on the target chain cost."""
        table = _table("on the target chain", "calldata", "gas")
        table.columns[1].justify = table.columns[2].justify = "right"
        total, act = 0, ""
        for entry in entries:
            if act and entry.act != act:
                table.add_section()
            act, total = entry.act, total + entry.gas_used
            table.add_row(entry.what, f"{entry.calldata_bytes:,} B", f"{entry.gas_used:,}")
        table.add_section()
        table.add_row(Text("in all", style="bold"), "", Text(f"{total:,}", style="bold"))
        self._inner.print(Padding(table, _INDENT))

    def ending(self, ok: bool, lines: Sequence[str]) -> None:
        """Say how it ended."""
        style = "green" if ok else "red"
        head = ("It holds." if ok else "It does NOT hold.", f"bold {style}")
        text = Text.assemble(head, *(f"\n{line}" for line in lines))
        self._inner.print("", Panel(text, box=ROUNDED, border_style=style, padding=(0, 2)))

    def _line(self, mark: str, style: str, text: str, detail: str, took: str) -> None:
        """Write a step: on one line where there is room, else with the detail below."""
        beside = detail and len(text) + len(detail) + len(took) + 10 <= self._inner.width
        line = Table.grid(padding=(0, 1), expand=True)
        line.add_column(width=1)
        line.add_column(ratio=1)
        line.add_column(justify="right", no_wrap=True)
        what = Text.assemble(text, (f"  {detail}" if beside else "", "dim"))
        line.add_row(Text(mark, style=style), what, Text(took, style="dim"))
        self._inner.print(Padding(line, _INDENT))
        if detail and not beside:
            self._inner.print(Padding(Text(detail, style="dim"), (0, 0, 0, 4)))


def _table(*headers: str) -> Table:
    table = Table(box=ROUNDED, border_style="dim", header_style="bold")
    for header in headers:
        table.add_column(header)
    return table


def _since(started: float) -> str:
    return f"{time.monotonic() - started:.1f} s"


def _short(text: str) -> str:
    """Cut hashes down to what tells them apart."""
    return _LONG_HEX.sub(r"0x\1…", text)
