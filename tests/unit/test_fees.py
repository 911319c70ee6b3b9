from __future__ import annotations

from collections.abc import Iterator

import pytest

from smartsync.errors import NodeError
from smartsync.fees import Fees, fees
from smartsync.rpc import Rpc
from tests.http_node import HttpNode, Refusal, serving

HISTORY = {"oldestBlock": "0x1", "baseFeePerGas": ["0x5", "0x7", "0x64"], "reward": [["0x9"], ["0x1"], ["0x4"]]}


@pytest.fixture
def node() -> Iterator[HttpNode]:
    with serving() as node:
        yield node


async def offered(node: HttpNode) -> Fees:
    async with Rpc(node.url) as rpc:
        return await fees(rpc)


async def test_fees_next_base_fee_counts_twice(node: HttpNode) -> None:
    node.results |= {"eth_feeHistory": HISTORY, "eth_maxPriorityFeePerGas": "0x3"}
    assert await offered(node) == Fees(203, 3)


async def test_fees_node_without_priority_fee_takes_the_median_paid(node: HttpNode) -> None:
    node.results["eth_feeHistory"] = HISTORY
    assert await offered(node) == Fees(204, 4)


async def test_fees_node_without_history_takes_the_block(node: HttpNode) -> None:
    node.results |= {"eth_getBlockByNumber": {"baseFeePerGas": "0x50"}, "eth_maxPriorityFeePerGas": "0x3"}
    assert await offered(node) == Fees(183, 3)


@pytest.mark.parametrize("history", [Refusal(-32000, "no"), {"baseFeePerGas": ["0x0", "0x0"]}, {}])
async def test_fees_chain_before_london_offers_a_gas_price(node: HttpNode, history: object) -> None:
    node.results |= {"eth_feeHistory": history, "eth_getBlockByNumber": {"number": "0x1"}, "eth_gasPrice": "0x77"}
    assert await offered(node) == Fees(0x77, None)


@pytest.mark.parametrize(
    "history",
    [
        7,
        "x",
        [],
        {"baseFeePerGas": 7},
        {"baseFeePerGas": ["x"]},
        {**HISTORY, "reward": [["x"]]},
        {**HISTORY, "reward": 7},
    ],
)
async def test_fees_garbage_is_a_node_error(node: HttpNode, history: object) -> None:
    node.results["eth_feeHistory"] = history
    with pytest.raises(NodeError):
        await offered(node)
