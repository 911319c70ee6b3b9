"""What a process counts."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from smartsync.errors import FeeTooHigh, NodeUnreachable
from smartsync.exchange import Exchange
from smartsync.relayer.metrics import Metrics
from tests.relayer_metrics import SENDER, configuration, samples, used

PAIR = "main-to-base"


def test_metrics_count_what_they_are_told(tmp_path: Path) -> None:
    found = samples(used(configuration(tmp_path)).registry.collect())
    assert found["smartsync_build_info", ("1.2.3",)] == 1
    assert found["smartsync_configured_replicas", (PAIR,)] == 2
    assert found["smartsync_looks_total", (PAIR, "ok")] == 1
    assert found["smartsync_looks_total", (PAIR, "failed")] == 0
    assert found["smartsync_job_duration_seconds_count", (PAIR, "look")] == 1
    assert found["smartsync_jobs_working", (PAIR, "look")] == 0
    assert found["smartsync_sync_gas_sum", (PAIR,)] == 300_000
    assert found["smartsync_synced_slots_total", (PAIR,)] == 3
    assert found["smartsync_failures_total", (PAIR, "NodeUnreachable", "source-down")] == 1
    assert found["smartsync_transactions_total", (PAIR, "sent")] == 1
    assert found["smartsync_transactions_total", (PAIR, "reverted")] == 0
    assert found["smartsync_rpc_requests_total", ("mainnet", "node.example")] == 1
    assert found["smartsync_rpc_calls_total", ("mainnet", "node.example")] == 7
    assert found["smartsync_rpc_failures_total", ("mainnet", "node.example", "timed-out")] == 1
    assert found["smartsync_account_balance_ether", ("base", "main", SENDER)] == 0.5
    assert len([name for name, _ in found if name == "smartsync_account_balance_ether"]) == 1, (
        "what is not known is not 0"
    )


def test_metrics_of_two_relayers_are_apart() -> None:
    one, other = Metrics(), Metrics()
    one.transacted(PAIR, "sent")
    assert ("smartsync_transactions_total", (PAIR, "sent")) not in samples(other.registry.collect())


def test_failed_tells_kind_and_state_and_never_the_text() -> None:
    metrics = Metrics()
    metrics.failed(PAIR, NodeUnreachable("https://node.example/key"), "target")
    metrics.failed(PAIR, FeeTooHigh(2, 1, what="sync"))
    metrics.failed(PAIR, ValueError("https://node.example/key"))
    found = [labels for name, labels in samples(metrics.registry.collect()) if name == "smartsync_failures_total"]
    assert sorted(found) == [
        (PAIR, "FeeTooHigh", "fee-too-high"),
        (PAIR, "NodeUnreachable", "target-down"),
        (PAIR, "ValueError", "failing"),
    ]


def test_exchanged_without_a_fault_is_no_failure() -> None:
    metrics = Metrics()
    metrics.exchanged("mainnet", Exchange("node.example", 1, 0.1, None))
    assert not [name for name, _ in samples(metrics.registry.collect()) if name == "smartsync_rpc_failures_total"]


def test_job_that_fails_is_timed_and_no_more_at_work() -> None:
    metrics = Metrics()
    with pytest.raises(ValueError, match="x"), metrics.job(PAIR, "tend"):
        assert samples(metrics.registry.collect())["smartsync_jobs_working", (PAIR, "tend")] == 1
        raise ValueError("x")
    found = samples(metrics.registry.collect())
    assert found["smartsync_jobs_working", (PAIR, "tend")] == 0
    assert found["smartsync_job_duration_seconds_count", (PAIR, "tend")] == 1


def test_silent_and_idle_are_counted_from_the_start_and_from_each_look(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    metrics = Metrics()
    now[0] += 50
    assert metrics.silent_s(PAIR) == metrics.idle_s() == 50
    metrics.looked(PAIR, is_ok=False)
    now[0] += 5
    assert metrics.silent_s(PAIR) == metrics.idle_s() == 5
    assert metrics.silent_s("another") == 55
    metrics.stirred()
    assert (metrics.silent_s(PAIR), metrics.idle_s()) == (5, 0)


def test_configured_forgets_pairs_that_are_gone(tmp_path: Path) -> None:
    metrics = Metrics()
    metrics.looked("gone", is_ok=True)
    metrics.configured(configuration(tmp_path))
    found = samples(metrics.registry.collect())
    assert ("smartsync_look_timestamp_seconds", ("gone",)) not in found
    assert found["smartsync_configuration_accepted", ()] == 1
    metrics.reread(is_accepted=False)
    metrics.configured(configuration(tmp_path))
    assert samples(metrics.registry.collect())["smartsync_configuration_accepted", ()] == 0, "it goes on by the old one"
