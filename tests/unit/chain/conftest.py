from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from smartsync.chain import Chain
from smartsync.rpc import Rpc
from tests.http_node import HttpNode, serving
from tests.unit.chain.headers import header_of


@pytest.fixture
def node() -> Iterator[HttpNode]:
    with serving() as node:
        yield node


@pytest.fixture
async def chain(node: HttpNode) -> AsyncIterator[Chain]:
    blocks = {hex(number): header_of(number)[0] for number in range(10)}
    by_hash = {block["hash"]: block for block in blocks.values()}
    node.results["eth_getBlockByNumber"] = lambda params: blocks.get("0x9" if params[0] == "latest" else params[0])
    node.results["eth_getBlockByHash"] = lambda params: by_hash.get(params[0])
    async with Rpc(node.url, retries=0) as rpc:
        yield Chain(rpc, "target")
