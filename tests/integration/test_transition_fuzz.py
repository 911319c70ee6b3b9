"""The differential fuzz of the transition, on a real EVM. See ``tests/fuzz/transition.py``; ``make fuzz`` for more.

``SMARTSYNC_FUZZ_CASES`` (2,000 unless set) and ``SMARTSYNC_FUZZ_SEED`` (random unless set, printed) choose the cases.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from smartsync.testing import anvil_node
from tests.fuzz import __main__ as command
from tests.fuzz.bases import SHARED
from tests.fuzz.cases import LARGE, wide_case
from tests.fuzz.engine import ROOT, Attempt, Engine, Outcome, Outcomes, Trial
from tests.fuzz.processes import Run
from tests.fuzz.report import TRUE_EFFECT, Report
from tests.fuzz.transition import MUTATIONS, Disagreement, Prepared, check, prepare, run

CASES = int(os.environ.get("SMARTSYNC_FUZZ_CASES") or 2_000)
RUN = [sys.executable, "-m", "tests.fuzz"]


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    # A node of its own: its calls may take any gas.
    with anvil_node(tx_gas_limit=False) as node:
        yield Engine(node)


@pytest.fixture(scope="module")
def prepared() -> Prepared:
    """A case with spoiled witnesses of which at least one evaluates to roots, and one is refused."""
    candidates = (prepare(wide_case(1, index)) for index in range(100))
    return next(
        case
        for case in candidates
        if len(case.transition.changes) > 3
        and len(case.spoiled) == MUTATIONS
        and {tried.found is None for tried in case.spoiled} == {True, False}
    )


@pytest.fixture
def outcomes(engine: Engine, prepared: Prepared) -> Outcomes:
    return engine.run([prepared.trial()])[0]


def refused(prepared: Prepared) -> int:
    """Return the place of a witness that Python refuses among those that the engine gets."""
    return next(i for i, tried in enumerate(prepared.spoiled, 1) if tried.found is None)


def taken(prepared: Prepared) -> int:
    return next(i for i, tried in enumerate(prepared.spoiled, 1) if tried.found is not None)


@pytest.mark.timeout(180 + CASES // 4)
def test_transition_random_cases_all_implementations_agree(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    seed = int(os.environ.get("SMARTSYNC_FUZZ_SEED") or secrets.randbelow(2**32))
    with capsys.disabled():
        print(f"\ndifferential fuzz: SMARTSYNC_FUZZ_SEED={seed} SMARTSYNC_FUZZ_CASES={CASES}", flush=True)
        report = run(engine, range(CASES), seed)
        print(report, flush=True)
    assert report.cases == CASES
    # Fewer would mean that the mutations have dried up: a case without any change is rare.
    assert report.witnesses.total() > 10 * CASES
    assert report.account_proofs.total() > 4 * CASES
    assert report.conclusions.total() > CASES // 2
    assert report.witnesses.outcomes[TRUE_EFFECT] > CASES // 10
    assert report.largest_trie >= 1_000 or CASES < 10 / LARGE


def test_wide_case_does_not_depend_on_those_before() -> None:
    one = wide_case(7, SHARED + 3)
    wide_case(7, 0), wide_case(7, 2 * SHARED)
    assert wide_case(7, SHARED + 3) == one


def test_engine_run_large_trials_are_split(engine: Engine) -> None:
    # 12 MB of calldata in all; without its one item, each witness leaves two subtries.
    witness = b"".join(b"\xa1" + number.to_bytes(32, "big") + b"\1" for number in range(15_000))
    trial = Trial({}, [], [Attempt(witness)] * 12)
    small = Trial({}, [], [Attempt(b"")])
    one, two = engine.run([trial, small])
    assert one.at_once == one.in_parts == [Outcome("WitnessIncomplete")] * 12
    assert two.at_once == [Outcome("WitnessIncomplete")]


# ------------------------------------------------------------------------------------------------- what it would notice


def test_check_engine_as_it_is_reports_the_refusals(prepared: Prepared, outcomes: Outcomes) -> None:
    report = Report()
    check(prepared, outcomes, report)
    assert report.cases == 1
    assert report.witnesses.outcomes.total() == report.witnesses.total() == MUTATIONS


@pytest.mark.parametrize("word", range(3))
def test_check_engine_with_another_result_fails(prepared: Prepared, outcomes: Outcomes, word: int) -> None:
    outcomes.at_once[0] = _bent(outcomes.at_once[0], word)
    with pytest.raises(Disagreement, match=r"the engine on a witness \(true\)"):
        check(prepared, outcomes, Report())


@pytest.mark.parametrize("word", range(6))
def test_check_engine_with_another_result_in_parts_fails(prepared: Prepared, outcomes: Outcomes, word: int) -> None:
    outcomes.in_parts[0] = _bent(outcomes.in_parts[0], word)
    with pytest.raises(Disagreement, match="in parts"):
        check(prepared, outcomes, Report())


@pytest.mark.parametrize("way", ["at_once", "in_parts"])
def test_check_engine_that_takes_a_spoiled_witness_fails(prepared: Prepared, outcomes: Outcomes, way: str) -> None:
    getattr(outcomes, way)[refused(prepared)] = getattr(outcomes, way)[0]
    with pytest.raises(Disagreement, match="the engine takes a witness"):
        check(prepared, outcomes, Report())


@pytest.mark.parametrize("way", ["at_once", "in_parts"])
def test_check_engine_that_refuses_what_python_takes_fails(prepared: Prepared, outcomes: Outcomes, way: str) -> None:
    getattr(outcomes, way)[taken(prepared)] = Outcome("BranchMisplaced")
    with pytest.raises(Disagreement, match=r"the engine (in parts )?on a witness"):
        check(prepared, outcomes, Report())


def test_check_engine_without_a_reason_fails(prepared: Prepared, outcomes: Outcomes) -> None:
    outcomes.at_once[refused(prepared)] = Outcome("0x4e487b71")
    with pytest.raises(Disagreement, match="without a reason of its own"):
        check(prepared, outcomes, Report())


def test_check_spoiled_witness_of_another_effect_with_the_true_roots_fails(engine: Engine, prepared: Prepared) -> None:
    true = replace(prepared.true.found, writes=prepared.true.found.writes[1:])
    forged = replace(prepared, spoiled=[replace(prepared.true, kind="forged", found=true)])
    outcomes = engine.run([forged.trial()])[0]
    # As an engine would that left out the first write.
    digest = forged.digest({write.slot: write.new for write in true.writes})
    outcomes.at_once[1] = replace(outcomes.at_once[1], words=(*outcomes.at_once[1].words[:2], digest))
    with pytest.raises(Disagreement, match=r"the engine in parts on a witness \(forged\)"):
        check(forged, outcomes, Report())


def test_check_spoiled_witness_of_the_true_effect_is_counted(engine: Engine, prepared: Prepared) -> None:
    same = replace(prepared, spoiled=[replace(prepared.true, kind="not at all")])
    report = Report()
    check(same, engine.run([same.trial()])[0], report)
    assert report.witnesses.outcomes == {TRUE_EFFECT: 1}


def test_check_writes_that_have_the_true_hash_fail(engine: Engine, prepared: Prepared) -> None:
    forged = replace(prepared, conclusions=[("not at all", prepared.true.attempt)])
    with pytest.raises(Disagreement, match="have the hash of the true ones"):
        check(forged, engine.run([forged.trial()])[0], Report())


def test_check_account_proof_with_another_state_root_fails(prepared: Prepared, outcomes: Outcomes) -> None:
    outcomes.climbed[0] = _bent(outcomes.climbed[0], 0)
    with pytest.raises(Disagreement, match="the engine's state root"):
        check(prepared, outcomes, Report())


def test_check_spoiled_account_proof_that_passes_fails(prepared: Prepared, outcomes: Outcomes) -> None:
    outcomes.climbed[-1] = outcomes.climbed[0]
    with pytest.raises(Disagreement, match="passes for the true one"):
        check(prepared, outcomes, Report())


def _bent(outcome: Outcome, word: int) -> Outcome:
    words = list(outcome.words)
    words[word] = bytes(32)
    return replace(outcome, words=tuple(words))


# ------------------------------------------------------------------------------------------------- make fuzz


def test_fuzz_command_tries_all_cases_and_adds_to_the_report(tmp_path: Path) -> None:
    path = tmp_path / "results" / "fuzz.json"
    for first in (0, 40):
        options = ["--cases", "40", "--first", str(first), "--seed", "1", "--cores", "2", "--report", str(path)]
        assert command.main(options) == 0
    runs = json.loads(path.read_text())
    assert [(r["seed"], r["first"], r["cases"], r["finished"], r["cores"]) for r in runs] == [
        (1, 0, 40, True, 2),
        (1, 40, 40, True, 2),
    ]


def test_fuzz_command_disagreement_tells_how_to_repeat_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def reports(_: Run) -> Iterator[Report]:
        yield Report(cases=16)
        raise Disagreement(7, 1234, "the engine takes it, Python does not")

    monkeypatch.setattr(Run, "reports", reports)
    path = tmp_path / "fuzz.json"
    assert command.main(["--cases", "5000", "--seed", "7", "--report", str(path)]) == 1
    *_, what, again = capsys.readouterr().out.splitlines()
    assert what == "16 cases agreed. case 7/1234: the engine takes it, Python does not"
    assert again == "repeat it: make fuzz SEED=7 FIRST=1234 CASES=1"
    assert not path.exists()


def test_fuzz_command_interrupted_prints_the_totals(tmp_path: Path) -> None:
    path = tmp_path / "fuzz.json"
    options = ["--cores", "1", "--seed", "2", "--report", str(path)]
    with subprocess.Popen([*RUN, *options], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "seed 2, cases 0 until stopped, 1 process\n"
        assert process.stdout.readline().startswith("engine 0x")
        time.sleep(5)
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
    assert process.returncode == 0
    assert "spoiled witnesses" in rest and rest.endswith(" s, stopped\n")
    assert json.loads(path.read_text())[0]["finished"] is False
