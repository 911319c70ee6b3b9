"""The results of the fuzz: what a run is written down as, and what has been written down."""

import json

import pytest

from tests.fuzz.__main__ import record
from tests.fuzz.engine import ROOT, Harness
from tests.fuzz.processes import Job
from tests.fuzz.report import TRUE_EFFECT, Report, append

RESULTS = ROOT / "benchmarks" / "results" / "fuzz.json"
JOB = Job(seed=7, first=0, cases=20, cores=2, harness=Harness("0x", {}, bytes(32)))


def report() -> Report:
    seen = Report(cases=10, slots=100, largest_trie=50, writes=30)
    seen.witnesses.add("flip a bit", "UnknownItem")
    seen.witnesses.add("open a hash", TRUE_EFFECT)
    return seen


def test_report_update_adds_and_keeps_the_largest():
    total = report()
    total.update(Report(cases=5, slots=7, largest_trie=7))
    total.update(report())
    assert (total.cases, total.slots, total.largest_trie, total.writes) == (25, 207, 50, 60)
    assert total.witnesses.record() == {
        "count": 4,
        "outcomes": {"UnknownItem": 2, TRUE_EFFECT: 2},
        "kinds": {"flip a bit": 2, "open a hash": 2},
    }


def test_record_has_seed_counts_and_engine():
    told = record(JOB, report(), 61.4, finished=True)
    assert {"seed": 7, "first": 0, "cases": 10, "cores": 2, "wall_s": 61, "finished": True}.items() <= told.items()
    assert told["engine_hash"] == "0x" + 64 * "0"
    assert told["spoiled_witnesses"]["count"] == 2
    assert {"date", "commit", "writes", "witness_bytes", "spoiled_conclusions", "spoiled_account_proofs"} <= told.keys()
    assert json.loads(json.dumps(told)) == told


def test_append_keeps_the_runs_before(tmp_path):
    path = tmp_path / "new" / "fuzz.json"
    for number in range(2):
        append(path, {"seed": number})
    assert json.loads(path.read_text()) == [{"seed": 0}, {"seed": 1}]


def test_results_are_runs_that_found_nothing():
    for run in json.loads(RESULTS.read_text("utf-8")):
        assert run.keys() == record(JOB, report(), 0, finished=True).keys()
        spoiled = run["spoiled_witnesses"]
        assert sum(spoiled["outcomes"].values()) == sum(spoiled["kinds"].values()) == spoiled["count"]
        assert run["cases"] >= run["changing"] > 0


@pytest.mark.parametrize(("taken", "share"), [(0, range(100, 116)), (16, range(116, 120)), (20, range(120, 120))])
def test_job_share_ends_with_the_cases(taken, share):
    assert Job(seed=7, first=100, cases=20, cores=2, harness=JOB.harness).share(taken) == share


def test_job_share_without_an_end_goes_on():
    job = Job(seed=7, first=0, cases=None, cores=2, harness=JOB.harness)
    assert job.share(10**9)[0] == 10**9
