"""A source contract as somebody else runs it: deployed and changed by its own owner, with no part of SmartSync."""

from __future__ import annotations

from smartsync.testing import Node
from tests.integration.world import creation_code, encode


def deployed_sample(node: Node) -> str:
    """Deploy a fresh source contract, and return its address."""
    sender = node.accounts[3].address
    code = "0x" + creation_code("Sample").hex()
    sent = node.request("eth_sendTransaction", [{"from": sender, "data": code, "gas": "0xb00000"}])
    address: str = node.request("eth_getTransactionReceipt", [sent])["contractAddress"]
    change(node, address, 1, 41)
    return address


def change(node: Node, sample: str, key: int, value: int) -> None:
    data = "0x" + encode("set(uint256,uint256)", key, value).hex()
    node.request(
        "eth_sendTransaction", [{"from": node.accounts[3].address, "to": sample, "data": data, "gas": "0xf0000"}]
    )
