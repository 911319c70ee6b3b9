"""The log of ``smartsync run``: lines for people, or JSON for what collects them. The same events in either.

Whoever logs uses the standard library's ``logging``, with ``extra`` for fields; what holds for a whole job, as its pair
and its replica, is bound by structlog's context variables (`structlog.contextvars.bound_contextvars`).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, Processor

from smartsync.cli.logged import LogFormat
from smartsync.cli.output import printable
from smartsync.document import to_json

Hide = Callable[[str], str]

_TIME = {LogFormat.TEXT: "%Y-%m-%dT%H:%M:%SZ", LogFormat.JSON: "%Y-%m-%dT%H:%M:%S.%fZ"}

_FIRST = ("time", "level", "event")
_OWN = {*_FIRST, "logger", "exception"}


@contextmanager
def logged(stream: TextIO, form: LogFormat, hide: Hide, count: Callable[[str], None]) -> Iterator[None]:
    """Write what is logged: of this package from INFO on, of libraries from WARNING on.

    Parameters
    ----------
    hide
        Takes what is secret out of a text.
    count
        Is told of each line's level.
    """

    class Lines(logging.StreamHandler[TextIO]):
        def emit(self, record: logging.LogRecord) -> None:
            count(record.levelname.lower())
            super().emit(record)

    lines, root, own = Lines(stream), logging.getLogger(), logging.getLogger("smartsync")
    lines.setFormatter(_formatter(form, hide))
    before = own.level
    root.addHandler(lines)
    own.setLevel(logging.INFO)
    try:
        yield
    finally:
        root.removeHandler(lines)
        own.setLevel(before)


def _formatter(form: LogFormat, hide: Hide) -> ProcessorFormatter:
    processors: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.ExtraAdder(),
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt=_TIME[form], key="time"),
    ]

    def without_secrets(_: object, __: str, event: EventDict) -> MutableMapping[str, Any]:
        # Another handler's formatter leaves these on the record.
        told = {name: value for name, value in event.items() if name not in ("message", "asctime")}
        return {name: _hidden(to_json(value), hide) for name, value in told.items()}

    return ProcessorFormatter(
        foreign_pre_chain=processors,
        processors=[
            ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            without_secrets,
            _as_json if form is LogFormat.JSON else _as_text,
        ],
    )


def _hidden(value: object, hide: Hide) -> object:
    if isinstance(value, str):
        return hide(value)
    if isinstance(value, Mapping):
        return {hide(str(name)): _hidden(one, hide) for name, one in value.items()}
    if isinstance(value, Sequence):
        return [_hidden(one, hide) for one in value]
    return value


def _as_json(_: object, __: str, event: EventDict) -> str:
    ordered = {name: event[name] for name in _FIRST} | {name: event[name] for name in event if name not in _FIRST}
    return json.dumps(ordered, ensure_ascii=False, default=repr)


def _as_text(_: object, __: str, event: EventDict) -> str:
    """Return a line, and what belongs to it indented below: a contract's text cannot look like a line of its own.

    Fields that the sentence tells anyway are not told again.
    """
    told = str(event["event"])
    word = "" if event["level"] in ("debug", "info") else f"{event['level']}: "
    fields = [
        f"{name}={_short(value)}" for name, value in event.items() if name not in _OWN and _short(value) not in told
    ]
    line = f"{event['time']}  {word}{told}" + (f"  [{' '.join(fields)}]" if fields else "")
    text = "\n".join(filter(None, (line, str(event.get("exception", "")))))
    return printable(text).replace("\n", "\n    ")


def _short(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=repr)
