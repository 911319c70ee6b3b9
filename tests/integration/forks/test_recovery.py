"""T1–T6: the source drops the block that a replica mirrors, and the replica comes back to a canonical one."""

from __future__ import annotations

import pytest

from smartsync.errors import BlockNotAccepted, SourceReorganised, TransactionReverted
from smartsync.results import DroppedBlock
from smartsync.sync.blocks import last_common_block
from smartsync.types import SlotChange
from tests.integration.forks.scene import Scene
from tests.integration.stage import traces
from tests.integration.world import encode, sample_slots

pytestmark = pytest.mark.parametrize("source", ["forking", "geth_osaka"], indirect=True)


def slot_of(key: int) -> bytes:
    (slot,) = sample_slots(range(key, key + 1)) - sample_slots(range(0))
    return slot


def kinds(changes: tuple[SlotChange, ...]) -> dict[bytes, str]:
    return {change.slot: change.kind for change in changes}


async def test_t1_reorganisation_above_the_recorded_block_leaves_the_replica_untouched(here: Scene) -> None:
    recorded = (await here.record()).block_hash
    mark = here.mark()
    await here.set((1, 7), (2, 8))  # never attested: the signers lag behind by more than the reorganisation
    here.drop(mark)
    await here.set((1, 9), (2, 10), (3, 11))
    before = await traces(here.client, here.owner)
    async with here.watch(every_blocks=50) as watch:
        await watch.quiet()
    assert await traces(here.client, here.owner) == before
    assert ((await here.record()).block_hash, await here.level()) == (recorded, "safe")
    await here.assert_exact()


async def test_t2_same_height_other_state_is_suspect_until_it_recovers(here: Scene) -> None:
    mark = here.mark()
    orphan = await here.set((1, 111), (5, 5))
    assert (await here.attest()).hash == orphan.hash
    await here.sync()
    guard = await here.guard()
    assert await here.value(guard, 1) == 111
    here.drop(mark)
    canonical = await here.set((1, 222), (6, 6))
    assert canonical.number == orphan.number and canonical.hash != orphan.hash

    # Nothing can be done before the anchor knows: it accepts no other block of this number.
    with pytest.raises(SourceReorganised):
        await here.sync()
    await here.revoke()
    assert await here.level() == "revoked"
    with pytest.raises(TransactionReverted) as refused:
        await here.value(guard, 1)
    assert refused.value.name == "Revoked", refused.value
    assert await here.value(here.replica, 1) == 111, "who reads the raw mirror gets what it mirrors"

    await here.attest()
    result = await here.sync()
    assert (result.from_block, result.to_block, result.block_hash) == (orphan.number, canonical.number, canonical.hash)
    assert kinds(result.changes) == {slot_of(1): "update", slot_of(5): "delete", slot_of(6): "insert"}
    assert await here.value(guard, 1) == 222
    assert await here.level() == "safe"
    await here.assert_exact()
    await here.assert_as_forked_anew()


async def test_t2_orphan_is_told_alike_by_whatever_looks_at_it(here: Scene) -> None:
    client = here.client
    mark = here.mark()
    orphan = await here.set((1, 111), (5, 5))
    await here.attest()
    await here.sync()
    state, report = await client.status(here.replica), await client.describe_anchor(here.anchor)
    assert (state.dropped_for, report.dropped, report.not_compared) == (None, (), "")
    here.drop(mark)
    canonical = await here.set((1, 222), (6, 6))
    here.forget()

    assert (await client.status(here.replica)).dropped_for == canonical.hash
    report = await client.describe_anchor(here.anchor)
    assert report.dropped == (DroppedBlock(orphan.number, orphan.hash, "safe"),)
    for work in (client.diff(here.replica, slots=here.slots), here.sync()):
        with pytest.raises(SourceReorganised, match=f"accepts 0x{orphan.hash.hex()} as block") as caught:
            await work
        assert "smartsync anchor revoke" in caught.value.hint
    with pytest.raises(SourceReorganised, match=f"stands at block {orphan.number}") as caught:
        await client.call(here.replica, "values(uint256)(uint256)", [1])
    assert "smartsync anchor revoke" in caught.value.hint

    await here.revoke()
    assert (await client.describe_anchor(here.anchor)).dropped == ()
    with pytest.raises(SourceReorganised) as caught:
        await client.call(here.replica, "values(uint256)(uint256)", [1])
    assert "smartsync sync brings the replica" in caught.value.hint
    planned = await client.diff(here.replica, slots=here.slots)
    done = await here.sync()
    assert (planned.to_block, planned.changes) == (done.to_block, done.changes)
    assert (await client.status(here.replica)).dropped_for is None


