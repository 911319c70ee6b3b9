"""What goes wrong with the relayer's own memory."""

from __future__ import annotations

from smartsync.errors import SmartSyncError


class StateUnavailable(SmartSyncError):
    """The relayer's database does not answer, or cannot write. ``url`` without its password.

    ``is_full`` where that is since its disk is full.
    """

    retryable = True

    def __init__(self, url: str, cause: str, *, is_full: bool = False) -> None:
        if is_full:
            message = f"the relayer's state in {url} cannot be written, its disk is full: {cause}"
            hint = "make room there; nothing is sent while it cannot be written down, and then it goes on by itself"
        else:
            message = f"the relayer's state in {url} is not to be had: {cause}"
            hint = "nothing is sent while it cannot be written down; it goes on by itself once the database does"
        super().__init__(message, hint=hint)
        self.url, self.cause, self.is_full = url, cause, is_full
