"""Fork and sync between real nodes of different make, from end to end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from smartsync import AnchorUpdate, SmartSync, SyncResult
from smartsync.contracts import encode_call
from smartsync.errors import (
    BlockNotAccepted,
    ConfigError,
    IncompleteSlots,
    NonCanonicalTrie,
    ReplicaMoved,
    RpcError,
    SmartSyncError,
    SourceDestroyed,
    TransactionReverted,
    UnknownReplica,
)
from smartsync.keccak import keccak256
from smartsync.replica import read_record
from smartsync.sync import forking
from smartsync.testing import Node
from smartsync.trie.nibbles import to_nibbles
from tests.integration.world import World, creation_code, encode, sample_slots, world

PAIRS = [("hardhat", "anvil"), ("ganache", "hardhat"), ("geth", "anvil")]


@pytest.fixture(params=PAIRS, ids="→".join)
async def pair(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    source, target = (request.getfixturevalue(name) for name in request.param)
    async with world(source, target) as made:
        yield made


@pytest.fixture
async def here(ganache: Node, hardhat: Node) -> AsyncIterator[World]:
    async with world(ganache, hardhat) as made:
        yield made


async def test_fork_and_sync_inserts_updates_deletes_replica_is_exact(pair: World) -> None:
    await pair.do("setRange(uint256,uint256,uint256)", 0, 60, 1000)
    slots = sample_slots(range(80))
    replica = await pair.fork(slots=slots)
    assert (await pair.client.verify(replica)).exact
    assert await pair.read(replica, "values(uint256)(uint256)", 7) == (1007,)

    await pair.do("setRange(uint256,uint256,uint256)", 0, 10, 0)
    await pair.do("setRange(uint256,uint256,uint256)", 55, 20, 2**255)
    await pair.attest()
    plan = await pair.client.diff(replica, slots=slots)
    result = await pair.client.sync(replica, slots=slots)
    kinds = {(change.old == 0, change.new == 0) for change in result.changes}
    assert kinds == {(True, False), (False, True), (False, False)}
    assert plan.changes == result.changes
    assert len(result.steps) == 1
    verification = await pair.client.verify(replica)
    assert verification.exact, verification
    assert await pair.read(replica, "values(uint256)(uint256)", 7) == (0,)
    assert await pair.read(replica, "values(uint256)(uint256)", 74) == (2**255 + 74,)


async def test_sync_after_deletions_on_anvil_target_goes_on(hardhat: Node, anvil: Node) -> None:
    # anvil's own trie of the replica is wrong after a deletion; the old side then comes from the replica's slots.
    async with world(hardhat, anvil) as made:
        await made.do("setRange(uint256,uint256,uint256)", 0, 20, 5)
        slots = sample_slots(range(20))
        replica = await made.fork(slots=slots)
        for first, value in ((0, 0), (5, 9), (0, 3)):
            await made.do("setRange(uint256,uint256,uint256)", first, 10, value)
            await made.attest()
            await made.client.sync(replica, slots=slots)
            verification = await made.client.verify(replica)
            assert verification.exact, verification


async def test_sync_to_and_from_empty_storage_replica_is_exact(here: World) -> None:
    await here.do("setRange(uint256,uint256,uint256)", 0, 1, 5)
    replica = await here.fork()
    record = await read_record(here.client.target, here.client.hub or "", replica)
    assert record.status == "active"
    await here.do("setRange(uint256,uint256,uint256)", 0, 1, 0)
    await here.attest()
    assert len((await here.client.sync(replica)).changes) == 2
    assert (await here.client.verify(replica)).exact


async def test_sync_unchanged_root_only_moves_the_block(here: World) -> None:
    replica = await here.fork()
    await here.on_source.send(here.owner.address, b"", what="another block")
    number = await here.attest()
    result = await here.client.sync(replica)
    assert (result.to_block, result.changes) == (number, ())
    again = await here.client.sync(replica)
    assert again.steps == ()


async def test_fork_interrupted_after_create_and_a_chunk_resumes(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await here.do("setRange(uint256,uint256,uint256)", 0, 90, 77)
    await here.attest()
    monkeypatch.setattr(forking, "_FILL_GAS", forking._GAS_PER_NEW_SLOT * 30)
    sent: list[str] = []

    def stop_in_the_middle(phase: str, done: int, total: int) -> None:
        sent.append(phase)
        if phase == "fill" and done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await here.client.fork(here.sample, anchor=here.anchor, on_progress=stop_in_the_middle)
    # The source goes on meanwhile: what has landed is brought along.
    await here.do("setRange(uint256,uint256,uint256)", 0, 5, 0)
    await here.attest()
    resumed = await here.client.fork(here.sample, anchor=here.anchor)
    filled = [step.what for step in resumed.steps]
    assert not any("create" in what for what in filled)
    # Two or three for what is missing, and one that puts right what has landed.
    assert 3 <= sum("fill" in what for what in filled) <= 4
    assert (await here.client.verify(resumed.replica)).exact


async def test_fork_of_an_active_replica_sends_nothing(here: World) -> None:
    replica = await here.fork()
    again = await here.client.fork(here.sample, anchor=here.anchor)
    assert (again.replica, again.steps) == (replica, ())


async def test_watch_follows_the_source(here: World) -> None:
    replica = await here.fork()
    await here.do("set(uint256,uint256)", 1, 42)
    told = []
    async for event in here.client.watch(replica, interval_s=0.1, attestors=[here.owner]):
        told.append(type(event))
        if isinstance(event, SyncResult):
            break
    assert told == [AnchorUpdate, SyncResult]
    assert await here.read(replica, "values(uint256)(uint256)", 1) == (42,)


async def test_replica_reads_of_every_kind_agree(here: World) -> None:
    await here.do("set(uint256,uint256)", 1, 66)
    replica = await here.fork()
    assert await here.read(replica, "nothing()()") == ()
    (big,) = await here.read(replica, "tenThousandBytes()(bytes)")
    assert isinstance(big, bytes) and len(big) == 10_000 and big[0] == 66
    assert await here.read(replica, "refusesWithText()()") == ("not today",)
    await here.read(replica, "refuses()()")
    text = "a name that is longer than thirty-one bytes, so it takes several slots"
    assert await here.read(replica, "name()(string)") == (text,)
    someone = "0x000000000000000000000000000000000000bEEF"
    comparison = await here.client.call(replica, "whoAsks()(address)", [], sender=someone)
    assert comparison.agree and comparison.replica.values == (someone,)


async def test_replica_read_by_a_contract_by_call_and_staticcall_cannot_write(here: World) -> None:
    await here.do("set(uint256,uint256)", 3, 10)
    replica = await here.fork()
    target = here.client.target
    reader = (await here.on_target.send(None, creation_code("SampleReader"), what="reader")).contract_address or ""
    answer = await target.call(reader, encode("byStaticCall(address,uint256)", replica, 3))
    assert int.from_bytes(answer[:32], "big") == 10
    assert answer[44:] == bytes.fromhex(reader[2:]), "msg.sender is the reader"
    # A CALL in a real transaction: the function believes that it wrote, and nothing stays of it.
    receipt = await here.on_target.send(reader, encode("byCall(address,uint256)", replica, 3), what="call")
    assert receipt.logs == ()
    direct = await here.on_target.send(replica, encode("writesAndAnswers(uint256)", 3), what="write")
    assert direct.logs == ()
    assert (await here.client.verify(replica)).exact
    with pytest.raises(RpcError, match=keccak256(b"ValueRefused(uint256)")[:4].hex()):
        await target.rpc.call("eth_call", [{"to": replica, "value": "0x1"}, "latest"])


async def test_forged_sync_is_refused_by_name(here: World) -> None:
    replica = await here.fork()
    await here.do("set(uint256,uint256)", 1, 42)
    await here.attest()
    client, hub = here.client, here.client.hub or ""
    record = await read_record(client.target, hub, replica)
    header = await client.source.header("latest")
    plan = await client._plan(replica, record, header, None)
    witness = bytearray(plan.transition.witness)
    (change,) = plan.transition.changes
    value_at = witness.index(change.slot) + 32  # behind the slot
    assert witness[value_at] == change.new == 42
    witness[value_at] += 1
    arguments = [replica, header.hash, plan.account_proof, bytes(witness)]
    with pytest.raises(TransactionReverted) as caught:
        await here.on_target.send(hub, encode_call("Hub", "sync", arguments), what="forge")
    assert caught.value.name == "StateRootMismatch"
    assert (await client.verify(replica)).exact


async def test_sync_to_a_block_not_accepted_is_refused(here: World) -> None:
    replica = await here.fork()
    receipt = await here.do("set(uint256,uint256)", 1, 1)
    with pytest.raises(BlockNotAccepted, match="unknown"):
        await here.client.sync(replica, block=receipt.block_number)


async def test_attest_the_finalized_block_by_its_word(here: World) -> None:
    header = await here.client.source.header("finalized")
    attested = await here.client.attest(here.anchor, [here.owner], block="finalized")
    assert (attested.block_number, attested.block_hash) == (header.number, header.hash)


async def test_sync_of_a_replica_of_another_hub_is_refused(here: World) -> None:
    replica = await here.fork()
    first = here.client.hub
    await here.client.deploy(signers=[here.owner.address], threshold=1)
    assert here.client.hub != first
    with pytest.raises(UnknownReplica, match="not a replica of the hub"):
        await here.client.sync(replica)


async def test_sync_by_two_at_once_one_wins_the_other_is_told_to_look_again(
    here: World, ganache: Node, hardhat: Node
) -> None:
    replica = await here.fork()
    await here.do("set(uint256,uint256)", 1, 42)
    await here.attest()
    urls = ganache.url, hardhat.url
    async with SmartSync.connect(*urls, hub=here.client.hub, account=hardhat.accounts[5]) as other:
        results = await asyncio.gather(here.client.sync(replica), other.sync(replica), return_exceptions=True)
    won = [result for result in results if isinstance(result, SyncResult) and result.steps]
    lost = [result for result in results if result not in won]
    assert len(won) == 1
    assert all(isinstance(r, SyncResult) or (isinstance(r, ReplicaMoved) and r.retryable) for r in lost), lost
    assert (await here.client.verify(replica)).exact


async def test_calls_side_by_side_share_one_nonce_sequence(here: World) -> None:
    first = await here.fork()
    await here.do("set(uint256,uint256)", 1, 42)
    await here.attest()
    deployed = here.client.deploy(signers=[here.owner.address], threshold=1, anchor_only=True)
    synced, anchored = await asyncio.gather(here.client.sync(first), deployed)
    assert synced.steps and anchored.anchor != here.anchor


async def test_addresses_in_lower_case_are_as_good(here: World) -> None:
    await here.attest()
    forked = await here.client.fork(here.sample.lower(), anchor=here.anchor.lower())
    assert (await here.client.verify(forked.replica.lower())).exact
    with pytest.raises(ConfigError, match=r"the source: .* is not an address"):
        await here.client.fork("0x12", anchor=here.anchor)


async def test_slots_that_do_not_cover_the_root_are_named_by_trie_key(hardhat: Node, anvil: Node) -> None:
    async with world(hardhat, anvil) as made:
        await made.do("setRange(uint256,uint256,uint256)", 0, 30, 5)
        await made.attest()
        with pytest.raises(IncompleteSlots) as caught:
            await made.client.fork(made.sample, anchor=made.anchor, slots=sample_slots(range(20)))
        mapped = (keccak256(key.to_bytes(32, "big") + bytes(32)) for key in range(20, 30))
        assert set(caught.value.prefixes) == {to_nibbles(keccak256(slot)) for slot in mapped}, "their whole trie keys"
        assert await made.client.replicas() == [], "nothing was sent"


async def test_anvil_as_source_after_a_deletion_is_refused(anvil: Node, hardhat: Node) -> None:
    async with world(anvil, hardhat) as made:
        await made.do("setRange(uint256,uint256,uint256)", 0, 5, 5)
        await made.do("setRange(uint256,uint256,uint256)", 0, 2, 0)
        await made.attest()
        with pytest.raises(NonCanonicalTrie, match="zero"):
            await made.client.fork(made.sample, anchor=made.anchor)


async def test_destroyed_source_is_told_and_recorded(here: World) -> None:
    await here.do("set(uint256,uint256)", 1, 7)
    replica = await here.fork()
    await here.do("set(uint256,uint256)", 1, 8)
    await here.attest()
    last = await here.client.source.block_number()
    await here.do("destroy()")
    await here.attest()
    with pytest.raises(SourceDestroyed, match="does not exist"):
        await here.client.sync(replica)
    await here.client.halt(replica)
    assert (await here.client.status(replica)).status == "source_destroyed"
    values = await here.client.call(replica, "values(uint256)(uint256)", [1])
    assert values.replica.values == (7,)

    # What it was before its end can still be mirrored.
    result = await here.client.sync(replica, block=last)
    assert len(result.changes) == 1
    state = await here.client.status(replica)
    assert (state.status, state.block_number) == ("source_destroyed", last)
    values = await here.client.call(replica, "values(uint256)(uint256)", [1])
    assert values.replica.values == (8,)


async def test_reorg_between_plan_and_submission_sends_nothing(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    replica = await here.fork()
    snapshot = await here.client.source.rpc.call("evm_snapshot")
    await here.do("set(uint256,uint256)", 1, 42)
    await here.attest()
    planned = here.client._plan

    async def plan_then_reorg(*args: object, **options: object) -> object:
        plan = await planned(*args, **options)  # type: ignore[arg-type]
        await here.client.source.rpc.call("evm_revert", [snapshot])
        await here.do("set(uint256,uint256)", 1, 43)
        return plan

    monkeypatch.setattr(here.client, "_plan", plan_then_reorg)
    before = await here.client.status(replica)
    with pytest.raises(SmartSyncError) as caught:
        await here.client.sync(replica)
    assert type(caught.value).__name__ == "SourceReorganised"
    after = await read_record(here.client.target, here.client.hub or "", replica)
    assert (after.storage_root, after.block_hash) == (before.storage_root, before.block_hash)
