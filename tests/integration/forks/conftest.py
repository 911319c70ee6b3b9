"""Nodes of their own: chains that lose blocks, and clocks that jump, are not for other tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from smartsync.testing import Node, anvil_node, ganache_node
from tests.integration.forks.scene import Scene, scene


@pytest.fixture(scope="package")
def forking() -> Iterator[Node]:
    """Give a source with canonical tries whose blocks can be dropped and replaced."""
    with ganache_node() as node:
        yield node


@pytest.fixture(scope="package")
def target() -> Iterator[Node]:
    """Give a target that can reorganise too."""
    with anvil_node() as node:
        yield node


@pytest.fixture
async def here(forking: Node, target: Node) -> AsyncIterator[Scene]:
    async with scene(forking, target) as made:
        yield made
