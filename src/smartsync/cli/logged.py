"""What a command that runs for long logs."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

from smartsync.cli.output import Output, timed


class LogFormat(StrEnum):
    """How a service's log looks: lines for people, or one JSON document a line (`smartsync.cli.structured`)."""

    TEXT = "text"
    JSON = "json"


@contextmanager
def logged(output: Output, level: int = logging.WARNING) -> Iterator[None]:
    """Write what is logged from this level on, such as of an attestor passed over, as lines with the time."""

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            word = "" if record.levelno < logging.WARNING else f"{record.levelname.lower()}: "
            output.note(timed(word + record.getMessage()))
            if record.exc_info:
                output.note("".join(traceback.format_exception(record.exc_info[1])).rstrip())

    logger, lines = logging.getLogger("smartsync"), Lines(level)
    before = logger.level
    logger.addHandler(lines)
    logger.setLevel(min(level, logger.getEffectiveLevel()))
    try:
        yield
    finally:
        logger.removeHandler(lines)
        logger.setLevel(before)
