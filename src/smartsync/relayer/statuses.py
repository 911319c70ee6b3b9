"""How a replica stands, by what a look or a job has found. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from smartsync.errors import SmartSyncError
from smartsync.relayer.policy import Decision, Due, Wait
from smartsync.relayer.replicas import Replica
from smartsync.relayer.scanning import Sight
from smartsync.relayer.state.store import Sample, Status
from smartsync.relayer.states import Role, State, state_of
from smartsync.results import SyncResult

_BY_LOOKS = ("exact", "behind", "waiting", "source-down", "source-wrong", "target-down")
"""States that a look refutes. The others only a further try can."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look has shown of a replica, and what follows from it."""

    sight: Sight
    decision: Decision


@dataclass(frozen=True, slots=True)
class Failed:
    """Why a look has not shown it, and of which chain the node was that failed, where one did."""

    error: SmartSyncError
    role: Role | None = None


def after_look(
    replica: Replica, before: Status | None, found: Looked | Failed, now_s: float, *, is_held: bool = False
) -> Status:
    """Return how a replica stands after a look.

    Parameters
    ----------
    now_s
        When the look began.
    is_held
        Whether a sync that is due waits for its time already, as it does after one that failed.
    """
    if isinstance(found, Failed):
        return after_failure(replica, before, found, now_s)
    state: str = found.decision.state
    why, failures = found.decision.why, 0 if isinstance(found.decision, Wait) else None
    if isinstance(found.decision, Due):
        if is_held and before is not None and before.state not in _BY_LOOKS:
            state, why = before.state, before.reason
    elif _still_unreadable(before, found.sight) and before is not None:
        state, why = "unreadable", before.reason
    return _shown(_stands(replica, before, state, why, now_s, failures), found.sight)


def after_sync(replica: Replica, before: Status | None, sight: Sight, result: SyncResult, now_s: float) -> Status:
    """Return how a replica stands after a sync that began with this look: as a look right after it would show."""
    record = replace(sight.record, block_number=result.to_block, block_hash=result.block_hash)
    seen = replace(sight.seen, recorded_block=result.to_block, change=None, differs=False)
    state: State = "unreadable" if result.unreadable else "exact"
    why = result.unreadable or f"synced to block {result.to_block}"
    behind_s = 0 if result.to_block >= seen.source_head else sight.behind_s
    after = replace(sight, record=record, seen=seen, level=seen.accepted_level, behind_s=behind_s)
    return _shown(_stands(replica, before, state, why, now_s, 0), after)


def after_failure(replica: Replica, before: Status | None, failed: Failed, now_s: float) -> Status:
    """Return how a replica stands at which something went wrong."""
    failures = 1 if before is None else before.failures + 1
    state = state_of(failed.error, failed.role)
    return _stands(replica, before, state, failed.error.in_full, now_s, failures)


def sample(sight: Sight, now_s: float) -> Sample:
    """Return how far behind a replica is."""
    return Sample(int(now_s // 60), max(0, sight.seen.source_head - sight.record.block_number), sight.behind_s)


def _stands(
    replica: Replica, before: Status | None, state: str, why: str, now_s: float, failures: int | None
) -> Status:
    known = before or Status(replica.pair, replica.address, "", "", "", now_s, now_s)
    return replace(
        known,
        name=replica.name,
        state=state,
        reason=why,
        since_s=known.since_s if known.state == state else now_s,
        looked_s=now_s,
        failures=known.failures if failures is None else failures,
    )


def _shown(status: Status, sight: Sight) -> Status:
    record, seen = sight.record, sight.seen
    return replace(
        status,
        anchor=record.key.anchor,
        block_number=record.block_number,
        block_hash=record.block_hash,
        level=sight.level,
        accepted_block=seen.accepted_block,
        source_head=seen.source_head,
        behind_s=sight.behind_s,
        changed_s=None if seen.change is None else seen.change.since_s,
    )


def _still_unreadable(before: Status | None, sight: Sight) -> bool:
    """Whether a proxy had no copy to read by at this very block: a look does not see that."""
    return before is not None and before.state == "unreadable" and before.block_hash == sight.record.block_hash
