"""Headers as real nodes answer them, by the rules of each fork: rebuilt from JSON they must have their hash."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from smartsync.chain import Chain
from smartsync.header import decode_header, header_from_rpc
from smartsync.rpc import Rpc
from smartsync.testing import Node, anvil_node, ganache_node, hardhat_node

Launcher = Callable[..., AbstractContextManager[Node]]

FORKS = [
    (hardhat_node, "berlin", 15),
    (hardhat_node, "london", 16),
    (hardhat_node, "merge", 16),
    (hardhat_node, "shanghai", 17),
    (hardhat_node, "cancun", 20),
    (hardhat_node, "prague", 21),
    (hardhat_node, "osaka", 21),
    (ganache_node, "berlin", 15),
    (ganache_node, "london", 16),
    (ganache_node, "shanghai", 17),
    (anvil_node, "london", 16),
    (anvil_node, "shanghai", 17),
    (anvil_node, "cancun", 20),
    (anvil_node, "prague", 21),
    (anvil_node, "osaka", 21),
]


def transfer(node: Node) -> None:
    """Have a block made that has a transaction in it."""
    sender, receiver = (account.address for account in node.accounts[:2])
    node.request("eth_sendTransaction", [{"from": sender, "to": receiver, "value": "0x1"}])


@pytest.mark.parametrize(("launch", "fork", "fields"), FORKS, ids=lambda case: getattr(case, "__name__", str(case)))
async def test_header_from_rpc_of_a_real_node_has_its_hash(launch: Launcher, fork: str, fields: int) -> None:
    with launch(hardfork=fork) as node:
        transfer(node)
        transfer(node)
        blocks = [node.request("eth_getBlockByNumber", [hex(number), False]) for number in range(3)]
        headers = [header_from_rpc(block) for block in blocks]
        async with Rpc(node.url) as rpc:
            assert (await Chain(rpc).header(2)).hash == headers[2].hash
    assert [header.number for header in headers] == [0, 1, 2]
    for header, block in zip(headers, blocks, strict=True):
        assert "0x" + header.hash.hex() == block["hash"]
        assert "0x" + header.state_root.hex() == block["stateRoot"]
        assert header.timestamp == int(block["timestamp"], 16)
        assert decode_header(header.raw) == header
    # The hash that a child names is the parent's: the node did not make them up one by one.
    assert [header.parent_hash for header in headers[1:]] == [header.hash for header in headers[:2]]
    assert len(headers[2].fields) == fields
