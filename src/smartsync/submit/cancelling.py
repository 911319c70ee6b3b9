"""When a transaction that waits below what its owner would pay, or that no node takes, is given up.

It is given up for what waits behind its nonce.

It is replaced by one that does nothing, of the same nonce: so one of the two at most gets into a block, and nothing is
paid for twice. That one may pay what any transaction on the chain may, and uses the gas of a transfer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from smartsync.submit.journal import Signed

CANCEL_AFTER_S = 600.0
"""Seconds after which what is stuck is given up: fifty blocks of mainnet, in which fees mostly fall again."""


@dataclass(frozen=True, slots=True)
class Cancelling:
    """Who may cancel, and for how much.

    Parameters
    ----------
    cap_wei
        What a version that cancels may offer per gas; ``None`` without a bound.
    is_due
        Whether a transaction has waited long enough, and others of its account wait behind it.
    """

    cap_wei: int | None
    is_due: Callable[[Signed], Awaitable[bool]]
