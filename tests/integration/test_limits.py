"""More than one transaction may do (EIP-7825): a fork goes on in smaller parts, a sync that cannot is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from smartsync.errors import TransactionTooLarge, TransitionTooLarge
from smartsync.sync import forking
from smartsync.testing import Node, anvil_node
from smartsync.types import TX_GAS_CAP
from tests.integration.stage import refused
from tests.integration.world import World, world

MANY = 800
"""Slots: to write so many new ones takes more than the cap, in a fork's first chunk and in a sync's commit."""


@pytest.fixture(scope="module")
def quick() -> Iterator[Node]:
    """Give the source: of all nodes the one that writes and traces hundreds of slots in no time."""
    with anvil_node(chain_id=31339) as node:
        yield node


@pytest.fixture
async def made(quick: Node, anvil: Node) -> AsyncIterator[World]:
    async with world(quick, anvil) as made:
        yield made


async def test_fork_chunk_above_the_cap_is_halved(made: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forking, "_GAS_PER_NEW_SLOT", forking._FILL_GAS // MANY)
    for first in (0, MANY // 2):
        await made.do("setRange(uint256,uint256,uint256)", first, MANY // 2, 2**255)
    await made.attest()
    forked = await made.client.fork(made.sample, anchor=made.anchor)
    fills = [step for step in forked.steps if step.what.startswith("fill")]
    assert [step.what for step in fills] == [f"fill {MANY // 2} slots", f"fill {MANY // 2} slots", "fill 5 slots"]
    assert TX_GAS_CAP // 3 < max(step.gas_used for step in fills) < TX_GAS_CAP
    assert (await made.client.verify(forked.replica)).exact


async def test_sync_of_more_writes_than_the_cap_allows_is_refused_and_possible_in_two_steps(made: World) -> None:
    replica = await made.fork()
    await made.do("setRange(uint256,uint256,uint256)", 0, MANY // 2, 2**255)
    half = await made.attest()
    await made.do("setRange(uint256,uint256,uint256)", MANY // 2, MANY // 2, 2**255)
    await made.attest()
    async with refused(made, TransitionTooLarge) as caught:
        await made.client.sync(replica)
    error = caught.value
    assert isinstance(error, TransitionTooLarge)
    assert (error.writes, error.exit_code) == (MANY + 1, 7)
    assert f"one transaction may use {TX_GAS_CAP}" in error.needs and "(--block), and more often" in error.hint
    await made.client.sync(replica, block=half)
    await made.client.sync(replica)
    assert (await made.client.verify(replica)).exact


async def test_fork_under_a_cap_too_low_for_its_first_step_sends_nothing(made: World) -> None:
    await made.attest()
    made.on_target.gas_cap = 60_000
    async with refused(made, TransactionTooLarge) as caught:
        await made.client.fork(made.sample, anchor=made.anchor)
    assert "create replica" in caught.value.message
