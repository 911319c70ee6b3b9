"""The published figures of the relayer: the page says what the results say, and the arithmetic is what it says."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys

import pytest

from benchmarks.gas.workload import ROOT
from benchmarks.relayer import counters
from benchmarks.relayer.page import page
from benchmarks.relayer.scaling import BUSY, needs

RESULTS = json.loads((ROOT / "benchmarks" / "results" / "relayer.json").read_text("utf-8"))

MADE_UP = {
    "looks": [{"workers": 1, "replicas_a_look": 500.0, "cpu_s_a_look": 0.2, "replicas_a_s": 1.0}],
    "syncs": [{"workers": 1, "cpu_s_a_sync": 0.05}],
    "counted": {
        "replicas_a_look": 500.0,
        "idle": {"transactions_a_s": 3.0, "cpu_s_a_s": 0.0},
        "look": {
            **dict.fromkeys(("source_requests", "target_requests"), 4.0),
            **dict.fromkeys(("source_calls", "target_calls"), 600.0),
            **{"transactions": 5.0, "rows": 900.0},
        },
        "sync": {
            **dict.fromkeys(("source_requests", "target_requests"), 10.0),
            **dict.fromkeys(("source_calls", "target_calls"), 20.0),
            **{"transactions": 12.0, "rows": 8.0},
        },
    },
}


def test_page_is_what_the_results_give() -> None:
    text = (ROOT / "docs" / "reference" / "relayer-throughput.md").read_text("utf-8")
    assert text == page(RESULTS), "python -m benchmarks.relayer_page"


def test_results_have_each_number_of_workers_and_are_of_work_done() -> None:
    for what in ("looks", "syncs"):
        assert [one["workers"] for one in RESULTS[what]] == [1, 2, 4]
    assert all(one["replicas_a_s"] > 0 and one["cpu_s_a_look"] > 0 for one in RESULTS["looks"])
    assert all(one["syncs_a_s"] > 0 and one["cpu_s_a_sync"] > 0 for one in RESULTS["syncs"])
    assert all(value > 0 for of in ("look", "sync") for value in RESULTS["counted"][of].values())


def test_needs_of_quiet_replicas_is_looks_alone() -> None:
    one = needs(MADE_UP, 60_000, 12.0, 0.0)  # 10 looks of 500 a second
    assert one.syncs_a_s == 0 and one.cores == pytest.approx(2.0)
    assert one.workers == 3 and one.cores / one.workers < BUSY
    assert (one.source_requests_a_s, one.source_calls_a_s) == pytest.approx((40, 6_000))
    assert one.transactions_a_s == pytest.approx(10 * 5 + 3 * 3)
    assert one.rows_written_a_s == pytest.approx(9_000)
    assert one.rows_a_day == pytest.approx(60_000 * 1_440)


def test_needs_of_changes_grows_by_syncs() -> None:
    quiet, one = (needs(MADE_UP, 60_000, 12.0, changing) for changing in (0.0, 0.01))
    assert one.syncs_a_s == pytest.approx(50)
    assert one.cores - quiet.cores == pytest.approx(50 * 0.05)
    assert one.target_calls_a_s - quiet.target_calls_a_s == pytest.approx(1_000)
    assert one.rows_a_day - quiet.rows_a_day == pytest.approx(3 * 50 * 86_400)
    twice = needs(MADE_UP, 60_000, 24.0, 0.01)
    assert twice.source_calls_a_s == pytest.approx(one.source_calls_a_s / 2)


def test_needs_idle_takes_from_what_a_worker_has() -> None:
    busy = copy.deepcopy(MADE_UP)
    busy["counted"]["idle"]["cpu_s_a_s"] = 0.25  # type: ignore[index]
    assert needs(busy, 60_000, 12.0, 0.0).workers == 5


def test_counters_of_a_process() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", "sum(range(10**7)); print(flush=True); input()"], stdin=-1, stdout=-1
    )
    assert process.stdout is not None
    process.stdout.readline()
    assert counters._cpu_s(process.pid) > 0.05
    assert counters.memory_bytes(process.pid) > 2**22
    assert counters._cpu_s(os.getpid()) < counters._machine_s()
    process.communicate()
