from __future__ import annotations

from typing import Any

import pytest

from smartsync.analysis import Analysis, StorageReport, analyze, cost, examining
from smartsync.chain import Chain
from smartsync.errors import BlockUnavailable, ConfigError, InvalidProof, MethodMissing, NoCode, SourceIsProxy
from smartsync.failover import Failover
from smartsync.header import Header
from smartsync.keccak import keccak256
from smartsync.results import Check
from smartsync.source import PROXY_SLOTS
from smartsync.trie.trie import build
from smartsync.types import MAX_CODE_SIZE
from tests.unit.analysis.test_target import running
from tests.unit.conftest import ADDRESS, FakeNode

TIME = bytes.fromhex("4260005260206000f3")
TO = "0x" + "22" * 20


def check(found: Analysis, name: str) -> Check:
    (one,) = [one for one in found.checks if one.name == name]
    return one


def implemented(node: FakeNode, code: str) -> None:
    """Let there be this code, and no storage, at the address that the proxies of these tests delegate to."""
    codes, slots = node._eth_getCode, node._eth_getStorageAt
    node.override["eth_getCode"] = lambda address, block: code if address == TO else codes(address, block)
    node.override["eth_getStorageAt"] = lambda address, key, block: (
        "0x0" if address == TO else slots(address, key, block)
    )


def target(*lacking: str) -> FakeNode:
    node = FakeNode({})
    node.override["eth_call"] = running(*lacking)
    node.override["eth_feeHistory"] = lambda *_: {"baseFeePerGas": ["0x3b9aca00"], "reward": []}
    node.override["eth_maxPriorityFeePerGas"] = lambda: "0x3b9aca00"
    return node


async def test_analyze_plain_contract_is_replicable(fake: Any) -> None:
    found = await analyze(fake({0: 1}).chain, target().chain, ADDRESS)
    assert found.replicable
    assert found.verdict == f"{ADDRESS} can be replicated, and its views answer as on the source."
    assert (found.block_number, found.source_chain_id, found.target_chain_id) == (10, 1337, 1337)
    assert found.storage is not None and found.storage.exact and found.storage.slots == 1
    assert found.costs is not None
    assert [row.what for row in found.costs.rows] == ["fork", "sync of 1 changed slot"]
    assert (found.costs.prices_wei, found.costs.priced_by) == ((2 * 10**9,), "target")
    assert found.costs.rows[0].fees_wei == (found.costs.rows[0].gas * 2 * 10**9,)


async def test_analyze_node_that_does_not_prove_gives_way_to_another(fake: Any) -> None:
    liar, honest = fake({0: 1}), fake({0: 1})
    liar.host = "liar"
    plain = liar._eth_getProof
    liar.override["eth_getProof"] = lambda *asked: plain(*asked) | {"accountProof": ["0x80"]}
    found = await analyze(Chain(Failover([liar, honest])), None, ADDRESS)
    assert found.replicable and found.changes is not None and found.changes.method == "storage roots"
    with pytest.raises(InvalidProof, match="liar does not prove"):
        await analyze(liar.chain, None, ADDRESS)


async def test_analyze_without_a_target_says_nothing_of_it(fake: Any) -> None:
    found = await analyze(fake({0: 1}).chain, None, ADDRESS)
    assert found.replicable and found.target_chain_id is None
    assert not {one.name for one in found.checks} & {"target's rules", "target's opcodes", "addresses in the code"}
    assert found.costs is not None and (found.costs.prices_wei, found.costs.priced_by) == ((), "")
    priced = await analyze(fake({0: 1}).chain, None, ADDRESS, gas_prices_wei=[7, 0])
    assert priced.costs is not None and priced.costs.priced_by == "given"
    assert priced.costs.rows[0].fees_wei == (priced.costs.rows[0].gas * 7, 0)


