from __future__ import annotations

from typing import Any

import pytest

from smartsync.doctor import examine
from smartsync.errors import MethodMissing, NodeUnreachable, RpcError
from smartsync.results import Check, NodeReport
from smartsync.source import BEACON_KIND, PROXY_SLOTS

ADDRESS = "0x5FbDB2315678afecb367f032d93F642f64180aa3"


def check(report: NodeReport, name: str) -> Check:
    return next(one for one in report.checks if one.name.removesuffix(" (optional)") == name)


def executing(*unknown: str) -> Any:
    """Return an eth_call that knows all opcodes but some."""

    def call(message: dict[str, str], block: str) -> str:
        if any(message["data"].startswith(code) for code in unknown):
            raise RpcError("eth_call", -32000, "invalid opcode")
        return "0x"

    return call


def able(node: Any) -> Any:
    node.debug["debug_storageRangeAt"] = lambda *_: {"storage": {}, "nextKey": None}
    node.debug["debug_traceBlockByNumber"] = lambda *_: []
    node.override["eth_call"] = executing()
    node.override["eth_feeHistory"] = lambda *_: {}
    return node


async def test_examine_source_that_has_everything_is_ok(fake: Any) -> None:
    report = await examine(able(fake({})).chain, "source")
    assert report.ok, report
    assert (report.host, report.client, report.chain_id, report.role) == ("fake:8545", "fake/1", 1337, "source")
    assert "10 back" in check(report, "eth_getProof of older blocks").detail
    assert "by debug_storageRangeAt and" in check(report, "finding slots").detail


async def test_examine_source_without_debug_methods_says_what_helps(fake: Any) -> None:
    report = await examine(fake({}).chain, "source")
    assert report.ok, "a sync needs none of them"
    told = check(report, "finding slots")
    assert not told.ok and not told.needed and "--slots FILE" in told.detail


@pytest.mark.parametrize("method", ["debug_storageRangeAt", "debug_traceBlockByNumber"])
async def test_examine_source_with_one_debug_method_is_ok(fake: Any, method: str) -> None:
    node = able(fake({}))
    del node.debug[method]
    report = await examine(node.chain, "source")
    assert report.ok
    assert "does not work" in next(one for one in report.checks if method in one.name).detail


async def test_examine_source_strategies_are_told_in_their_order_with_what_is_there_and_why(fake: Any) -> None:
    node = able(fake({}))
    told = [one for one in (await examine(node.chain, "source")).checks if one.name[0].isdigit()]
    assert [(one.name, one.ok) for one in told] == [
        ("1. storage range: debug_storageRangeAt (optional)", True),
        ("2. prestate diff: debug_traceBlockByNumber (optional)", True),
        ("3. state diff: trace_replayBlockTransactions (optional)", False),
        ("4. prestate diff by transaction: debug_traceTransaction (optional)", False),
        ("5. access list: eth_createAccessList (optional)", False),
    ]
    assert [one.detail for one in told[:2]] == ["works: all slots that there are", "works: what each block changed"]
    assert "does not work" in told[2].detail and "not needed, blocks are traced" in told[3].detail
    found = check(await examine(node.chain, "source"), "finding slots").detail
    assert found == (
        "a fork: by debug_storageRangeAt and debug_traceBlockByNumber, then by guessing; a sync over "
        "up to 256 blocks: by debug_traceBlockByNumber; a sync: by eth_getProof alone, then as a fork where slots are "
        "new"
    )


async def test_examine_source_that_replays_blocks_needs_no_single_transactions(fake: Any) -> None:
    node = able(fake({}))
    del node.debug["debug_traceBlockByNumber"]
    node.debug["trace_replayBlockTransactions"] = lambda *_: []
    report = await examine(node.chain, "source")
    assert (
        "not needed, blocks are traced"
        in check(report, "4. prestate diff by transaction: debug_traceTransaction").detail
    )


@pytest.mark.parametrize("method", ["debug_traceTransaction", "trace_replayBlockTransactions"])
@pytest.mark.parametrize("newest", [0, 10])
async def test_examine_source_with_one_other_method_is_ok(fake: Any, method: str, newest: int) -> None:
    node = able(fake({}))
    node.debug = {method: lambda *_: []}
    node.newest = newest
    report = await examine(node.chain, "source")
    assert f"by {method}" in check(report, "finding slots").detail


async def test_examine_source_without_proofs_is_not_ok(fake: Any) -> None:
    def missing(*_: object) -> None:
        raise MethodMissing("eth_getProof", -32601, "the method does not exist")

    node = able(fake({}))
    node.override["eth_getProof"] = missing
    report = await examine(node.chain, "source")
    assert not check(report, "eth_getProof").ok
    assert "fork and sync need it" in check(report, "eth_getProof").detail


