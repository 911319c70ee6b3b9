"""Asking attestors over HTTP (`smartsync.attestor`), and in which words it is told what is wrong with an answer."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import aiohttp

from smartsync.errors import ConfigError, SmartSyncError

T = TypeVar("T")

logger = logging.getLogger(__name__)

TOKEN = "SMARTSYNC_ATTESTOR_TOKEN"  # noqa: S105  # a variable's name
"""Environment variable: what attestors ask relayers to show, in the header ``Authorization: Bearer …``."""

TIMEOUT_S = 15.0
"""Seconds for one answer, unless it is said otherwise."""

_MAX_BODY = 16 * 1024
_MAX_NESTING = 100


class NoAnswer(Exception):
    """An attestor gave nothing of use; text and hint say why and what to do, and hold nothing of the url."""

    def __init__(self, why: str, hint: str = "") -> None:
        super().__init__(why)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Attestor:
    """One of them: its url, and the host of it, which alone is shown."""

    url: str
    host: str


class Attestors:
    """Those at some urls, each once: ``all``. Parameters and errors are those of `RemoteSigners` (``collecting``)."""

    def __init__(self, urls: Sequence[str], token: str | None, *, timeout_s: float) -> None:
        self.all = [_attestor(url) for url in dict.fromkeys(url.rstrip("/") for url in urls)]
        if not self.all:
            raise ConfigError("no attestor is given", hint="name their urls: --from URL, repeatable")
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._logged: set[str] = set()

    def log(self, problems: Sequence[str]) -> None:
        """Tell what was wrong with some although enough were left; what was so the last time is known already."""
        for problem in problems:
            if problem not in self._logged:
                logger.warning("attestor passed over: %s", problem)
        self._logged = set(problems)

    def session(self) -> aiohttp.ClientSession:
        """Return a session in which they are asked, and shown the token."""
        return aiohttp.ClientSession(timeout=self._timeout, headers=self._headers)

    async def get(self, session: aiohttp.ClientSession, attestor: Attestor, path: str) -> Any:
        """Return the JSON that an attestor answers with.

        Raises
        ------
        NoAnswer
            There is none in time, it is an error, or nothing that could be an answer.
        """
        body = bytearray()
        try:
            # A redirection could lead anywhere, and the token with it.
            async with session.get(attestor.url + path, allow_redirects=False) as response:
                async for chunk in response.content.iter_any():
                    body += chunk
                    if len(body) > _MAX_BODY:
                        raise NoAnswer(f"its answer has more than {_MAX_BODY} bytes")
                status = response.status
        except TimeoutError:
            raise NoAnswer(f"no answer within {self._timeout.total:g} s") from None
        except aiohttp.ClientConnectorError as error:
            raise NoAnswer(f"cannot connect: {error.strerror or 'no connection'}") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise NoAnswer(f"the connection failed: {type(error).__name__}") from None
        told = _parsed(bytes(body))
        if status == 401:
            # Not in its words: it cannot know where the token is taken from here.
            what = "it does not take the token that it was shown" if self._headers else "it wants a token"
            raise NoAnswer(what, f"set the environment variable {TOKEN} to the one that its operator gives you")
        if status != 200:
            message, hint = said(told, "message"), said(told, "hint")
            raise NoAnswer(f"HTTP status {status}" + (f": {message}" if message else ""), theirs(hint))
        return told


async def ask_all(attestors: Sequence[Attestor], ask: Callable[[Attestor], Awaitable[T]]) -> tuple[list[T], list[str]]:
    """Ask all side by side; return the answers that are of use, and of the other attestors what was wrong.

    That is told once: in the hint where too few are left, in the log where enough are.
    """
    outcomes = await asyncio.gather(*map(ask, attestors), return_exceptions=True)
    answers: list[T] = []
    problems: list[str] = []
    for attestor, outcome in zip(attestors, outcomes, strict=True):
        if isinstance(outcome, SmartSyncError):
            problems.append(_told(attestor.host, outcome.message, outcome.hint))
        elif isinstance(outcome, NoAnswer):
            problems.append(_told(attestor.host, str(outcome), outcome.hint))
        elif isinstance(outcome, BaseException):
            raise outcome
        else:
            answers.append(outcome)
    return answers, problems


def said(told: Any, name: str) -> str:
    """Return one of the texts of a stranger's answer, empty where it has none."""
    value = told.get(name) if isinstance(told, dict) else None
    return plain(value) if isinstance(value, str) else ""


def theirs(hint: str) -> str:
    """Say whose hint this is: its operator's, as a rule, and not ours to follow."""
    return f"its own hint: {hint}" if hint else ""


def _told(host: str, why: str, hint: str) -> str:
    return f"{host}: {why}" + (f" ({hint})" if hint else "")


def plain(value: object) -> str:
    """Return a stranger's text without control characters, and not all of a long one."""
    return "".join(char if char.isprintable() else "?" for char in str(value)[:300])


def _attestor(url: str) -> Attestor:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ConfigError("an attestor's url must start with http:// or https:// and name a host")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return Attestor(url, f"{host}:{port}" if port else host)


def _parsed(body: bytes) -> Any:
    """Return what a JSON text says, None where it is none.

    Python's parser recurses in C, where the end of the stack is the end of the process: so none of ours nests.
    """
    if body.count(b"[") + body.count(b"{") > _MAX_NESTING:
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
