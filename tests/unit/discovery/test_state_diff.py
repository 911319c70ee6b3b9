"""The answers are in the form of OpenEthereum's documentation, which erigon, nethermind, reth and besu follow."""

from __future__ import annotations

from typing import Any

import pytest

from smartsync.discovery import state_diff
from smartsync.errors import BlockUnavailable, MethodMissing, NodeError, RpcError

ADDRESS = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
OTHER = "0x" + "22" * 20


def slot(number: int) -> bytes:
    return number.to_bytes(32, "big")


def word(number: int) -> str:
    return f"0x{number:064x}"


def replayed(storage: dict[str, Any] | None, address: str = ADDRESS.lower()) -> dict[str, Any]:
    account = {"balance": {"*": {"from": "0x1", "to": "0x2"}}, "code": "=", "nonce": "=", "storage": storage}
    return {"output": "0x", "stateDiff": {address: account}, "trace": [], "vmTrace": None, "transactionHash": word(9)}


async def test_candidates_added_removed_and_changed_slots_of_the_contract_are_found(fake: Any) -> None:
    node = fake({})
    blocks = {
        6: [replayed({word(1): {"+": word(5)}}), replayed({"0x2": {"-": word(5)}}), replayed({})],
        8: [replayed({word(9): {"+": word(1)}}, OTHER), replayed(None)],
        9: [replayed({word(3): {"*": {"from": word(1), "to": word(0)}}})],
    }
    node.debug["trace_replayBlockTransactions"] = lambda number, kinds: blocks.get(int(number, 16), [])
    found = await state_diff.candidates(node.chain, ADDRESS, 5, 9)
    assert (found.slots, found.gaps) == ({slot(1), slot(2), slot(3)}, ())
    asked = [params for method, params in node.calls if method == "trace_replayBlockTransactions"]
    assert sorted(asked) == [[hex(number), ["stateDiff"]] for number in (6, 7, 8, 9)]


@pytest.mark.parametrize(
    "told",
    [None, {}, [None], [{"output": "0x"}], [{"stateDiff": None}], [{"stateDiff": []}], [{"stateDiff": {"0x12": {}}}]],
)
async def test_candidates_answer_without_state_diffs_is_refused(fake: Any, told: Any) -> None:
    node = fake({})
    node.debug["trace_replayBlockTransactions"] = lambda *_: told
    with pytest.raises(NodeError):
        await state_diff.candidates(node.chain, ADDRESS, 5, 9)


@pytest.mark.parametrize("storage", [[7], {"zz": {}}, {"0x" + "1" * 65: {}}])
async def test_candidates_malformed_storage_is_refused(fake: Any, storage: Any) -> None:
    node = fake({})
    node.debug["trace_replayBlockTransactions"] = lambda *_: [replayed(storage)]
    with pytest.raises(NodeError):
        await state_diff.candidates(node.chain, ADDRESS, 5, 9)


async def test_candidates_method_or_state_that_is_missing_is_told(fake: Any) -> None:
    node = fake({})
    with pytest.raises(MethodMissing):
        await state_diff.candidates(node.chain, ADDRESS, 5, 9)

    def pruned(*_: object) -> None:
        raise RpcError("trace_replayBlockTransactions", -32000, "old data not available due to pruning")

    node.debug["trace_replayBlockTransactions"] = pruned
    with pytest.raises(BlockUnavailable):
        await state_diff.candidates(node.chain, ADDRESS, 5, 9)
