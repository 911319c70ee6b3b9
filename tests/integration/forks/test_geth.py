"""What only a client of a live network does: keep both branches, go back to one that it left, know what is final."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from smartsync.anchors.quorum import level_of
from smartsync.errors import AnchorError, FinalBlockDropped, SmartSyncError, SourceReorganised, TransactionReverted
from smartsync.header import Header
from smartsync.results import Recovered, ReorganisationSeen, Revoked, SyncResult
from smartsync.testing import Node
from tests.integration.forks.conftest import geth_consensus
from tests.integration.forks.engine import Consensus
from tests.integration.forks.scene import Scene, Watch, scene
from tests.integration.stage import traces


@pytest.fixture(scope="module")
def source() -> Iterator[Consensus]:
    """Give a geth of this module alone: what is final on it is so for good."""
    with geth_consensus("osaka") as made:
        yield made


@pytest.fixture
async def here(source: Consensus, target: Node) -> AsyncIterator[Scene]:
    async with scene(source, target) as made:
        yield made


def hex_of(header: Header) -> str:
    return f"0x{header.hash.hex()}"


async def until(watch: Watch, block_hash: bytes) -> None:
    """Wait until the replica is brought to a block, whatever it takes."""
    while True:
        event = await watch.until(object)
        if isinstance(event, SyncResult | Recovered) and event.block_hash == block_hash:
            return


async def test_geth_goes_over_to_a_shorter_branch_and_keeps_what_it_left(here: Scene, source: Consensus) -> None:
    lower = await here.set((2, 5))
    fork = here.mark()
    short = await here.set((2, 6))
    here.drop(fork)
    orphan = await here.set((1, 111), (5, 5), (0, 0))
    await here.attest()
    await here.sync()

    source.switch(hex_of(short))
    assert (await here.latest()).hash == short.hash and short.number == orphan.number - 2
    assert (await here.client.source.header(hex_of(orphan))).hash == orphan.hash, "geth has it as before"
    # As far as anybody can tell by numbers, this is a node that is behind.
    with pytest.raises(AnchorError, match="nothing to revoke"):
        await here.revoke()
    await here.set((3, 7), (6, 6))
    await here.revoke()
    assert await here.level() == "revoked"
    # The newest accepted block that stands is older than the orphan.
    await here.update(await here.attested(lower, "safe", here.owner))
    result = await here.sync()
    assert (result.from_block, result.block_hash) == (orphan.number, lower.hash)
    await here.assert_exact()
    await here.assert_as_forked_anew()
    await here.attest()
    await here.sync()
    assert [await here.value(here.replica, key) for key in (0, 1, 2, 3, 5, 6)] == [1000, 1001, 6, 7, 0, 6]
    await here.assert_exact()


async def test_geth_comes_back_to_the_branch_before_anybody_revoked_it(here: Scene, source: Consensus) -> None:
    mark = here.mark()
    first = await here.set((1, 111), (5, 5))
    await here.attest()
    await here.sync()
    here.drop(mark)
    await here.set((1, 222), (6, 6))
    with pytest.raises(SourceReorganised):
        await here.sync()
    source.switch(hex_of(first))
    before = await traces(here.client, here.owner)
    async with here.watch(every_blocks=1) as watch:
        await watch.quiet()
    assert await traces(here.client, here.owner) == before, "nothing has happened"
    assert await here.level() == "safe"
    await here.assert_exact()


async def test_watch_over_two_branches_that_win_in_turn_is_exact_on_each(here: Scene, source: Consensus) -> None:
    mark = here.mark()
    async with here.watch() as watch:
        first = await here.set((1, 111), (5, 5), (0, 0))
        await until(watch, first.hash)
        await here.assert_exact()
        here.drop(mark)
        second = await here.set((1, 222), (6, 6), (5, 7))
        await until(watch, second.hash)
        assert await here.value(here.replica, 0) == 1000
        await here.assert_exact()
        # What was revoked once is canonical again, and is accepted anew: in another epoch of the anchor.
        for tip, other in ((first, second), (second, first), (first, second)):
            watch.told.clear()
            source.switch(hex_of(tip))
            await until(watch, tip.hash)
            assert [type(event) for event in watch.told][:2] == [ReorganisationSeen, Revoked]
            assert any(isinstance(event, Recovered) and event.orphan_hash == other.hash for event in watch.told)
            levels = [(await here.block(block.hash)).level for block in (tip, other)]
            assert levels == ["safe", "revoked"]
            await here.assert_exact()
    assert (await here.client.status(here.replica)).anchor_status == "active"
    await here.assert_as_forked_anew()


# --- final ---


async def test_attest_is_final_up_to_the_finalized_block_and_safe_above_it(here: Scene, source: Consensus) -> None:
    below = await here.set((1, 1))
    final = await here.set((1, 2))
    assert (await here.attest()).hash == final.hash
    assert (await here.block(final.hash)).level == "safe", "geth holds nothing for final yet, or only what is older"
    source.finalize(hex_of(final))
    await here.client.attest(here.anchor, [here.owner], block="finalized")
    await here.client.attest(here.anchor, [here.owner], block=below.number)
    await here.sync()
    guard = await here.guard(level="final")

    mark = here.mark()
    above = await here.set((1, 111), (5, 5))
    await here.attest()
    await here.sync()
    levels = [(await here.block(block.hash)).level for block in (below, final, above)]
    assert levels == ["final", "final", "safe"]
    with pytest.raises(TransactionReverted) as refused:
        await here.value(guard, 1)
    assert refused.value.name == "LevelTooLow"
    here.drop(mark)
    canonical = await here.set((1, 222), (6, 6))
    await here.revoke()
    levels = [(await here.block(block.hash)).level for block in (below, final, above)]
    assert levels == ["final", "final", "revoked"]
    with pytest.raises(TransactionReverted) as refused:
        await here.revoke_above(below.hash)
    assert refused.value.name == "FinalBlockAbove"

    assert (await here.sync()).block_hash == final.hash, "the newest that stands, and older than the orphan"
    assert await here.value(guard, 1) == 2
    await here.assert_exact()
    source.finalize(hex_of(canonical))
    await here.attest()
    await here.sync()
    assert (await here.level(), await here.value(guard, 1)) == ("final", 222)
    await here.assert_exact()
    await here.assert_as_forked_anew()


async def test_final_block_that_geth_drops_is_not_revoked_and_nothing_is_signed_for_final_anymore(target: Node) -> None:
    """Its finalized block stays the one that it dropped, which says nothing about the others of its number."""
    with geth_consensus("osaka") as broken:
        async with scene(broken, target) as here:
            mark = here.mark()
            await here.set((5, 5))
            orphan = await here.set((1, 111))
            broken.finalize(hex_of(orphan))
            await here.attest()
            await here.sync()
            assert await here.level() == "final"
            here.drop(mark)
            below, canonical = await here.set((6, 6)), await here.set((1, 222))
            assert (await here.client.source.header("finalized")).hash == orphan.hash
            assert canonical.number == orphan.number

            assert [await level_of(here.client.source, block) for block in (below, canonical)] == ["safe", "safe"]
            with pytest.raises(SourceReorganised, match="holds for finalized"):
                await here.client.attest(here.anchor, [here.owner], block="finalized")
            async with here.watch() as watch:
                assert isinstance(await watch.until(SmartSyncError), FinalBlockDropped)
                await watch.quiet()
            assert (await here.block(canonical.hash)).level == "unknown"
            assert (await here.block(orphan.hash)).level == await here.level() == "final"
