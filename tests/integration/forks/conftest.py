"""Nodes of their own: chains that lose blocks, and clocks that jump, are not for other tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest

from smartsync.testing import Node, anvil_node, find_geth, ganache_node
from tests.integration.forks.engine import Consensus, Hardfork, consensus
from tests.integration.forks.scene import Scene, scene


@pytest.fixture(scope="package")
def forking() -> Iterator[Node]:
    """Give a source with canonical tries whose blocks can be dropped and replaced."""
    with ganache_node() as node:
        yield node


@pytest.fixture(scope="package")
def geth_osaka() -> Iterator[Consensus]:
    """Give a geth that reorganises as on a live network."""
    with geth_consensus("osaka") as made:
        yield made


@pytest.fixture(scope="package")
def geth_shanghai() -> Iterator[Consensus]:
    """Give a geth whose contracts can be destroyed (until EIP-6780)."""
    with geth_consensus("shanghai") as made:
        yield made


@contextmanager
def geth_consensus(hardfork: Hardfork) -> Iterator[Consensus]:
    if find_geth() is None:
        pytest.skip("no geth on the PATH or in .tools/bin: `make geth` builds it")
    with consensus(hardfork) as made:
        yield made


@pytest.fixture(scope="package")
def target() -> Iterator[Node]:
    """Give a target that can reorganise too."""
    with anvil_node() as node:
        yield node


@pytest.fixture
def source(request: pytest.FixtureRequest) -> Node | Consensus:
    """Give the fixture of this name, of those above: ``parametrize("source", […], indirect=True)``."""
    made: Node | Consensus = request.getfixturevalue(getattr(request, "param", "forking"))
    return made


@pytest.fixture
async def here(source: Node | Consensus, target: Node) -> AsyncIterator[Scene]:
    async with scene(source, target) as made:
        yield made
