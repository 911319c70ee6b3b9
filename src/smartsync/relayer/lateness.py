"""From when on it is told that nobody looks at a pair: by the page, by ``/readyz`` and by the command line. Pure."""

from __future__ import annotations

_LOOKS = 5
"""Looks that may be missed."""

_LEAST_S = 90.0
"""Where looks are frequent: one waits for nodes that are silent, for a minute and more."""


def late_after_s(poll_s: float) -> float:
    """Return after how many seconds without a look at a pair nobody is looking.

    Parameters
    ----------
    poll_s
        Seconds between two looks, as configured for the source chain.
    """
    return max(_LEAST_S, _LOOKS * poll_s)
