"""Two nodes that the tests of proxies share, and one that lies in front of the source."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from smartsync.testing import Node
from tests.integration.stage import Stage, staged
from tests.integration.world import World
from tests.lying_proxy import LyingProxy, lying


@pytest.fixture(scope="module")
def stage(ganache: Node, anvil: Node) -> Stage:
    return staged(ganache, anvil, keys=1)


@pytest.fixture
def liar(stage: Stage) -> Iterator[LyingProxy]:
    with lying(stage.source.url) as node:
        yield node


@pytest.fixture
async def made(stage: Stage) -> AsyncIterator[World]:
    async with stage.world() as world:
        await world.attest()
        yield world
