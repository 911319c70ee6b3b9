"""How long to leave alone what failed: ever longer, until it works or is another matter."""

from __future__ import annotations

from dataclasses import dataclass, field

MOST_LOOKS = 32
"""Looks after which it is tried again at the latest."""


@dataclass(slots=True)
class Patience:
    """When to try some work again that is much, and mostly fails again. It is told of each failure, and of success.

    ``looks`` is after how many looks that is: 1 is at the next one, as long as nothing has failed.
    """

    looks: int = field(default=1, init=False)
    _left_out: int = field(default=0, init=False)

    def fail(self) -> None:
        """Wait twice as long as the last time."""
        self.looks = min(2 * self.looks, MOST_LOOKS)
        self._left_out = self.looks - 1

    def forget(self) -> None:
        """Begin anew: it went well, or is another matter."""
        self.looks, self._left_out = 1, 0

    def leaves_out(self) -> bool:
        """Count a look, and return whether the work is to be left out at it."""
        if not self._left_out:
            return False
        self._left_out -= 1
        return True
