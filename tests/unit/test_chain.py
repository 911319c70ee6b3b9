from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import rlp as independent
from eth_utils import keccak

from smartsync.chain import Chain
from smartsync.errors import (
    BlockUnavailable,
    ConfigError,
    InvalidHeader,
    MethodMissing,
    NodeError,
    NodeUnreachable,
    RpcError,
    TransactionReverted,
    TransactionTooLarge,
)
from smartsync.rpc import Rpc
from tests.http_node import HttpNode, Refusal, Reply, serving

ACCOUNT = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
HASH = b"\x11" * 32
FIELDS = [
    *("parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot", "logsBloom", "difficulty"),
    *("number", "gasLimit", "gasUsed", "timestamp", "extraData", "mixHash", "nonce"),
]
SIZES = [32, 32, 20, 32, 32, 32, 256, 0, 0, 0, 0, 0, 0, 32, 8]


def header_of(number: int, *surplus: Any) -> tuple[dict[str, Any], bytes]:
    """Return a block as a node tells it, and its header's RLP."""
    values: list[Any] = [bytes(size) for size in SIZES]
    values[8], values[9] = number.to_bytes(8, "big").lstrip(b"\0"), b"\x01\xc9\xc3\x80"
    raw = independent.encode([*values, *surplus])
    told = {name: f"0x{value.hex()}" for name, value in zip(FIELDS, values, strict=True)}
    return {**told, "hash": f"0x{keccak(raw).hex()}"}, raw


@pytest.fixture
def node() -> Iterator[HttpNode]:
    with serving() as node:
        yield node


@pytest.fixture
async def chain(node: HttpNode) -> AsyncIterator[Chain]:
    blocks = {hex(number): header_of(number)[0] for number in range(10)}
    by_hash = {block["hash"]: block for block in blocks.values()}
    node.results["eth_getBlockByNumber"] = lambda params: blocks.get("0x9" if params[0] == "latest" else params[0])
    node.results["eth_getBlockByHash"] = lambda params: by_hash.get(params[0])
    async with Rpc(node.url, retries=0) as rpc:
        yield Chain(rpc, "target")


async def test_hash_at_is_none_where_the_node_has_no_such_block(chain: Chain) -> None:
    assert await chain.hash_at(9) == (await chain.header(9)).hash
    assert await chain.hash_at(10) is None


async def test_header_by_number_word_and_hash_is_the_same(chain: Chain) -> None:
    header = await chain.header(9)
    assert header.number == 9
    assert await chain.header("latest") == header
    assert await chain.header(header.hash) == header
    assert await chain.header(f"0x{header.hash.hex()}") == header


async def test_genesis_hash_is_that_of_block_0(chain: Chain) -> None:
    assert await chain.genesis_hash() == keccak(header_of(0)[1])


@pytest.mark.parametrize("block", [10, 10**9, HASH, f"0x{HASH.hex()}"])
async def test_header_unknown_block_is_unavailable(chain: Chain, block: Any) -> None:
    with pytest.raises(BlockUnavailable):
        await chain.header(block)


@pytest.mark.parametrize("block", [-1, "newest", "0x12", b"\x11" * 31, "z" * 66])
async def test_header_of_no_block_at_all_is_a_config_error(chain: Chain, block: Any) -> None:
    with pytest.raises(ConfigError, match="not a block"):
        await chain.header(block)


async def test_header_of_another_number_or_hash_is_refused(node: HttpNode, chain: Chain) -> None:
    node.results |= {"eth_getBlockByNumber": header_of(3)[0], "eth_getBlockByHash": header_of(3)[0]}
    with pytest.raises(InvalidHeader, match="asked for block 2"):
        await chain.header(2)
    with pytest.raises(InvalidHeader, match="asked for block 0x1111"):
        await chain.header(HASH)


@pytest.mark.parametrize("told", [7, "x", [], True])
async def test_header_garbage_is_a_node_error(node: HttpNode, chain: Chain, told: Any) -> None:
    node.results["eth_getBlockByNumber"] = told
    with pytest.raises(NodeError, match="no block"):
        await chain.header(2)


async def test_header_that_the_json_does_not_tell_is_asked_for_raw(node: HttpNode, chain: Chain) -> None:
    told, raw = header_of(5, b"a field that the JSON does not have")
    node.results |= {"eth_getBlockByNumber": told, "debug_getRawHeader": f"0x{raw.hex()}"}
    header = await chain.header(5)
    assert (header.raw, header.number) == (raw, 5)
    assert node.params("debug_getRawHeader") == [[told["hash"]]]


@pytest.mark.parametrize(
    "raw",
    [Refusal(-32601, "no"), None, 7, "0x", "0xc0", "0x1", f"0x{header_of(5)[1].hex()}", f"0x{header_of(4)[1].hex()}"],
)
async def test_header_raw_that_does_not_help_is_refused(node: HttpNode, chain: Chain, raw: Any) -> None:
    node.results |= {"eth_getBlockByNumber": header_of(5, b"hidden")[0], "debug_getRawHeader": raw}
    with pytest.raises(InvalidHeader, match="has its hash"):
        await chain.header(5)


