"""What of a node's url may be a key, taken out of what that node says: gateways repeat what they were asked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from urllib.parse import parse_qsl, unquote, urlsplit

HIDDEN = "(hidden)"

_LEAST = 8
_LEAST_WITHOUT_DIGIT = 16
"""Characters of a part of a path that may be a key, with a digit in it and without; else it is a word: ``mainnet``."""

_LEAST_OF_PASSWORD = 4


def without_secrets_of(url: str) -> Callable[[object], str]:
    """Return what makes a text of anything, without what is secret of this url."""
    secrets = sorted(set(_secrets(url)), key=lambda word: (-len(word), word))
    pattern = re.compile("|".join(map(re.escape, secrets)), re.I) if secrets else None

    def plain(told: object) -> str:
        return str(told) if pattern is None else pattern.sub(HIDDEN, str(told))

    return plain


def _secrets(url: str) -> Iterator[str]:
    parts = urlsplit(url)
    for one in (*parts.path.split("/"), *(value for _, value in parse_qsl(parts.query))):
        if len(one) >= _LEAST_WITHOUT_DIGIT or (len(one) >= _LEAST and any(char.isdigit() for char in one)):
            yield from (one, unquote(one))
    for one in (parts.username or "", parts.password or ""):
        if len(one) >= _LEAST_OF_PASSWORD:
            yield from (one, unquote(one))
