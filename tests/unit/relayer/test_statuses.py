from __future__ import annotations

from dataclasses import replace

import pytest

from smartsync.errors import InsufficientFunds, NodeUnreachable
from smartsync.relayer.policy import Due, Policy, Wait
from smartsync.relayer.replicas import Replica
from smartsync.relayer.scanning import Sight
from smartsync.relayer.seen import Change, Seen
from smartsync.relayer.state.store import Sample, Status
from smartsync.relayer.statuses import Failed, Looked, after_failure, after_look, after_sync, sample
from smartsync.replica import ReplicaKey, ReplicaRecord
from smartsync.results import SyncResult

NOW_S = 1_000.0
REPLICA = Replica("a-b", "0x" + "11" * 20, "ENS", Policy())
KEY = ReplicaKey(1, "0x" + "22" * 20, "0x" + "33" * 20, "0x" + "44" * 20, bytes(32), bytes(32))
RECORD = ReplicaRecord(5, bytes([2] * 32), bytes([3] * 32), 90, bytes(32), 0, "active", 80, KEY)
SIGHT = Sight(RECORD, Seen(90, 900.0, 100, 120, 70_000, change=Change(95, 950.0)), "safe", 360, 7, NOW_S, NOW_S)
DUE = Looked(SIGHT, Due("10 blocks since", 100))
EXACT = Looked(SIGHT, Wait("nothing has changed", "exact", NOW_S + 60))
DOWN = Failed(NodeUnreachable("refused"), "source")


def before(state: str, reason: str = "why", **changes: object) -> Status:
    found = Status("a-b", REPLICA.address, "ENS", state, reason, 500.0, 990.0, block_hash=RECORD.block_hash)
    return replace(found, **changes)  # type: ignore[arg-type]


def test_after_look_shows_what_was_seen() -> None:
    found = after_look(REPLICA, None, DUE, NOW_S)
    assert (found.state, found.since_s, found.looked_s, found.failures) == ("behind", NOW_S, NOW_S, 0)
    assert (found.block_number, found.accepted_block, found.source_head, found.behind_s) == (90, 100, 120, 360)
    assert (found.anchor, found.changed_s) == (RECORD.key.anchor, 950.0)
    assert sample(SIGHT, NOW_S) == Sample(16, 30, 360)


def test_after_look_in_the_same_state_is_since_before() -> None:
    assert after_look(REPLICA, before("exact", failures=3), EXACT, NOW_S).since_s == 500.0
    assert after_look(REPLICA, before("exact", failures=3), EXACT, NOW_S).failures == 0


@pytest.mark.parametrize("state", ["no-funds", "target-full", "slots-unknown", "ended", "failing", "gas-spent"])
def test_after_look_what_a_try_has_shown_stands_while_it_waits_for_the_next(state: str) -> None:
    """Else each look would tell anew that it is behind, and each try why it cannot be helped."""
    known = before(state, "the reason", failures=2)
    found = after_look(REPLICA, known, DUE, NOW_S, is_held=True)
    assert (found.state, found.reason, found.failures, found.since_s) == (state, "the reason", 2, 500.0)
    assert found.source_head == 120, "what was seen is shown nevertheless"
    assert after_look(REPLICA, known, DUE, NOW_S).state == "behind", "it is tried now"


@pytest.mark.parametrize("state", ["source-down", "target-down", "source-wrong", "exact", "waiting"])
def test_after_look_what_a_look_has_shown_another_refutes(state: str) -> None:
    assert after_look(REPLICA, before(state), DUE, NOW_S, is_held=True).state == "behind"


def test_after_look_nothing_due_ends_what_went_wrong() -> None:
    found = after_look(REPLICA, before("no-funds", failures=4), EXACT, NOW_S, is_held=True)
    assert (found.state, found.failures) == ("exact", 0)


def test_after_look_a_proxy_without_copy_stays_unreadable_at_its_block() -> None:
    """What the look shows is the storage, which is exact."""
    known = before("unreadable", "no copy of 0xaa")
    assert after_look(REPLICA, known, EXACT, NOW_S).reason == "no copy of 0xaa"
    moved = replace(known, block_hash=b"\x09" * 32)
    assert after_look(REPLICA, moved, EXACT, NOW_S).state == "exact"


def test_after_sync_to_the_newest_block_is_behind_by_nothing() -> None:
    done = SyncResult(REPLICA.address, 90, 120, bytes([9] * 32), (), ())
    found = after_sync(REPLICA, before("behind", behind_s=360), SIGHT, done, NOW_S)
    assert (found.state, found.block_number, found.behind_s) == ("exact", 120, 0)
    short = after_sync(REPLICA, before("behind", behind_s=360), SIGHT, replace(done, to_block=100), NOW_S)
    assert short.behind_s == 360, "at most, until it is looked at again"


def test_after_failure_counts_and_keeps_what_was_known() -> None:
    known = before("source-down", failures=1, block_number=90)
    found = after_look(REPLICA, known, DOWN, NOW_S)
    assert (found.state, found.failures, found.block_number, found.since_s) == ("source-down", 2, 90, 500.0)
    error = InsufficientFunds("0xaa", 1, 2, what="the sync")
    first = after_failure(REPLICA, None, Failed(error), NOW_S)
    assert (first.state, first.failures, first.name) == ("no-funds", 1, "ENS")
