from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from eth_utils.address import to_checksum_address

from smartsync.analysis import (
    Analysis,
    ChangeReport,
    CodeReport,
    Cost,
    CostReport,
    Finding,
    FunctionReport,
    ProxyReport,
    StorageReport,
)
from smartsync.config import parse_gas_price
from smartsync.errors import ConfigError, NoCode
from smartsync.results import Check

SOURCE = to_checksum_address("0x" + "bb" * 20)
OTHER = to_checksum_address("0x" + "cc" * 20)
OWNER = [{"type": "function", "name": "owner", "inputs": [], "stateMutability": "view"}]


def analysis(*, ok: bool = True, **changed: Any) -> Analysis:
    functions = (
        FunctionReport(b"\0\0\0\1", "owner()", False, False, True),
        FunctionReport(b"\0\0\0\2", "price()", False, False, True),
        FunctionReport(b"\0\0\0\3", "0x00000003(uint256)", True, True, True),
    )
    findings = (
        Finding("TIMESTAMP", "the target's time, now", None, None, ("price()",), ("0x00000003(uint256)",), True),
        Finding("CALL", "the answer", "code", OTHER, (), ("0x00000003(uint256)",), True),
        Finding("NUMBER", "the target's block number", None, None, (), (), False),
    )
    fields: dict[str, Any] = {
        "address": SOURCE,
        "source_chain_id": 1,
        "target_chain_id": 5,
        "block_number": 42,
        "block_hash": bytes(32),
        "verdict": f"{SOURCE} can be replicated.",
        "checks": (Check("contract", ok, "small"), Check("answers", False, "1 of 2", needed=False)),
        "proxy": None,
        "codes": (CodeReport("contract", SOURCE, 300, 53, functions, findings, ("CALL", "NUMBER", "TIMESTAMP")),),
        "storage": StorageReport(1_200_000, False, "", "the node tells no slots", 6.25, 9, 3_867),
        "changes": ChangeReport("storage roots", "", 100, 42_100, 504_000, 25, 7, 40_000),
        "costs": CostReport(
            (10**9, 5 * 10**10), "target", True, (Cost("fork", 30_000, (30_000 * 10**9, 1_500 * 10**12)),)
        ),
    }
    return Analysis(**fields | changed)


def examining(monkeypatch: pytest.MonkeyPatch, answer: Analysis | Exception) -> list[dict[str, Any]]:
    asked: list[dict[str, Any]] = []

    async def examine(source: object, target: object, address: str, **options: Any) -> Analysis:
        asked.append({"target": target is not None, "address": address} | options)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr("smartsync.cli.analyze.examine", examine)
    return asked


def test_analyze_report_begins_with_the_verdict(run, monkeypatch) -> None:
    asked = examining(monkeypatch, analysis())
    result = run("analyze", SOURCE)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == f"{SOURCE} can be replicated."
    assert asked[0]["address"] == SOURCE and asked[0]["target"]
    assert (asked[0]["block"], asked[0]["abi"], asked[0]["gas_prices_wei"]) == (None, [], [])
    assert "secret" not in result.output


def test_analyze_report_tells_what_differs_where_and_what_it_costs(run, monkeypatch) -> None:
    examining(monkeypatch, analysis())
    lines = [line.strip() for line in run("analyze", SOURCE).stdout.splitlines()]
    assert "in    price()" in lines
    assert "in    unknown: it may be any function" in lines
    assert "views  owner()" in lines
    assert f"CALL to {OTHER}  0x00000003" in lines
    assert "slots              about 1,200,000" in lines
    assert (
        "changes            at least 7 in blocks 100 to 42100 (5.83 days), of which 25 were looked at; "
        "the last in block 40000" in lines
    )
    assert ["fork", "30,000", "0.00003", "0.0015"] in [line.split() for line in lines]
    assert any("at 1 gwei" in line and "at 50 gwei" in line for line in lines)
    assert any("larger than any measured one" in line for line in lines)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            ChangeReport("unknown", "there are no older blocks", 0, 0, 0, 0, 0, None),
            "unknown: there are no older blocks",
        ),
        (
            ChangeReport("storage roots", "", 0, 9, 90, 10, 0, None),
            "none seen in blocks 0 to 9 (90 s), of which 10 were",
        ),
        (
            ChangeReport("logs", "pruned", 1, 1000, 12_000, 1000, 3, 900),
            "events in 3 blocks in blocks 1 to 1000 (3.33 hours)",
        ),
        (
            ChangeReport("logs", "pruned", 1, 9, 90, 9, 1, 9),
            "events in 1 block in blocks 1 to 9 (90 s); the last",
        ),
        (
            ChangeReport("storage roots", "", 0, 26, 0, 25, 0, None),
            "none seen in blocks 0 to 26, of which 25 were",
        ),
    ],
)
def test_analyze_report_changes_in_words(run, monkeypatch, changes: ChangeReport, told: str) -> None:
    examining(monkeypatch, analysis(changes=changes))
    assert told in run("analyze", SOURCE).stdout