async def test_t3_recovery_goes_to_a_lower_number_too(here: Scene) -> None:
    lower = await here.set((4, 4))
    await here.attest()
    mark = here.mark()
    orphan = await here.set((1, 111), (4, 5), (5, 5))
    await here.attest()
    await here.sync()
    here.drop(mark)
    await here.set((2, 1), (2, 2), (2, 3), (2, 4))
    with pytest.raises(BlockNotAccepted, match="not newer"):
        await here.sync(block=lower.number)
    await here.revoke()
    result = await here.sync()
    assert (result.from_block, result.to_block) == (orphan.number, lower.number)
    assert result.block_hash == lower.hash and lower.number < orphan.number
    await here.assert_exact()
    await here.assert_as_forked_anew()
    # The way forward is open again.
    await here.attest()
    assert (await here.sync()).from_block == lower.number
    await here.assert_exact()


async def test_t3_recovery_to_a_block_before_the_first_one_is_refused_before_anything_is_sent(here: Scene) -> None:
    first = (await here.record()).block_number
    mark = here.mark()
    await here.set((1, 111))
    await here.attest()
    await here.sync()
    here.drop(mark)
    await here.set((1, 112))
    # The block before the replica's first one is the only one that stands.
    await here.revoke_above(bytes(32))
    older = await here.client.source.header(first - 1)
    await here.update(await here.attested(older, "safe", here.owner))
    assert (await here.record()).first_block == first
    before = await traces(here.client, here.owner)
    with pytest.raises(BlockNotAccepted, match=f"no source block before {first}"):
        await here.sync()
    assert await traces(here.client, here.owner) == before
    await here.attest()
    await here.sync()
    await here.assert_exact()


@pytest.mark.parametrize("given", [True, False])
async def test_t4_slots_that_only_the_orphan_wrote_are_deleted(here: Scene, given: bool) -> None:
    mark = here.mark()
    await here.set((7, 70), (8, 80), (1, 1))
    await here.attest()
    await here.sync()
    here.drop(mark)
    await here.set((2, 2), (2, 3), (2, 4))
    await here.revoke()
    await here.attest()
    result = await here.client.sync(here.replica, slots=here.slots if given else None)
    assert kinds(result.changes) == {
        slot_of(7): "delete",
        slot_of(8): "delete",
        slot_of(1): "update",
        slot_of(2): "update",
    }
    assert await here.value(here.replica, 7) == 0
    await here.assert_exact()
    await here.assert_as_forked_anew()


@pytest.mark.parametrize("given", [True, False])
async def test_t5_slots_that_only_the_canonical_branch_wrote_are_there(here: Scene, given: bool) -> None:
    mark = here.mark()
    await here.set((1, 1), (1, 2), (1, 3))
    await here.attest()
    await here.sync()
    here.drop(mark)
    # Also in blocks below the orphan's number: whoever looks only above it does not find these.
    await here.set((9, 90), (10, 100), (0, 0), (2, 2))
    await here.set((3, 3))
    await here.revoke()
    await here.attest()
    result = await here.client.sync(here.replica, slots=here.slots if given else None)
    assert kinds(result.changes)[slot_of(9)] == kinds(result.changes)[slot_of(10)] == "insert"
    assert kinds(result.changes)[slot_of(0)] == "delete"
    await here.assert_exact()
    await here.assert_as_forked_anew()


async def test_t5_last_common_block_is_the_newest_mirrored_one_that_the_source_still_has(here: Scene) -> None:
    client, hub = here.client, here.client.hub or ""

    async def found() -> int | None:
        return await last_common_block(client.source, client.target, hub, here.replica, await here.record())

    first = here.mark()
    common = await here.set((1, 1))
    await here.attest()
    await here.sync()
    assert await found() == common.number
    mark = here.mark()
    for value in range(3):  # several orphans, each of which was recorded
        await here.set((1, 100 + value))
        await here.attest()
        await here.sync()
    here.drop(mark)
    await here.set((2, 1))
    assert await found() == common.number, "the source has no block of the recorded number yet"
    await here.set((2, 2), (2, 3), (2, 4))
    assert await found() == common.number
    here.drop(first)
    await here.set((3, 1), (3, 2))
    began = (await here.record()).first_block
    assert await found() == began


async def test_t6_recovery_needs_nothing_of_the_orphan(here: Scene) -> None:
    mark = here.mark()
    orphan = await here.set((7, 70), (1, 111))
    await here.attest()
    await here.sync()
    here.drop(mark)
    await here.set((1, 5), (2, 6), (3, 7))
    here.forget()
    here.proxy.requests.clear()
    await here.revoke()
    await here.attest()
    await here.client.sync(here.replica)
    await here.assert_exact()
    assert here.proxy.calls, "the source was asked"
    assert orphan.hash.hex() not in str(here.proxy.calls), "nothing was asked about the orphan"
    # ganache answers with the block that has the orphan's number now: the orphan itself is gone.
    found = await here.client.source.rpc.call("eth_getBlockByHash", ["0x" + orphan.hash.hex(), False])
    assert found is None or found["hash"] != "0x" + orphan.hash.hex(), "nobody has it"
    values = await here.client.target.call(here.replica, encode("values(uint256)", 7))
    assert not any(values)
