"""Who may see a relayer: whoever shows its token, or is on its machine where it has none. Pure but for the clock."""

from __future__ import annotations

import hmac
import ipaddress
import re
import time
from collections.abc import Callable, Mapping

SESSION_S = 7 * 86_400
"""Seconds for which a browser stays signed in."""

COOKIE = "smartsync_session"

_PORT = re.compile(r":[0-9]*\Z")


class Access:
    """What visitors must show.

    Without a token the relayer listens on loopback only (`smartsync.listening`). Then a visitor's browser is the one
    stranger that can get there: a page of another site whose name leads to 127.0.0.1 (DNS rebinding). Such a request
    names that site as its host, and is refused. With a token that is not needed, since that page has no cookie of ours.

    Parameters
    ----------
    token
        What visitors must show; ``None`` where everybody who can get there may see all.
    clock
        Seconds since 1970.
    """

    def __init__(self, token: str | None, clock: Callable[[], float] = time.time) -> None:
        self._token = None if token is None else token.encode("ascii")
        self._clock = clock

    @property
    def needs_token(self) -> bool:
        """Whether anything has to be shown."""
        return self._token is not None

    def is_signed_in(self, headers: Mapping[str, str], cookies: Mapping[str, str]) -> bool:
        """Whether a request shows the token (``Authorization: Bearer``), or the cookie of somebody who has."""
        if self._token is None:
            return True
        scheme, _, shown = headers.get("Authorization", "").partition(" ")
        bears = self.is_token(shown.strip())
        return (bears and scheme.lower() == "bearer") or self._is_session(cookies.get(COOKIE, ""))

    def is_token(self, shown: str) -> bool:
        """Whether this is the token; in a time that does not depend on how much of it is right."""
        return self._token is not None and hmac.compare_digest(_raw(shown), self._token)

    def session(self) -> str:
        """Return a cookie for somebody who has shown the token.

        It ends by itself, and with the token: it is made of that, and does not show it.
        """
        ends = str(int(self._clock()) + SESSION_S)
        return f"{ends}.{self._seal(ends)}"

    def is_host(self, host: str) -> bool:
        """Whether a request's ``Host`` may be one of this machine's; any may where a token is needed."""
        if self._token is not None:
            return True
        name = _PORT.sub("", host)
        try:
            return ipaddress.ip_address(name.removeprefix("[").removesuffix("]")).is_loopback
        except ValueError:
            return name.lower() == "localhost"

    def _is_session(self, cookie: str) -> bool:
        ends, _, seal = cookie.partition(".")
        if not (ends.isascii() and ends.isdigit() and len(ends) < 20):
            return False
        return hmac.compare_digest(_raw(seal), _raw(self._seal(ends))) and self._clock() < int(ends)

    def _seal(self, ends: str) -> str:
        return hmac.digest(self._token or b"", f"smartsync web page until {ends}".encode(), "sha256").hex()


def _raw(text: str) -> bytes:
    # What is no UTF-8 comes from aiohttp as surrogates: wrong as well, and no reason to fail.
    return text.encode("utf-8", "surrogatepass")
