"""What state a replica is in that cannot be synced, by what went wrong; and when to try again. Pure."""

from __future__ import annotations

from typing import Literal, TypeAlias

from smartsync.errors import (
    AnchorError,
    AnchorExpired,
    AnchorFrozen,
    AnchorPaused,
    BlockNotAccepted,
    Cancelled,
    FeeTooHigh,
    FinalBlockDropped,
    GasSpent,
    IncompleteSlots,
    InsufficientFunds,
    NodeError,
    NodesDisagree,
    NodeUnreachable,
    PoolFull,
    ProofError,
    RateLimited,
    SmartSyncError,
    SourceCodeChanged,
    SourceDestroyed,
    SourceReorganised,
    TransactionPending,
    TransactionTooLarge,
    TransitionTooLarge,
    WrongChain,
)

State: TypeAlias = Literal[
    "exact",
    "behind",
    "waiting",
    "anchor-behind",
    "anchor-stopped",
    "orphaned",
    "source-down",
    "source-wrong",
    "source-behind",
    "source-stalled",
    "source-limited",
    "target-down",
    "target-limited",
    "target-full",
    "no-funds",
    "fee-too-high",
    "gas-spent",
    "slots-unknown",
    "unreadable",
    "ended",
    "failing",
]
"""Of a replica, as a metric, a line of the log and the page call it."""

FINE: tuple[State, ...] = ("exact", "behind", "waiting")
"""Nothing holds it up: it is done, under way, or its policy waits. All others are told as warnings."""

UNSEEN = "unseen"
"""In the place of a state: of a replica that is configured and that nobody has looked at yet."""

Role: TypeAlias = Literal["source", "target"]

FIRST_WAIT_S = 5.0
LONGEST_WAIT_S = 600.0
"""Seconds after a first failure, and at most: each one after another in a row waits twice as long."""

_STATES: tuple[tuple[tuple[type[SmartSyncError], ...], State], ...] = (
    ((InsufficientFunds,), "no-funds"),
    ((FeeTooHigh, Cancelled), "fee-too-high"),
    ((GasSpent,), "gas-spent"),
    ((TransactionPending, PoolFull, TransactionTooLarge, TransitionTooLarge), "target-full"),
    ((IncompleteSlots,), "slots-unknown"),
    ((SourceDestroyed, SourceCodeChanged), "ended"),
    ((AnchorPaused, AnchorExpired, AnchorFrozen), "anchor-stopped"),
    ((SourceReorganised, FinalBlockDropped), "orphaned"),
    ((BlockNotAccepted,), "anchor-behind"),
    ((AnchorError,), "anchor-behind"),
)


def state_of(error: SmartSyncError, role: Role | None = None) -> State:
    """Return the state of a replica at which something went wrong.

    Parameters
    ----------
    role
        Of which chain the node is that it was about, where that is known.
    """
    if isinstance(error, RateLimited) or (isinstance(error, NodeUnreachable) and error.limited):
        return "target-limited" if role == "target" else "source-limited"
    if isinstance(error, NodeUnreachable):
        return "target-down" if role == "target" else "source-down"
    if isinstance(error, WrongChain):
        return "target-down" if error.role == "target" else "source-wrong"
    for kinds, state in _STATES:
        if isinstance(error, kinds):
            return state
    if isinstance(error, ProofError | NodesDisagree) or (isinstance(error, NodeError) and role == "source"):
        return "source-wrong"
    return "target-down" if isinstance(error, NodeError) and role == "target" else "failing"


def wait_s(failures: int) -> float:
    """Return the seconds until the next try, after so many failures in a row (1 or more)."""
    return float(min(FIRST_WAIT_S * 2 ** min(failures - 1, 30), LONGEST_WAIT_S))
