"""What the service manager that started the process is told: that it serves, reads again, ends; that it is alive.

systemd gives the address of a socket in ``NOTIFY_SOCKET``, for services of ``Type=notify``. Where there is none nobody
is told. The protocol is a datagram of lines, ``READY=1`` for instance; nothing comes back.

Source: sd_notify(3), systemd.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Mapping
from dataclasses import dataclass

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Supervisor:
    """Who watches over this process.

    Parameters
    ----------
    address
        Path of its socket; with @ in front a name of Linux's own that no file has. ``None``: there is nobody.
    watchdog_s
        Seconds without a sign of life after which it starts the process anew; ``None``: it does not.
    """

    address: str | None = None
    watchdog_s: float | None = None

    @classmethod
    def of(cls, environ: Mapping[str, str], pid: int) -> Supervisor:
        """Return who watches over the process with this number, by systemd's variables."""
        address = environ.get("NOTIFY_SOCKET") or None
        microseconds = environ.get("WATCHDOG_USEC", "")
        is_meant = environ.get("WATCHDOG_PID", str(pid)) == str(pid)
        is_wanted = address is not None and is_meant and microseconds.isascii() and microseconds.isdigit()
        return cls(address, int(microseconds) / 1e6 if is_wanted and int(microseconds) else None)

    def ready(self, words: str) -> None:
        """Tell that it serves, with a line for ``systemctl status``."""
        self._tell("READY=1", f"STATUS={' '.join(words.split())}")

    def reading_again(self) -> None:
        """Tell that the configuration is read again; `ready` ends it."""
        self._tell("RELOADING=1")

    def stopping(self) -> None:
        """Tell that it ends what is under way."""
        self._tell("STOPPING=1", "STATUS=ending what is under way")

    async def kept_alive(self) -> None:
        """Give signs of life until cancelled: only an event loop that turns can."""
        while self.watchdog_s is not None:
            self._tell("WATCHDOG=1")
            await asyncio.sleep(self.watchdog_s / 3)

    def _tell(self, *lines: str) -> None:
        if self.address is None:
            return
        address = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.setblocking(False)
                sender.sendto("\n".join(lines).encode(), address)
        except OSError as error:  # whoever started it is told less; the work goes on
            logger.warning("the service manager cannot be told %s: %s", lines[0], error.strerror)