async def test_analyze_code_that_asks_for_the_time_is_warned_of(fake: Any) -> None:
    found = await analyze(fake({0: 1}, TIME).chain, None, ADDRESS)
    assert found.replicable and not check(found, "answers").ok
    assert found.verdict == f"{ADDRESS} can be replicated; see what is marked warn."


async def test_analyze_target_that_lacks_an_opcode_is_warned_of(fake: Any) -> None:
    node = fake({0: 1}, bytes.fromhex("60001e00"))  # CLZ
    found = await analyze(node.chain, target("CLZ").chain, ADDRESS)
    assert found.replicable
    assert "lacks CLZ" in check(found, "target's opcodes").detail
    assert check(await analyze(node.chain, target().chain, ADDRESS), "target's opcodes").ok


async def test_analyze_target_before_cancun_is_not_replicable(fake: Any) -> None:
    found = await analyze(fake({0: 1}).chain, target("MCOPY").chain, ADDRESS)
    assert not found.replicable and "the target cannot run" in found.verdict
    assert found.costs is None


@pytest.mark.parametrize(("there", "ok"), [(ADDRESS, True), (TO, False)])
async def test_analyze_address_that_code_calls_is_looked_for_on_the_target(fake: Any, there: str, ok: bool) -> None:
    code = bytes.fromhex(f"600060006000600073{there[2:]}5afa00")
    found = await analyze(fake({0: 1}, code).chain, target().chain, ADDRESS)
    assert check(found, "addresses in the code").ok is ok


async def test_analyze_proxy_is_told_with_its_implementation(fake: Any) -> None:
    node = fake({int.from_bytes(PROXY_SLOTS["EIP-1967"], "big"): int(TO, 16)}, TIME)
    implemented(node, "0x602035600055")
    found = await analyze(node.chain, None, ADDRESS)
    assert found.proxy is not None and (found.proxy.kind, found.proxy.implementation) == ("EIP-1967", TO)
    assert [code.role for code in found.codes] == ["contract", "implementation"]
    assert check(found, "implementation").ok
    # Its code has nothing of a proxy: the slot may be a leftover.
    assert not found.replicable and "refused: its code does not show" in check(found, "proxy").detail
    assert (found.storage, found.changes, found.costs) == (None, None, None)


async def test_analyze_supported_proxy_is_replicable(fake: Any) -> None:
    code = bytes.fromhex(f"7f{PROXY_SLOTS['EIP-1967'].hex()}545f5f5f5f845af400")
    node = fake({int.from_bytes(PROXY_SLOTS["EIP-1967"], "big"): int(TO, 16)}, code)
    implemented(node, "0x602035600055")
    found = await analyze(node.chain, None, ADDRESS)
    assert found.replicable, found.checks
    assert "replicated with its implementation" in check(found, "proxy").detail
    assert found.costs is not None
    assert "copy of the implementation" in [row.what for row in found.costs.rows]


@pytest.mark.parametrize(
    ("implementation", "why"),
    [
        ("0x", "there is no contract"),
        ("0xef0100" + "11" * 20, "delegates to"),
        ("0x" + "00" * (MAX_CODE_SIZE + 1), "EIP-170"),
        (f"0x363d3d373d3d3d363d73{'12' * 20}5af43d82803e903d91602b57fd5bf3", "is itself a proxy"),
    ],
)
async def test_analyze_proxy_of_something_that_cannot_be_copied(fake: Any, implementation: str, why: str) -> None:
    node = fake({int.from_bytes(PROXY_SLOTS["EIP-1967"], "big"): int(TO, 16)}, TIME)
    implemented(node, implementation)
    found = await analyze(node.chain, None, ADDRESS)
    assert not found.replicable
    assert why in check(found, "implementation").detail


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (bytes.fromhex("ef0100" + "11" * 20), "EIP-7702"),
        (b"\xef\x00\x01", "EIP-3541"),
        (b"\x00" * (MAX_CODE_SIZE + 1), "EIP-170"),
    ],
)
async def test_analyze_code_that_cannot_be_deployed_is_not_replicable(fake: Any, code: bytes, why: str) -> None:
    found = await analyze(fake({0: 1}, code).chain, None, ADDRESS)
    assert not found.replicable and why in check(found, "contract").detail
    assert found.verdict.endswith("its code cannot be deployed.")


