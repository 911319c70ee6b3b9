"""Sources of other makes, each with its own way to reorganise."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from smartsync.results import Recovered, SyncResult
from smartsync.testing import Node, anvil_node, hardhat_node
from tests.integration.forks.scene import Watch, scene
from tests.integration.world import encode


@pytest.fixture(scope="module")
def hardhat_source() -> Iterator[Node]:
    with hardhat_node(chain_id=31345, hardfork="prague") as node:
        yield node


@pytest.fixture(scope="module")
def anvil_source() -> Iterator[Node]:
    with anvil_node(chain_id=31346) as node:
        yield node


async def test_hardhat_source_that_goes_back_to_a_snapshot(hardhat_source: Node, target: Node) -> None:
    async with scene(hardhat_source, target) as here:
        mark = here.mark()
        async with here.watch() as watch:
            orphan = await here.set((1, 111), (5, 5), (0, 0))
            await until(watch, orphan.hash)
            here.drop(mark)
            canonical = await here.set((1, 222), (6, 6), (2, 0))
            recovered = await watch.until(Recovered)
            assert recovered.orphan_hash == orphan.hash
            await until(watch, canonical.hash, recovered)
        await here.assert_exact()
        await here.assert_as_forked_anew()


async def test_anvil_source_that_reorganises(anvil_source: Node, target: Node) -> None:
    """``anvil_reorg`` keeps the height and empties the blocks. No deletions here: anvil's tries do not survive them."""
    async with scene(anvil_source, target) as here:
        await here.set((1, 1))
        async with here.watch() as watch:
            for turn in range(2, 5):
                orphan = await here.set((1, turn * 100), (2, turn * 200))
                await until(watch, orphan.hash)
                anvil_source.request("anvil_reorg", [2, []])
                dropped = await here.client.source.header(orphan.number)
                assert dropped.hash != orphan.hash
                canonical = await here.set((3, turn))
                recovered = await watch.until(Recovered)
                assert recovered.orphan_hash == orphan.hash
                await until(watch, canonical.hash, recovered)
                assert await here.value(here.replica, 1) == 1
                await here.assert_exact()
        await here.assert_as_forked_anew()


async def test_anvil_source_that_reorganises_with_other_transactions(anvil_source: Node, target: Node) -> None:
    async with scene(anvil_source, target) as here:
        orphan = await here.set((1, 111), (2, 222))
        await here.attest()
        await here.sync()
        other = {
            "from": anvil_source.accounts[4].address,
            "to": here.made.sample,
            "data": "0x" + encode("set(uint256,uint256)", 3, 333).hex(),
            "gas": hex(200_000),
        }
        anvil_source.request("anvil_reorg", [2, [[other, 0]]])
        await here.revoke()
        await here.attest()
        result = await here.sync()
        assert (result.from_block, result.to_block) == (orphan.number, orphan.number)
        assert [await here.value(here.replica, key) for key in (1, 2, 3)] == [1001, 1002, 333]
        await here.assert_exact()
        await here.assert_as_forked_anew()


async def until(watch: Watch, block_hash: bytes, event: object = None) -> None:
    """Wait until the replica is brought to a block, whatever it takes; ``event`` is what was told already."""
    while not isinstance(event, SyncResult | Recovered) or event.block_hash != block_hash:
        event = await watch.until(object)
