from __future__ import annotations

from typing import Any

import pytest
from eth_utils import keccak

from smartsync.chain import Chain
from smartsync.errors import (
    BlockUnavailable,
    ConfigError,
    InvalidHeader,
    MethodMissing,
    NodeError,
    RpcError,
    TransactionReverted,
    TransactionTooLarge,
)
from tests.http_node import HttpNode, Refusal
from tests.unit.chain.headers import header_of

ACCOUNT = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
HASH = b"\x11" * 32


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
