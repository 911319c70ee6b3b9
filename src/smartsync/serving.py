"""An HTTP service at the address that it was told, and why it cannot be there."""

from __future__ import annotations

import errno
import socket

from aiohttp import web

from smartsync.errors import ConfigError
from smartsync.listening import Listen


async def bind(runner: web.AppRunner, listen: Listen, *, what: str, taken: str) -> str:
    """Listen, and return the url at which.

    Parameters
    ----------
    runner
        Set up already; whoever made it cleans it up.
    what
        The setting, as an error begins: ``--listen``.
    taken
        Who may have the port, and what to do; the hint where it is taken.

    Raises
    ------
    ConfigError
        It cannot listen there.
    """
    site = web.TCPSite(runner, listen.host, listen.port)
    try:
        await site.start()
    except OSError as error:
        why, hint = _cannot_listen(error, taken)
        raise ConfigError(f"{what}: cannot listen on {listen.host} port {listen.port}: {why}", hint=hint) from error
    host, port = runner.addresses[0][:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _cannot_listen(error: OSError, taken: str) -> tuple[str, str]:
    """Return why, and what to do. The text of asyncio's own error repeats the address in Python's words."""
    of_this_machine = "give an address of this machine: 127.0.0.1 serves itself only, 0.0.0.0 whoever can reach it"
    if isinstance(error, socket.gaierror):
        return "there is no address of this name", of_this_machine
    match error.errno:
        case errno.EADDRINUSE:
            return "the port is taken", taken
        case errno.EADDRNOTAVAIL:
            return "this machine has no such address", of_this_machine
        case errno.EACCES:
            return "it is not allowed", "take a port above 1023"
        case _:
            return error.strerror or str(error), of_this_machine