async def test_analyze_storage_with_zeros_is_not_replicable(fake: Any) -> None:
    node = fake({}, stored=build([(keccak256(bytes(32)), b"\x80"), (keccak256(b"\1" * 32), b"\x01")]))
    found = await analyze(node.chain, None, ADDRESS)
    assert not found.replicable and "holds a zero" in check(found, "storage").detail


async def test_analyze_address_without_code_raises(fake: Any) -> None:
    with pytest.raises(NoCode, match="no contract at 0x2222"):
        await analyze(fake({}).chain, None, TO)
    with pytest.raises(NoCode, match="no contract at 0x3333"):
        await analyze(fake({}).chain, None, "0x" + "33" * 20)


async def test_analyze_code_other_than_proven_raises(fake: Any) -> None:
    node = fake({0: 1})
    node.override["eth_getCode"] = lambda *_: "0x00"
    with pytest.raises(InvalidProof, match="is not the one proven"):
        await analyze(node.chain, None, ADDRESS)


async def test_analyze_block_that_is_not_there_raises(fake: Any) -> None:
    with pytest.raises(BlockUnavailable):
        await analyze(fake({0: 1}).chain, None, ADDRESS, block=11)


async def test_analyze_entry_of_no_abi_raises_before_anything_is_asked(fake: Any) -> None:
    node = fake({0: 1})
    with pytest.raises(ConfigError):
        await analyze(node.chain, None, ADDRESS, abi=[{"type": "function"}])
    assert node.calls == []


async def test_analyze_target_that_tells_no_fees_has_costs_in_gas(fake: Any) -> None:
    def missing(*_: object) -> None:
        raise MethodMissing("eth_feeHistory", -32601, "the method does not exist")

    node = target()
    node.override["eth_feeHistory"] = node.override["eth_gasPrice"] = missing
    found = await analyze(fake({0: 1}).chain, node.chain, ADDRESS)
    assert found.costs is not None and found.costs.prices_wei == ()


async def test_analyze_fallback_that_delegates_to_what_storage_says_is_warned_of(fake: Any) -> None:
    diamond = bytes.fromhex("60006000600060006000355f355af4" + "00")
    found = await analyze(fake({5: 1}, diamond).chain, None, ADDRESS)
    assert found.proxy is None and found.replicable
    assert "perhaps a diamond" in check(found, "proxy").detail and not check(found, "proxy").ok


CLONE = bytes.fromhex(f"363d3d373d3d3d363d73{TO[2:]}5af43d82803e903d91602b57fd5bf3")


async def test_analyze_clone_is_not_warned_of_its_implementation(fake: Any) -> None:
    node = fake({1: 1}, CLONE)
    implemented(node, "0x602035600055")
    nowhere = target()
    nowhere.override["eth_getCode"] = lambda *_: "0x"
    found = await analyze(node.chain, nowhere.chain, ADDRESS)
    assert "addresses in the code" not in {one.name for one in found.checks}
    assert found.verdict == f"{ADDRESS} can be replicated, and its views answer as on the source."


async def test_analyze_address_that_an_implementation_calls_is_looked_for_all_the_same(fake: Any) -> None:
    other = "0x" + "33" * 20
    node = fake({1: 1}, CLONE)
    implemented(node, f"0x600060006000600073{other[2:]}5afa00")
    nowhere = target()
    nowhere.override["eth_getCode"] = lambda *_: "0x"
    told = check(await analyze(node.chain, nowhere.chain, ADDRESS), "addresses in the code")
    assert not told.ok and other in told.detail and TO not in told.detail


BEACON = "0x" + "44" * 20


