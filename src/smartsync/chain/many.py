"""Questions about many contracts and blocks at once, in as few requests as the node takes. Nothing is verified."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from smartsync import answers
from smartsync.answers import Receipt
from smartsync.chain.chain import Chain
from smartsync.errors import NodeError, RpcError, TransactionReverted
from smartsync.refusals import reverted, unavailable


async def call_many(
    chain: Chain, messages: Sequence[tuple[str, bytes]], block: int
) -> list[bytes | TransactionReverted | RpcError]:
    """Return what contracts answer to messages at a block.

    Parameters
    ----------
    messages
        Each an address and the data.

    Returns
    -------
    list
        In the order of the messages; where a call reverts, or the node refuses it (what it runs takes too long, say),
        that takes its answer's place.

    Raises
    ------
    BlockUnavailable
        The node does not serve the block's state.
    """
    calls = [("eth_call", [{"to": to, "data": f"0x{data.hex()}"}, hex(block)]) for to, data in messages]
    outcomes: list[bytes | TransactionReverted | RpcError] = []
    for told in await chain.rpc.batch(calls, return_errors=True):
        if not isinstance(told, RpcError):
            outcomes.append(answers.data(told, "call result"))
        elif (revert := reverted(told)) is not None:
            outcomes.append(revert)
        elif (gone := unavailable(told, str(block))) is not None:
            raise gone from told
        else:
            outcomes.append(told)
    return outcomes


async def storage_roots(chain: Chain, addresses: Sequence[str], block: int) -> list[bytes | NodeError | None]:
    """Return what the node says are the storage roots (32 bytes) of accounts at a block.

    Returns
    -------
    list
        In the order of the addresses; ``None`` where the node tells none or does not serve the block's state. What is
        wrong with one takes its root's place, and is not wrong with the others.
    """
    calls = [("eth_getProof", [address, [], hex(block)]) for address in addresses]
    return [_storage_root(one, block) for one in await chain.rpc.batch(calls, return_errors=True)]


def _storage_root(told: Any, block: int) -> bytes | NodeError | None:
    if isinstance(told, RpcError):
        return None if unavailable(told, str(block)) is not None else told
    try:
        root = answers.mapping(told, "proof").get("storageHash")
        return None if root is None else answers.data(root, "storage root", 32)
    except NodeError as error:
        return error


@dataclass(frozen=True, slots=True)
class BlockWord:
    """What a node says of a block, unproven: its hash (32 bytes), and its time in seconds by the chain's clock."""

    hash: bytes
    timestamp: int


async def receipts_of(chain: Chain, tx_hashes: Sequence[bytes]) -> list[Receipt | None]:
    """Return what became of transactions (32-byte hashes), in their order; ``None`` for what is in no block.

    Raises
    ------
    NodeError
        An answer is malformed, or about another transaction.
    """
    told = await chain.rpc.batch([("eth_getTransactionReceipt", [f"0x{one.hex()}"]) for one in tx_hashes])
    receipts = [None if one is None else answers.receipt(one) for one in told]
    for tx_hash, receipt in zip(tx_hashes, receipts, strict=True):
        if receipt is not None and receipt.tx_hash != tx_hash:
            raise NodeError(f"{chain.rpc.host} answered with the receipt of another transaction")
    return receipts


async def blocks_at(chain: Chain, numbers: Sequence[int]) -> list[BlockWord | None]:
    """Return what the node says of the blocks of these numbers; ``None`` where it has none (yet)."""
    told = await chain.rpc.batch([("eth_getBlockByNumber", [hex(number), False]) for number in numbers])
    return [None if one is None else _block_word(answers.mapping(one, "block")) for one in told]


async def hashes_at(chain: Chain, numbers: Sequence[int]) -> list[bytes | None]:
    """Return the hashes (32 bytes) of the blocks of these numbers; ``None`` where the node has none (yet)."""
    return [None if one is None else one.hash for one in await blocks_at(chain, numbers)]


def _block_word(block: Mapping[str, Any]) -> BlockWord:
    return BlockWord(
        answers.data(block.get("hash"), "block hash", 32), answers.quantity(block.get("timestamp"), "block time", 64)
    )
