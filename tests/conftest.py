"""What all tests share: the tiers by folder, and one running node of each make for the whole session."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from smartsync.testing import Node, anvil_node, find_geth, ganache_node, geth_node, hardhat_node

TESTS = Path(__file__).parent


def pytest_configure() -> None:
    """Make the tests independent of where they run.

    Ctrl-C is taken also in the background of a shell, which has it ignored, by their children too: some tests press it,
    and would wait for ever. No width of a terminal is inherited (pytest-xdist sets one): what is printed into a pipe is
    not broken. And no example of hypothesis is late: on a machine that does other things as well any may be.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.pop("COLUMNS", None)
    settings.register_profile("patient", settings.default, deadline=None)
    settings.load_profile("patient")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with its tier, the name of its folder."""
    for item in items:
        tier = item.path.relative_to(TESTS).parts[0]
        if tier in ("integration", "acceptance", "soak"):
            item.add_marker(tier)


@pytest.fixture(scope="session")
def hardhat() -> Iterator[Node]:
    """Give a hardhat node under Osaka, shared by all tests: none may count on its block number or a fresh nonce."""
    with hardhat_node() as node:
        yield node


@pytest.fixture(scope="session")
def ganache() -> Iterator[Node]:
    """Give a ganache node, shared by all tests."""
    with ganache_node() as node:
        yield node


@pytest.fixture(scope="session")
def anvil() -> Iterator[Node]:
    """Give an anvil node under Osaka with the transaction cap, shared by all tests."""
    with anvil_node() as node:
        yield node


@pytest.fixture(scope="session")
def geth() -> Iterator[Node]:
    """Give a geth node, shared by all tests, where geth is installed."""
    if find_geth() is None:
        pytest.skip("no geth on the PATH or in .tools/bin: `make geth` builds it")
    with geth_node() as node:
        yield node
