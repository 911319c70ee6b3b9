"""The published figures: the page says what the results say, and what is measured does what it says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.gas.workload import ROOT
from benchmarks.offchain import inputs, py_trie, task
from benchmarks.offchain.__main__ import CHANGES, SIZES
from benchmarks.offchain.page import page

RESULTS = json.loads((ROOT / "benchmarks" / "results" / "offchain.json").read_text("utf-8"))
COUNT = 1_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the inputs of a small contract, and the proofs of 20 changes."""
    made: Path = tmp_path_factory.mktemp("inputs")
    values = inputs.make_values(COUNT)
    inputs.write_values(values, made / "values")
    (made / "proofs-20.json").write_text(json.dumps(inputs.make_proofs(values, [20])[20]))
    return made


def test_page_is_what_the_results_give() -> None:
    text = (ROOT / "docs" / "reference" / "offchain.md").read_text("utf-8")
    assert text == page(RESULTS), "python -m benchmarks.offchain_page"


def test_results_have_each_of_our_measurements_once() -> None:
    ours = [(r["task"], r["slots"], r.get("changes")) for r in RESULTS["records"] if r["who"] == "smartsync"]
    witnesses = [("witness", size, count) for size in SIZES for count in CHANGES if count <= size]
    assert sorted(ours, key=str) == sorted([(t, s, None) for t in ("root", "plan") for s in SIZES] + witnesses, key=str)
    assert all(record["time_s"] > 0 for record in RESULTS["records"] if record["who"] == "smartsync")


def test_results_peers_are_measured_up_to_where_they_take_too_long() -> None:
    for who in ("py-trie", "ethereumjs"):
        roots = [r["time_s"] for r in RESULTS["records"] if r["who"] == who and r["task"] == "root"]
        assert None not in roots[:-1] and len(roots) >= 3


def test_values_are_read_as_they_were_written(folder: Path) -> None:
    values = inputs.make_values(COUNT)
    assert len(values) == COUNT and all(0 < value < 2**256 for value in values.values())
    assert inputs.read_values(folder / "values") == values == inputs.make_values(COUNT)


def test_root_task_agrees_with_py_trie(folder: Path) -> None:
    assert task.measure(task.root_work(folder))["root"] == task.measure(py_trie.root_work(folder))["root"]


def test_plan_task_tells_of_all_chunks(folder: Path) -> None:
    told = task.measure(task.plan_work(folder))
    assert told["chunks"] == -(-COUNT // task.CHUNK)
    assert told["witness_bytes"] > 33 * COUNT
    assert told["peak_bytes"] >= told["loaded_bytes"] > 0


def test_witness_task_has_all_changes_and_peers_prove_the_same(folder: Path) -> None:
    assert task.measure(task.witness_work(folder, "20"))["witness_bytes"] > 20 * 33
    assert task.measure(py_trie.verify_work(folder, "20"))["proven"] == 40


def test_witness_task_with_a_spoiled_proof_fails(folder: Path, tmp_path: Path) -> None:
    told = json.loads((folder / "proofs-20.json").read_text())
    next(iter(told["new"]["proofs"].values()))[-1] = "0xc0"
    (tmp_path / "proofs-20.json").write_text(json.dumps(told))
    do, _ = task.witness_work(tmp_path, "20")
    with pytest.raises(Exception, match="is not complete"):
        do()
