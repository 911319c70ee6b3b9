"""The demo, run once as it is shown, and what it says of itself as JSON."""

from __future__ import annotations

import asyncio
import dataclasses
import io
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from smartsync.demo import run
from smartsync.demo.ens import NOBODY
from smartsync.demo.packages import packaged
from smartsync.demo.report import Report
from smartsync.demo.show import Show
from smartsync.demo.stage import account
from smartsync.demo.story import play
from smartsync.testing import ToolMissing

Document = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Shown:
    """What came of one performance: exit code, text, the JSON document, and the report that it was made of."""

    code: int
    text: str
    document: Document
    report: Report


@pytest.fixture(scope="module")
def shown() -> Shown:
    text, document = io.StringIO(), io.StringIO()
    reports: list[Report] = []

    async def observed(show: Show) -> Report:
        reports.append(await play(show))
        return reports[0]

    with pytest.MonkeyPatch.context() as patch, redirect_stdout(document):
        patch.setattr("smartsync.demo.play", observed)
        code = asyncio.run(run(Console(file=text, width=100), as_json=True))
    return Shown(code, text.getvalue(), json.loads(document.getvalue()), reports[0])


@pytest.fixture(scope="module")
def document(shown: Shown) -> Document:
    return shown.document


def answers_of(document: Document, index: int) -> dict[str, Document]:
    return {answer["label"]: answer for answer in document["rounds"][index]["answers"]}


def test_run_whole_demo_holds(shown: Shown) -> None:
    assert (shown.code, shown.document["ok"]) == (0, True)
    assert "It holds." in shown.text
    assert max(map(len, shown.text.splitlines())) <= 100


def test_run_chains_are_of_different_make(document: Document) -> None:
    assert document["source"]["client"].startswith("Ganache/")
    assert document["target"]["client"].startswith("HardhatNetwork/")


def test_run_originals_are_the_packaged_contracts(document: Document) -> None:
    found = [(each["package"], each["version"]) for each in document["originals"]]
    assert found == [("@ensdomains/ens", "0.6.2"), ("@uniswap/v3-core", "1.0.1")]
    assert all(each["slots"] > 20 for each in document["originals"])


def test_run_sync_inserts_updates_and_deletes_in_both(document: Document) -> None:
    changes = document["rounds"][1]["changes"]
    assert [change["name"] for change in changes] == ["ENS", "pool"]
    for change in changes:
        assert change["to_block"] - change["from_block"] > 5
        assert min(change["inserted"], change["updated"], change["deleted"]) > 0


def test_run_ens_answers_follow_the_source(document: Document) -> None:
    def owners(index: int) -> list[str]:
        answers = answers_of(document, index)
        return [answers[f"{name}.eth owner"]["replica_values"][0] for name in ("alice", "bob", "dave")]

    alice, bob, carol, dave = (account(name).address for name in ("alice", "bob", "carol", "dave"))
    assert owners(0) == [alice, bob, NOBODY]
    assert owners(1) == [carol, NOBODY, dave]
    assert owners(2) == [dave, NOBODY, dave]


def test_run_pool_answers_move_and_agree(document: Document) -> None:
    before, after = (answers_of(document, index) for index in (0, 1))
    (observation,) = (label for label in before if label.startswith("observation"))
    for label in ("price", "liquidity", observation, "fee growth", "bob's position", "alice's position"):
        assert before[label]["replica_values"] != after[label]["replica_values"], label
        assert after[label]["source_values"] == after[label]["replica_values"], label


def test_run_reader_finds_the_mean_tick_of_the_pools_own_oracle(document: Document) -> None:
    means = [found["target_sight"]["mean_tick"] for found in document["rounds"]]
    assert means == [found["oracle_mean_tick"] for found in document["rounds"]]
    assert len(set(means)) == len(means)


def test_run_observe_on_the_replica_reverts(document: Document) -> None:
    # What the demo tells about Uniswap's noDelegateCall has to be true.
    assert document["observe_on_replica"].startswith("reverts")


