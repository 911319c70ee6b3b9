"""The errors in here are copied from what the nodes answered: geth 1.17, hardhat 2.29, ganache 7.9, anvil 1.7,
@ethereumjs/client 0.10."""

from __future__ import annotations

from typing import Any

import pytest

from smartsync.errors import MethodMissing, RpcError
from smartsync.refusals import (
    named_range,
    out_of_gas,
    revert_data,
    reverted,
    too_many_keys,
    too_many_logs,
    too_wide_range,
    unavailable,
)

ABC = (
    "0x08c379a0"
    "0000000000000000000000000000000000000000000000000000000000000020"
    "0000000000000000000000000000000000000000000000000000000000000003"
    "6162630000000000000000000000000000000000000000000000000000000000"
)
VM = "VM Exception while processing transaction"
REVERTS = {
    "geth": (3, "execution reverted: abc", ABC),
    "anvil": (3, "execution reverted: abc", ABC),
    "hardhat": (-32603, f"Error: {VM}: reverted with reason string 'abc'", {"message": f"Error: {VM}: …", "data": ABC}),
    "hardhat, sent": (-32603, f"Error: {VM}: …", {"message": "…", "txHash": "0x" + "85" * 32, "data": ABC}),
    "ganache, call": (-32000, f"{VM}: revert abc", ABC),
    "ganache, estimate": (
        -32000,
        f"{VM}: revert abc",
        {"hash": None, "programCounter": 10, "result": ABC, "reason": "abc", "message": "revert"},
    ),
    "ganache 2": (
        -32000,
        f"{VM}: revert abc",
        {
            "0x" + "12" * 32: {"error": "revert", "program_counter": 10, "return": ABC},
            "stack": "…",
            "name": "RuntimeError",
        },
    ),
    "nethermind": (-32015, "VM execution error.", f"Reverted {ABC}"),
    "besu": (-32000, "Execution reverted", ABC),
}


def error(code: int, text: str, data: Any = None) -> RpcError:
    return RpcError("eth_call", code, text, data)


@pytest.mark.parametrize("node", REVERTS)
def test_revert_data_of_every_node_is_found(node: str) -> None:
    assert revert_data(error(*REVERTS[node])) == bytes.fromhex(ABC[2:])


@pytest.mark.parametrize("node", REVERTS)
def test_reverted_reason_of_every_node_is_decoded(node: str) -> None:
    revert = reverted(error(*REVERTS[node]))
    assert revert is not None
    assert (revert.name, revert.reason, revert.data.hex()) == ("Error", "abc", ABC[2:])


@pytest.mark.parametrize(
    ("code", "text", "data"),
    [
        (3, "execution reverted", "0x"),
        (-32603, "Error: Transaction reverted without a reason string", {"message": "…", "data": "0x"}),
        (-32000, f"{VM}: revert", "0x"),
        (-32000, f"{VM}: invalid opcode", {"hash": None, "result": "0x"}),
        (-32603, "EVM error InvalidFEOpcode", None),
        (-32000, "invalid opcode: INVALID", None),
        (-32000, "execution reverted", None),
        (-32000, "execution reverted", {"a": [1], "data": 5, "b": {"c": {"d": None}}}),
        (-32000, "execution reverted", "0x123"),
    ],
)
def test_reverted_without_data_tells_what_the_node_says(code: int, text: str, data: Any) -> None:
    revert = reverted(error(code, text, data))
    assert revert is not None
    assert (revert.reason, revert.data) == (text, b"")


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("header not found", None),
        ("nonce too low", "0x" + "11" * 32),
        ("insufficient funds for gas * price + value", {"data": "0x11"}),
        ("Incorrect number of arguments", None),
    ],
)
def test_reverted_other_error_is_none(text: str, data: Any) -> None:
    assert reverted(error(-32000, text, data)) is None


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (-32000, "missing trie node 0123 (path 01) state 0x45 is not available"),
        (-32000, "header not found"),
        (-32000, "header for hash not found"),
        (-32000, "distance to target block exceeds maximum proof window"),
        (-32000, "Received invalid block tag 65535. Latest block number is 2"),
        (-32602, "BlockOutOfRangeError: block height is 2 but requested was 65535"),
        (-32001, "Resource not found"),
        (-32700, "header not found"),
        (-32000, "block #65535 not found"),
        (-32000, "historical state 0x12 is not available"),
        (-32000, "state histories have been pruned"),
        (-32000, "requested block is too old, block must be within 100000 blocks of the head block number"),
        (-32000, "No state available for block 7"),
        (-32602, "specified block greater than current height"),
    ],
)
def test_unavailable_texts_of_the_nodes_are_recognised(code: int, text: str) -> None:
    gone = unavailable(error(code, text), "7")
    assert gone is not None
    assert gone.block == "7"
    assert text in str(gone)


@pytest.mark.parametrize(
    "other",
    [
        error(3, "execution reverted: block not found", ABC),
        error(-32602, "invalid argument 0: hex string has odd length"),
        error(-32000, "nonce too low"),
        MethodMissing("eth_getProof", -32601, "block: method not found"),
    ],
)
def test_unavailable_other_error_is_none(other: RpcError) -> None:
    assert unavailable(other, "7") is None


@pytest.mark.parametrize(
    ("text", "gas"),
    [
        ("gas required exceeds allowance (11522469)", 11522469),
        ("Out of gas: gas required exceeds allowance: 30000000", 30000000),
        ("Transaction ran out of gas", 0),
        (f"{VM}: out of gas", 0),
        ("execution reverted", None),
    ],
)
def test_out_of_gas_texts_of_the_nodes_are_recognised(text: str, gas: int | None) -> None:
    assert out_of_gas(error(-32000, text)) == gas


OF_SIZE = {
    # what is refused for its size: how many keys, how many logs, how wide a range
    "too many storage keys requested (max 1024, got 2000)": (True, False, False),
    "Response is too big": (True, True, False),
    "query returned more than 10000 results": (False, True, False),
    "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range": (True, True, False),
    "exceed maximum block range: 5000": (False, False, True),
    "block range exceeds configured limit": (False, False, True),
    "eth_getLogs is limited to a 10,000 range": (False, False, True),
    # what is not
    "missing trie node abc (path ) state 0x12 is not available": (False, False, False),
    "header not found": (False, False, False),
    "rate limit exceeded": (False, False, False),
    "daily request count exceeded, request rate limited": (False, False, False),
    "execution reverted: limit exceeded": (False, False, False),
    "method eth_getProof not supported": (False, False, False),
    "internal error": (False, False, False),
    "block range extends beyond current head block": (False, False, False),
}


@pytest.mark.parametrize(("text", "expected"), OF_SIZE.items(), ids=OF_SIZE)
def test_refusals_of_size_are_told_from_others(text: str, expected: tuple[bool, bool, bool]) -> None:
    error = RpcError("eth_x", -32602, text)
    assert (too_many_keys(error), too_many_logs(error), too_wide_range(error)) == expected


@pytest.mark.parametrize(
    ("text", "asked", "named"),
    [
        ("range 1000000 exceeds limit of 10000", 1_000_000, 10_000),
        ("block range is larger than max block range, block range = 5120, max block range = 5000", 5120, 5000),
        ("exceed maximum block range: 5000", 4000, None),
        ("up to a 2K block range", 9000, 2000),
        ("block range is too wide", 9000, None),
        ("block range greater than 100 max", 9000, 100),
    ],
)
def test_named_range_is_the_limit_that_is_below_what_was_asked(text: str, asked: int, named: int | None) -> None:
    assert named_range(RpcError("eth_getLogs", -32602, text), asked) == named
