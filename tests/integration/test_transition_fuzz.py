"""The differential fuzz of the transition, on a real EVM. See ``tests/fuzz/transition.py``.

``SMARTSYNC_FUZZ_CASES`` (2,000 unless set) and ``SMARTSYNC_FUZZ_SEED`` (random unless set, printed) choose the cases.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from dataclasses import replace

import pytest

from smartsync.testing import anvil_node
from smartsync.witness import evaluate
from tests.fuzz.cases import random_case
from tests.fuzz.engine import Engine
from tests.fuzz.transition import Prepared, Report, check, prepare, run

CASES = int(os.environ.get("SMARTSYNC_FUZZ_CASES") or 2_000)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    # A node of its own: its calls may take any gas.
    with anvil_node(tx_gas_limit=False) as node:
        yield Engine(node)


@pytest.fixture(scope="module")
def prepared() -> Prepared:
    """A case with spoiled witnesses of which at least one evaluates to roots."""
    candidates = (prepare(random_case(1, index)) for index in range(100))
    return next(case for case in candidates if len(case.transition.changes) > 3 and len(case.spoiled) == 10)


@pytest.mark.timeout(120 + CASES // 4)
def test_transition_random_cases_all_implementations_agree(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    seed = int(os.environ.get("SMARTSYNC_FUZZ_SEED") or secrets.randbelow(2**32))
    with capsys.disabled():
        print(f"\ndifferential fuzz: SMARTSYNC_FUZZ_SEED={seed} SMARTSYNC_FUZZ_CASES={CASES}", flush=True)
        report = run(engine, range(CASES), seed, show=True)
        print(report, flush=True)
    assert report.cases == CASES
    # Fewer would mean that the mutations have dried up: a case without any change is rare.
    assert report.spoiled.total() > 7 * CASES


def test_check_engine_as_it_is_reports_the_refusals(engine: Engine, prepared: Prepared) -> None:
    report = Report()
    [outcomes] = engine.run([prepared.trial()])
    check(prepared, outcomes, report)
    assert report.cases == 1
    assert report.refused.total() == report.spoiled.total() == 10


@pytest.mark.parametrize("wrong", ["old_root", "new_root", "digest"])
def test_check_engine_with_another_result_fails(engine: Engine, prepared: Prepared, wrong: str) -> None:
    [outcomes] = engine.run([prepared.trial()])
    outcomes[0] = replace(outcomes[0], **{wrong: bytes(32)})
    with pytest.raises(AssertionError, match="the engine's outcome"):
        check(prepared, outcomes, Report())


def test_check_engine_that_takes_a_spoiled_witness_fails(engine: Engine, prepared: Prepared) -> None:
    [outcomes] = engine.run([prepared.trial()])
    refused = next(i for i, outcome in enumerate(outcomes) if outcome.error)
    outcomes[refused] = outcomes[0]
    with pytest.raises(AssertionError, match="the engine takes a spoiled witness"):
        check(prepared, outcomes, Report())


def test_check_engine_that_refuses_what_python_takes_fails(engine: Engine, prepared: Prepared) -> None:
    [outcomes] = engine.run([prepared.trial()])
    taken = next(i for i, outcome in enumerate(outcomes) if i and not outcome.error)
    outcomes[taken] = replace(outcomes[taken], error="BranchMisplaced")
    with pytest.raises(AssertionError, match="the engine on a spoiled witness"):
        check(prepared, outcomes, Report())


def test_check_spoiled_witness_that_is_the_true_one_fails(engine: Engine, prepared: Prepared) -> None:
    same = replace(prepared, spoiled=[("not at all", prepared.transition.witness)])
    evaluation = evaluate(prepared.transition.witness, lambda slot: prepared.case.stored.get(slot, 0))
    [outcomes] = engine.run([same.trial()])
    assert outcomes[1].new_root == evaluation.new_root
    with pytest.raises(AssertionError, match="passes for the true one"):
        check(same, outcomes, Report())
