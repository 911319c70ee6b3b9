"""What happened, in a word and in a sentence: for a terminal, a log, a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TypeAlias

from smartsync.results.anchors import (
    AnchorResumed,
    AnchorStopped,
    AnchorUpdate,
    EquivocationReported,
    ReorganisationSeen,
    Revoked,
)
from smartsync.results.replicas import Recovered, SyncResult
from smartsync.results.steps import Step
from smartsync.types import SlotChange

Told: TypeAlias = (
    SyncResult
    | AnchorUpdate
    | Recovered
    | ReorganisationSeen
    | Revoked
    | EquivocationReported
    | AnchorStopped
    | AnchorResumed
)
"""What can happen to a replica that is kept in sync, and to its anchor."""

WORDS: dict[type[Told], str] = {
    SyncResult: "sync",
    AnchorUpdate: "accepted",
    Recovered: "recovered",
    ReorganisationSeen: "reorganisation",
    Revoked: "revoked",
    EquivocationReported: "equivocation",
    AnchorStopped: "anchor_stopped",
    AnchorResumed: "anchor_resumed",
}
"""What happened, in a word."""


def sentence(event: Told) -> str:
    """Return what happened, in one line."""
    match event:
        case SyncResult():
            refused = f"; reads are refused: {event.unreadable}" if event.unreadable else ""
            written = _written(event.changes, event.steps)
            return f"synced: block {event.from_block} -> {event.to_block}{refused}  {written}"
        case AnchorUpdate():
            until = "" if event.usable_from is None else f" until {utc(event.usable_from)}"
            done = f"offered, waits for a veto{until}" if event.level == "pending" else "accepted"
            what = f"source block {event.block_number} {hexadecimal(event.block_hash)} ({event.level})"
            return f"{done}: {what}  {_paid(event.steps)}"
        case Recovered():
            return (
                f"recovered: orphaned block {event.orphan_block} {hexadecimal(event.orphan_hash)} -> "
                f"{event.to_block} {hexadecimal(event.block_hash)}  {_written(event.changes, event.steps)}"
            )
        case ReorganisationSeen():
            return (
                f"reorganisation: the source has dropped block {event.block_number} {hexadecimal(event.block_hash)} "
                f"({event.level}) for {hexadecimal(event.source_hash)}; {_outlook(event)}"
            )
        case Revoked():
            above = f"every block above {event.head_number}" if any(event.head_hash) else "every block"
            dropped = f"of which the source has dropped {event.dropped}"
            return f"revoked: {above} of the anchor {event.anchor}, {dropped}  {_paid(event.steps)}"
        case EquivocationReported():
            return (
                f"equivocation: signer {event.signer} has signed two hashes of block {event.number}; reported to the "
                f"anchor {event.anchor}, which is {event.anchor_status}  {_paid(event.steps)}"
            )
        case AnchorStopped():
            return f"anchor {event.anchor} is {event.status} (since {utc(event.since)}); the replica stays where it is"
        case AnchorResumed():
            since = f"(since {utc(event.since)})"
            return f"anchor {event.anchor} is active again {since}, canonical epoch {event.canonical_epoch}"


def _outlook(event: ReorganisationSeen) -> str:
    """Return what will become of a block that the source has dropped."""
    if event.revoking:
        return "revoking it"
    match event.level:
        case "revoked":
            return "the anchor has revoked it"
        case "final":
            return "no anchor revokes a final block: ask another node; if it agrees, what the anchor trusts is broken"
        case _:
            return "waiting for the anchor to revoke it"


def _written(changed: tuple[SlotChange, ...], steps: tuple[Step, ...]) -> str:
    return f"slots {counted(changed)}  {_paid(steps)}"


def _paid(steps: tuple[Step, ...]) -> str:
    return f"gas {sum(step.gas_used for step in steps)}  " + "  ".join(step.tx_hash for step in steps)


def hexadecimal(data: bytes) -> str:
    """Return bytes as ``0x…``."""
    return "0x" + data.hex()


def utc(timestamp_s: int) -> str:
    """Return a block's time, given in seconds since 1970, as a date too; a chain may have any number there."""
    try:
        return f"{timestamp_s} ({datetime.fromtimestamp(timestamp_s, UTC):%Y-%m-%d %H:%M:%S} UTC)"
    except (ValueError, OverflowError, OSError):
        return str(timestamp_s)


def counted(changed: Sequence[SlotChange]) -> str:
    """Return how many slots change, by kind."""
    kinds = Counter(change.kind for change in changed)
    parts = [f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in sorted(kinds.items(), key=_order)]
    return f"{len(changed)}" + (f" ({', '.join(parts)})" if parts else "")


def _order(item: tuple[str, int]) -> int:
    return ("insert", "update", "delete").index(item[0])
