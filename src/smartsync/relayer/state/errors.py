"""What goes wrong with the relayer's own memory."""

from __future__ import annotations

from smartsync.errors import SmartSyncError

_AT_WORK = "nothing is sent while it cannot be written down; it goes on by itself once the database does"
_AT_START = (
    "see that it is there, that its url is right (state, or SMARTSYNC_STATE_URL), and that this user may use it; what "
    "is damaged is made anew: docs/how-to/rebuild-a-relayers-database.md"
)


class StateUnavailable(SmartSyncError):
    """The relayer's database does not answer, or cannot write. ``url`` without its password.

    ``is_full`` where that is since its disk is full; ``is_begun`` where it was to be had before, and is waited for.
    """

    exit_code = 3
    retryable = True

    def __init__(self, url: str, cause: str, *, is_full: bool = False, is_begun: bool = True) -> None:
        if is_full:
            message = f"the relayer's state in {url} cannot be written, its disk is full: {cause}"
            hint = "make room there; nothing is sent while it cannot be written down, and then it goes on by itself"
        else:
            message = f"the relayer's state in {url} is not to be had: {cause}"
            hint = _AT_WORK if is_begun else _AT_START
        super().__init__(message, hint=hint)
        self.url, self.cause, self.is_full = url, cause, is_full
