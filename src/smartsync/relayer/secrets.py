"""What must not be told, in no line of the log: of this configuration word by word, and every url but for its host.

Errors and log lines are written such that there is no secret in them; this is for what nobody has thought of, as the
text of a library's exception.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import parse_qsl, unquote, urlsplit

from smartsync.relayer.configuration import Configuration
from smartsync.relayer.variables import (
    ATTESTOR_TOKEN,
    STATE_URL,
    TOKEN,
    key_variable,
    password_variable,
    token_variable,
    urls_variable,
)

PGPASSWORD = "PGPASSWORD"

HIDDEN = "(hidden)"

_LEAST = 4
"""Characters. Of what is shorter, every other word would be hidden, and nothing be kept secret by it."""

_LEAST_OF_PATH = 8
"""The same of the parts of a url's path: there they are keys, or words as ``rpc`` and ``mainnet``."""

_URL = re.compile(
    r"""(?P<scheme>\b[a-z][a-z0-9+.-]*://)(?:[^\s/?#'"<>@]*@)?(?P<host>[^\s/?#'"<>,;()]+)(?P<path>[/?#][^\s'"<>]*)?""",
    re.I,
)


class Secrets:
    """The secrets of a relayer. Those that are no more of its configuration stay secrets."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def learn(self, configuration: Configuration, environ: Mapping[str, str]) -> None:
        """Learn what is secret of a configuration and of its environment."""
        self._known.update(one for one in _secrets(configuration, environ) if len(one) >= _LEAST)
        # The longest first: one may begin as another one does.
        words = sorted(self._known, key=lambda word: (-len(word), word))
        self._pattern = re.compile("|".join(map(re.escape, words)), re.I) if words else None

    def hidden(self, text: str) -> str:
        """Return a text without what is secret."""
        if self._pattern is not None:
            text = self._pattern.sub(HIDDEN, text)
        return _URL.sub(_only_host, text)


def _only_host(url: re.Match[str]) -> str:
    path = url["path"] or ""
    return url["scheme"] + url["host"] + (path if path in ("", "/") else "/…")


def _secrets(configuration: Configuration, environ: Mapping[str, str]) -> Iterator[str]:
    names = [PGPASSWORD, TOKEN, ATTESTOR_TOKEN]
    for key in configuration.keys:
        names += [key_variable(key), password_variable(key)]
    names += [token_variable(pair) for pair in configuration.pairs]
    for name in names:
        value = environ.get(name, "").strip()
        yield from (value, value.removeprefix("0x"), value.removeprefix("0X"))
    yield configuration.token or ""
    yield from configuration.attestor_tokens.values()
    yield from _of_urls([environ.get(STATE_URL, ""), configuration.relayer.state.url], has_path=False)
    for chain, table in configuration.chains.items():
        yield from _of_urls([*table.urls, *environ.get(urls_variable(chain), "").split(",")])
    for pair in configuration.pairs.values():
        yield from _of_urls(pair.signers)


def _of_urls(urls: Iterable[str], *, has_path: bool = True) -> Iterator[str]:
    """Yield what is secret of urls: user and password, the path as a whole and its long parts, what is asked for.

    Parameters
    ----------
    has_path
        Whether a path is a secret: a database's is its name.
    """
    for url in urls:
        parts = urlsplit(url.strip())
        found = [parts.password or ""] + ([parts.username or ""] if has_path else [])
        found += [value for _, value in parse_qsl(parts.query)] if has_path else []
        if has_path:
            path = url.strip().partition("://")[2].partition("/")[2]
            found += [one for one in (path, *parts.path.split("/")) if len(one) >= _LEAST_OF_PATH]
        for one in found:
            yield from (one, unquote(one))
