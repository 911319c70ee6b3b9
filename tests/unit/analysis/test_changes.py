from __future__ import annotations

import asyncio
from typing import Any

import pytest

from smartsync.analysis import changes
from smartsync.analysis.changes import recent_changes
from smartsync.errors import MethodMissing, NodeUnreachable, RpcError
from smartsync.rlp import encode_int
from smartsync.trie.node import root_hash
from smartsync.trie.trie import build
from tests.unit.conftest import ADDRESS, FakeNode


class Living:
    """A contract that had another storage from each of some blocks on, on a chain with that many blocks."""

    def __init__(self, changed_at: list[int], newest: int, *, served_from: int = 0) -> None:
        self.node = FakeNode({1: 1})
        self.node.newest = newest
        starts = [0, *changed_at]
        self.states = [FakeNode({1: place + 1}) for place in range(len(starts))]
        self.starts, self.served_from = starts, served_from
        for state in self.states:
            state.newest = newest
        self.node.override["eth_getProof"] = self._proof
        self.node.override["eth_getBlockByNumber"] = lambda block, full: self.at(int(block, 16))._eth_getBlockByNumber(
            block, full
        )

    def at(self, number: int) -> FakeNode:
        return self.states[max(place for place, start in enumerate(self.starts) if start <= number)]

    def _proof(self, address: str, keys: list[str], block: str) -> object:
        if int(block, 16) < self.served_from:
            raise RpcError("eth_getProof", -32000, "distance to target block exceeds maximum proof window")
        return self.at(int(block, 16))._eth_getProof(address, keys, block)


async def looked(living: Living) -> Any:
    number = living.node.newest
    return await recent_changes(living.node.chain, living.at(number).header(number), ADDRESS)


async def test_recent_changes_of_few_blocks_are_all_seen() -> None:
    found = await looked(Living([3, 7, 9], 20))
    assert (found.method, found.from_block, found.to_block, found.looks) == ("storage roots", 0, 20, 21)
    assert (found.changes, found.last_block) == (3, 9)


async def test_recent_changes_of_many_blocks_are_at_least_so_many() -> None:
    living = Living([10, 11, 12, 50_000, 90_001], 100_000)
    found = await looked(living)
    assert (found.changes, found.last_block, found.looks) == (3, 90_001, 25)
    proofs = [call for call in living.node.calls if call[0] == "eth_getProof"]
    assert len(proofs) < 45, "bounded work"


async def test_recent_changes_none_are_told_as_none() -> None:
    found = await looked(Living([], 1_000))
    assert (found.method, found.changes, found.last_block) == ("storage roots", 0, None)


@pytest.mark.parametrize(("served_from", "first"), [(1, 3_873), (3_999, 3_999), (3_900, 3_999)])
async def test_recent_changes_begins_where_proofs_are_served(served_from: int, first: int) -> None:
    found = await looked(Living([3_950], 4_000, served_from=served_from))
    assert (found.method, found.from_block) == ("storage roots", 3_000 if served_from == 1 else first)


async def test_recent_changes_of_a_contract_created_lately_counts_its_creation() -> None:
    living = Living([5], 10)
    living.states[0].code, living.states[0].trie = b"", None
    living.states[0].state = build([])
    assert root_hash(living.states[0].state) != root_hash(living.states[1].state)
    assert (await looked(living)).last_block == 5


async def test_recent_changes_without_old_proofs_goes_by_events() -> None:
    living = Living([], 4_000, served_from=4_000)
    log = {"address": ADDRESS, "topics": [], "data": "0x", "transactionHash": "0x" + "11" * 32}
    logs = [{**log, "blockNumber": hex(number)} for number in (3_500, 3_500, 3_600, 7)]
    living.node.override["eth_getLogs"] = lambda query: logs
    found = await looked(living)
    assert (found.method, found.changes, found.last_block, found.from_block) == ("logs", 2, 3_600, 3_001)
    assert "proof window" in found.why


async def test_recent_changes_without_anything_is_unknown_with_its_reason() -> None:
    living = Living([], 4_000, served_from=4_000)

    def missing(*_: object) -> None:
        raise MethodMissing("eth_getLogs", -32601, "the method does not exist")

    living.node.override["eth_getLogs"] = missing
    found = await looked(living)
    assert found.method == "unknown"
    assert "proof window" in found.why and "does not" in found.why


async def test_recent_changes_at_genesis_is_unknown() -> None:
    found = await looked(Living([], 0))
    assert (found.method, found.why) == ("unknown", "there are no older blocks")


async def test_recent_changes_false_proof_of_an_old_block_is_not_believed() -> None:
    living = Living([5], 10)
    stranger = FakeNode({1: 99})
    honest = living.node.override["eth_getProof"]
    living.node.override["eth_getProof"] = lambda address, keys, block: (
        stranger._eth_getProof(address, keys, block) if int(block, 16) < 10 else honest(address, keys, block)
    )
    living.node.override["eth_getLogs"] = lambda query: []
    assert (await looked(living)).method == "logs"


async def test_recent_changes_of_a_slow_node_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    async def slow(*_: object) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(changes, "TIMEOUT_S", 0.05)
    monkeypatch.setattr(changes._History, "_look", slow)
    found = await looked(Living([5], 10))
    assert found.method == "unknown" and "within" in found.why


async def test_recent_changes_node_that_is_gone_raises() -> None:
    def silent(*_: object) -> None:
        raise NodeUnreachable("no answer")

    living = Living([5], 10)
    living.node.override["eth_getProof"] = silent
    with pytest.raises(NodeUnreachable):
        await looked(living)


@pytest.mark.parametrize(("begun", "seconds"), [(0, 0), (1_000_000, 90)])
async def test_recent_changes_since_a_genesis_without_a_time_has_no_duration(
    fake: Any, monkeypatch: pytest.MonkeyPatch, begun: int, seconds: int
) -> None:
    fields = FakeNode.header_fields

    def timed(node: FakeNode, number: int) -> list[bytes]:
        found = fields(node, number)
        found[11] = encode_int(1_000_000 + 10 * number if number else begun)
        return found

    monkeypatch.setattr(FakeNode, "header_fields", timed)
    node = fake({1: 1})
    found = await recent_changes(node.chain, await node.chain.header(9), ADDRESS)
    assert (found.method, found.from_block, found.seconds) == ("storage roots", 0, seconds)