async def test_examine_source_with_proofs_of_another_state_is_not_ok(fake: Any) -> None:
    node = able(fake({}))
    node.override["eth_getProof"] = fake({1: 1})._eth_getProof
    assert not check(await examine(node.chain, "source"), "eth_getProof").ok


async def test_examine_source_that_keeps_no_old_states_is_not_ok(fake: Any) -> None:
    node = able(fake({}))
    honest = node._eth_getProof

    def newest_only(address: str, keys: list[str], block: str) -> object:
        if int(block, 16) < node.newest:
            raise RpcError("eth_getProof", -32000, "distance to target block exceeds maximum proof window")
        return honest(address, keys, block)

    node.override["eth_getProof"] = newest_only
    found = check(await examine(node.chain, "source"), "eth_getProof of older blocks")
    assert not found.ok and "archive node" in found.detail


def failing_at(node: Any, *blocks: int) -> Any:
    """Return a node that proves nothing at these blocks."""
    honest = node._eth_getProof

    def proof(address: str, keys: list[str], block: str) -> object:
        if int(block, 16) in blocks:
            raise RpcError("eth_getProof", -32000, "no such state")
        return honest(address, keys, block)

    node.override["eth_getProof"] = proof
    return node


@pytest.mark.parametrize(
    ("newest", "failing", "depth"),
    [
        (24, [0], 23),  # anvil, whose block 0 has a wrong state root
        (24, [], 24),
        (24, [0, 1], 16),
        (24, [*range(8)], 16),
        (24, [*range(9)], 1),
        (2, [0], 1),
        (128, [0], 127),
        (200, [*range(73)], 127),  # geth keeps 128 states
    ],
)
async def test_examine_older_blocks_are_served_however_the_first_one_fails(
    fake: Any, newest: int, failing: list[int], depth: int
) -> None:
    node = failing_at(able(fake({})), *failing)
    node.newest = newest
    found = check(await examine(node.chain, "source"), "eth_getProof of older blocks")
    assert found.ok and found.detail.startswith(f"served {depth:,} back;")


@pytest.mark.parametrize(("newest", "is_ok"), [(1, True), (2, False)])
async def test_examine_node_with_no_older_block_than_the_first_is_not_blamed_for_that(
    fake: Any, newest: int, is_ok: bool
) -> None:
    node = failing_at(able(fake({})), *range(newest))
    node.newest = newest
    found = check(await examine(node.chain, "source"), "eth_getProof of older blocks")
    assert found.ok is is_ok and ("ask again" in found.detail) is is_ok


async def test_examine_header_without_its_hash_is_not_ok(fake: Any) -> None:
    node = able(fake({}))
    honest = node._eth_getBlockByNumber
    node.override["eth_getBlockByNumber"] = lambda *params: honest(*params) | {"gasUsed": "0x1"}
    report = await examine(node.chain, "source")
    assert not check(report, "headers").ok
    assert "it would help" in check(report, "debug_getRawHeader").detail


async def test_examine_anvil_as_a_source_is_warned_of(fake: Any) -> None:
    found = check(await examine(able(fake({}, client="anvil/v1.7.1")).chain, "source"), "storage trie")
    assert not found.ok and "deleted or only touched" in found.detail


async def test_examine_anvil_as_a_target_is_ok(fake: Any) -> None:
    report = await examine(able(fake({}, client="anvil/v1.7.1")).chain, "target")
    assert report.ok
    assert "deleted or only touched" in check(report, "storage trie").detail


async def test_examine_contract_with_all_slots_found_is_canonical(fake: Any) -> None:
    node = able(fake({0: 1, 100: 2}))
    report = await examine(node.chain, "source", ADDRESS)
    assert check(report, "contract").ok
    assert check(report, "storage trie").ok
    assert "all 2 slots were found by proof walk" in check(report, "storage trie").detail


async def test_examine_contract_with_slots_not_found_is_not_ok(fake: Any) -> None:
    found = check(await examine(able(fake({0: 1, 1000: 2})).chain, "source", ADDRESS), "storage trie")
    assert not found.ok and "do not cover the storage root" in found.detail


async def test_examine_address_without_code_has_no_storage_trie_to_examine(fake: Any) -> None:
    report = await examine(able(fake({})).chain, "source", "0x" + "22" * 20)
    assert not check(report, "contract").ok
    assert "storage trie" not in [one.name for one in report.checks]


