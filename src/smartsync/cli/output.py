"""Where output goes: reports to stdout, as text or JSON; progress, notes and errors to stderr."""

from __future__ import annotations

import json
import os
import sys
import textwrap
from collections.abc import Callable
from datetime import UTC, datetime

from rich.console import Console
from rich.text import Text

from smartsync.document import to_json
from smartsync.errors import SmartSyncError

_UNBOUNDED = 100_000


class Output:
    """The two streams of a command.

    Parameters
    ----------
    as_json
        Reports are JSON: one document, or one a line where ``lines``, each with its time.
    """

    def __init__(self, *, as_json: bool, lines: bool = False) -> None:
        self.as_json = as_json
        self.console = _console(stderr=False)
        self.notes = _console(stderr=True)
        self._lines = lines
        self._event = {"event": "failed"} if lines else {}

    def show(self, document: object, draw: Callable[[Console], None]) -> None:
        """Write a report: the document as JSON, or what ``draw`` makes of it."""
        if self.as_json:
            told = to_json(document)
            if self._lines and isinstance(told, dict):
                told = {**told, "time": now()}
            sys.stdout.write(json.dumps(told, indent=None if self._lines else 2) + "\n")
            sys.stdout.flush()
        else:
            draw(self.console)

    def note(self, text: str) -> None:
        """Tell something that is no part of the report."""
        self.notes.print(Text(printable(text)), soft_wrap=True)

    def failure(self, error: SmartSyncError) -> None:
        """Tell an error: always as text on stderr, with ``--json`` also as the document on stdout."""
        self._tell(("error: ", "bold red"), error.message)
        if error.hint:
            self._tell(("hint:  ", "bold"), error.hint)
        if self.as_json:
            self.show(self._event | error.as_dict(), lambda _: None)

    def _tell(self, label: tuple[str, str], text: str) -> None:
        told = wrapped(printable(text), self.notes.width, len(label[0]))
        self.notes.print(Text.assemble(label, told), soft_wrap=True)


def now() -> str:
    """Return the time as it stands in logs, in UTC by ISO 8601."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


def timed(line: str) -> str:
    """Return what is told of an event, as a log has it: after its time."""
    return f"{now()}  {line}"


def printable(text: str) -> str:
    """Return text without control characters: terminals obey them, and nodes and contracts chose some of the text."""
    return "".join(char if char.isprintable() or char == "\n" else f"\\u{ord(char):04x}" for char in text)


def wrapped(text: str, width: int, indent: int) -> str:
    """Return text in lines that fit beside an indent, all but the first with it. No word is broken: some are hashes."""
    lines: list[str] = []
    for line in text.split("\n"):
        lines += textwrap.wrap(
            line,
            max(width - indent, 1),
            expand_tabs=False,
            replace_whitespace=False,
            break_long_words=False,
            break_on_hyphens=False,
        ) or [""]
    return ("\n" + " " * indent).join(lines)


def _console(*, stderr: bool) -> Console:
    # What is printed is data: "[…]" in it is no style, ":…:" no emoji. In a pipe no line is broken, unless COLUMNS says
    # how wide they are to be.
    console = Console(stderr=stderr, markup=False, emoji=False, highlight=False)
    if not console.is_terminal:
        told = os.environ.get("COLUMNS", "")
        console.width = int(told) if told.isascii() and told.isdigit() and int(told) else _UNBOUNDED
    return console