def test_run_forgeries_are_refused_by_name(document: Document) -> None:
    errors = [(refusal["refused"], refusal["error"]) for refusal in document["refusals"]]
    assert errors == [(True, "StateRootMismatch"), (True, "StateRootMismatch"), (True, "TooFewSignatures")]
    assert len({refusal["reason"] for refusal in document["refusals"]}) == 3
    assert document["unharmed"] is True


def test_run_every_verification_is_exact(document: Document) -> None:
    found = [each for round_ in document["rounds"] for each in round_["verifications"]]
    assert len(found) == 6
    assert all(check["ok"] for each in found for check in each["checks"])


def test_run_every_step_on_the_target_tells_its_gas(document: Document) -> None:
    steps = [step for step in document["steps"] if step["chain"] == "target"]
    told = " ".join(step["what"] for step in steps)
    for what in (
        "deploy Hub",
        "attest block",
        "create replica",
        "fill",
        "activate",
        "sync to block",
        "DemoReader looks",
    ):
        assert what in told
    # One transaction may use no more (EIP-7825).
    assert all(21_000 < step["gas_used"] <= 16_777_216 for step in steps)


def test_ok_one_thing_wrong_is_false(shown: Shown) -> None:
    report = shown.report
    last = report.rounds[-1]
    wrong = [
        {"rounds": []},
        {"refusals": ()},
        {"unharmed": False},
        {"refusals": (dataclasses.replace(report.refusals[0], refused=False),)},
        {"rounds": [dataclasses.replace(last, answers=(dataclasses.replace(last.answers[0], agree=False),))]},
        {"rounds": [dataclasses.replace(last, oracle_mean_tick=last.oracle_mean_tick + 1)]},
        {"rounds": [dataclasses.replace(last, target_sight=dataclasses.replace(last.target_sight, owner=NOBODY))]},
        {
            "rounds": [
                dataclasses.replace(last, verifications=(dataclasses.replace(last.verifications[0], exact=False),))
            ]
        },
    ]
    changed: list[Report] = [dataclasses.replace(report, **change) for change in wrong]  # type: ignore[arg-type]
    assert [each.ok for each in changed] == [False] * len(wrong)


def test_packaged_missing_package_raises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "node_modules" / "hardhat").mkdir(parents=True)
    monkeypatch.setenv("SMARTSYNC_TOOLS", str(tmp_path))
    with pytest.raises(ToolMissing, match="@uniswap/v3-core"):
        packaged("@uniswap/v3-core", "artifacts/contracts/UniswapV3Pool.sol/UniswapV3Pool.json")


def test_demo_without_node_modules_exits_2_and_says_make_setup(tmp_path: Path) -> None:
    environ = {**os.environ, "SMARTSYNC_TOOLS": str(tmp_path)}
    command = [sys.executable, "-m", "smartsync", "demo", "--json"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "make setup" in done.stderr
    assert json.loads(done.stdout)["error"] == "ToolMissing"


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for left-over processes in /proc")
def test_demo_interrupted_leaves_no_node_behind(tmp_path: Path) -> None:
    # The nodes' folders, and so their environment, are below this folder.
    environ = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-m", "smartsync", "demo"]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as demo:
        assert demo.stdout is not None
        for line in demo.stdout:
            if "ENS registry" in line:
                break
        assert len(started_below(tmp_path)) >= 2
        demo.send_signal(signal.SIGINT)
        rest = demo.stdout.read()
    assert demo.returncode == 130, rest
    assert "Traceback" not in rest
    deadline = time.monotonic() + 10
    while started_below(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not started_below(tmp_path)
    assert not list(tmp_path.iterdir())


def started_below(folder: Path) -> list[str]:
    """Return the processes that were started with a temporary folder below this one."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            variables = (entry / "environ").read_bytes()
        except OSError:
            continue
        if f"TMPDIR={folder}/".encode() in variables:
            found.append(entry.name)
    return found
