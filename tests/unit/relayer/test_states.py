from __future__ import annotations

from typing import get_args

import pytest

from smartsync import errors
from smartsync.errors import (
    AnchorFrozen,
    BlockNotAccepted,
    Cancelled,
    FeeTooHigh,
    GasSpent,
    IncompleteSlots,
    InsufficientFunds,
    InvalidProof,
    NodeError,
    NodeUnreachable,
    PoolFull,
    RateLimited,
    ReplicaMoved,
    SmartSyncError,
    SourceDestroyed,
    SourceReorganised,
    TransactionPending,
    UnknownReplica,
    WrongChain,
)
from smartsync.relayer.states import LONGEST_WAIT_S, Role, State, state_of, wait_s

ACCOUNT = "0x" + "11" * 20


@pytest.mark.parametrize(
    ("error", "role", "state"),
    [
        (NodeUnreachable("away"), "source", "source-down"),
        (NodeUnreachable("away"), "target", "target-down"),
        (NodeUnreachable("away"), None, "source-down"),
        (NodeUnreachable("HTTP status 429", limited=True), "source", "source-limited"),
        (NodeUnreachable("HTTP status 429", limited=True), "target", "target-limited"),
        (RateLimited("eth_call", -32005, "daily request count exceeded"), "source", "source-limited"),
        (RateLimited("eth_call", 429, "too many requests"), "target", "target-limited"),
        (PoolFull("sync", "host", "txpool is full"), None, "target-full"),
        (WrongChain("source", "host", 1, 2), None, "source-wrong"),
        (WrongChain("target", "host", 1, 2), None, "target-down"),
        (InvalidProof("of another root"), None, "source-wrong"),
        (NodeError("garbage"), "source", "source-wrong"),
        (NodeError("garbage"), "target", "target-down"),
        (IncompleteSlots([b""]), "source", "slots-unknown"),
        (InsufficientFunds(ACCOUNT, 1, 2), None, "no-funds"),
        (FeeTooHigh(2, 1, what="sync"), None, "fee-too-high"),
        (Cancelled("sync", ACCOUNT, 7), None, "fee-too-high"),
        (GasSpent(2, 1, what="sync"), None, "gas-spent"),
        (TransactionPending("in no block"), None, "target-full"),
        (SourceDestroyed("gone"), None, "ended"),
        (AnchorFrozen("two truths"), None, "anchor-stopped"),
        (BlockNotAccepted("not yet"), None, "anchor-behind"),
        (SourceReorganised("again"), None, "orphaned"),
        (ReplicaMoved("faster"), None, "failing"),
        (UnknownReplica("none"), None, "failing"),
    ],
)
def test_state_of_an_error_says_what_holds_a_replica_up(error: SmartSyncError, role: Role | None, state: State) -> None:
    assert state_of(error, role) == state


def test_state_of_any_error_is_a_state() -> None:
    """Also of one that is added later: it is never taken for a replica that is well."""
    found = set()
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, SmartSyncError):
            error = kind.__new__(kind)
            error.role = "source"  # type: ignore[attr-defined]  # what WrongChain has
            error.limited = False  # type: ignore[attr-defined]  # what NodeUnreachable has
            found.add(state_of(error))
    assert found <= set(get_args(State)) - {"exact", "behind", "waiting"}


def test_wait_s_doubles_up_to_ten_minutes() -> None:
    waits = [wait_s(failures) for failures in range(1, 12)]
    assert waits[:4] == [5.0, 10.0, 20.0, 40.0]
    assert waits == sorted(waits) and waits[-1] == LONGEST_WAIT_S
    assert wait_s(10**6) == LONGEST_WAIT_S
