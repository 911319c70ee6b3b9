"""What goes wrong with the relayer's own memory."""

from __future__ import annotations

from smartsync.errors import SmartSyncError


class StateUnavailable(SmartSyncError):
    """The relayer's database does not answer, or cannot write. ``url`` without its password."""

    retryable = True

    def __init__(self, url: str, cause: str) -> None:
        super().__init__(
            f"the relayer's state in {url} is not to be had: {cause}",
            hint="nothing is sent while it cannot be written down; it goes on by itself once the database does",
        )
        self.url, self.cause = url, cause