async def test_code_at_every_kind_of_block_is_asked_with_its_tag(node: HttpNode, chain: Chain) -> None:
    node.results["eth_getCode"] = "0x6001"
    for block in (7, "latest", "safe", HASH, f"0x{HASH.hex()}"):
        assert await chain.code(ACCOUNT, block) == b"\x60\x01"
    by_hash = {"blockHash": f"0x{HASH.hex()}"}
    assert [tag for _, tag in node.params("eth_getCode")] == ["0x7", "latest", "safe", by_hash, by_hash]


async def test_code_by_hash_on_a_node_without_eip_1898_is_asked_by_number(node: HttpNode, chain: Chain) -> None:
    ganache = Refusal(-32700, 'Cannot wrap a "object" as a json-rpc type')
    node.results["eth_getCode"] = lambda params: ganache if isinstance(params[1], dict) else "0x60"
    assert await chain.code(ACCOUNT, keccak(header_of(6)[1])) == b"\x60"
    assert node.params("eth_getCode")[-1] == [ACCOUNT, "0x6"]


async def test_code_by_hash_of_an_orphan_is_unavailable(node: HttpNode, chain: Chain) -> None:
    orphan, raw = header_of(6, b"orphan")
    orphan["baseFeePerGas"] = "0x" + b"orphan".hex()
    node.results |= {"eth_getCode": Refusal(-32700, "Cannot wrap"), "eth_getBlockByHash": orphan}
    with pytest.raises(BlockUnavailable, match="not on its chain"):
        await chain.code(ACCOUNT, keccak(raw))


@pytest.mark.parametrize("text", ["header not found", "missing trie node 12", "state is not available"])
async def test_state_that_is_gone_is_block_unavailable(node: HttpNode, chain: Chain, text: str) -> None:
    for method in ("eth_getCode", "eth_getProof", "eth_getStorageAt", "eth_call", "eth_estimateGas", "eth_getBalance"):
        node.results[method] = Refusal(-32000, text)
    with pytest.raises(BlockUnavailable, match="block 7"):
        await chain.code(ACCOUNT, 7)
    with pytest.raises(BlockUnavailable):
        await chain.proof(ACCOUNT, [HASH], 7)
    with pytest.raises(BlockUnavailable):
        await chain.storage_at(ACCOUNT, [HASH, HASH], 7)
    with pytest.raises(BlockUnavailable):
        await chain.call(ACCOUNT, b"", block=7)
    with pytest.raises(BlockUnavailable):
        await chain.estimate_gas({}, 7)
    with pytest.raises(BlockUnavailable):
        await chain.balance(ACCOUNT, 7)


async def test_missing_method_stays_one(chain: Chain) -> None:
    with pytest.raises(MethodMissing):
        await chain.proof(ACCOUNT, [], 7)
    with pytest.raises(MethodMissing):
        await chain.code(ACCOUNT, HASH)


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


async def test_storage_at_values_are_in_order(node: HttpNode, chain: Chain) -> None:
    node.results["eth_getStorageAt"] = lambda params: "0x" if params[1][-1] == "0" else "0x" + params[1][2:]
    slots = [i.to_bytes(32, "big") for i in range(250)]
    assert await chain.storage_at(ACCOUNT, slots, 7) == [0 if i % 16 == 0 else i for i in range(250)]
    assert await chain.storage_at(ACCOUNT, [], 7) == []


@pytest.mark.parametrize("value", [None, 7, "x", {}, "0x" + "ff" * 33])
async def test_storage_at_garbage_is_a_node_error(node: HttpNode, chain: Chain, value: Any) -> None:
    node.results["eth_getStorageAt"] = value
    with pytest.raises(NodeError, match="storage value"):
        await chain.storage_at(ACCOUNT, [HASH])


async def test_call_message_and_answer_pass_through(node: HttpNode, chain: Chain) -> None:
    node.results["eth_call"] = "0x1234"
    assert await chain.call(ACCOUNT, b"\xab", block=7, sender=ACCOUNT) == b"\x12\x34"
    assert await chain.call(ACCOUNT, b"") == b"\x12\x34"
    assert node.params("eth_call") == [
        [{"to": ACCOUNT, "data": "0xab", "from": ACCOUNT}, "0x7"],
        [{"to": ACCOUNT, "data": "0x"}, "latest"],
    ]


async def test_call_revert_is_decoded(node: HttpNode, chain: Chain) -> None:
    data = keccak(text="NotActive()")[:4]
    node.results["eth_call"] = Refusal(3, "execution reverted", f"0x{data.hex()}")
    for block in ("latest", HASH):
        with pytest.raises(TransactionReverted) as caught:
            await chain.call(ACCOUNT, b"", block=block)
        assert (caught.value.name, caught.value.data) == ("NotActive", data)
    assert len(node.params("eth_call")) == 2


async def test_call_other_error_stays_one(node: HttpNode, chain: Chain) -> None:
    node.results["eth_call"] = Refusal(-32602, "invalid argument")
    with pytest.raises(RpcError, match="invalid argument"):
        await chain.call(ACCOUNT, b"")