def test_analyze_report_of_one_node_is_singular(run, monkeypatch) -> None:
    examining(monkeypatch, analysis(storage=StorageReport(1, True, "proof walk", "", 1.0, 1, 200)))
    told = run("analyze", SOURCE).stdout
    assert "1 node in the mean" in told and "1 node, 200 bytes of calldata" in told


def test_analyze_not_replicable_exit_3(run, monkeypatch) -> None:
    examining(monkeypatch, analysis(ok=False, storage=None, changes=None, costs=None))
    result = run("analyze", SOURCE)
    assert result.exit_code == 3
    assert ["no", "contract", "small"] in [line.split() for line in result.stdout.splitlines()]
    assert "Cost" not in result.stdout


@pytest.mark.parametrize("supported", [True, False])
def test_analyze_supported_proxys_own_code_is_not_told_of(run, monkeypatch, supported: bool) -> None:
    proxy = ProxyReport("EIP-1967", OTHER, None, "" if supported else "for a reason")
    examining(monkeypatch, analysis(proxy=proxy))
    assert ("TIMESTAMP" in run("analyze", SOURCE).stdout) is not supported


def test_analyze_json_has_all_of_it(run, monkeypatch) -> None:
    examining(monkeypatch, analysis())
    document = json.loads(run("analyze", SOURCE, "--json").stdout)
    assert document["ok"] is True and document["verdict"].startswith(SOURCE)
    (code,) = document["codes"]
    assert code["exact_views"] == ["owner()"]
    assert code["findings"][1]["address"] == OTHER
    assert document["costs"]["rows"][0]["fees_wei"] == [30_000 * 10**9, 1_500 * 10**12]


def test_analyze_options_are_handed_on(run, monkeypatch, tmp_path: Path) -> None:
    asked = examining(monkeypatch, analysis())
    (tmp_path / "abi.json").write_text(json.dumps(OWNER))
    given = ("--block", "0x10", "--abi", "abi.json", "--gas-price", "0.05", "--gas-price", "20")
    assert run("analyze", SOURCE, *given).exit_code == 0
    assert (asked[0]["block"], asked[0]["abi"]) == (16, OWNER)
    assert asked[0]["gas_prices_wei"] == [50_000_000, 20_000_000_000]


def test_analyze_without_target_url_is_told(run, monkeypatch) -> None:
    asked = examining(monkeypatch, analysis(target_chain_id=None))
    monkeypatch.delenv("SMARTSYNC_TARGET_URL")
    result = run("analyze", SOURCE)
    assert (result.exit_code, asked[0]["target"]) == (0, False)
    assert "no target url" in result.stdout


def test_analyze_without_source_url_is_refused(run, monkeypatch) -> None:
    monkeypatch.delenv("SMARTSYNC_SOURCE_URL")
    result = run("analyze", SOURCE)
    assert result.exit_code == 2 and "--source-url" in result.stderr


def test_analyze_no_contract_exit_5(run, monkeypatch) -> None:
    examining(monkeypatch, NoCode("there is no contract", hint="check the address"))
    result = run("analyze", SOURCE)
    assert result.exit_code == 5 and "check the address" in result.stderr


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("0x12",), "SOURCE"),
        ((SOURCE, "--block", "latest"), "--block"),
        ((SOURCE, "--block", "-1"), "--block"),
        ((SOURCE, "--gas-price", "cheap"), "--gas-price"),
        ((SOURCE, "--abi", "none.json"), "none.json cannot be read"),
    ],
)
def test_analyze_bad_input_is_refused_before_anything_is_asked(
    run, monkeypatch, given: tuple[str, ...], told: str
) -> None:
    asked = examining(monkeypatch, analysis())
    result = run("analyze", *given)
    assert result.exit_code == 2 and told in result.stderr
    assert asked == []


@pytest.mark.parametrize(
    ("text", "wei"),
    [("0", 0), ("1", 10**9), ("12.5", 12_500_000_000), ("0.000000001", 1), (" 3 ", 3 * 10**9), ("007", 7 * 10**9)],
)
def test_parse_gas_price_is_in_gwei(text: str, wei: int) -> None:
    assert parse_gas_price(text) == wei


@pytest.mark.parametrize(
    "text", ["", "-1", "+1", "1e9", "nan", "inf", "0x10", "1,5", "1.", ".5", "0.0000000001", "1" * 10, "٣", "1_0"]
)
def test_parse_gas_price_other_text_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="no gas price"):
        parse_gas_price(text)
