"""A signed transaction on its way to a node."""

from __future__ import annotations

import logging
import re

from smartsync.chain import Chain
from smartsync.errors import (
    InsufficientFunds,
    NodeError,
    PoolFull,
    RpcError,
    TransactionError,
    TransactionPending,
)
from smartsync.refusals import reverted
from smartsync.submit.journal import Signed

logger = logging.getLogger(__name__)

_FULL = re.compile(
    r"(txpool|tx pool|transaction pool|mempool|pool|queue) (is )?full|full (txpool|tx pool|mempool)|underpriced"
    r"|fee ?too ?low|less than block base fee|less than current base fee|below the (minimum|current)",
    re.I,
)
"""How nodes say that a price does not get into their pool now. From the sources of geth, reth, nethermind and besu."""


async def broadcast(chain: Chain, signed: Signed) -> None:
    """Hand the newest version over; an error is none where the node has it all the same.

    It may: the answer to a first try can be lost, and hardhat and ganache answer with the revert of a transaction
    that they did put into a block.

    Raises
    ------
    TransactionPending
        The node does not say whether it took it.
    TransactionError
        It did not.
    """
    attempt = signed.newest
    try:
        await chain.rpc.call("eth_sendRawTransaction", [f"0x{attempt.raw.hex()}"])
    except RpcError as error:
        try:
            is_there = await chain.transaction(attempt.tx_hash) is not None
        except NodeError:
            # "already known" is such an error, too: as long as nobody says otherwise, it may be there.
            raise _unknown(chain, signed) from error
        if not is_there:
            raise await _refusal(chain, error, signed) from error
    except NodeError as error:
        # Also an answer that makes no sense, as of a gateway before the node: what became of the call, nobody knows.
        if not await is_known(chain, attempt.tx_hash):
            raise _unknown(chain, signed) from error
    fields = {"transaction": attempt.tx_hash, "sender": signed.sender, "nonce": signed.nonce}
    logger.info("%s: sent 0x%s to %s", signed.what, attempt.tx_hash.hex(), chain.rpc.host, extra=fields)


async def is_known(chain: Chain, tx_hash: bytes) -> bool:
    """Whether the node says that it has a transaction, waiting or in a block."""
    try:
        return await chain.transaction(tx_hash) is not None
    except NodeError:
        return False


def _unknown(chain: Chain, signed: Signed) -> TransactionPending:
    return TransactionPending(
        f"{signed.what}: {chain.rpc.host} did not answer whether it took transaction 0x{signed.newest.tx_hash.hex()}",
        hint="what has landed is read from the chain: run the same command again",
    )


async def _refusal(chain: Chain, error: RpcError, signed: Signed) -> TransactionError:
    if (revert := reverted(error)) is not None:
        return revert
    text = error.text.lower()
    if "insufficient funds" in text:
        needed_wei = signed.gas * signed.newest.fees.max_fee_wei
        try:
            return InsufficientFunds(signed.sender, await chain.balance(signed.sender), needed_wei, what=signed.what)
        except NodeError:
            pass  # how much there is cannot be told, that it is too little can
    if _FULL.search(error.text) and "replacement" not in text:
        return PoolFull(signed.what, chain.rpc.host, error.text)
    hint = "another transaction of this account was faster: try again" if "nonce" in text else ""
    return TransactionError(f"{signed.what}: the node does not take the transaction: {error.text}", hint=hint)
