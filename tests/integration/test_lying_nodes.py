"""Nodes that lack something, forgot something or lie: a real node with a proxy in front that bends its answers."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from smartsync.errors import (
    BlockUnavailable,
    InvalidHeader,
    InvalidProof,
    MethodMissing,
    NodeError,
    NodeUnreachable,
    NonCanonicalTrie,
    SmartSyncError,
    SourceReorganised,
)
from smartsync.testing import Node
from tests import lying_proxy
from tests.http_node import Reply
from tests.integration.stage import Stage, refused, staged
from tests.integration.world import World, sample_slots
from tests.lying_proxy import Lie, LyingProxy, lying

KEYS = 40
"""So many that the sync compares values before it has them proven: then a lie about a value has a part to play."""


@pytest.fixture(scope="module")
def stage(ganache: Node, anvil: Node) -> Stage:
    return staged(ganache, anvil, keys=KEYS)


@pytest.fixture
def proxy(stage: Stage) -> Iterator[LyingProxy]:
    with lying(stage.source.url) as node:
        yield node


@pytest.fixture
async def made(stage: Stage, proxy: LyingProxy) -> AsyncIterator[World]:
    """The stage by way of the proxy, with one change of the source that the replica does not have yet."""
    async with stage.world() as direct:
        (value,) = (await direct.client.call(stage.replica, "values(uint256)(uint256)", [5])).replica.values
        await direct.do("set(uint256,uint256)", 5, int(str(value)) + 1)
        await direct.attest()
    async with stage.world(source_url=proxy.url) as world:
        world.client.source.rpc._retries = 0  # what comes back is tested elsewhere; here each wait is in vain
        yield world


async def synced(made: World, stage: Stage, slots: set[bytes] | None = None) -> None:
    """Sync, and check by the honest node that the replica is exact."""
    result = await made.client.sync(stage.replica, slots=slots)
    assert len(result.changes) == 1
    async with stage.world() as direct:
        verification = await direct.client.verify(stage.replica)
    assert verification.exact, verification


@pytest.mark.parametrize(
    ("method", "lie", "error", "text"),
    [
        ("eth_getProof", lying_proxy.bent_account_proof, InvalidProof, "does not prove the account"),
        ("eth_getProof", lying_proxy.bent_storage_proofs, InvalidProof, "is not complete"),
        ("eth_getProof", lying_proxy.cut_storage_proofs, InvalidProof, "is not complete"),
        ("eth_getProof", lying_proxy.pruned, BlockUnavailable, "missing trie node"),
        ("eth_getBlockByNumber", lying_proxy.bent_state_root, InvalidHeader, "hash"),
        ("eth_getBlockByNumber", lying_proxy.forged_header, SourceReorganised, "the anchor accepts"),
    ],
    ids=lambda part: getattr(part, "__name__", None),
)
async def test_sync_from_a_node_that_lies_is_refused(
    made: World, proxy: LyingProxy, stage: Stage, method: str, lie: Lie, error: type[SmartSyncError], text: str
) -> None:
    proxy.lies[method] = lie
    async with refused(made, error) as caught:
        await made.client.sync(stage.replica)
    assert text in caught.value.message
    if error is InvalidProof:
        assert made.client.source.rpc.host in caught.value.message, "the node is named"
    if error is BlockUnavailable:
        assert "archive node" in caught.value.hint


async def test_sync_from_a_node_of_another_block_than_asked_for_is_refused(
    made: World, proxy: LyingProxy, stage: Stage, ganache: Node
) -> None:
    older = ganache.request("eth_getBlockByNumber", ["0x1", False])
    proxy.lies["eth_getBlockByNumber"] = lambda params, block: block if params[0] == "0x0" else older
    async with refused(made, InvalidHeader) as caught:
        await made.client.sync(stage.replica)
    assert "answered with block 1" in caught.value.message


@pytest.mark.parametrize("role", ["source", "target"])
async def test_sync_without_eth_get_proof_names_the_method(
    made: World, proxy: LyingProxy, stage: Stage, role: str
) -> None:
    if role == "source":
        proxy.missing.add("eth_getProof")
        async with refused(made, MethodMissing) as caught:
            await made.client.sync(stage.replica)
    else:
        with lying(stage.target.url) as bent:
            bent.missing.add("eth_getProof")
            async with stage.world(target_url=bent.url) as world, refused(world, MethodMissing) as caught:
                await world.client.sync(stage.replica)
    assert caught.value.exit_code == 3
    assert "eth_getProof" in caught.value.message and "smartsync doctor" in caught.value.hint


async def test_fork_with_other_code_than_proven_is_refused(made: World, proxy: LyingProxy) -> None:
    proxy.lies["eth_getCode"] = lambda params, code: lying_proxy.flipped(code)
    other = (await made.on_source.send(None, b"\x60\x01\x5f\x52\x60\x01\x60\x1f\xf3", what="another")).contract_address
    await made.attest()
    async with refused(made, InvalidProof) as caught:
        await made.client.fork(other or "", anchor=made.anchor)
    assert "is not the one proven" in caught.value.message
    assert made.client.source.rpc.host in caught.value.message


async def test_fork_at_a_block_that_the_node_dropped_is_refused_and_a_newer_one_works(
    made: World, proxy: LyingProxy, stage: Stage
) -> None:
    newest = await made.client.source.header("latest")
    old = {hex(newest.number - back) for back in range(3, 60)}
    for method in ("eth_getProof", "eth_getCode", "eth_getStorageAt"):
        proxy.lies[method] = lambda params, result: lying_proxy.pruned(params, result) if params[-1] in old else result
    await made.client.attest(made.anchor, [made.owner], block=newest.number - 4)
    async with refused(made, BlockUnavailable) as caught:
        await made.client.fork(made.sample, anchor=made.anchor, block=newest.number - 4)
    assert caught.value.exit_code == 3 and "keeps their state" in caught.value.hint
    await synced(made, stage)


async def test_sync_values_claimed_beside_a_proof_change_nothing(made: World, proxy: LyingProxy, stage: Stage) -> None:
    proxy.lies["eth_getProof"] = lying_proxy.bent_claims
    await synced(made, stage)


@pytest.mark.parametrize("told", ["0x0", "0x1234"])
async def test_sync_wrong_values_of_slots_change_nothing(
    made: World, proxy: LyingProxy, stage: Stage, told: str
) -> None:
    proxy.lies["eth_getStorageAt"] = lambda params, value: told
    await synced(made, stage, sample_slots(range(KEYS)))
    assert proxy.params("eth_getStorageAt"), "the lie was heard"


async def test_sync_a_change_kept_secret_is_noticed_and_proven(made: World, proxy: LyingProxy, stage: Stage) -> None:
    async with stage.world() as direct:
        (change,) = (await direct.client.diff(stage.replica)).changes
    secret = f"0x{change.slot.hex()}"
    proxy.lies["eth_getStorageAt"] = lambda params, value: hex(change.old) if params[1] == secret else value
    await synced(made, stage, sample_slots(range(KEYS)))
    assert any(secret in params[1] for params in proxy.params("eth_getProof")), "it is proven in addition"


async def test_sync_where_values_are_a_lie_proofs_do(made: World, proxy: LyingProxy, stage: Stage) -> None:
    proxy.lies["eth_getStorageAt"] = lambda params, value: "0x0"
    proxy.missing |= {"debug_traceBlockByNumber", "debug_traceTransaction"}
    assert (await made.client.diff(stage.replica)).strategy == "proof walk"
    await synced(made, stage)


async def test_sync_batches_that_lack_an_answer_are_asked_again(made: World, proxy: LyingProxy, stage: Stage) -> None:
    proxy.forgetful = True
    await synced(made, stage, sample_slots(range(KEYS)))
    assert any(isinstance(request, list) for request in proxy.requests)


async def test_sync_answers_cut_short_are_refused(made: World, proxy: LyingProxy, stage: Stage) -> None:
    def cut(request: Any) -> Reply:
        return Reply(json.dumps(proxy.answer(request))[:-20])

    proxy.replies.extend([cut] * 50)
    async with refused(made, NodeError) as caught:
        await made.client.sync(stage.replica)
    assert "no JSON" in caught.value.message


async def test_sync_node_that_does_not_answer_in_time_is_refused(proxy: LyingProxy, stage: Stage, made: World) -> None:
    async with stage.world(source_url=proxy.url, timeout_s=0.2) as hasty:
        hasty.client.source.rpc._retries = 0
        proxy.replies.append(Reply(delay_s=0.5))
        async with refused(hasty, NodeUnreachable) as caught:
            await hasty.client.sync(stage.replica)
    assert "no answer within 0.2 s" in caught.value.message and caught.value.retryable


async def test_sync_target_node_that_bends_proofs_is_made_up_for_by_values(made: World, stage: Stage) -> None:
    with lying(stage.target.url) as bent:
        bent.lies["eth_getProof"] = lying_proxy.bent_storage_proofs
        async with stage.world(target_url=bent.url) as world:
            await synced(world, stage)


async def test_sync_target_node_that_bends_proofs_and_values_is_refused(made: World, stage: Stage) -> None:
    with lying(stage.target.url) as bent:
        bent.lies["eth_getProof"] = lying_proxy.bent_storage_proofs
        bent.lies["eth_getStorageAt"] = lambda params, value: lying_proxy.flipped(value)
        async with stage.world(target_url=bent.url) as world, refused(world, NonCanonicalTrie) as caught:
            await world.client.sync(stage.replica)
    assert "do not make up the hub's storage root" in caught.value.message
