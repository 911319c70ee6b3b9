"""An account that sends transactions: estimated, priced, signed, sent, and followed until they are in a block."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

from eth_account.signers.local import LocalAccount

from smartsync.answers import Receipt
from smartsync.chain import Chain
from smartsync.errors import (
    FeeTooHigh,
    GasSpent,
    InsufficientFunds,
    NodeError,
    NonceTaken,
    PoolFull,
    TransactionError,
    TransactionPending,
    TransactionReverted,
    TransactionTooLarge,
)
from smartsync.fees import Fees
from smartsync.submit.broadcasting import broadcast
from smartsync.submit.cancelling import Cancelling
from smartsync.submit.event import Tell, untold
from smartsync.submit.following import Following
from smartsync.submit.journal import Journal, Memory, Signed, Turn
from smartsync.submit.signing import capped, gas_of, is_by, least, outbid, sign
from smartsync.types import TX_GAS_CAP

logger = logging.getLogger(__name__)

_MARGIN_PERCENT = 20
"""Gas on top of the estimate: what is estimated at one block is spent at another."""

_MARGIN_OF_ALL_PERCENT = 50
"""Likewise where the gas of several transactions was computed: each then asks for the margin of its own estimate."""

_REPLICAS_OUT_OF_GAS = "OutOfGas"
"""``IReplica.OutOfGas``: what runs dry below the first frame is to a node a revert like any other."""


class Sender:
    """An account on a chain that sends one transaction after the other.

    What is stuck is sent again, or outbid by a version with the same nonce once the chain asks for more.

    Parameters
    ----------
    journal
        Where it is written down what was signed, before it is sent.
    gas_cap
        Gas that one transaction may use (EIP-7825); None where only the block's limit counts.
    timeout_s
        Seconds to wait for a sent transaction to be in a block.
    poll_s
        Seconds between two looks, at most: the first ones come sooner.
    stuck_s
        Seconds after which a transaction that is in no block is sent again, or outbid.
    fee_cap_wei
        What may be offered per gas at most; ``None`` where any price is paid.
    gas_left
        Gas limit of all its transactions together; ``None`` where there is none.
    cancelling
        When what cannot be outbid is cancelled; ``None``: never.
    tell
        Is told of what becomes of each transaction.
    """

    def __init__(
        self,
        chain: Chain,
        account: LocalAccount,
        *,
        gas_cap: int | None = TX_GAS_CAP,
        timeout_s: float = 120.0,
        poll_s: float = 0.5,
        stuck_s: float = 45.0,
        fee_cap_wei: int | None = None,
        gas_left: int | None = None,
        journal: Journal | None = None,
        cancelling: Cancelling | None = None,
        tell: Tell = untold,
    ) -> None:
        self.chain, self.gas_cap = chain, gas_cap
        self._account, self._timeout_s, self._poll_s = account, timeout_s, poll_s
        self._fee_cap_wei, self._gas_left, self._cancelling = fee_cap_wei, gas_left, cancelling
        self._chain_id: int | None = None
        self._journal = Memory() if journal is None else journal
        self._catching_up = asyncio.Lock()
        self._tell = tell
        self._following = Following(chain, self._journal, self._outbid, timeout_s, poll_s, stuck_s, tell)

    @property
    def address(self) -> str:
        """The account's address, checksummed."""
        return str(self._account.address)

    async def estimate(self, to: str | None, data: bytes, after: str = "latest") -> int:
        """Return the gas that a transaction would need after this block, without any margin.

        Raises
        ------
        TransactionReverted
            Where it would revert.
        TransactionTooLarge
            Where it needs more than the cap or the block allows; how much more is not known.
        """
        gas = await self.cap()
        # With a limit: ganache would run an endless loop for minutes without one.
        message = {**self._message(to, data), "gas": hex(gas)}
        try:
            return await self.chain.estimate_gas(message, after)
        except TransactionReverted as error:
            if error.name != _REPLICAS_OUT_OF_GAS:
                raise
            raise TransactionTooLarge(None, gas) from error

    async def require_funds(self, gas: int, what: str) -> None:
        """Check that the account can pay for so much gas at the present price, before anything is sent.

        Parameters
        ----------
        gas
            Of all of them together, as far as it is known.
        what
            What they do, for messages: "the fork".

        Raises
        ------
        InsufficientFunds
            It cannot. What is told as needed is what will do, whatever `send` asks for of each transaction.
        FeeTooHigh
            The chain asks for more than may be paid.
        """
        fees, balance_wei = await self._fees(what), await self.chain.balance(self.address)
        if balance_wei < gas * fees.present_wei:
            needed_wei = gas * (100 + _MARGIN_OF_ALL_PERCENT) // 100 * fees.max_fee_wei
            raise InsufficientFunds(self.address, balance_wei, needed_wei, what=what)

    async def cap(self) -> int:
        """Return the gas that one transaction may use."""
        limit = await self.chain.block_gas_limit()
        return limit if self.gas_cap is None else min(limit, self.gas_cap)

    async def settle(self) -> None:
        """Return once all transactions of the account are in blocks, also those of an earlier run.

        Raises
        ------
        TransactionPending
            Where they are not in time.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                while True:
                    if await self.chain.nonce(self.address, "latest") >= await self.chain.nonce(self.address):
                        return
                    await asyncio.sleep(self._poll_s)
        except TimeoutError as error:
            raise TransactionPending(
                f"transactions of {self.address} are in no block after {self._timeout_s:g} s",
                hint="have the first of them replaced by one that pays more, or wait; then run the same command again",
            ) from error

    async def send(self, to: str | None, data: bytes, *, what: str, after: str = "latest") -> Receipt:
        """Send a transaction and return its receipt once it is in a block.

        Parameters
        ----------
        to
            The contract to call; None creates one out of ``data``.
        what
            What the transaction does, for messages: "sync to block 7".
        after
            Where it is tried first: ``latest``, or ``pending`` for what depends on the time of the block to come.

        Raises
        ------
        TransactionReverted
            Where it would revert (nothing is sent then), or did, against its estimation.
        TransactionTooLarge
            Where it needs more gas than the cap or the block allows. Nothing is sent.
        InsufficientFunds
            Where the account cannot pay what it may cost at most. Nothing is sent.
        FeeTooHigh, GasSpent
            Where it would cost more than may be paid. Nothing is sent.
        Overtaken
            Where somebody else who has the journal has sent for the same subject meanwhile. Nothing is sent.
        TransactionPending
            Where it was sent and is not seen in a block in time; or one that was sent before is not, or one waits of
            which the journal does not know. Nothing is sent then.
        TransactionError
            Where the node does not take it for another reason.
        """
        async with self._catching_up:
            await self._following.run_waiting(self.address)
        async with self._journal.turn(await self._chain(), self.address) as turn:
            # In the turn: what was sent in the one before may be in a block already, and make this one revert.
            gas = await self._gas(to, data, what, after)
            self._spend(gas, what)
            fees = await self._fees(what)
            await self._require_funds(gas, fees, what)
            signed = Signed(what, self.address, await self._nonce(turn), to, data, gas, ())
            signed = sign(self._account, await self._chain(), signed, fees)
            await turn.write(signed)
            await self._broadcast(signed)
        try:
            receipt = await self._following.run(signed)
        except NonceTaken:
            raise  # it is dropped, as the journal knows
        except BaseException:
            await self._journal.left(signed)
            raise
        if not receipt.success:
            raise await self._why(receipt, signed)
        fields = {"transaction": receipt.tx_hash, "block": receipt.block_number, "gas": receipt.gas_used}
        logger.info("%s: block %d, %d gas", what, receipt.block_number, receipt.gas_used, extra=fields)
        return replace(receipt, calldata_bytes=len(data))

    @asynccontextmanager
    async def alone(self, what: str) -> AsyncIterator[None]:
        """Wait until nobody else who shares the journal is at something on this chain: then look whether it is done.

        Parameters
        ----------
        what
            Not the sender's own subject, and needed by others too: a copy that several replicas delegate to.
        """
        async with self._journal.alone(f"{what} on chain {await self._chain()}"):
            yield

    async def finish(self) -> list[Receipt]:
        """Follow to its end what was signed before this sender was, and return the receipts.

        Raises
        ------
        TransactionPending
            Where it is in no block in time.
        NonceTaken
            Another transaction of the account took the nonce of one.
        """
        return [await self._following.run(signed, is_sent=False) for signed in await self._journal.unfinished()]

    async def _gas(self, to: str | None, data: bytes, what: str, after: str) -> int:
        """Return the gas limit: the estimate and a margin, as far as the caps leave room for one."""
        try:
            estimate, cap = await self.estimate(to, data, after), await self.cap()
        except TransactionTooLarge as error:
            raise TransactionTooLarge(error.gas, error.cap, what=what) from error
        if estimate > cap:
            raise TransactionTooLarge(estimate, cap, what=what)
        return min(estimate + estimate * _MARGIN_PERCENT // 100, cap)

    def _spend(self, gas: int, what: str) -> None:
        if self._gas_left is None:
            return
        if gas > self._gas_left:
            raise GasSpent(gas, self._gas_left, what=what)
        self._gas_left -= gas

    async def _require_funds(self, gas: int, fees: Fees, what: str) -> None:
        balance_wei = await self.chain.balance(self.address)
        needed_wei = gas * fees.max_fee_wei
        if balance_wei < needed_wei:
            raise InsufficientFunds(self.address, balance_wei, needed_wei, what=what)

    async def _nonce(self, turn: Turn) -> int:
        """Return the first nonce that is free: the node's next one, but for what was signed and it has not seen."""
        taken = await turn.taken()
        if turn.has_all:
            # After the journal, and before what waits: what gets into a block meanwhile is not taken for a stranger.
            used = await self.chain.nonce(self.address, "latest")
            nonce = await self.chain.nonce(self.address)
            self._require_known(used, nonce, taken)
        else:
            nonce = await self.chain.nonce(self.address)
        while nonce in taken:
            nonce += 1
        return nonce

    def _require_known(self, used: int, nonce: int, taken: Collection[int]) -> None:
        """Check that all that waits in the node's pool is in the journal: else a step could be paid for twice."""
        strange = nonce - used - sum(used <= one < nonce for one in taken)
        if strange > 0:
            raise TransactionPending(
                f"of the transactions of {self.address} that wait, {strange} are not in the journal: nothing is sent "
                "before they are in blocks",
                hint="after a database was lost, or restored, they may do what is to be done now; it goes on by "
                "itself. Where somebody else uses the key, give the relayer one of its own",
            )

    async def _fees(self, what: str) -> Fees:
        """Return what to offer: as much as may be offered, where the chain asks for no more than that now."""
        fees, cap_wei = await self.chain.fees(), self._fee_cap_wei
        if cap_wei is None or fees.max_fee_wei <= cap_wei:
            return fees
        if fees.present_wei > cap_wei:
            raise FeeTooHigh(fees.present_wei, cap_wei, what=what)
        return Fees(cap_wei, None if fees.priority_fee_wei is None else min(fees.priority_fee_wei, cap_wei))

    async def _broadcast(self, signed: Signed) -> None:
        try:
            await broadcast(self.chain, signed)
            self._tell("sent")
        except TransactionPending:
            self._following.waiting[signed.sender, signed.nonce] = signed
            await self._journal.left(signed)
            raise
        except TransactionError as error:
            await self._journal.dropped(signed, error.message)
            self._tell("dropped")
            raise
        except BaseException:
            # Whoever goes on in this process asks the node whether its nonce is free: one kept for nothing is a gap.
            await self._journal.left(signed)
            raise

    async def _outbid(self, signed: Signed) -> Signed:
        """Return a transaction with a version, written down, that offers what is asked for now; as is where it does."""
        if signed.sender != self.address:
            return signed  # of the journal's account of before: this one's key cannot sign for its nonce
        if not is_by(self._account, await self._chain(), signed):
            logger.warning("%s: nonce %d in the journal is not what %s signed", signed.what, signed.nonce, self.address)
            return signed
        asked = await self.chain.fees()
        fees, cancels = outbid(signed.newest.fees, asked), signed.newest.cancels
        is_refused = fees is None and not cancels and await self._is_refused(signed)
        if fees is None and not is_refused:
            return signed
        fees = least(signed.newest.fees) if fees is None else fees
        is_own = not (cancels or is_refused)
        own = capped(fees, signed.newest.fees, asked, self._fee_cap_wei) if is_own else None
        if own is None:
            own, cancels = await self._cancels_for(signed, fees, asked), True
        if own is None:
            return signed
        fees = own
        if await self.chain.balance(self.address) < gas_of(signed, cancels=cancels) * fees.max_fee_wei:
            return signed  # the node would refuse it, and what was taken is to be sent again where it is dropped
        async with self._journal.turn(await self._chain(), self.address) as turn:
            signed = sign(self._account, await self._chain(), signed, fees, cancels=cancels)
            await turn.write(signed)
        done = "cancelled, since others wait behind it" if cancels else "outbid"
        logger.info("%s: nonce %d is %s, %d wei per gas", signed.what, signed.nonce, done, fees.max_fee_wei)
        return signed

    async def _is_refused(self, signed: Signed) -> bool:
        """Whether the node does not take what offers as much as is asked for, and it could be cancelled for others.

        As where the block's gas limit has fallen below its own since it was signed: no price gets it into a block.
        """
        if self._cancelling is None or not await self._cancelling.is_due(signed):
            return False
        try:
            await broadcast(self.chain, signed)
        except (TransactionPending, PoolFull):
            return False
        except TransactionError as error:
            logger.warning("%s: nonce %d cannot be sent any more: %s", signed.what, signed.nonce, error.message)
            return True
        return False

    async def _cancels_for(self, signed: Signed, fees: Fees, asked: Fees) -> Fees | None:
        """Return what a version offers that cancels a transaction; ``None`` where it is not to be cancelled (yet)."""
        if self._cancelling is None or not await self._cancelling.is_due(signed):
            return None
        # One that waits itself behind another is not what holds up the others.
        if await self.chain.nonce(signed.sender, "latest") != signed.nonce:
            return None
        return capped(fees, signed.newest.fees, asked, self._cancelling.cap_wei)

    async def _chain(self) -> int:
        if self._chain_id is None:
            self._chain_id = await self.chain.chain_id()
        return self._chain_id

    async def _why(self, receipt: Receipt, signed: Signed) -> TransactionReverted:
        """Run a failed transaction once more, on the state before its block, to learn why it failed."""
        tx_hash = f"0x{receipt.tx_hash.hex()}"
        if receipt.gas_used == signed.gas:
            hint = (
                "the state was another than estimated on, or the node estimated too little (@ethereumjs/client does "
                "where slots are deleted): run the same command again, then by another node"
            )
            why = f"it used all of its {signed.gas} gas"
            return TransactionReverted(why, name="OutOfGas", tx_hash=tx_hash, hint=hint)
        try:
            await self.chain.estimate_gas(self._message(signed.to, signed.data), receipt.block_number - 1)
        except TransactionReverted as error:
            return TransactionReverted(error.reason, name=error.name, tx_hash=tx_hash, data=error.data)
        except (NodeError, TransactionError):
            pass  # the state is gone: that it failed is known, the reason is not
        hint = "run the same command again: where the reason is still there, that tells it before anything is sent"
        return TransactionReverted("the reason cannot be told any more", tx_hash=tx_hash, hint=hint)

    def _message(self, to: str | None, data: bytes) -> Mapping[str, str]:
        return {"from": self.address, "data": f"0x{data.hex()}", **({} if to is None else {"to": to})}
