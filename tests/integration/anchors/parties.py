"""A client between two nodes of a test, whose transactions are looked for often."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from smartsync import SmartSync
from smartsync.submit import Sender
from smartsync.testing import Node


@asynccontextmanager
async def connected(source_url: str, target: Node, *, payer: int = 1) -> AsyncIterator[SmartSync]:
    """Give a client for a source and a target."""
    account = target.accounts[payer]
    async with SmartSync.connect(source_url, target.url, account=account) as client:
        client._sender = Sender(client.target, account, poll_s=0.05)
        yield client


def sent(node: Node, payer: int = 1) -> int:
    """Return how many transactions the client's account has sent."""
    return int(node.request("eth_getTransactionCount", [node.accounts[payer].address, "pending"]), 16)
