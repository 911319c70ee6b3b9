"""A whole sync on what one strategy of discovery finds, the others' methods being switched off."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from smartsync import SmartSync
from smartsync.testing import Node
from tests.integration.world import World, world
from tests.lying_proxy import LyingProxy, lying

RANGE, TRACE = "debug_storageRangeAt", "debug_traceBlockByNumber"


@pytest.fixture(
    params=[("geth", TRACE, "prestate diff"), ("geth", RANGE, "storage range"), ("ganache", RANGE, "storage range")],
    ids=lambda param: f"{param[0]} {param[2]}",
)
def able(request: pytest.FixtureRequest) -> Iterator[tuple[Node, LyingProxy, str]]:
    """Give a node, itself with one debug method only, and the strategy that this leaves."""
    name, method, strategy = request.param
    node = request.getfixturevalue(name)
    with lying(node.url) as proxy:
        proxy.missing = {RANGE, TRACE} - {method}
        yield node, proxy, strategy


@pytest.fixture
async def made(able: tuple[Node, LyingProxy, str], anvil: Node) -> AsyncIterator[World]:
    async with world(able[0], anvil) as direct:
        url, hub, account = able[1].url, direct.client.hub, direct.owner
        async with SmartSync.connect(url, anvil.url, hub=hub, account=account) as client:
            direct.client = client
            yield direct


async def test_fork_and_sync_with_one_strategy_replica_is_exact(
    made: World, able: tuple[Node, LyingProxy, str]
) -> None:
    await made.do("setRange(uint256,uint256,uint256)", 0, 5, 100)
    replica = await made.fork()
    await made.do("setRange(uint256,uint256,uint256)", 3, 4, 200)
    await made.do("setRange(uint256,uint256,uint256)", 0, 1, 0)
    await made.attest()
    plan = await made.client.diff(replica)
    assert plan.strategy == able[2]
    result = await made.client.sync(replica)
    assert result.changes == plan.changes
    assert {change.kind for change in result.changes} == {"insert", "update", "delete"}
    verification = await made.client.verify(replica)
    assert verification.exact, verification