def beaconed(fake: Any, monkeypatch: pytest.MonkeyPatch, outcome: StorageReport | Exception) -> Any:
    """Give a node with a supported beacon proxy, whose beacon's storage is measured as given."""
    slot = PROXY_SLOTS["EIP-1967 beacon"]
    node = fake(
        {int.from_bytes(slot, "big"): int(BEACON, 16), 7: 1}, bytes.fromhex(f"7f{slot.hex()}545f5f5f5f845af400")
    )
    implemented(node, "0x602035600055")
    node.override["eth_call"] = lambda *_: "0x" + TO[2:].rjust(64, "0")
    inspected, measured = examining.inspect, examining.measure_storage

    async def inspect(chain: Chain, address: str, block: int) -> bytes:
        return b"\1" * 600 if address == BEACON else await inspected(chain, address, block)

    async def measure(chain: Chain, header: Header, address: str) -> StorageReport:
        if address != BEACON:
            return await measured(chain, header, address)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(examining, "inspect", inspect)
    monkeypatch.setattr(examining, "measure_storage", measure)
    return node


async def test_analyze_beacon_proxy_has_its_beacons_costs(fake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    beacon = StorageReport(2, True, "storage range", "", 2.0, 3, 700)
    found = await analyze(beaconed(fake, monkeypatch, beacon).chain, None, ADDRESS)
    assert found.replicable and check(found, "beacon").ok
    assert f"600 of at most 24,576 bytes of code at {BEACON}" in check(found, "beacon").detail
    assert found.costs is not None
    rows = {row.what: row.gas for row in found.costs.rows}
    assert rows["replica of the beacon, once for all its proxies"] == cost.fork_gas(b"\1" * 600, 2, 700)
    assert "sync of 1 changed slot, and of the beacon with none" in rows


async def test_analyze_beacon_that_cannot_be_replicated_is_not_replicable(
    fake: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for error in (NoCode("there is no contract"), SourceIsProxy("EIP-1967", TO)):
        found = await analyze(beaconed(fake, monkeypatch, error).chain, None, ADDRESS)
        assert not found.replicable and found.costs is None
        assert found.verdict.endswith("its beacon cannot be replicated.")


OWNER = {"type": "function", "name": "owner", "inputs": [], "outputs": [], "stateMutability": "view"}
PRICE = OWNER | {"name": "price"}
HAS_OWNER = bytes.fromhex("5f3560e01c638da5cb5b14600f575f5ffd5b5f545f5260205ff3")
"""Answers ``owner()`` by slot 0, and nothing else."""


@pytest.mark.parametrize(
    ("abi", "ok", "told"),
    [
        ([OWNER, PRICE], True, "1 of the ABI's functions (2) found in the code"),
        ([PRICE], False, "none of the ABI's functions (1) is in the code: it may be another contract's"),
    ],
)
async def test_analyze_abi_is_held_against_the_code(fake: Any, abi: list[Any], ok: bool, told: str) -> None:
    found = await analyze(fake({0: 1}, HAS_OWNER).chain, None, ADDRESS, abi=abi)
    assert (check(found, "ABI").ok, check(found, "ABI").detail) == (ok, told)
    assert found.replicable and ("see what is marked warn" in found.verdict) is not ok


async def test_analyze_abi_of_code_without_functions_is_told(fake: Any) -> None:
    found = await analyze(fake({0: 1}, TIME).chain, None, ADDRESS, abi=[OWNER, PRICE])
    assert check(found, "ABI").detail.endswith("functions (2) is in the code: no functions were recognised there")
    assert "ABI" not in {one.name for one in (await analyze(fake({0: 1}, TIME).chain, None, ADDRESS)).checks}


async def test_analyze_abi_of_a_proxys_implementation_is_found(fake: Any) -> None:
    node = fake({1: 1}, CLONE)
    implemented(node, f"0x{HAS_OWNER.hex()}")
    assert check(await analyze(node.chain, None, ADDRESS, abi=[OWNER]), "ABI").ok
