"""@ethereumjs/client 0.10.5 as a source: what it was seen to answer, and that a replica is exact all the same.

The first tests hold what `tests/hostile_node.py` simulates to what the real node does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import rlp as independent

from smartsync.anchors.quorum import LocalSigners
from smartsync.discovery import storage_range, transactions
from smartsync.doctor import examine
from smartsync.errors import BlockUnavailable, MethodMissing, NoCode, RpcError, TransactionReverted
from smartsync.keccak import keccak256
from smartsync.testing import Node, hardhat_node
from smartsync.trie.nibbles import to_nibbles
from tests.ethereumjs_node import EthereumJs, ethereumjs_node, find_ethereumjs
from tests.integration.test_discovery import FIRST, LEFT, THEN, Contract, assert_complete, connected, read, slot
from tests.integration.world import World, sample_slots, world

NOWHERE = "0x1212121212121212121212121212121212121212"


@pytest.fixture(scope="module")
def ethereumjs() -> Iterator[EthereumJs]:
    if find_ethereumjs() is None:
        pytest.skip("no @ethereumjs/client in .tools/ethereumjs: `make ethereumjs` installs it")
    with ethereumjs_node() as made:
        yield made


@pytest.fixture(scope="module")
def node(ethereumjs: EthereumJs) -> Node:
    return ethereumjs.node


@pytest.fixture(scope="module")
def target() -> Iterator[Node]:
    with hardhat_node(chain_id=31362) as made:
        yield made


@pytest.fixture
async def made(node: Node, target: Node, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """Give a world whose source is sent enough gas for deletions, of which the node estimates too little."""
    async with world(node, target) as here:
        estimate = here.on_source.estimate

        async def with_refunds(to: str | None, data: bytes, after: str = "latest") -> int:
            return 2 * await estimate(to, data, after)

        monkeypatch.setattr(here.on_source, "estimate", with_refunds)
        yield here


# --- what the hostile node simulates ---


def storage_page(node: Node, contract: Contract, limit: int) -> dict[str, Any]:
    block = node.request("eth_getBlockByNumber", [hex(contract.last), False])
    params = [block["hash"], 0, contract.address, f"0x{bytes(32).hex()}", limit]
    page: dict[str, Any] = node.request("debug_storageRangeAt", params)
    return page


def test_storage_range_is_nameless_in_rlp_and_of_the_state_after_the_transaction(node: Node) -> None:
    page = storage_page(node, Contract(node, FIRST, THEN), 100)
    assert page["nextKey"] is None
    assert {key: entry["value"] for key, entry in page["storage"].items()} == {
        f"0x{keccak256(slot(key)).hex()}": f"0x{independent.encode(value).hex()}" for key, value in LEFT.items()
    }
    assert {entry["key"] for entry in page["storage"].values()} == {None}


def test_storage_range_pages_skip_a_key(node: Node) -> None:
    contract = Contract(node, FIRST, THEN)
    keys = sorted(storage_page(node, contract, 100)["storage"])
    page = storage_page(node, contract, 2)
    assert (sorted(page["storage"]), page["nextKey"]) == (keys[:2], keys[3])


async def test_traces_are_single_steps_and_tracers_are_refused(node: Node) -> None:
    contract = Contract(node, FIRST, THEN)
    async with connected(node) as chain:
        for method in ("debug_traceBlockByNumber", "trace_replayBlockTransactions", "eth_createAccessList"):
            with pytest.raises(MethodMissing):
                await chain.rpc.call(method, [hex(contract.last), {}])
        with pytest.raises(RpcError, match="custom tracers and tracer configurations are not implemented"):
            await transactions.slots_of_blocks(chain, contract.address, range(contract.last, contract.last + 1))
        found = await transactions.candidates(chain, contract.address, contract.blocks[1], contract.last)
        assert found.slots == {slot(key) for key in THEN}


def test_proof_of_an_account_that_is_not_there_lacks_its_slots(node: Node) -> None:
    told = node.request("eth_getProof", [NOWHERE, [f"0x{bytes(32).hex()}"], "latest"])
    assert told["storageProof"] == [] and told["accountProof"]


async def test_block_that_is_not_there_yet_is_unavailable(node: Node) -> None:
    async with connected(node) as chain:
        for asked in (chain.proof(NOWHERE, [slot(0)], 10**6), chain.code(NOWHERE, 10**6), chain.header(10**6)):
            with pytest.raises(BlockUnavailable, match="block 1000000"):
                await asked


# --- what SmartSync makes of it ---


async def test_storage_range_finds_what_the_newest_block_wrote_by_its_steps(node: Node) -> None:
    contract = Contract(node, FIRST, THEN)
    async with connected(node) as chain:
        found = await storage_range.candidates(chain, contract.address, None, contract.last)
        assert found.slots == {slot(key) for key in THEN}
        # What the steps tell has its name; of the rest only the trie keys are known.
        nameless = {to_nibbles(keccak256(slot(key))) for key in LEFT.keys() - THEN.keys()}
        assert set(found.unnamed) == nameless
        assert len(found.gaps) == 1 and f"{len(nameless)} trie keys" in found.gaps[0]


async def test_source_values_newest_and_older_blocks_are_complete(node: Node) -> None:
    contract = Contract(node, FIRST, THEN)
    async with connected(node) as chain:
        await assert_complete(chain, contract, contract.last, {slot(key) for key in FIRST | THEN}, LEFT)
        await assert_complete(chain, contract, contract.blocks[1], {slot(key) for key in FIRST | THEN}, FIRST)
        absent = await read(chain, contract, contract.blocks[0] - 1, {slot(0)})
        assert absent.account is None and absent.values == {}


async def test_examine_source_tells_how_slots_are_found(node: Node) -> None:
    contract = Contract(node, FIRST, THEN)
    async with connected(node) as chain:
        report = await examine(chain, "source", contract.address)
    assert not [check.name for check in report.checks if check.needed and not check.ok]
    found = {check.name: check.detail for check in report.checks}
    assert found["finding slots"].startswith("a fork: by debug_traceTransaction, then by guessing")
    assert found["storage trie"] == "canonical: all 4 slots were found by prestate diff by transaction"


async def test_fork_and_sync_from_it_are_exact(made: World) -> None:
    await made.do("setRange(uint256,uint256,uint256)", 0, 40, 100)
    replica = await made.fork()
    await made.do("setRange(uint256,uint256,uint256)", 3, 4, 200)
    await made.do("setRange(uint256,uint256,uint256)", 0, 1, 0)
    await made.do("set(uint256,uint256)", 5000, 3)
    await made.attest()
    plan = await made.client.diff(replica)
    assert plan.strategy == "prestate diff by transaction"
    result = await made.client.sync(replica)
    assert {change.kind for change in result.changes} == {"insert", "update", "delete"}
    assert (await made.client.verify(replica)).exact


async def test_fork_of_an_account_that_is_not_there_says_so(made: World) -> None:
    await made.attest()
    with pytest.raises(NoCode, match="there is no contract"):
        await made.client.fork(NOWHERE, anchor=made.anchor)


async def test_sync_over_a_reorganisation_is_exact(made: World, ethereumjs: EthereumJs) -> None:
    await made.do("setRange(uint256,uint256,uint256)", 0, 5, 100)
    slots = sample_slots(range(10))
    replica = await made.fork(slots=slots)
    sibling = ethereumjs.build(ethereumjs.newest)  # it takes some eight seconds to go over to it
    await made.do("set(uint256,uint256)", 9, 9)
    await made.attest()
    orphan = (await made.client.sync(replica, slots=slots)).block_hash
    ethereumjs.point(sibling["blockHash"])
    assert sibling["blockNumber"] == ethereumjs.newest["number"] and sibling["blockHash"] != f"0x{orphan.hex()}"
    await made.client.revoke(made.anchor, LocalSigners([made.owner]))
    await made.attest()
    result = await made.client.sync(replica, slots=slots)
    assert [change.kind for change in result.changes] == ["delete"]
    assert f"0x{result.block_hash.hex()}" == sibling["blockHash"]
    assert (await made.client.verify(replica, slots=slots)).exact


async def test_send_of_a_deletion_runs_out_of_the_gas_that_the_node_estimates(node: Node, target: Node) -> None:
    """The refund of a slot is more than the margin."""
    async with world(node, target) as here:
        await here.do("set(uint256,uint256)", 1, 1)
        with pytest.raises(TransactionReverted, match="it used all of its") as caught:
            await here.do("set(uint256,uint256)", 1, 0)
        assert "estimated too little" in caught.value.hint
