"""How the replicas stand, as Prometheus reads it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from smartsync.relayer.gauges import Snapshot, gauges
from smartsync.relayer.states import State
from tests.relayer_metrics import ANCHOR, REPLICA, SENDER, SNAPSHOT, STATUS, configuration, samples

PAIR = "main-to-base"
ONE = (PAIR, REPLICA, "ENS registry")


def test_gauges_tell_how_a_replica_stands(tmp_path: Path) -> None:
    found = samples(gauges(configuration(tmp_path), SNAPSHOT))
    assert found["smartsync_state_up", ()] == 1
    assert found["smartsync_replica_state", (*ONE, "behind")] == 1
    assert found["smartsync_replica_lag_blocks", ONE] == 10
    assert found["smartsync_replica_lag_seconds", ONE] == 120
    assert found["smartsync_replica_held_up", ONE] == 0
    assert found["smartsync_replica_state_timestamp_seconds", ONE] == 1_800_000_000
    assert found["smartsync_replica_look_timestamp_seconds", ONE] == 1_800_000_100
    assert found["smartsync_replica_change_timestamp_seconds", ONE] == 1_800_000_010
    assert found["smartsync_replica_consecutive_failures", ONE] == 2
    assert found["smartsync_replica_gas_day", ONE] == 300_000
    assert found["smartsync_replica_cost_day_ether", ONE] == pytest.approx(0.003)
    assert found["smartsync_replica_gas_limit_day", ONE] == 1_000_000
    assert found["smartsync_replica_lag_limit_seconds", ONE] == 60
    assert found["smartsync_pair_poll_seconds", (PAIR,)] == 12


def test_gauges_tell_of_sources_anchors_accounts_and_jobs(tmp_path: Path) -> None:
    found = samples(gauges(configuration(tmp_path), SNAPSHOT))
    assert found["smartsync_source_block_number", (PAIR,)] == 100
    assert found["smartsync_anchor_accepted_block_number", (PAIR, ANCHOR)] == 97
    assert found["smartsync_anchor_lag_blocks", (PAIR, ANCHOR)] == 3
    assert found["smartsync_anchor_gas_day", (PAIR, ANCHOR)] == 50_000
    assert found["smartsync_anchor_cost_day_ether", (PAIR, ANCHOR)] == pytest.approx(0.001)
    assert found["smartsync_outstanding_transactions", ("base", SENDER, "signed")] == 1
    assert found["smartsync_outstanding_transactions", ("base", SENDER, "included")] == 2
    assert found["smartsync_outstanding_transaction_timestamp_seconds", ("base", SENDER)] == 1_800_000_020
    assert [found["smartsync_jobs", (PAIR, state)] for state in ("due", "later", "working")] == [3, 4, 5]


def test_gauges_count_replicas_in_every_state_and_those_never_seen(tmp_path: Path) -> None:
    found = samples(gauges(configuration(tmp_path), SNAPSHOT))
    counts = {labels[1]: value for (name, labels), value in found.items() if name == "smartsync_replicas"}
    assert counts.keys() == {*get_args(State), "unseen"}
    assert {state: count for state, count in counts.items() if count} == {"behind": 1, "unseen": 1}


@pytest.mark.parametrize("state", get_args(State))
def test_gauges_held_up_is_whatever_is_not_good(tmp_path: Path, state: str) -> None:
    found = samples(gauges(configuration(tmp_path), Snapshot([replace(STATUS, state=state)])))
    assert found["smartsync_replica_held_up", ONE] == (state not in ("exact", "behind", "waiting"))


def test_gauges_state_of_a_newer_version_is_told_as_it_is(tmp_path: Path) -> None:
    found = samples(gauges(configuration(tmp_path), Snapshot([replace(STATUS, state="unheard-of")])))
    assert found["smartsync_replica_state", (*ONE, "unheard-of")] == 1
    assert found["smartsync_replicas", (PAIR, "unheard-of")] == 1
    assert found["smartsync_replica_held_up", ONE] == 1


def test_gauges_replica_that_is_not_of_the_configuration_is_left_out(tmp_path: Path) -> None:
    gone = replace(STATUS, address=SENDER, looked_s=1.0)
    elsewhere = replace(STATUS, pair="another")
    found = samples(gauges(configuration(tmp_path), Snapshot([gone, elsewhere])))
    assert not [name for name, _ in found if name == "smartsync_replica_look_timestamp_seconds"]
    assert found["smartsync_replicas", (PAIR, "unseen")] == 2


def test_gauges_what_is_not_known_is_not_there(tmp_path: Path) -> None:
    unknown = replace(STATUS, block_number=None, behind_s=None, changed_s=None, anchor=None, source_head=None)
    names = {name for name, _ in samples(gauges(configuration(tmp_path), Snapshot([unknown])))}
    for name in ("lag_blocks", "lag_seconds", "change_timestamp_seconds", "gas_day", "cost_day_ether"):
        assert f"smartsync_replica_{name}" not in names
    assert "smartsync_anchor_lag_blocks" not in names


def test_gauges_database_away_says_so_and_nothing_of_the_replicas(tmp_path: Path) -> None:
    found = samples(gauges(configuration(tmp_path), None))
    assert found["smartsync_state_up", ()] == 0
    assert {name for name, _ in found} == {
        "smartsync_state_up",
        "smartsync_pair_poll_seconds",
        "smartsync_replica_gas_limit_day",
        "smartsync_replica_lag_limit_seconds",
    }
