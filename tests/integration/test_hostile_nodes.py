"""A sync from each hostile node: exact, or refused with an error that names the node; exact where an honest one helps.

What is tested is the plan of a sync, which is all of it but its transaction: it reads the accepted block, the slots
that changed, their proofs, and the witness is determined by what it read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from smartsync.errors import InvalidProof, NoCode, NonCanonicalTrie, SmartSyncError, WrongChain
from smartsync.sync import SyncPlan
from smartsync.testing import Node
from tests import lying_proxy
from tests.hostile_node import DEVIATIONS, Deviation, no_storage
from tests.http_node import Refusal
from tests.integration.stage import Stage, refused, staged
from tests.lying_proxy import Lie, LyingProxy, lying

KEYS = 40
"""So many that the sync compares values before it has them proven: then a lie about a value has a part to play."""

TIMEOUT_S = 1.0


@dataclass(frozen=True)
class Scene:
    """A stage whose source has changed since: a value, a new one and one less; and what a sync has to write."""

    stage: Stage
    plan: SyncPlan


@pytest.fixture(scope="module")
def scene(ganache: Node, anvil: Node) -> Scene:
    stage = staged(ganache, anvil, keys=KEYS)

    async def run() -> SyncPlan:
        async with stage.world() as made:
            await made.do("set(uint256,uint256)", 5, 77)
            await made.do("set(uint256,uint256)", 1000, 1)
            await made.do("set(uint256,uint256)", 6, 0)
            await made.attest()
            return await made.client.diff(stage.replica)

    plan = asyncio.run(run())
    assert {change.kind for change in plan.changes} == {"insert", "update", "delete"}
    return Scene(stage, plan)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smartsync.rpc._BACKOFF_S", 0.001)
    monkeypatch.setattr("smartsync.failover._BACKOFF_S", 0.001)


@pytest.fixture
def hostile(scene: Scene) -> Iterator[LyingProxy]:
    with lying(scene.stage.source.url) as proxy:
        yield proxy


def timeout_s(deviation: Deviation) -> float:
    return TIMEOUT_S if deviation.hangs else 30.0


@pytest.mark.parametrize("name", DEVIATIONS)
async def test_sync_from_a_hostile_node_alone_is_exact_or_refused_by_name(
    scene: Scene, hostile: LyingProxy, name: str
) -> None:
    deviation = DEVIATIONS[name]
    deviation.bend(hostile)
    async with scene.stage.world(source_url=hostile.url, timeout_s=timeout_s(deviation)) as made:
        if deviation.alone is None:
            assert same(await made.client.diff(scene.stage.replica), scene.plan)
            return
        made.client.source.rpc._retries = 1  # type: ignore[union-attr]  # one node: the rest of the tries are in vain
        with pytest.raises(SmartSyncError) as caught:
            await made.client.diff(scene.stage.replica)
    error = caught.value
    assert type(error) is deviation.alone, repr(error)
    assert deviation.text in f"{error.message} {error.hint}"
    assert hostile.url.removeprefix("http://") in error.message


@pytest.mark.parametrize("name", DEVIATIONS)
async def test_sync_from_a_hostile_node_beside_an_honest_one_is_exact(
    scene: Scene, hostile: LyingProxy, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    deviation = DEVIATIONS[name]
    deviation.bend(hostile)
    urls = [hostile.url, scene.stage.source.url]
    if deviation.alone is WrongChain:
        with pytest.raises(WrongChain):
            async with scene.stage.world(source_url=urls):
                raise AssertionError("it has to be noticed before anything is done")
        return
    async with scene.stage.world(source_url=urls, timeout_s=timeout_s(deviation)) as made:
        assert same(await made.client.diff(scene.stage.replica), scene.plan)
    named = [record.getMessage() for record in caplog.records if "does not verify" in record.getMessage()]
    if deviation.alone is not None and deviation.alone.__name__ in ("InvalidProof", "InvalidHeader"):
        assert len(named) == 1 and hostile.url.removeprefix("http://") in named[0], "the liar is named, once"
    else:
        assert named == [], "who cannot is no liar"


def same(plan: SyncPlan, expected: SyncPlan) -> bool:
    return (plan.changes, plan.witness_bytes, plan.to_block) == (
        expected.changes,
        expected.witness_bytes,
        expected.to_block,
    )


# --- the target's node ---

TARGET = {
    "block windows": lambda proxy: proxy.lies.update(eth_getLogs=windows_of(2)),
    "proofs bent": lambda proxy: proxy.lies.update(eth_getProof=lying_proxy.bent_storage_proofs),
    "proofs cut off": lambda proxy: proxy.lies.update(eth_getProof=lying_proxy.cut_storage_proofs),
    "empty slots as 0x": lambda proxy: proxy.lies.update(
        eth_getStorageAt=lambda params, value: "0x" if int(value, 16) == 0 else value
    ),
    "half answers of batches": lambda proxy: setattr(proxy, "forgetful", True),
}


def windows_of(blocks: int) -> Lie:
    def answer(params: list[dict[str, str]], logs: object) -> object:
        first, last = params[0]["fromBlock"], params[0]["toBlock"]
        if last == "latest" or int(last, 16) - int(first, 16) >= blocks:
            return Refusal(-32602, f"query exceeds max block range {blocks}")
        return logs

    return answer


@pytest.mark.parametrize("name", TARGET)
async def test_sync_to_a_target_node_that_deviates_is_exact(scene: Scene, name: str) -> None:
    with lying(scene.stage.target.url) as proxy:
        TARGET[name](proxy)
        async with scene.stage.world(target_url=proxy.url) as made:
            assert same(await made.client.diff(scene.stage.replica), scene.plan)


async def test_replicas_of_a_target_node_of_few_blocks_are_all_told(scene: Scene) -> None:
    with lying(scene.stage.target.url) as proxy:
        proxy.lies["eth_getLogs"] = windows_of(3)
        async with scene.stage.world(target_url=proxy.url) as made:
            told = await made.client.replicas()
        async with scene.stage.world() as made:
            assert told == await made.client.replicas() and scene.stage.replica in told


def bent_all_over(proxy: LyingProxy) -> None:
    proxy.lies["eth_getProof"] = lying_proxy.bent_storage_proofs
    proxy.lies["eth_getStorageAt"] = lambda params, value: lying_proxy.flipped(value)


async def test_sync_to_a_target_node_of_wrong_proofs_and_values_is_refused_or_left_for_another(scene: Scene) -> None:
    with lying(scene.stage.target.url) as proxy:
        bent_all_over(proxy)
        async with scene.stage.world(target_url=proxy.url) as made:
            with pytest.raises(NonCanonicalTrie) as caught:
                await made.client.diff(scene.stage.replica)
            assert proxy.url.removeprefix("http://") in caught.value.message
        async with scene.stage.world(target_url=[proxy.url, scene.stage.target.url]) as made:
            assert same(await made.client.diff(scene.stage.replica), scene.plan)
            assert made.client.target.rpc.host == scene.stage.target.url.removeprefix("http://")


# --- what sends ---


@pytest.fixture(scope="module")
def sending(ganache: Node, anvil: Node) -> Stage:
    """Give a stage with an anchor of its own, whose blocks change."""
    return staged(ganache, anvil, keys=3)


async def test_fork_with_code_of_its_own_is_refused_or_left_for_another(sending: Stage) -> None:
    with lying(sending.source.url) as hostile:
        hostile.lies["eth_getCode"] = lambda params, code: lying_proxy.flipped(code)
        async with sending.world(source_url=hostile.url) as made:
            other = await made.on_source.send(None, b"\x60\x01\x5f\x52\x60\x01\x60\x1f\xf3", what="another")
            await made.attest()
            async with refused(made, InvalidProof) as caught:
                await made.client.fork(other.contract_address or "", anchor=made.anchor)
            assert hostile.url.removeprefix("http://") in caught.value.message
        async with sending.world(source_url=[hostile.url, sending.source.url]) as made:
            forked = await made.client.fork(other.contract_address or "", anchor=made.anchor)
            assert (await made.client.verify(forked.replica)).exact


async def test_fork_of_an_account_that_is_not_there_is_refused_however_that_is_proven(sending: Stage) -> None:
    """@ethereumjs/client leaves the slots out of the proof; of one that is there that is a lie."""
    with lying(sending.source.url) as hostile:
        hostile.lies["eth_getProof"] = no_storage
        async with sending.world(source_url=hostile.url) as made:
            await made.attest()
            async with refused(made, NoCode):
                await made.client.fork("0x" + "12" * 20, anchor=made.anchor)
            async with refused(made, InvalidProof) as caught:
                await made.client.fork(made.sample, anchor=made.anchor)
            assert hostile.url.removeprefix("http://") in caught.value.message


async def test_sync_by_nodes_that_each_fail_in_turn_lands_once_and_is_exact(sending: Stage) -> None:
    """The source's first node lies, the target's first one stops to answer before it has seen the transaction."""
    stage = sending
    with lying(stage.source.url) as source, lying(stage.target.url) as target:
        source.lies["eth_getProof"] = lying_proxy.bent_storage_proofs

        def swallow(params: list[str], sent: object) -> object:
            target.away = True  # it has the transaction, and nobody hears of it
            return sent

        async with stage.world() as made:
            await made.do("set(uint256,uint256)", 1, 12)
            await made.attest()
        urls = {"source_url": [source.url, stage.source.url], "target_url": [target.url, stage.target.url]}
        async with stage.world(**urls) as made:
            nonce = await made.client.target.nonce(made.owner.address, "latest")
            target.lies["eth_sendRawTransaction"] = swallow
            result = await made.client.sync(stage.replica)
            assert target.away and len(result.steps) == 1
            assert await made.client.target.nonce(made.owner.address, "latest") == nonce + 1
            assert (await made.client.verify(stage.replica)).exact


async def test_sync_by_nodes_at_different_heads_goes_by_the_one_that_has_the_block(
    scene: Scene, hostile: LyingProxy
) -> None:
    """The first node is three blocks behind, and has none of what was accepted since."""
    async with scene.stage.world() as direct:
        newest = await direct.client.source.block_number()

    def behind(params: list[str], result: object) -> object:
        numbers = [one for one in params if isinstance(one, str) and one.startswith("0x") and len(one) < 20]
        return Refusal(-32000, "header not found") if any(int(one, 16) > newest - 3 for one in numbers) else result

    for method in ("eth_getProof", "eth_getCode", "eth_getStorageAt", "debug_traceBlockByNumber"):
        hostile.lies[method] = behind
    hostile.lies["eth_getBlockByNumber"] = lambda params, block: (
        None if params[0] != "latest" and int(params[0], 16) > newest - 3 else block
    )
    hostile.lies["eth_blockNumber"] = lambda params, number: hex(newest - 3)
    async with scene.stage.world(source_url=[hostile.url, scene.stage.source.url]) as made:
        assert same(await made.client.diff(scene.stage.replica), scene.plan)
