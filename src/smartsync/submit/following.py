"""A transaction that was sent, followed until it is in a block: sent again where it was dropped, outbid where stuck."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from smartsync.answers import Receipt
from smartsync.chain import Chain
from smartsync.errors import Cancelled, NodeError, NonceTaken, TransactionError, TransactionPending
from smartsync.submit.broadcasting import broadcast, is_known
from smartsync.submit.event import Tell, untold
from smartsync.submit.journal import Attempt, Journal, Signed

logger = logging.getLogger(__name__)

_FIRST_LOOK_S = 0.05
"""Seconds to the first look: some chains have several blocks a second. Each look after it is twice as long to come."""

_MOST_WEI = 10**30
"""Wei that no transaction has cost: a million times a million ether."""


@dataclass(frozen=True, slots=True)
class Following:
    """How transactions are followed.

    Parameters
    ----------
    timeout_s
        Seconds to wait for one to be in a block.
    poll_s
        Seconds between two looks, at most.
    stuck_s
        Seconds after which one that is in no block is sent again, or outbid where more is asked for by now; and in
        which a node must know the receipt of what has used its nonce.
    outbid
        Signs a version that offers more, writes it down, and returns it; the same one where that would not help.
    tell
        Is told of what becomes of them.
    waiting
        By account and nonce, those that were in no block in time, in all their versions.
    """

    chain: Chain
    journal: Journal
    outbid: Callable[[Signed], Awaitable[Signed]]
    timeout_s: float
    poll_s: float
    stuck_s: float
    tell: Tell = untold
    waiting: dict[tuple[str, int], Signed] = field(default_factory=dict, init=False)

    async def run(self, signed: Signed, *, is_sent: bool = True) -> Receipt:
        """Return the receipt once there is one. A node that fails meanwhile is asked again: what is sent is sent.

        Parameters
        ----------
        is_sent
            Whether it is known to have been sent: else it is, at the first look.

        Raises
        ------
        TransactionPending
            It is in no block in time.
        NonceTaken
            Another transaction of the account has its nonce, so that none of its versions can get into a block; as
            `Cancelled` one that was signed for that.
        """
        failure: NodeError | None = None
        look_s, was_used = _FIRST_LOOK_S, False
        stirred = time.monotonic() if is_sent else -math.inf
        try:
            async with asyncio.timeout(self.timeout_s):
                while True:
                    try:
                        if (receipt := await self._receipt(signed)) is not None:
                            await self.journal.included(signed, receipt)
                            if signed.is_cancelled_by(receipt.tx_hash):
                                self.tell("dropped")
                                raise Cancelled(signed.what, signed.sender, signed.nonce)
                            self.tell("included" if receipt.success else "reverted")
                            return receipt
                        if time.monotonic() - stirred >= self.stuck_s:
                            stirred = time.monotonic()
                            is_used = await self.chain.nonce(signed.sender, "latest") > signed.nonce
                            if is_used and was_used:
                                await self.journal.dropped(signed, "another transaction has its nonce")
                                self.tell("dropped")
                                raise NonceTaken(signed.what, signed.sender, signed.nonce)
                            was_used = is_used
                            if not is_used:
                                # Taken over before it is sent: where the time ends meanwhile, this is what is told of.
                                before, signed = signed, await self._offering(signed)
                                await self._stir(signed, is_new=signed.newest is not before.newest)
                    except NodeError as error:
                        failure = error
                    await asyncio.sleep(min(look_s, self.poll_s))
                    look_s *= 2
        except TimeoutError:
            self.waiting[signed.sender, signed.nonce] = signed
            raise TransactionPending(
                f"{signed.what}: transaction 0x{signed.newest.tx_hash.hex()} is in no block after {self.timeout_s:g} s",
                hint="it may still get into one: look it up, and run the same command again then",
            ) from failure

    async def run_waiting(self, sender: str) -> None:
        """Follow to its end what an account has sent before, as far as the node says that it still waits.

        What the account sends next would wait behind it; and where it does the same once more, be paid for besides.

        Raises
        ------
        TransactionPending
            It still is in no block in time.
        NodeError
            The node does not say whether it waits.
        """
        for key, signed in list(self.waiting.items()):
            if key[0] != sender:
                continue
            if any(await self.chain.transactions([attempt.tx_hash for attempt in signed.attempts])):
                try:
                    await self.run(signed)
                except NonceTaken as error:
                    logger.info("%s", error.message)
            self.waiting.pop(key, None)

    async def _receipt(self, signed: Signed) -> Receipt | None:
        for attempt in reversed(signed.attempts):
            if (receipt := await self.chain.receipt(attempt.tx_hash)) is not None:
                return _believable(receipt, signed, attempt)
        return None

    async def _offering(self, signed: Signed) -> Signed:
        """Return a transaction with a version that offers what is asked for now; as it is where that is not to be."""
        try:
            return await self.outbid(signed)
        except TransactionError as error:
            logger.info("%s: not outbid: %s", signed.what, error.message)
            return signed

    async def _stir(self, signed: Signed, *, is_new: bool) -> None:
        """Send a version that is new, or one that the node has dropped."""
        try:
            if is_new or not await is_known(self.chain, signed.newest.tx_hash):
                await broadcast(self.chain, signed)
                self.tell("outbid" if is_new else "resent")
        except TransactionError as error:
            # A version of it may be in a block by now, or the node wants still more: the next looks tell.
            logger.info("%s: not sent again: %s", signed.what, error.message)


def _believable(receipt: Receipt, signed: Signed, attempt: Attempt) -> Receipt:
    """Return a receipt with no more in it than the signature allows: gas up to its limit, a price up to its offer.

    What a rollup takes for its L1 no signature bounds: that is the node's word, as far as it can be the truth at all.
    """
    gas_used = min(receipt.gas_used, signed.gas)
    price_wei = receipt.gas_price_wei
    is_true = gas_used == receipt.gas_used and (price_wei or 0) <= attempt.fees.max_fee_wei
    if is_true and (receipt.cost_wei or 0) < _MOST_WEI:
        return receipt
    logger.warning("%s: its receipt tells of more than can have been paid: what it cost is not known", signed.what)
    return replace(receipt, gas_used=gas_used, gas_price_wei=None, l1_fee_wei=0)
