from __future__ import annotations

from typing import Any

import pytest

from smartsync.chain import Chain
from smartsync.errors import NodeError
from tests.http_node import HttpNode

ACCOUNT = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
HASH = b"\x11" * 32


async def test_logs_topics_and_blocks_are_asked_for(node: HttpNode, chain: Chain) -> None:
    node.results["eth_getLogs"] = []
    assert await chain.logs(ACCOUNT, [HASH, None, [HASH, bytes(32)]], from_block=3) == []
    ones = f"0x{HASH.hex()}"
    topics = [ones, None, [ones, "0x" + "00" * 32]]
    assert node.params("eth_getLogs") == [
        [{"address": ACCOUNT, "topics": topics, "fromBlock": "0x3", "toBlock": "latest"}]
    ]


@pytest.mark.parametrize("told", [None, 7, {}, [7], [{}]])
async def test_logs_garbage_is_a_node_error(node: HttpNode, chain: Chain, told: Any) -> None:
    node.results["eth_getLogs"] = told
    with pytest.raises(NodeError):
        await chain.logs(ACCOUNT)