@pytest.mark.parametrize(("arguments", "is_ok"), [(b"", True), (b"\x01", False)])
async def test_examine_proxy_is_ok_where_it_can_be_replicated(fake: Any, arguments: bytes, is_ok: bool) -> None:
    code = bytes.fromhex(f"363d3d373d3d3d363d73{'12' * 20}5af43d82803e903d91602b57fd5bf3") + arguments
    node = able(fake({}, code))
    node.override["eth_getCode"] = lambda address, block: f"0x{code.hex()}" if address == ADDRESS else "0x00"
    found = check(await examine(node.chain, "source", ADDRESS), "contract")
    assert found.ok is is_ok and "EIP-1167" in found.detail and "0x1212" in found.detail
    assert ("has arguments" in found.detail) is not is_ok


CLONE = f"363d3d373d3d3d363d73{'12' * 20}5af43d82803e903d91602b57fd5bf3"


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("60015f5260205ff3", ""),
        (CLONE, "is itself a proxy (EIP-1167 minimal proxy) of 0x1212"),
        ("", "there is no contract at 0x1212"),
        ("ef00", "begins with 0xef"),
    ],
)
async def test_examine_proxy_is_judged_by_what_it_delegates_to(fake: Any, code: str, why: str) -> None:
    node = able(fake({}, bytes.fromhex(CLONE)))
    node.override["eth_getCode"] = lambda address, block: f"0x{code if address.startswith('0x12') else CLONE}"
    found = check(await examine(node.chain, "source", ADDRESS), "contract")
    assert found.ok is not bool(why) and why in found.detail


@pytest.mark.parametrize(
    ("answer", "why"),
    [("0" * 24 + "34" * 20, ""), ("", "does not tell its implementation"), ("0" * 24 + "12" * 20, "is itself a proxy")],
)
async def test_examine_proxy_of_a_beacon_is_judged_by_what_that_names(fake: Any, answer: str, why: str) -> None:
    slot = PROXY_SLOTS[BEACON_KIND]
    node = able(fake({int.from_bytes(slot, "big"): 0x5656 << 144}, b"\x7f" + slot + b"\xf4"))
    honest = node._eth_getCode
    stored = node._eth_getStorageAt
    node.override["eth_getStorageAt"] = lambda address, *at: stored(address, *at) if address == ADDRESS else "0x0"
    codes = {"0x12": f"0x{CLONE}", "0x34": "0x6001", "0x56": "0x6002"}
    node.override["eth_getCode"] = lambda address, block: codes.get(address[:4]) or honest(address, block)
    node.override["eth_call"] = lambda *_: f"0x{answer}"
    found = check(await examine(node.chain, "source", ADDRESS), "contract")
    assert "EIP-1967 beacon" in found.detail and found.ok is not bool(why) and why in found.detail


async def test_examine_target_before_cancun_is_not_ok(fake: Any) -> None:
    node = able(fake({}))
    node.override["eth_call"] = executing("0x5f5f5f5e", "0x5f1e")
    report = await examine(node.chain, "target")
    assert [one.name for one in report.checks if not one.ok] == ["rules"]


async def test_examine_target_tells_whether_transactions_are_capped(fake: Any) -> None:
    node = able(fake({}))
    capped = check(await examine(node.chain, "target"), "block gas limit").detail
    assert capped == "30,000,000; one transaction uses at most 16,777,216, the cap of EIP-7825"
    node.override["eth_call"] = executing("0x5f1e")
    report = await examine(node.chain, "target")
    assert "do not have yet" in check(report, "block gas limit").detail
    assert check(report, "rules").detail == "Cancun or later"


async def test_examine_target_with_small_blocks_is_not_ok(fake: Any) -> None:
    node = able(fake({}))
    honest = node._eth_getBlockByNumber
    node.override["eth_getBlockByNumber"] = lambda *params: honest(*params) | {"gasLimit": "0x7a1200"}
    assert not check(await examine(node.chain, "target"), "block gas limit").ok


async def test_examine_target_optional_things_missing_is_ok(fake: Any) -> None:
    node = able(fake({}))

    def missing(*_: object) -> None:
        raise MethodMissing("eth_feeHistory", -32601, "the method does not exist")

    node.override["eth_feeHistory"] = node.override["eth_getProof"] = missing
    node.override["eth_call"] = executing("0x61")
    report = await examine(node.chain, "target")
    assert report.ok
    assert [one.name for one in report.checks if not one.ok] == [
        "eth_getProof (optional)",
        "code size (optional)",
        "eth_feeHistory (optional)",
    ]
    assert "newest block instead" in check(report, "eth_feeHistory").detail
    assert "cannot be created" in check(report, "code size").detail


async def test_examine_node_that_does_not_answer_raises(fake: Any) -> None:
    def silent(*_: object) -> None:
        raise NodeUnreachable("no answer")

    node = fake({})
    node.override["eth_chainId"] = silent
    with pytest.raises(NodeUnreachable):
        await examine(node.chain, "source")
