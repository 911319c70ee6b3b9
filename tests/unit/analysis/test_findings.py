from __future__ import annotations

import time

import pytest

from smartsync.analysis.findings import ANY_CALL, NO_FUNCTION, examine_code
from smartsync.analysis.names import named_functions
from smartsync.analysis.report import CodeReport, Finding
from tests.unit.analysis.conftest import PEER, Compiled, solc

CONSTANT = "0x" + "11" * 20
_REPORTS: dict[bytes, CodeReport] = {}


def examined(contract: Compiled) -> CodeReport:
    if contract.code not in _REPORTS:
        names = named_functions(contract.abi)
        _REPORTS[contract.code] = examine_code(contract.code, names, role="contract", address=PEER)
    return _REPORTS[contract.code]


def found(report: CodeReport, opcode: str, origin: str | None = None, address: str | None = None) -> Finding:
    key = (opcode, origin, address)
    (one,) = [finding for finding in report.findings if (finding.opcode, finding.origin, finding.address) == key]
    return one


@pytest.mark.parametrize(
    ("opcode", "view"),
    [
        ("NUMBER", "number()"),
        ("CHAINID", "chainid()"),
        ("BASEFEE", "basefee()"),
        ("BLOBBASEFEE", "blobbasefee()"),
        ("BLOBHASH", "blobhash_()"),
        ("PREVRANDAO", "prevrandao()"),
        ("COINBASE", "coinbase()"),
        ("GASLIMIT", "gaslimit()"),
        ("GASPRICE", "gasprice()"),
        ("BLOCKHASH", "blockhash_(uint256)"),
        ("SELFBALANCE", "selfbalance()"),
    ],
)
def test_examine_code_opcode_is_that_of_its_function_alone(asking: Compiled, opcode: str, view: str) -> None:
    one = found(examined(asking), opcode)
    assert (one.views, one.writers, one.certain) == ((view,), (), True)


def test_examine_code_time_is_asked_for_after_a_shared_subroutine_by_one_caller_only(asking: Compiled) -> None:
    one = found(examined(asking), "TIMESTAMP")
    assert one.views == ("sharingBeforeTime(uint256)", "timestamp()")
    assert one.writers == ("touch()",)


@pytest.mark.parametrize(
    ("opcode", "origin", "address", "view"),
    [
        ("STATICCALL", "code", CONSTANT, "callsConstant()"),
        ("STATICCALL", "code", PEER, "callsImmutable()"),
        ("STATICCALL", "storage", None, "callsStorage()"),
        ("STATICCALL", "argument", None, "callsArgument(address)"),
        ("STATICCALL", "caller", None, "callsCaller()"),
        ("STATICCALL", "itself", None, "callsItself()"),
        ("BALANCE", "argument", None, "balance(address)"),
        ("EXTCODESIZE", "argument", None, "extcodesize(address)"),
        ("EXTCODEHASH", "argument", None, "extcodehash(address)"),
    ],
)
def test_examine_code_account_is_told_with_its_origin(
    asking: Compiled, opcode: str, origin: str, address: str | None, view: str
) -> None:
    assert view in found(examined(asking), opcode, origin, address).views


def test_examine_code_call_to_itself_is_answered_by_the_replica(asking: Compiled) -> None:
    assert found(examined(asking), "STATICCALL", "itself").gets == "the replica's own answer"


def test_examine_code_delegation_and_call_of_functions_that_write_are_apart(asking: Compiled) -> None:
    report = examined(asking)
    assert found(report, "CALL", "code", CONSTANT).writers == ("poke()",)
    assert found(report, "DELEGATECALL", "code", CONSTANT).writers == ("delegatesToConstant()",)


def test_examine_code_compilers_look_before_a_call_is_no_finding_of_its_own(asking: Compiled) -> None:
    report = examined(asking)
    assert "EXTCODESIZE" in report.opcodes
    assert {finding.origin for finding in report.findings if finding.opcode == "EXTCODESIZE"} == {"argument"}


def test_examine_code_views_without_anything_are_exact(asking: Compiled) -> None:
    exact = {"data()", "sharing(uint256)", "stored()", "callsPrecompile(bytes)"}
    assert set(examined(asking).exact_views) == exact


def test_examine_code_data_and_metadata_are_no_code(asking: Compiled) -> None:
    report = examined(asking)
    assert report.metadata_bytes > 40
    assert all(finding.certain for finding in report.findings)
    assert all(function.followed for function in report.functions)
    assert "data()" not in {name for finding in report.findings for name in finding.views}


@pytest.mark.parametrize("start", ["60005400", "60005456"], ids=["stops", "jumps to nobody knows where"])
def test_examine_code_metadata_full_of_opcodes_is_no_code(start: str) -> None:
    # {"ipfs": 34 bytes}, all of them JUMPDEST and TIMESTAMP, behind code that stops.
    cbor = bytes.fromhex("a1646970667358 22".replace(" ", "")) + bytes.fromhex("5b42" * 17)
    code = bytes.fromhex(start) + b"\xfe" + cbor + len(cbor).to_bytes(2, "big")
    report = examine_code(code, {}, role="contract", address=PEER)
    assert (report.findings, report.metadata_bytes) == ((), len(cbor) + 2)
    assert "TIMESTAMP" not in report.opcodes


