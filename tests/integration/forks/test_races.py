"""T7–T9: reorganisations in the middle of something, and accounts that exist on one branch only."""

from __future__ import annotations

from dataclasses import replace

import pytest
from eth_utils.address import to_checksum_address

from smartsync.contracts import encode_call
from smartsync.errors import SourceDestroyed, SourceReorganised, TransactionReverted
from smartsync.results import Progress
from smartsync.sync import parts, submitting
from tests.integration.forks.scene import Scene
from tests.integration.stage import refused, traces
from tests.integration.world import creation_code

FACTORY = bytes.fromhex(
    "604580600e600039806000f350fe7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
    "e03601600081602082378035828234f58015156039578182fd5b8082525050506014600cf3"
)
"""Arachnid's deterministic deployment proxy: takes a salt and creation code, and answers with the address."""

pytestmark = pytest.mark.parametrize("source", ["forking", "geth_shanghai"], indirect=True)


async def test_t7_reorganisation_between_plan_and_transaction_is_noticed(
    here: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = here.mark()
    await here.set((1, 111))
    await here.attest()
    planned = here.client._plan

    async def plan_and_drop(*args: object, **options: object) -> object:
        plan = await planned(*args, **options)  # type: ignore[arg-type]
        here.drop(mark)
        await here.set((1, 222))
        return plan

    monkeypatch.setattr(here.client, "_plan", plan_and_drop)
    async with refused(here.made, SourceReorganised):
        await here.sync()


async def test_t7_revocation_between_plan_and_transaction_is_refused_on_chain(here: Scene) -> None:
    mark = here.mark()
    orphan = await here.set((1, 111))
    await here.attest()
    plan = await here.client._plan(here.replica, await here.record(), orphan, here.slots)
    here.drop(mark)
    await here.set((1, 222))
    await here.revoke()
    before = await traces(here.client, here.owner)
    arguments = [here.replica, orphan.hash, plan.account_proof, plan.transition.witness]
    with pytest.raises(TransactionReverted) as caught:
        await here.send(here.client.hub or "", encode_call("Hub", "sync", arguments), "sync to an orphan")
    assert caught.value.name == "BlockNotAccepted"
    assert await traces(here.client, here.owner) == before
    await here.attest()
    await here.sync()
    await here.assert_exact()


async def test_t7_replica_moved_between_plan_and_transaction_is_refused_on_chain(here: Scene) -> None:
    first = await here.set((1, 111))
    await here.attest()
    late = await here.client._plan(here.replica, await here.record(), first, here.slots)
    await here.set((1, 222), (2, 222))
    await here.attest()
    await here.sync()
    # Back to where the plan led, which is canonical and older: nothing goes there but what has been revoked.
    arguments = [here.replica, first.hash, late.account_proof, late.transition.witness]
    with pytest.raises(TransactionReverted) as caught:
        await here.send(here.client.hub or "", encode_call("Hub", "sync", arguments), "late sync")
    assert caught.value.name == "BlockNotNewer"
    await here.assert_exact()


async def test_t8_second_reorganisation_before_the_recovery_lands(here: Scene) -> None:
    mark = here.mark()
    await here.set((1, 111), (5, 5))
    await here.attest()
    await here.sync()
    for attempt in range(2):
        here.drop(mark)
        mark = here.mark()
        orphan = await here.set((1, 200 + attempt), (6 + attempt, 6))
        await here.revoke()
        await here.attest()
    # The first canonical branch is an orphan by now, too; the replica was never on it.
    result = await here.sync()
    assert result.block_hash == orphan.hash
    assert await here.value(here.replica, 6) == 0
    await here.assert_exact()
    await here.assert_as_forked_anew()


@pytest.mark.parametrize("proven", ["some parts", "all parts"])
async def test_t8_second_reorganisation_between_the_parts_of_a_recovery(
    here: Scene, monkeypatch: pytest.MonkeyPatch, proven: str
) -> None:
    mark = here.mark()
    await here.set((1, 111), (5, 5))
    await here.attest()
    await here.sync()
    here.drop(mark)
    mark = here.mark()
    await here.set(*((key, 300 + key) for key in range(4)))
    await here.set(*((key, 300 + key) for key in range(6, 12)))
    await here.revoke()
    await here.attest()
    recorded = await here.record()

    # As small as they come, so that there are several.
    monkeypatch.setattr(submitting, "fits_pools", lambda data: False)
    monkeypatch.setattr(parts, "_PART_BYTES", 600)
    with pytest.raises(KeyboardInterrupt):
        await here.client.sync(here.replica, slots=here.slots, on_progress=stop_at(proven))
    here.drop(mark)
    # As many blocks as the first, or nobody could tell that this is no node that is behind.
    await here.set((1, 400), (7, 307), *((2, 302 + count) for count in range(8)))
    await here.revoke()
    now = await here.record()
    assert replace(recorded, target_block=now.target_block) == now, "parts write nothing"

    await here.attest()
    result = await here.sync()
    assert result.steps[-1].what.startswith("commit block ")
    assert result.block_hash == (await here.latest()).hash
    assert [await here.value(here.replica, key) for key in (1, 2, 5, 6, 7)] == [400, 309, 0, 0, 307]
    await here.assert_exact()
    await here.assert_as_forked_anew()


def stop_at(proven: str) -> Progress:
    def on_progress(phase: str, done: int, total: int) -> None:
        if phase == "commit" or (proven == "some parts" and phase.startswith("prepare block") and done == 1):
            raise KeyboardInterrupt

    return on_progress


async def test_t9_source_destroyed_on_the_orphan_only_lives_on(here: Scene) -> None:
    mark = here.mark()
    await here.set((1, 111))
    await here.attest()
    await here.sync()
    await here.made.do("destroy()")
    await here.attest()
    with pytest.raises(SourceDestroyed):
        await here.sync()
    await here.client.halt(here.replica)
    assert (await here.record()).status == "source_destroyed"
    here.drop(mark)
    await here.set((2, 222), (3, 333), (1, 1))
    await here.revoke()
    await here.attest()
    await here.sync()
    assert (await here.record()).status == "active"
    await here.assert_exact()
    await here.assert_as_forked_anew()


async def test_t9_source_destroyed_on_the_canonical_branch_only_ends(here: Scene) -> None:
    mark = here.mark()
    await here.set((1, 111), (5, 5))
    await here.attest()
    await here.sync()
    orphan = await here.record()
    here.drop(mark)
    await here.made.do("destroy()")
    # A transaction to the address, which is nobody's by now.
    await here.set((1, 1))
    await here.revoke()
    await here.attest()
    with pytest.raises(SourceDestroyed, match="does not exist any more") as caught:
        await here.sync()
    assert "smartsync halt" in caught.value.hint
    halted = await here.client.halt(here.replica)
    assert halted.to_block == (await here.latest()).number
    now = await here.record()
    # It keeps what it mirrored, an orphan's state, and says so twice: who asks for freshness gets nothing.
    assert (now.status, now.storage_root) == ("source_destroyed", orphan.storage_root)
    assert await here.level() == "revoked"
    assert not (await here.client.verify(here.replica, slots=here.slots)).exact


async def test_t9_source_created_on_the_orphan_only_has_a_replica_of_nothing(here: Scene) -> None:
    mark = here.mark()
    receipt = await here.made.on_source.send(None, creation_code("Sample"), what="deploy another")
    here.made.sample = receipt.contract_address or ""
    await here.set((1, 5))
    here.replica = await here.made.fork(slots=here.slots)
    here.drop(mark)
    # To an address that is nobody's now: that costs a block each.
    await here.set((1, 1), (1, 2), (1, 3))
    await here.revoke()
    await here.attest()
    with pytest.raises(SourceDestroyed):
        await here.sync()
    await here.client.halt(here.replica)
    assert (await here.record()).status == "source_destroyed"


@pytest.mark.parametrize("branch", ["orphan", "canonical"])
async def test_t9_source_destroyed_and_recreated_on_one_branch_only(here: Scene, branch: str) -> None:
    factory = (await here.made.on_source.send(None, FACTORY, what="factory")).contract_address or ""
    creation = bytes(32) + creation_code("Sample")
    where = "0x" + (await here.client.source.call(factory, creation)).hex()
    here.made.sample = to_checksum_address(where)
    await here.made.on_source.send(factory, creation, what="create")
    await here.set((1, 5), (2, 6))
    here.replica = await here.made.fork(slots=here.slots)

    mark = here.mark()
    for now in ("orphan", "canonical"):
        if now == branch:
            await here.made.do("destroy()")
            await here.made.on_source.send(factory, creation, what="create again")
        else:
            await here.set((3, 7), (4, 8))
        await here.set((2, 66))
        if now == "orphan":
            await here.attest()
            await here.sync()
            await here.assert_exact()
            here.drop(mark)
    await here.revoke()
    await here.attest()
    await here.sync()
    expected = [0, 66, 0, 0] if branch == "canonical" else [5, 66, 7, 8]
    assert [await here.value(here.replica, key) for key in (1, 2, 3, 4)] == expected
    await here.assert_exact()
    await here.assert_as_forked_anew()
