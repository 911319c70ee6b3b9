from __future__ import annotations

import re
import time
from typing import Any

import pytest

from smartsync.chain import Chain
from smartsync.errors import NodeError, NodeUnreachable, RpcError
from smartsync.rpc import Rpc
from tests.http_node import HttpNode, Refusal, Reply

ACCOUNT = "0x5FbDB2315678afecb367f032d93F642f64180aa3"


def proof(params: list[Any], root: str = "44", node: str = "0xc0") -> dict[str, Any]:
    return {
        "storageHash": "0x" + root * 32,
        "codeHash": "0x" + "55" * 32,
        "accountProof": [node],
        "storageProof": [{"key": key, "value": hex(int(key, 16) % 7), "proof": ["0xc0"]} for key in params[1]],
    }


@pytest.mark.parametrize("count", [0, 1, 100, 101, 250])
async def test_proof_of_many_slots_is_put_together(node: HttpNode, chain: Chain, count: int) -> None:
    node.results["eth_getProof"] = proof
    slots = [i.to_bytes(32, "big") for i in range(count)]
    merged = await chain.proof(ACCOUNT, slots, 7)
    assert [one.slot for one in merged.storage] == slots
    assert [one.value for one in merged.storage] == [i % 7 for i in range(count)]
    assert merged.storage_root == b"\x44" * 32
    asked = node.params("eth_getProof")
    assert sorted(len(keys) for _, keys, _ in asked) == sorted(
        [100] * (count // 100) + [count % 100] * (count % 100 > 0) or [0]
    )
    assert {block for _, _, block in asked} == {"0x7"}
    assert all(len(key) == 66 for _, keys, _ in asked for key in keys)


@pytest.mark.parametrize("change", [{"root": "45"}, {"node": "0xc180"}])
async def test_proof_of_two_states_is_refused(node: HttpNode, chain: Chain, change: dict[str, str]) -> None:
    node.results["eth_getProof"] = lambda params: proof(params, **(change if len(params[1]) < 100 else {}))
    with pytest.raises(NodeError, match="two different states"):
        await chain.proof(ACCOUNT, [i.to_bytes(32, "big") for i in range(150)], 7)


async def test_proof_failure_of_one_call_is_raised_as_it_is(node: HttpNode, chain: Chain) -> None:
    node.results["eth_getProof"] = lambda params: "garbage" if len(params[1]) < 100 else proof(params)
    with pytest.raises(NodeError, match="no account proof"):
        await chain.proof(ACCOUNT, [i.to_bytes(32, "big") for i in range(450)], 7)


SLOTS = [i.to_bytes(32, "big") for i in range(250)]


def sizes(node: HttpNode) -> list[int]:
    return [len(keys) for _, keys, _ in node.params("eth_getProof")]


@pytest.mark.parametrize(
    ("cap", "code", "text"),
    [
        (64, -32602, "too many storage keys requested (max 64, got 100)"),  # geth, bsc
        (20, -32602, "too many storage keys: max 20, got 100"),  # morph
        (50, -32000, "max number of storage keys exceeded (max allowed 50)"),  # mezo
        (7, -32602, "number of storage slots exceeds limit of 7"),
        (1, -32000, "too many keys"),
        (30, -32008, "Response is too big"),  # hosted nodes
        (30, -32003, "response too large"),  # geth
        (30, -32000, "request size limit exceeded"),
        (30, -32002, "request timed out"),  # geth
        (30, -32000, "context deadline exceeded"),
    ],
)
async def test_proof_of_a_node_that_refuses_so_many_slots_is_asked_for_in_parts(
    node: HttpNode, chain: Chain, cap: int, code: int, text: str
) -> None:
    node.results["eth_getProof"] = lambda params: proof(params) if len(params[1]) <= cap else Refusal(code, text)
    merged = await chain.proof(ACCOUNT, SLOTS, 7)
    assert [one.slot for one in merged.storage] == SLOTS
    refused = [size for size in sizes(node) if size > cap]
    # Four are under way when the first is refused; each size is refused once more at most for each of them.
    assert len(refused) <= 4 * 7
    node.requests.clear()
    await chain.proof(ACCOUNT, SLOTS, 7)
    assert max(sizes(node)) <= cap, "it is remembered"


async def test_proof_of_a_gateway_that_refuses_by_status_is_asked_for_in_parts(node: HttpNode, chain: Chain) -> None:
    def gateway(request: Any) -> Reply:
        node.replies.append(gateway)
        return Reply("<html>", 413) if len(request["params"][1]) > 40 else Reply(node.answer(request))

    node.results["eth_getProof"] = proof
    node.replies.append(gateway)
    assert [one.slot for one in (await chain.proof(ACCOUNT, SLOTS, 7)).storage] == SLOTS


async def test_proof_that_takes_too_long_is_asked_for_in_parts(node: HttpNode) -> None:
    def slow(params: list[Any]) -> Any:
        time.sleep(1.5 if len(params[1]) > 60 else 0)
        return proof(params)

    node.results |= {"eth_getProof": slow, "eth_chainId": "0x1"}
    async with Rpc(node.url, retries=0, timeout_s=1.0) as rpc:
        assert [one.slot for one in (await Chain(rpc).proof(ACCOUNT, SLOTS[:100], 7)).storage] == SLOTS[:100]
    assert sizes(node) == [100, 50, 50]


async def test_proof_of_a_node_that_answers_nothing_in_time_is_unreachable_at_once(node: HttpNode) -> None:
    node.replies.extend([Reply(delay_s=0.6)] * 5)
    async with Rpc(node.url, retries=0, timeout_s=0.2) as rpc:
        with pytest.raises(NodeUnreachable) as caught:
            await Chain(rpc).proof(ACCOUNT, SLOTS[:100], 7)
    assert caught.value.timed_out and sizes(node) == [100]


@pytest.mark.parametrize(
    "text",
    [
        "internal error",
        "storage key too long (want at most 32 bytes)",
        "invalid argument 1: hex string",
        "limit exceeded",
    ],
)
async def test_proof_refused_for_another_reason_is_not_asked_for_in_parts(
    node: HttpNode, chain: Chain, text: str
) -> None:
    node.results["eth_getProof"] = Refusal(-32000, text)
    with pytest.raises(RpcError, match=re.escape(text)):
        await chain.proof(ACCOUNT, SLOTS[:100], 7)
    assert sizes(node) == [100]


async def test_proof_of_one_slot_that_is_refused_is_an_error(node: HttpNode, chain: Chain) -> None:
    node.results["eth_getProof"] = Refusal(-32602, "too many storage keys")
    with pytest.raises(RpcError, match="too many storage keys"):
        await chain.proof(ACCOUNT, SLOTS[:5], 7)
    assert sizes(node)[-1] == 1
