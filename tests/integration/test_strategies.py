"""A whole sync on what one strategy of discovery finds, the others' methods being switched off."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from smartsync import SmartSync
from smartsync.errors import IncompleteSlots, InvalidProof
from smartsync.keccak import keccak256
from smartsync.testing import Node
from smartsync.trie.nibbles import to_nibbles
from tests.integration.world import World, sample_slots, world
from tests.lying_proxy import LyingProxy, cut_storage_proofs, lying

RANGE, TRACE, SINGLY = "debug_storageRangeAt", "debug_traceBlockByNumber", "debug_traceTransaction"


@pytest.fixture(
    params=[
        ("geth", TRACE, "prestate diff"),
        ("geth", RANGE, "storage range"),
        ("ganache", RANGE, "storage range"),
        ("geth", SINGLY, "prestate diff by transaction"),
        ("ganache", SINGLY, "prestate diff by transaction"),
        ("hardhat", SINGLY, "prestate diff by transaction"),
    ],
    ids=lambda param: f"{param[0]} {param[2]}",
)
def able(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Node, LyingProxy, str]]:
    """Give a node, itself with one debug method only, and the strategy that this leaves.

    The storage range before the newest block is made up for by tracing that block's transactions.
    """
    name, method, strategy = request.param
    node = request.getfixturevalue(name)
    with lying(node.url) as proxy:
        proxy.missing = {RANGE, TRACE, SINGLY} - {method}
        if method == RANGE:
            proxy.missing.discard(SINGLY)
            monkeypatch.setattr("smartsync.discovery.SHORT_RANGE", -1)
        yield node, proxy, strategy


@pytest.fixture
async def made(able: tuple[Node, LyingProxy, str], anvil: Node) -> AsyncIterator[World]:
    async with world(able[0], anvil) as direct:
        url, hub, account = able[1].url, direct.client.hub, direct.owner
        async with SmartSync.connect(url, anvil.url, hub=hub, account=account) as client:
            direct.client = client
            yield direct


async def test_fork_and_sync_with_one_strategy_replica_is_exact(
    made: World, able: tuple[Node, LyingProxy, str]
) -> None:
    await made.do("setRange(uint256,uint256,uint256)", 0, 5, 100)
    replica = await made.fork()
    await made.do("setRange(uint256,uint256,uint256)", 3, 4, 200)
    await made.do("setRange(uint256,uint256,uint256)", 0, 1, 0)
    await made.attest()
    plan = await made.client.diff(replica)
    assert plan.strategy == able[2]
    result = await made.client.sync(replica)
    assert result.changes == plan.changes
    assert {change.kind for change in result.changes} == {"insert", "update", "delete"}
    verification = await made.client.verify(replica)
    assert verification.exact, verification


async def test_fork_and_sync_by_state_diffs_of_anvil_replica_is_exact(anvil: Node, hardhat: Node) -> None:
    """Nothing is deleted here: anvil's tries do not survive it."""
    with lying(anvil.url) as proxy:
        proxy.missing = {TRACE, SINGLY}
        async with world(anvil, hardhat) as made:
            hub, account = made.client.hub, made.owner
            async with SmartSync.connect(proxy.url, hardhat.url, hub=hub, account=account) as made.client:
                await made.do("setRange(uint256,uint256,uint256)", 0, 5, 100)
                replica = await made.fork()
                await made.do("setRange(uint256,uint256,uint256)", 3, 4, 200)
                await made.attest()
                plan = await made.client.diff(replica)
                assert plan.strategy == "state diff"
                result = await made.client.sync(replica)
                assert result.changes == plan.changes
                assert {change.kind for change in result.changes} == {"insert", "update"}
                assert (await made.client.verify(replica)).exact


# --- a node with nothing but eth_getProof ---


@pytest.fixture(params=["ganache", "hardhat", "geth"])
def bare(request: pytest.FixtureRequest) -> Iterator[tuple[Node, LyingProxy]]:
    """Give a node of which nothing is left that tells slots, and the way to it."""
    node = request.getfixturevalue(request.param)
    with lying(node.url) as proxy:
        proxy.missing = {RANGE, TRACE, "debug_traceTransaction", "eth_getLogs", "eth_createAccessList"}
        yield node, proxy


