"""Where output goes: reports to stdout, as text or JSON; progress, notes and errors to stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

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
        Reports are JSON: one document, or one a line where ``lines``.
    """

    def __init__(self, *, as_json: bool, lines: bool = False) -> None:
        self.as_json = as_json
        self.console = _console(stderr=False)
        self.notes = _console(stderr=True)
        self._indent = None if lines else 2
        self._event = {"event": "failed"} if lines else {}

    def show(self, document: object, draw: Callable[[Console], None]) -> None:
        """Write a report: the document as JSON, or what ``draw`` makes of it."""
        if self.as_json:
            sys.stdout.write(json.dumps(to_json(document), indent=self._indent) + "\n")
            sys.stdout.flush()
        else:
            draw(self.console)

    def note(self, text: str) -> None:
        """Tell something that is no part of the report."""
        self.notes.print(Text(printable(text)), soft_wrap=True)

    def failure(self, error: SmartSyncError) -> None:
        """Tell an error: always as text on stderr, with ``--json`` also as the document on stdout."""
        self.notes.print(Text.assemble(("error: ", "bold red"), printable(error.message)), soft_wrap=True)
        if error.hint:
            self.notes.print(Text.assemble(("hint:  ", "bold"), printable(error.hint)), soft_wrap=True)
        if self.as_json:
            self.show(self._event | error.as_dict(), lambda _: None)


def printable(text: str) -> str:
    """Return text without control characters: terminals obey them, and nodes and contracts chose some of the text."""
    return "".join(char if char.isprintable() or char == "\n" else f"\\u{ord(char):04x}" for char in text)


def _console(*, stderr: bool) -> Console:
    # What is printed is data: "[…]" in it is no style, ":…:" no emoji. In a pipe no line is broken.
    console = Console(stderr=stderr, markup=False, emoji=False, highlight=False)
    if not console.is_terminal:
        console.width = _UNBOUNDED
    return console