def test_examine_code_without_abi_goes_by_selectors(asking: Compiled) -> None:
    report = examine_code(asking.code, {}, role="contract", address=PEER)
    one = found(report, "NUMBER")
    assert one.views == ("0x8381f58a()",)
    assert found(report, "BALANCE", "argument").views == ("0xe3d670d7(address)",)
    writers = {function.name for function in report.functions if function.writes}
    assert writers == {"0xa55526db()", "0x18178358()"}, "touch and poke write; a DELEGATECALL alone does not tell"
    assert all(function.inferred for function in report.functions)


def test_examine_code_pool_is_what_its_source_says(pool: Compiled) -> None:
    report = examined(pool)
    assert len(report.functions) == 26 and all(function.followed for function in report.functions)
    oracle = ("observe(uint32[])", "snapshotCumulativesInside(int24,int24)")
    assert found(report, "TIMESTAMP").views == oracle
    assert found(report, "ADDRESS").views == oracle
    assert {finding.opcode for finding in report.findings if finding.views} == {"TIMESTAMP", "ADDRESS"}
    assert len(report.exact_views) == 15
    callback = ("flash(address,uint256,uint256,bytes)", "mint(address,int24,int24,uint128,bytes)")
    assert found(report, "CALL", "caller").writers == (*callback, "swap(address,bool,int256,uint160,bytes)")


def test_examine_code_registry_compares_owners_with_itself(registry: Compiled) -> None:
    report = examined(registry)
    (one,) = report.findings
    assert (one.opcode, one.views, one.writers) == ("ADDRESS", ("owner(bytes32)",), ())
    assert len(report.exact_views) == 4


@pytest.mark.parametrize(
    ("precompile", "told"), [("01", False), ("0a", False), ("0b", True), ("11", True), ("12", True)]
)
def test_examine_code_precompile_that_not_every_target_has_is_told(precompile: str, told: bool) -> None:
    code = bytes.fromhex(f"600060006000600060{precompile}5afa00")
    report = examine_code(code, {}, role="contract", address=PEER)
    assert [finding.origin for finding in report.findings] == ([] if not told else [report.findings[0].origin])
    if told:
        assert report.findings[0].origin == ("code" if precompile == "12" else "precompile")


def test_examine_code_with_thousands_of_functions_ends_in_time() -> None:
    # A dispatcher to 1,500 functions that are all the same: 300 times CALLVALUE, and a jump that goes on either way.
    count, steps = 1_500, 300
    start = 5 + 11 * count
    ways = b"".join(
        b"\x80\x63" + number.to_bytes(4, "big") + b"\x14\x61" + start.to_bytes(2, "big") + b"\x57"
        for number in range(count)
    )
    body = b"\x5b"
    for _ in range(steps):
        body += b"\x34\x61" + (start + len(body) + 7).to_bytes(2, "big") + b"\x57\x33\x50\x5b"
    started = time.monotonic()
    report = examine_code(bytes.fromhex("5f3560e01c") + ways + body + b"\x00", {}, role="contract", address=PEER)
    assert len(report.functions) == count
    assert time.monotonic() - started < 30


def test_examine_code_clone_delegates_whoever_calls() -> None:
    code = bytes.fromhex(f"363d3d373d3d3d363d73{'12' * 20}5af43d82803e903d91602b57fd5bf3")
    report = examine_code(code, {}, role="contract", address=PEER)
    one = found(report, "DELEGATECALL", "code", "0x" + "12" * 20)
    assert (one.views, report.functions) == ((ANY_CALL,), ())


def test_examine_code_fallback_is_told_beside_functions() -> None:
    source = """pragma solidity ^0.8.24; contract A { uint256 public a;
        fallback() external payable { address to = address(uint160(block.number));
            assembly { pop(delegatecall(gas(), to, 0, 0, 0, 0)) } } }"""
    contract = solc(source, "A")
    assert found(examined(contract), "NUMBER").views == (NO_FUNCTION,)
    assert examined(contract).exact_views == ("a()",)


def test_examine_code_jump_that_cannot_be_followed_is_told() -> None:
    # Jumps to where storage says; the time is behind a JUMPDEST that nothing else leads to.
    code = bytes.fromhex("60005456" + "5b4260005260206000f3")
    report = examine_code(code, {}, role="contract", address=PEER)
    one = found(report, "TIMESTAMP")
    assert (one.certain, one.views) == (False, ())
    assert "TIMESTAMP" in report.opcodes


@pytest.mark.parametrize("code", ["", "00", "5b", "fe", "60", "7f", "f4", "57", "56", "6000", "42" * 24_576])
def test_examine_code_odd_code_is_told_without_failing(code: str) -> None:
    report = examine_code(bytes.fromhex(code), {}, role="contract", address=PEER)
    assert report.size == len(code) // 2
