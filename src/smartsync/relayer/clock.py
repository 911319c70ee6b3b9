"""A machine's clock that jumps: noticed, told, and nothing that costs anything hangs on it.

What the relayer decides goes by the times of blocks (`Seen`), waits by a clock that only runs, the day's gas by the
target's blocks. The machine's own time is for people: in logs, and of when something was looked at.
"""

from __future__ import annotations

from dataclasses import dataclass

JUMP_S = 30.0
"""Seconds by which the clock has to go another way than the time that passed: adjustments of every day are less."""


@dataclass(slots=True)
class Jumps:
    """Compares a machine's clock with one that only runs, from one look to the next."""

    _difference_s: float | None = None

    def by(self, clock_s: float, running_s: float) -> float:
        """Return by how many seconds the clock has jumped since it was asked last; 0 where it has not.

        Parameters
        ----------
        clock_s
            Seconds since 1970, as the machine has them.
        running_s
            Seconds of a clock that only runs, from any start.
        """
        before, self._difference_s = self._difference_s, clock_s - running_s
        jumped_s = 0.0 if before is None else self._difference_s - before
        return jumped_s if abs(jumped_s) >= JUMP_S else 0.0
