from __future__ import annotations

import json
from pathlib import Path

import pytest

from smartsync.cli.explain import parse_tx_hash
from smartsync.errors import ConfigError, TransactionPending, UnknownTransaction, WrongChain
from smartsync.explaining import Explanation, Failure
from smartsync.explaining.drawing import draw
from tests.unit.explaining.sample import HUB, accepted, drawing_of, explanation, witness_of
from tests.unit.explaining.test_shortened import large

TX = "0x" + "11" * 32


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch):
    """Let the command find what a test gives it: an explanation, or an error."""

    def give(found: Explanation | Exception) -> None:
        async def explained(*_: object) -> Explanation:
            if isinstance(found, Exception):
                raise found
            return found

        monkeypatch.setattr("smartsync.cli.explain._explained", explained)

    return give


def test_explain_shows_tree_changes_gas_and_checks(run, fake, told) -> None:
    told(explanation(drawing_of(accepted("leaf split into a branch"))))
    result = run("explain", TX)
    assert result.exit_code == 0, result.output
    for piece in (
        "branch the root",
        "inserted",
        "opaque:",
        "in all, by the receipt",
        "old root",
        "It did what it says",
    ):
        assert piece in result.stdout, piece


def test_explain_another_hub_than_configured_is_warned_of(run, fake, told) -> None:
    told(explanation(drawing_of(accepted("leaf updated"))))
    assert "not the one of the configuration" in run("explain", TX).stdout
    assert "not the one of the configuration" not in run("explain", TX, "--hub", HUB).stdout


def test_explain_hub_in_any_case_is_the_same(run, fake, told) -> None:
    told(explanation(drawing_of(accepted("leaf updated"))))
    assert "not the one of the configuration" not in run("explain", TX, "--hub", HUB.lower()).stdout


def test_explain_json_is_one_document_with_the_whole_tree(run, fake, told) -> None:
    drawing = drawing_of(accepted("leaf split into a branch"))
    told(explanation(drawing))
    document = json.loads(run("explain", TX, "--json").stdout)
    assert drawing.new_root is not None
    assert document["ok"] is True and document["new_root"] == "0x" + drawing.new_root.hex()
    assert document["tree"][0]["item"] == "branch" and document["tree"][0]["path"] == ""
    assert {child["item"] for child in document["tree"][0]["children"]} >= {"opaque", "branch"}
    assert document["cost"]["gas_used"] == 100_000 and document["changes"][0]["kind"] == "insert"


def test_explain_old_values_that_are_not_known_are_null_in_json_and_a_question_mark(run, fake, told) -> None:
    told(explanation(draw(witness_of(accepted("leaf updated")), None), checks=(), notes=("the old values are lost",)))
    assert json.loads(run("explain", TX, "--json").stdout)["changes"][0]["old"] is None
    shown = run("explain", TX).stdout
    assert "?" in shown and "Note: the old values are lost." in shown


def test_explain_wide_tree_is_cut_and_says_so(run, fake, told) -> None:
    told(explanation(large(3_000)))
    result = run("explain", TX)
    assert "more writes" in result.stdout and "2900 more: --json tells all" in result.stdout
    assert len(result.stdout.splitlines()) < 300


def test_explain_failed_transaction_says_why_and_exits_7(run, fake, told) -> None:
    failure = Failure("OldRootMismatch", "OldRootMismatch(expected=0x01, computed=0x02)", "sync again")
    told(explanation(drawing_of(accepted("leaf updated")), failure=failure))
    result = run("explain", TX)
    assert result.exit_code == 7
    assert "It FAILED: OldRootMismatch(" in result.stdout and "Sync again." in result.stdout


def test_explain_malformed_witness_of_a_failed_transaction_is_told(run, fake, told) -> None:
    told(explanation(None, malformed="no item starts with 0xff", failure=Failure("", "UnknownItem()", "")))
    assert "Its witness is none: no item starts with 0xff." in run("explain", TX).stdout


def test_explain_control_characters_of_a_layout_are_written_out(run, fake, told) -> None:
    base = explanation(drawing_of(accepted("leaf updated")))
    (change,) = base.changes
    bad = type(change)(change.kind, change.slot, change.old, change.new, "a\x1b[31mb", ())
    told(explanation(base.drawing, changes=(bad,)))
    result = run("explain", TX)
    assert "\x1b" not in result.stdout and "a\\u001b[31mb" in result.stdout


def test_explain_svg_is_written_also_with_json(run, fake, told, tmp_path: Path) -> None:
    told(explanation(drawing_of(accepted("leaf updated"))))
    result = run("explain", TX, "--svg", "it.svg", "--json")
    assert result.exit_code == 0 and json.loads(result.stdout)["ok"]
    assert (tmp_path / "it.svg").read_text("utf-8").startswith("<svg ")
    assert "the picture is in it.svg" in result.stderr


def test_explain_svg_that_cannot_be_written_exits_2(run, fake, told) -> None:
    told(explanation(drawing_of(accepted("leaf updated"))))
    result = run("explain", TX, "--svg", "nowhere/it.svg")
    assert result.exit_code == 2 and "cannot be written to nowhere/it.svg" in result.stderr


@pytest.mark.parametrize(
    "text", ["", "0x", "11" * 31, "0x" + "11" * 33, "0x" + "zz" * 32, "latest", "0x" + "1" * 63, "x" * 500]
)
def test_explain_what_is_no_hash_exits_2(run, fake, text: str) -> None:
    result = run("explain", text)
    assert result.exit_code == 2 and "is not the hash of a transaction" in result.stderr
    assert len(result.stderr) < 600
    with pytest.raises(ConfigError):
        parse_tx_hash(text)


def test_parse_tx_hash_takes_hashes_as_people_paste_them() -> None:
    for text in (TX, TX[2:], TX.upper().replace("0X", "0x"), f" {TX}\n", TX.replace("0x", "0X")):
        assert parse_tx_hash(text) == b"\x11" * 32


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UnknownTransaction("the target node knows no transaction"), 7),
        (TransactionPending("it is in no block yet"), 7),
        (WrongChain("target", "host", 1, 2), 2),
    ],
)
def test_explain_errors_have_their_exit_codes(run, fake, told, error: Exception, code: int) -> None:
    told(error)
    result = run("explain", TX)
    assert result.exit_code == code and "error:" in result.stderr


def test_explain_call_below_one_is_refused(run, fake) -> None:
    assert run("explain", TX, "--call", "0").exit_code == 2
