"""How a command is ended from outside: by a signal, or by whoever read what it writes and reads no more."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast

NOBODY_READS = 128 + signal.SIGPIPE
"""The exit code where nobody reads the report any more: 141, what a shell says of ``cat``, ``git`` or ``yes`` then.

Not 0: scripts (``set -o pipefail``) would take a ``verify`` whose verdict nobody got for one that found no difference.
"""


@contextmanager
def terminated_like_interrupted() -> Iterator[None]:
    """Let SIGTERM, which service managers send, end the command as Ctrl-C does.

    Also where SIGINT is ignored, as a shell has it for what a script starts in the background.
    """
    before = signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    interrupt = signal.getsignal(signal.SIGINT)
    if interrupt == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        signal.signal(signal.SIGINT, interrupt)


@contextmanager
def broken_pipes_are_quiet() -> Iterator[None]:
    """End quietly, with `NOBODY_READS`, where stdout is a pipe and its reader is gone (``smartsync status | head``).

    Reports are written when their work is done, so nothing is left half done. What goes to stderr is progress and
    notes: without a reader it is dropped, and the work goes on.
    """
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = _reading(sys.stdout, needed=True), _reading(sys.stderr, needed=False)
    try:
        try:
            yield
        finally:
            # Else Python would do it, behind everybody's back, and complain.
            for stream in filter(None, (sys.stderr, sys.stdout)):
                stream.flush()
    finally:
        sys.stdout, sys.stderr = before


def _reading(stream: TextIO | None, *, needed: bool) -> TextIO:
    # None where the process was started without one.
    return cast("TextIO", None if stream is None else _Piped(stream, needed=needed))


class _Piped:
    """A stream that takes the end of its reader as the end of the process, or where it is not ``needed`` as nothing.

    Typer and rich would each end it with exit code 1.
    """

    def __init__(self, stream: TextIO, *, needed: bool) -> None:
        self._stream, self._needed = stream, needed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except BrokenPipeError:
            self._end()
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._end()

    def _end(self) -> None:
        # What is in its buffer still, and all that follows, has to go somewhere.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)
        if self._needed:
            raise SystemExit(NOBODY_READS)
