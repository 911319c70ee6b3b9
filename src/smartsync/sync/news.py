"""What one who looks again and again has told already."""

from __future__ import annotations

from collections.abc import Hashable

from smartsync.errors import SmartSyncError


class News:
    """What stays as it is, is told once. It is news again where a whole look went by without it."""

    def __init__(self) -> None:
        self._met: set[Hashable] = set()
        self._told: set[Hashable] = set()

    def is_new(self, what: Hashable) -> bool:
        """Whether it was not told at this look or the one before. Errors are the same by class and message."""
        key = (type(what), what.message) if isinstance(what, SmartSyncError) else what
        first = key not in self._told and key not in self._met
        self._met.add(key)
        return first

    def end_look(self, *, is_whole: bool = True) -> None:
        """Begin the next look. Of one that broke off, what it did not get to is still remembered."""
        self._told = self._met if is_whole else self._told | self._met
        self._met = set()
