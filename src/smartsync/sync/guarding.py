"""A guard for readers that cannot be changed (``ReaderGuard.sol``): it answers as a replica, while that is fresh."""

from __future__ import annotations

from smartsync.anchors.attestation import AttestedLevel
from smartsync.anchors.block import LEVELS
from smartsync.errors import ConfigError, TransactionReverted
from smartsync.results import Guard
from smartsync.submit import Sender, create

_MAX_AGE_S = 2**64 - 1

_NOT_FRESH = {
    "LevelTooLow": "the replica mirrors a block that is not final: take --level safe, or have a final block "
    "accepted and sync to it",
    "Stale": "the block that the replica mirrors is older than this: bring it to a newer one (smartsync sync), or take "
    "a longer --max-age",
    "Revoked": "the replica stands at a block that the source has dropped: smartsync sync brings it to one that stands",
    "AnchorDown": "the replica's anchor is not active: smartsync anchor show tells why",
    "ReplicaNotActive": "the replica is not active, or its source has ended: smartsync status tells which",
}
"""What helps where a replica is not fresh by a guard's policy, by the name of the revert (``FreshReplica.sol``)."""


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
        The age is out of range.
    TransactionReverted
        The replica is not fresh now by this policy (the error says why), or not one of this hub. Nothing is sent.
    """
    if not 0 < max_age_s <= _MAX_AGE_S:
        raise ConfigError(
            f"--max-age: {max_age_s} seconds is out of range", hint=f"give a number of seconds from 1 to {_MAX_AGE_S}"
        )
    try:
        guard, step = await create(sender, "ReaderGuard", [hub, replica, max_age_s, LEVELS.index(level)])
    except TransactionReverted as error:
        error.hint = _NOT_FRESH.get(error.name, error.hint)
        raise
    return Guard(guard, replica, max_age_s, level, (step,))