@pytest.mark.parametrize(
    ("refusal", "tx", "cap"),
    [
        (Refusal(-32000, "gas required exceeds allowance (1000)"), {}, 1000),
        (Refusal(-32000, "Transaction ran out of gas", {"data": "0x"}), {"gas": "0x7d0"}, 2000),
        (Refusal(-32000, "Transaction ran out of gas", {"data": "0x"}), {}, 30_000_000),
    ],
)
async def test_estimate_gas_that_does_not_suffice_is_too_large(
    node: HttpNode, chain: Chain, refusal: Refusal, tx: dict[str, str], cap: int
) -> None:
    node.results["eth_estimateGas"] = refusal
    with pytest.raises(TransactionTooLarge) as caught:
        await chain.estimate_gas(tx)
    assert (caught.value.gas, caught.value.cap) == (None, cap)
    assert str(caught.value) == f"the transaction needs more than the {cap} gas that one transaction may use"


async def test_estimate_gas_revert_is_decoded(node: HttpNode, chain: Chain) -> None:
    node.results["eth_estimateGas"] = Refusal(3, "execution reverted", f"0x{keccak(text='NotActive()')[:4].hex()}")
    with pytest.raises(TransactionReverted, match="NotActive"):
        await chain.estimate_gas({})


ABOVE_CAP = Refusal(-32000, "transaction gas limit (36729652) is greater than the cap (16777216)")


async def test_estimate_gas_that_hardhat_searches_above_the_cap_is_all_that_may_be_used(
    node: HttpNode, chain: Chain
) -> None:
    node.results |= {"eth_estimateGas": ABOVE_CAP, "eth_call": "0x"}
    assert await chain.estimate_gas({"to": ACCOUNT, "gas": "0x1000000"}) == 0x1000000
    assert node.params("eth_call") == [[{"to": ACCOUNT, "gas": "0x1000000"}, "latest"]]
    with pytest.raises(RpcError, match="greater than the cap"):
        await chain.estimate_gas({"to": ACCOUNT})


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        (Refusal(3, "execution reverted", f"0x{keccak(text='NotActive()')[:4].hex()}"), TransactionReverted),
        (Refusal(-32000, "out of gas"), TransactionTooLarge),
    ],
)
async def test_estimate_gas_that_hardhat_searches_above_the_cap_fails_as_the_call_does(
    node: HttpNode, chain: Chain, refusal: Refusal, kind: type[Exception]
) -> None:
    node.results |= {"eth_estimateGas": ABOVE_CAP, "eth_call": refusal}
    with pytest.raises(kind):
        await chain.estimate_gas({"to": ACCOUNT, "gas": "0x1000000"})


async def test_logs_topics_and_blocks_are_asked_for(node: HttpNode, chain: Chain) -> None:
    node.results["eth_getLogs"] = []
    assert await chain.logs(ACCOUNT, [HASH, None, [HASH, bytes(32)]], from_block=3) == []
    ones = f"0x{HASH.hex()}"
    topics = [ones, None, [ones, "0x" + "00" * 32]]
    assert node.params("eth_getLogs") == [
        [{"address": ACCOUNT, "topics": topics, "fromBlock": "0x3", "toBlock": "latest"}]
    ]


@pytest.mark.parametrize("told", [None, 7, {}, [7], [{}]])
async def test_logs_garbage_is_a_node_error(node: HttpNode, chain: Chain, told: Any) -> None:
    node.results["eth_getLogs"] = told
    with pytest.raises(NodeError):
        await chain.logs(ACCOUNT)


async def test_receipt_not_there_yet_is_none(node: HttpNode, chain: Chain) -> None:
    for told in (None, {"transactionHash": f"0x{HASH.hex()}", "blockNumber": None}):
        node.results["eth_getTransactionReceipt"] = told
        assert await chain.receipt(HASH) is None


async def test_receipt_of_another_transaction_is_refused(node: HttpNode, chain: Chain) -> None:
    node.results["eth_getTransactionReceipt"] = {
        "transactionHash": f"0x{HASH.hex()}",
        "blockNumber": "0x1",
        "blockHash": f"0x{HASH.hex()}",
        "status": "0x1",
        "gasUsed": "0x1",
        "logs": [],
    }
    receipt = await chain.receipt(HASH)
    assert receipt is not None
    assert receipt.success
    with pytest.raises(NodeError, match="another transaction"):
        await chain.receipt(bytes(32))


@pytest.mark.parametrize("told", [None, 7, "x", "0x1z", {}, [], "0x" + "f" * 65])
async def test_simple_numbers_garbage_is_a_node_error(node: HttpNode, chain: Chain, told: Any) -> None:
    for method in ("eth_chainId", "eth_blockNumber", "eth_getBalance", "eth_getTransactionCount", "eth_estimateGas"):
        node.results[method] = told
    for job in (chain.chain_id, chain.block_number):
        with pytest.raises(NodeError):
            await job()
    with pytest.raises(NodeError):
        await chain.balance(ACCOUNT)
    with pytest.raises(NodeError):
        await chain.nonce(ACCOUNT)
    with pytest.raises(NodeError):
        await chain.estimate_gas({})
