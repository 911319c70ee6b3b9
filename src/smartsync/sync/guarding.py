"""A guard for readers that cannot be changed (``ReaderGuard.sol``): it answers as a replica, while that is fresh."""

from __future__ import annotations

from smartsync.anchors.attestation import AttestedLevel
from smartsync.anchors.block import LEVELS
from smartsync.errors import ConfigError
from smartsync.results import Guard
from smartsync.submit import Sender, create

_MAX_AGE_S = 2**64 - 1


async def deploy_guard(sender: Sender, hub: str, replica: str, max_age_s: int, level: AttestedLevel) -> Guard:
    """Deploy a guard with a policy that is fixed for good.

    Parameters
    ----------
    max_age_s
        Seconds that the mirrored block's time may be behind the target's clock.
    level
        The lowest that will do.

    Raises
    ------
    ConfigError
        The age is none.
    TransactionReverted
        The replica is not fresh now by this policy (the error says why), or not one of this hub. Nothing is sent.
    """
    if not 0 < max_age_s <= _MAX_AGE_S:
        raise ConfigError(f"{max_age_s} seconds are no age", hint="give a --max-age of 1 second or more")
    guard, step = await create(sender, "ReaderGuard", [hub, replica, max_age_s, LEVELS.index(level)])
    return Guard(guard, replica, max_age_s, level, (step,))
