"""Transactions: estimated, priced, signed, sent, and followed until they are in a block."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from eth_account.signers.local import LocalAccount

from smartsync.answers import Receipt
from smartsync.chain import Chain
from smartsync.contracts import encode_deployment
from smartsync.errors import (
    InsufficientFunds,
    NodeError,
    NodeUnreachable,
    RpcError,
    TransactionError,
    TransactionPending,
    TransactionReverted,
    TransactionTooLarge,
)
from smartsync.fees import Fees
from smartsync.keccak import keccak256
from smartsync.refusals import reverted
from smartsync.results import Step
from smartsync.types import TX_BYTES_CAP, TX_GAS_CAP

__all__ = ["Receipt", "Sender", "create", "fits_pools", "step_of"]

logger = logging.getLogger(__name__)

_MARGIN_PERCENT = 20
"""Gas on top of the estimate: what is estimated at one block is spent at another."""

_REPLICAS_OUT_OF_GAS = "OutOfGas"
"""``IReplica.OutOfGas``: what runs dry below the first frame is to a node a revert like any other."""

_ENVELOPE = 512
"""Bytes of a signed transaction besides its calldata: some 120, and some to spare."""


def fits_pools(data: bytes) -> bool:
    """Whether every node takes a transaction with this calldata into its pool."""
    return len(data) + _ENVELOPE <= TX_BYTES_CAP


def step_of(what: str, receipt: Receipt) -> Step:
    """Return what is told of a transaction that is in a block."""
    return Step(what, f"0x{receipt.tx_hash.hex()}", receipt.gas_used, receipt.calldata_bytes)


class Sender:
    """An account on a chain that sends one transaction after the other.

    Parameters
    ----------
    gas_cap
        Gas that one transaction may use (EIP-7825); None where only the block's limit counts.
    timeout_s
        Seconds to wait for a sent transaction to be in a block.
    poll_s
        Seconds between two looks.
    """

    def __init__(
        self,
        chain: Chain,
        account: LocalAccount,
        *,
        gas_cap: int | None = TX_GAS_CAP,
        timeout_s: float = 120.0,
        poll_s: float = 0.5,
    ) -> None:
        self.chain, self.gas_cap = chain, gas_cap
        self._account, self._timeout_s, self._poll_s = account, timeout_s, poll_s
        self._chain_id: int | None = None
        self._turn = asyncio.Lock()

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
        TransactionPending
            Where it was sent and is not seen in a block in time.
        TransactionError
            Where the node does not take it for another reason.
        """
        async with self._turn:
            gas = await self._gas(to, data, what, after)
            fees = await self.chain.fees()
            await self._require_funds(gas, fees)
            raw = await self._sign(to, data, gas, fees)
            tx_hash = keccak256(raw)
            await self._submit(raw, tx_hash, gas * fees.max_fee_wei, what)
        receipt = await self._wait(tx_hash, what)
        if not receipt.success:
            raise await self._why(receipt, to, data, gas)
        logger.info("%s: block %d, %d gas", what, receipt.block_number, receipt.gas_used)
        return replace(receipt, calldata_bytes=len(data))

    async def _gas(self, to: str | None, data: bytes, what: str, after: str) -> int:
        """Return the gas limit: the estimate and a margin, as far as the caps leave room for one."""
        try:
            estimate, cap = await self.estimate(to, data, after), await self.cap()
        except TransactionTooLarge as error:
            raise TransactionTooLarge(error.gas, error.cap, what=what) from error
        if estimate > cap:
            raise TransactionTooLarge(estimate, cap, what=what)
        return min(estimate + estimate * _MARGIN_PERCENT // 100, cap)

    async def _require_funds(self, gas: int, fees: Fees) -> None:
        balance_wei = await self.chain.balance(self.address)
        needed_wei = gas * fees.max_fee_wei
        if balance_wei < needed_wei:
            raise InsufficientFunds(self.address, balance_wei, needed_wei)

    async def _sign(self, to: str | None, data: bytes, gas: int, fees: Fees) -> bytes:
        if self._chain_id is None:
            self._chain_id = await self.chain.chain_id()
        transaction: dict[str, Any] = {
            "chainId": self._chain_id,
            "nonce": await self.chain.nonce(self.address),
            "gas": gas,
            "value": 0,
            "data": data,
        }
        if to is not None:
            transaction["to"] = to
        if fees.priority_fee_wei is None:
            transaction["gasPrice"] = fees.max_fee_wei
        else:
            transaction |= {"maxFeePerGas": fees.max_fee_wei, "maxPriorityFeePerGas": fees.priority_fee_wei, "type": 2}
        return bytes(self._account.sign_transaction(transaction).raw_transaction)

    async def _submit(self, raw: bytes, tx_hash: bytes, needed_wei: int, what: str) -> None:
        """Hand the transaction over; an error is none where the node has it all the same.

        It may: the answer to a first try can be lost, and hardhat and ganache answer with the revert of a transaction
        that they did put into a block.
        """
        try:
            await self.chain.rpc.call("eth_sendRawTransaction", [f"0x{raw.hex()}"])
        except NodeUnreachable as error:
            if not await self._known(tx_hash):
                raise TransactionPending(
                    f"{what}: {self.chain.rpc.host} did not answer whether it took transaction 0x{tx_hash.hex()}",
                    hint="what has landed is read from the chain: run the same command again",
                ) from error
        except RpcError as error:
            if not await self._known(tx_hash):
                raise await self._refusal(error, needed_wei, what) from error
        logger.info("%s: sent 0x%s to %s", what, tx_hash.hex(), self.chain.rpc.host)

    async def _known(self, tx_hash: bytes) -> bool:
        try:
            return await self.chain.transaction(tx_hash) is not None
        except NodeError:
            return False

    async def _refusal(self, error: RpcError, needed_wei: int, what: str) -> TransactionError:
        if (revert := reverted(error)) is not None:
            return revert
        if "insufficient funds" in error.text.lower():
            return InsufficientFunds(self.address, await self.chain.balance(self.address), needed_wei)
        hint = "another transaction of this account was faster: try again" if "nonce" in error.text.lower() else ""
        return TransactionError(f"{what}: the node does not take the transaction: {error.text}", hint=hint)

    async def _wait(self, tx_hash: bytes, what: str) -> Receipt:
        """Look for the receipt until it is there. A node that fails meanwhile is asked again: what is sent is sent."""
        failure: NodeError | None = None
        try:
            async with asyncio.timeout(self._timeout_s):
                while True:
                    try:
                        receipt = await self.chain.receipt(tx_hash)
                        if receipt is not None:
                            return receipt
                    except NodeError as error:
                        failure = error
                    await asyncio.sleep(self._poll_s)
        except TimeoutError:
            raise TransactionPending(
                f"{what}: transaction 0x{tx_hash.hex()} is in no block after {self._timeout_s:g} s",
                hint="it may still get into one: look it up, and run the same command again then",
            ) from failure

    async def _why(self, receipt: Receipt, to: str | None, data: bytes, gas: int) -> TransactionReverted:
        """Run a failed transaction once more, on the state before its block, to learn why it failed."""
        tx_hash = f"0x{receipt.tx_hash.hex()}"
        if receipt.gas_used == gas:
            hint = (
                "the state was another than estimated on, or the node estimated too little (@ethereumjs/client does "
                "where slots are deleted): run the same command again, then by another node"
            )
            return TransactionReverted(f"it used all of its {gas} gas", name="OutOfGas", tx_hash=tx_hash, hint=hint)
        try:
            await self.chain.estimate_gas(self._message(to, data), receipt.block_number - 1)
        except TransactionReverted as error:
            return TransactionReverted(error.reason, name=error.name, tx_hash=tx_hash, data=error.data)
        except (NodeError, TransactionError):
            pass  # the state is gone: that it failed is known, the reason is not
        hint = "run the same command again: where the reason is still there, that tells it before anything is sent"
        return TransactionReverted("the reason cannot be told any more", tx_hash=tx_hash, hint=hint)

    def _message(self, to: str | None, data: bytes) -> Mapping[str, str]:
        return {"from": self.address, "data": f"0x{data.hex()}", **({} if to is None else {"to": to})}


async def create(sender: Sender, name: str, arguments: Sequence[object]) -> tuple[str, Step]:
    """Deploy an artifact; returns its address and the transaction.

    Raises
    ------
    NodeError
        The node tells no address. For what sending raises see `Sender.send`.
    """
    what = f"deploy {name}"
    receipt = await sender.send(None, encode_deployment(name, arguments), what=what)
    if receipt.contract_address is None:
        raise NodeError(f"{sender.chain.rpc.host} tells no address in the receipt of {what}")
    return receipt.contract_address, step_of(what, receipt)