@pytest.fixture
async def barely(bare: tuple[Node, LyingProxy], anvil: Node) -> AsyncIterator[World]:
    async with world(bare[0], anvil) as direct:
        url, hub, account = bare[1].url, direct.client.hub, direct.owner
        async with SmartSync.connect(url, anvil.url, hub=hub, account=account) as client:
            direct.client = client
            yield direct


async def test_sync_by_proofs_alone_finds_updates_and_deletes(barely: World) -> None:
    await barely.do("setRange(uint256,uint256,uint256)", 0, 200, 100)
    replica = await barely.fork(slots=sample_slots(range(200)))
    await barely.do("setRange(uint256,uint256,uint256)", 3, 4, 1000)
    await barely.do("setRange(uint256,uint256,uint256)", 120, 2, 0)
    await barely.attest()
    plan = await barely.client.diff(replica)
    assert plan.strategy == "proof walk"
    assert sorted(change.kind for change in plan.changes) == ["delete"] * 3 + ["update"] * 4, "one of them is the count"
    await barely.client.sync(replica)
    assert (await barely.client.verify(replica)).exact


async def test_sync_by_proofs_alone_names_new_slots_by_what_was_called(barely: World) -> None:
    await barely.do("setRange(uint256,uint256,uint256)", 0, 20, 100)
    replica = await barely.fork(slots=sample_slots(range(20)))
    await barely.do("set(uint256,uint256)", 10**9, 7)
    await barely.attest()
    assert (await barely.client.diff(replica)).strategy == "naming"
    result = await barely.client.sync(replica)
    assert [change.kind for change in result.changes] == ["insert"]
    assert (await barely.client.verify(replica)).exact


async def test_sync_by_proofs_alone_tells_unknown_slots_by_their_trie_keys(barely: World) -> None:
    await barely.do("setRange(uint256,uint256,uint256)", 0, 20, 100)
    replica = await barely.fork(slots=sample_slots(range(20)))
    await barely.do("set(uint256,uint256)", 3, 7)
    # The first key stands in the call; that it goes on from there nobody can guess.
    await barely.do("setRange(uint256,uint256,uint256)", 10**9, 4, 100)
    await barely.attest()
    new = {keccak256((10**9 + n).to_bytes(32, "big") + bytes(32)) for n in range(4)}
    first = keccak256((10**9).to_bytes(32, "big") + bytes(32))
    with pytest.raises(IncompleteSlots) as caught:
        await barely.client.sync(replica)
    assert set(caught.value.prefixes) == {to_nibbles(keccak256(slot)) for slot in new - {first}}
    assert "naming: 3 of 5 changed trie keys are of unknown slots" in caught.value.message
    await barely.client.sync(replica, slots=new | sample_slots(range(20)))
    assert (await barely.client.verify(replica)).exact


async def test_sync_by_proofs_alone_goes_back_to_a_slot_that_the_replica_once_had(barely: World) -> None:
    await barely.do("setRange(uint256,uint256,uint256)", 0, 20, 100)
    replica = await barely.fork(slots=sample_slots(range(20)))
    for value in (0, 9):
        await barely.do("set(uint256,uint256)", 3, value)
        await barely.attest()
        result = await barely.client.sync(replica)
    assert [change.kind for change in result.changes] == ["insert"]
    assert (await barely.client.verify(replica)).exact


async def test_sync_proofs_of_the_source_that_prove_nothing_are_named(
    barely: World, bare: tuple[Node, LyingProxy]
) -> None:
    proxy = bare[1]
    await barely.do("setRange(uint256,uint256,uint256)", 0, 20, 100)
    replica = await barely.fork(slots=sample_slots(range(20)))
    await barely.do("set(uint256,uint256)", 3, 7)
    await barely.attest()
    proxy.lies["eth_getProof"] = lambda params, told: cut_storage_proofs(params, told) if len(params[1]) else told
    with pytest.raises(InvalidProof) as caught:
        await barely.client.sync(replica)
    assert barely.client.source.rpc.host in caught.value.message
    proxy.lies.clear()
    await barely.client.sync(replica)
    assert (await barely.client.verify(replica)).exact
