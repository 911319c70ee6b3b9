"""Where a service listens, and what it asks strangers to show there. Pure.

Loopback is open, since whoever is there is on this machine already. Beyond it nothing is served without a token.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass

from smartsync.errors import ConfigError

MIN_TOKEN = 16
"""Characters of a token."""


@dataclass(frozen=True, slots=True)
class Listen:
    """Where to listen; port 0 is any that is free."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether nobody from outside this machine can get there."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def parse_listen(text: str, what: str, default: str) -> Listen:
    """Return what a setting says.

    Parameters
    ----------
    what
        The setting, as an error begins: ``--listen``.
    default
        What it is where nobody gives it, as an example: ``127.0.0.1:8650``.

    Raises
    ------
    ConfigError
        It is not HOST:PORT.
    """
    host, colon, port = text.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    if (
        not colon
        or not bare
        or not (port.isascii() and port.isdigit())
        or int(port) > 65535
        or (":" in host and bare == host)
    ):
        example = f"[::1]:{default.rpartition(':')[2]}"
        raise ConfigError(
            f"{what}: {text!r} is not HOST:PORT", hint=f"for instance {default}, or {example}; port 0 is any"
        )
    return Listen(bare, int(port))


def require_token(listen: Listen, environ: Mapping[str, str], variable: str, advice: str) -> str | None:
    """Return the token that callers must show, None where none is needed.

    Parameters
    ----------
    variable
        Of the environment, in which it is.
    advice
        Who is to be given it, and how to do without; the end of the hint.

    Raises
    ------
    ConfigError
        It is needed and not there, or too short.
    """
    token = environ.get(variable, "")
    if not token and listen.is_loopback:
        return None
    if not is_token(token):
        what = f"{variable} has to have" if token else f"to listen on {listen.host}, {variable} must be set to"
        raise ConfigError(
            f"{what} at least {MIN_TOKEN} printable ASCII characters without a space",
            hint=f"make one, for instance with: openssl rand -hex 32; {advice}",
        )
    return token


def is_token(text: str) -> bool:
    """Whether it can stand in a header, and is not guessed in a lifetime where it is random."""
    return len(text) >= MIN_TOKEN and text.isascii() and text.isprintable() and " " not in text
