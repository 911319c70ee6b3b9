"""What a command that runs for long logs."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from smartsync.cli.output import Output, timed


@contextmanager
def logged(output: Output) -> Iterator[None]:
    """Write warnings that are logged, such as of an attestor passed over, as the command's own lines: with the time."""

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            output.note(timed(f"{record.levelname.lower()}: {record.getMessage()}"))

    logger, lines = logging.getLogger("smartsync"), Lines(logging.WARNING)
    logger.addHandler(lines)
    try:
        yield
    finally:
        logger.removeHandler(lines)
