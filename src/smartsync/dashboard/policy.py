"""A policy in words. Pure."""

from __future__ import annotations

from smartsync.amounts import gwei
from smartsync.dashboard.figures import count, counted, span
from smartsync.relayer.policy import Policy


def sentences(policy: Policy) -> list[str]:
    """Return what a replica's owner wants: when it is synced, and what that may take."""
    told = [_when(policy)]
    if policy.max_lag_s:
        told.append(f"Changes may be gathered for {span(policy.max_lag_s)}.")
    if policy.max_gas_a_day is not None:
        told.append(f"At most {count(policy.max_gas_a_day)} gas in any 24 hours.")
    if policy.max_fee_wei is not None:
        told.append(f"No transaction pays more than {gwei(policy.max_fee_wei)} gwei per gas.")
    return told


def _when(policy: Policy) -> str:
    if policy.on_demand_only:
        return "Synced on demand only."
    reasons = []
    if policy.on_change:
        watched = [
            *([counted(len(policy.slots), "watched slot")] if policy.slots else []),
            *([counted(len(policy.events), "watched event")] if policy.events else []),
        ]
        reasons.append(
            f"when one of {' or '.join(watched)} changes or happens" if watched else "when its storage changes"
        )
    if policy.every_blocks is not None:
        each = policy.every_blocks == 1
        reasons.append("at every block" if each else f"after every {count(policy.every_blocks)} blocks")
    return f"Synced {', and '.join(reasons)}."
