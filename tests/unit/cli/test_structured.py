"""The log of `smartsync run`."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from structlog.contextvars import bound_contextvars

from smartsync.cli.logged import LogFormat
from smartsync.cli.structured import logged

logger = logging.getLogger("smartsync.relayer.service")


@contextmanager
def log(form: LogFormat, hide: Callable[[str], str] = str, count: Callable[[str], None] = str) -> Iterator[io.StringIO]:
    stream = io.StringIO()
    with logged(stream, form, hide, count):
        yield stream


def test_logged_text_is_a_line_with_its_time_and_the_fields_that_it_does_not_tell() -> None:
    with log(LogFormat.TEXT) as stream:
        logger.info("the sample: exact: nothing has changed", extra={"state": "exact", "gas": 250_000})
    line = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ  the sample: exact: nothing has changed  \[gas=250000\]\n"
    assert re.fullmatch(line, stream.getvalue())


def test_logged_json_is_one_document_a_line_with_all_fields() -> None:
    with log(LogFormat.JSON) as stream, bound_contextvars(pair="main-to-base"):
        logger.warning(
            "%s: source-down: %s", "é", 'no "answer"', extra={"state": "source-down", "transaction": b"\x12"}
        )
        logger.info("next")
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", first.pop("time"))
    assert first == {
        "level": "warning",
        "event": 'é: source-down: no "answer"',
        "logger": "smartsync.relayer.service",
        "pair": "main-to-base",
        "state": "source-down",
        "transaction": "0x12",
    }
    assert second["event"] == "next" and second["pair"] == "main-to-base" and "state" not in second


async def test_logged_jobs_at_the_same_time_have_each_its_own_fields() -> None:
    async def job(replica: str) -> None:
        with bound_contextvars(replica=replica):
            await asyncio.sleep(0)
            logger.info("at work")

    with log(LogFormat.JSON) as stream:
        await asyncio.gather(job("one"), job("other"))
    assert [json.loads(line)["replica"] for line in stream.getvalue().splitlines()] == ["one", "other"]


@pytest.mark.parametrize("form", LogFormat)
def test_logged_hides_in_text_fields_names_and_tracebacks(form: LogFormat) -> None:
    def hide(text: str) -> str:
        return text.replace("5ec2e7", "(hidden)")

    with log(form, hide) as stream:
        logger.info("a 5ec2e7", extra={"b": "5ec2e7", "c": {"5ec2e7": ["5ec2e7"]}, "d": ("5ec2e7",)})
        with bound_contextvars(bound="5ec2e7"):
            try:
                raise ValueError("5ec2e7")
            except ValueError:
                logger.exception("it broke off")
        logging.getLogger("a.library").warning("%s", ValueError("5ec2e7"))
    assert "5ec2e7" not in stream.getvalue()
    assert stream.getvalue().count("(hidden)") >= 6
    assert "Traceback" in stream.getvalue() and "ValueError" in stream.getvalue()


def test_logged_text_nobody_makes_a_line_of_his_own() -> None:
    with log(LogFormat.TEXT) as stream:
        logger.info("name: %s", "x\n2026-01-01T00:00:00Z  error: forged\x1b[31m", extra={"reason": "y\nz"})
    first, *others = stream.getvalue().splitlines()
    assert first.endswith("name: x")
    assert others and all(line.startswith("    ") for line in others)
    assert "\x1b" not in stream.getvalue()


@pytest.mark.parametrize("form", LogFormat)
def test_logged_one_line_a_record_and_libraries_from_warnings_on(form: LogFormat) -> None:
    with log(form) as stream:
        logging.getLogger("aiohttp.server").info("of no interest")
        logging.getLogger("alembic").warning("of interest")
        logging.getLogger("smartsync.failover").debug("of no interest")
    assert len(stream.getvalue().splitlines()) == 1 and "of interest" in stream.getvalue()


def test_logged_counts_lines_by_level_and_ends_as_it_began() -> None:
    levels: list[str] = []
    before = logging.getLogger("smartsync").level, list(logging.getLogger().handlers)
    with log(LogFormat.TEXT, count=levels.append):
        logger.info("one")
        logger.error("other")
    assert levels == ["info", "error"]
    assert (logging.getLogger("smartsync").level, list(logging.getLogger().handlers)) == before


def test_logged_what_is_no_json_does_not_end_the_relayer() -> None:
    with log(LogFormat.JSON) as stream:
        logger.info("one", extra={"strange": object(), "number": 2**300, "nothing": None})
    assert json.loads(stream.getvalue())["number"] == 2**300
