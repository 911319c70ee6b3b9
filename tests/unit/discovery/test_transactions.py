from __future__ import annotations

from typing import Any

import pytest

from smartsync.discovery import transactions
from smartsync.errors import BlockUnavailable, MethodMissing, NodeError, RpcError

ADDRESS = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
NONE = "0x" + "00" * 32


def slot(number: int) -> bytes:
    return number.to_bytes(32, "big")


def with_transactions(node: Any, hashes: dict[int, list[str]]) -> None:
    honest = node._eth_getBlockByNumber
    node.override["eth_getBlockByNumber"] = lambda block, full: (
        honest(block, full) | {"transactions": hashes.get(int(block, 16), [])}
    )


def tracing(traces: dict[str, Any]) -> Any:
    def trace(tx_hash: str, options: dict[str, Any]) -> Any:
        if tx_hash not in traces:
            raise RpcError("debug_traceTransaction", -32000, "transaction not found")
        return traces[tx_hash]

    return trace


def diff(pre: dict[str, str], post: dict[str, str]) -> dict[str, Any]:
    return {"pre": {ADDRESS.lower(): {"storage": pre}}, "post": {ADDRESS.lower(): {"storage": post}}}


async def test_candidates_each_transaction_of_the_range_is_traced(fake: Any) -> None:
    node = fake({})
    with_transactions(node, {5: ["0x05"], 6: ["0x61", "0x62"], 9: ["0x09"], 10: ["0x0a"]})
    traces = {"0x61": diff({"0x1": "0x5"}, {}), "0x62": diff({}, {"0x2": "0x5"}), "0x09": diff({"0x3": "0x1"}, {})}
    node.debug["debug_traceTransaction"] = tracing(traces)
    found = await transactions.candidates(node.chain, ADDRESS, 5, 9)
    assert (found.slots, found.gaps) == ({slot(1), slot(2), slot(3)}, ())


async def test_candidates_node_without_the_tracer_tells_by_its_steps(fake: Any) -> None:
    node = fake({})
    with_transactions(node, {9: ["0x09"]})
    steps = [
        {"op": "SSTORE", "stack": ["0x1", "0x7"]},
        {"op": "SLOAD", "stack": ["0x8"]},
        {"op": "SSTORE", "stack": ["1", "2"]},
    ]
    node.debug["debug_traceTransaction"] = tracing({"0x09": {"structLogs": steps}})
    assert (await transactions.candidates(node.chain, ADDRESS, 5, 9)).slots == {slot(7), slot(2)}


async def test_candidates_node_that_refuses_the_tracer_is_asked_for_the_steps(fake: Any) -> None:
    def hardhat(tx_hash: str, options: dict[str, Any]) -> Any:
        if "tracer" in options:
            raise RpcError("debug_traceTransaction", -32602, "Hardhat currently only supports the default tracer")
        return {"structLogs": [{"op": "SSTORE", "stack": ["0x1", "0x7"]}]}

    node = fake({})
    with_transactions(node, {9: ["0x09"]})
    node.debug["debug_traceTransaction"] = hardhat
    assert (await transactions.candidates(node.chain, ADDRESS, 5, 9)).slots == {slot(7)}


async def test_candidates_missing_method_shows_also_in_empty_blocks(fake: Any) -> None:
    with pytest.raises(MethodMissing):
        await transactions.candidates(fake({}).chain, ADDRESS, 5, 9)


async def test_candidates_empty_blocks_have_no_slots(fake: Any) -> None:
    node = fake({})
    node.debug["debug_traceTransaction"] = tracing({})
    assert (await transactions.candidates(node.chain, ADDRESS, 5, 9)).slots == set()


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        (RpcError("debug_traceTransaction", -32000, "missing trie node ab"), BlockUnavailable),
        (RpcError("debug_traceTransaction", -32000, "execution timeout"), RpcError),
        (None, NodeError),
        ([], NodeError),
        ({"pre": []}, NodeError),
    ],
)
async def test_candidates_transaction_that_cannot_be_traced_is_told(fake: Any, told: Any, kind: type[Any]) -> None:
    def trace(tx_hash: str, options: dict[str, Any]) -> Any:
        if isinstance(told, RpcError) and tx_hash != NONE:
            raise told
        return told

    node = fake({})
    with_transactions(node, {9: ["0x09"]})
    node.debug["debug_traceTransaction"] = trace
    with pytest.raises(NodeError) as caught:
        await transactions.candidates(node.chain, ADDRESS, 5, 9)
    assert type(caught.value) is kind
