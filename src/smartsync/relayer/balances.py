"""What the accounts that pay have, asked of their nodes now and then: somebody is to be told before they are empty."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from smartsync.errors import SmartSyncError
from smartsync.relayer.configuration import Configuration
from smartsync.relayer.metrics import Account, Metrics
from smartsync.relayer.pairs import Pair

logger = logging.getLogger(__name__)

EVERY_S = 60.0


async def watch_balances(configuration: Configuration, pairs: Sequence[Pair], metrics: Metrics) -> None:
    """Note what the accounts of all pairs have, again and again, until cancelled."""
    while True:
        try:
            metrics.funded(await balances(configuration, pairs))
        except Exception:  # what nobody foresaw of a node's answer must not end the relayer, which does without
            logger.exception("what the accounts have is not told")
        await asyncio.sleep(EVERY_S)


async def balances(configuration: Configuration, pairs: Sequence[Pair]) -> dict[Account, int | None]:
    """Return what accounts have, in wei; ``None`` where the node of their chain does not say.

    An account is asked of once on a chain, however many pairs it pays for there.
    """
    found: dict[Account, int | None] = {}
    for pair in pairs:
        chain = configuration.pairs[pair.name].target
        for key, account in pair.accounts.items():
            one = chain, key, str(account.address)
            if one not in found:
                try:
                    found[one] = await pair.target.balance(one[2])
                except SmartSyncError:
                    found[one] = None  # that the node is down is told by the looks
    return found
