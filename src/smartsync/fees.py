"""What to offer per gas for a transaction that shall be taken soon.

Source: EIP-1559.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from smartsync import answers
from smartsync.errors import RpcError
from smartsync.rpc import JsonRpc

_BLOCKS = "0x5"
_MEDIAN = 50


class Fees(NamedTuple):
    """What to offer per gas, in wei. ``priority_fee_wei`` is None on a chain without EIP-1559: a gas price, then."""

    max_fee_wei: int
    priority_fee_wei: int | None

    @property
    def present_wei(self) -> int:
        """What a unit of gas would cost in the next block: the offer leaves room for twice its base fee."""
        priority_fee_wei = self.max_fee_wei if self.priority_fee_wei is None else self.priority_fee_wei
        return (self.max_fee_wei + priority_fee_wei) // 2


async def fees(rpc: JsonRpc) -> Fees:
    """Return an offer that holds for about six full blocks: twice the next base fee, and the priority fee on top.

    Raises
    ------
    NodeError
        Where the node tells no fees at all.
    """
    base_fee_wei, paid_wei = await _base_fee(rpc)
    if base_fee_wei is None:
        return Fees(answers.quantity(await rpc.call("eth_gasPrice"), "gas price"), None)
    try:
        priority_fee_wei = answers.quantity(await rpc.call("eth_maxPriorityFeePerGas"), "priority fee")
    except RpcError:
        priority_fee_wei = paid_wei
    return Fees(2 * base_fee_wei + priority_fee_wei, priority_fee_wei)


async def _base_fee(rpc: JsonRpc) -> tuple[int | None, int]:
    """Return the next block's base fee (None before London) and what was paid on top lately, both in wei."""
    try:
        history = answers.mapping(await rpc.call("eth_feeHistory", [_BLOCKS, "latest", [_MEDIAN]]), "fee history")
    except RpcError:
        history = {}  # not every node has it, and the block says almost the same
    base_fees = answers.sequence(history.get("baseFeePerGas") or [], "base fees")
    if base_fees and (base_fee_wei := answers.quantity(base_fees[-1], "base fee")):
        return base_fee_wei, _median(history)
    block = answers.mapping(await rpc.call("eth_getBlockByNumber", ["latest", False]), "block")
    if block.get("baseFeePerGas") is None:
        return None, 0
    # the next block's is at most an eighth higher
    return answers.quantity(block["baseFeePerGas"], "base fee") * 9 // 8, 0


def _median(history: Mapping[str, Any]) -> int:
    """Return the median of the blocks' median priority fees, in wei; 0 where nothing was paid."""
    rows = answers.sequence(history.get("reward") or [], "priority fees")
    paid = sorted(answers.quantity(row[0], "priority fee") for row in rows if isinstance(row, list) and row)
    return paid[len(paid) // 2] if paid else 0
