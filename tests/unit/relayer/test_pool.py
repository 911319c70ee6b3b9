"""What waits in a node's pool, as far as it tells."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from smartsync.chain import Chain
from smartsync.relayer.pool import waiting
from smartsync.rpc import Rpc
from tests.http_node import HttpNode, Refusal, serving

OWN, OTHER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8", "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"


def told(nonce: int, sender: str = OWN) -> dict[str, Any]:
    return {"hash": f"0x{nonce:064x}", "from": sender, "to": OTHER, "input": "0x", "nonce": hex(nonce)}


@pytest.fixture
async def node() -> AsyncIterator[tuple[HttpNode, Chain]]:
    with serving() as node:
        async with Rpc(node.url, retries=1) as rpc:
            yield node, Chain(rpc, "target")


async def test_waiting_is_told_by_nonce(node: tuple[HttpNode, Chain]) -> None:
    node[0].results["txpool_contentFrom"] = {"pending": {"6": told(6), "5": told(5)}, "queued": {"9": told(9)}}
    assert [one.nonce for one in await waiting(node[1], OWN) or []] == [5, 6, 9]


async def test_waiting_of_others_is_left_out_by_whatever_call(node: tuple[HttpNode, Chain]) -> None:
    """A node that tells of another account when asked for this one would end a rebuild."""
    node[0].results["txpool_contentFrom"] = {"pending": {"5": told(5), "6": told(6, OTHER)}, "queued": {}}
    assert [one.nonce for one in await waiting(node[1], OWN) or []] == [5]
    node[0].results["txpool_contentFrom"] = Refusal(-32601, "the method does not exist")
    node[0].results["txpool_content"] = {"pending": {OWN.lower(): {"5": told(5), "7": told(7, OTHER)}}, "queued": {}}
    assert [one.nonce for one in await waiting(node[1], OWN) or []] == [5]


async def test_waiting_node_that_does_not_tell_is_none(node: tuple[HttpNode, Chain]) -> None:
    for method in ("txpool_contentFrom", "txpool_content"):
        node[0].results[method] = Refusal(-32601, "the method does not exist")
    assert await waiting(node[1], OWN) is None
