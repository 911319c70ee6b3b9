"""``smartsync anchor show``."""

from __future__ import annotations

from rich.console import Console

from smartsync.anchors.block import way_back, way_on
from smartsync.anchors.rotating import ScheduledSet
from smartsync.cli import render
from smartsync.cli.command import command
from smartsync.cli.session import Session
from smartsync.results import AnchorHead, AnchorReport, PendingBlock
from smartsync.results.telling import hexadecimal, utc


@command("anchor", needs=("source_url", "target_url", "anchor"))
def show(session: Session) -> None:
    """Show the anchor's kind and what it trusts, its status, its newest blocks, its terms and members.

    Where it is stopped, or the source has dropped blocks that it accepts, it warns and says what to do. An age is told
    by the target's clock: that of its newest block, or this computer's where that is later.
    """
    anchor = session.settings.require("anchor")
    report = session.connected(lambda client, _: client.describe_anchor(anchor))
    session.output.show(report, lambda console: draw_anchor(console, report))


def draw_anchor(console: Console, report: AnchorReport, role: str = "Anchor") -> None:
    """Write what an anchor says of itself, and then the same of its members."""
    render.card(
        console,
        f"{role} {report.anchor}",
        [
            ("kind", report.kind),
            ("trusts", report.trusts or None),
            ("source chain", report.source_chain_id),
            ("source genesis", hexadecimal(report.source_genesis_hash)),
            ("status", report.status),
            ("since", utc(report.since)),
            ("because", report.cause or None),
            ("canonical epoch", report.canonical_epoch),
            *_head("safe", report.safe),
            *_head("final", report.final),
            *_pending(report.pending),
            *(row for name, value in report.terms.items() for row in _term(name, value)),
            ("not compared with the source", report.not_compared or None),
        ],
    )
    _warn(console, report)
    for member in report.members:
        console.print()
        draw_anchor(console, member, _role(report, member))


def _warn(console: Console, report: AnchorReport) -> None:
    """Tell of an anchor that is stopped, and of the blocks that it accepts and the source has dropped."""
    if report.status != "active":
        render.warning(console, f"Warning: this anchor is {report.status}; {way_on(report.status)}.")
    if not report.dropped:
        return
    first, last = report.dropped[0], report.dropped[-1]
    count = len(report.dropped)
    which = (
        f"block {first.number} ({hexadecimal(first.block_hash)})"
        if count == 1
        else f"{count} of the blocks from {first.number} to {last.number}"
    )
    firmest = "final" if any(block.level == "final" for block in report.dropped) else first.level
    text = f"Warning: the source has dropped {which}, which this anchor accepts; {way_back(firmest)}."
    render.warning(console, text)


def _role(report: AnchorReport, member: AnchorReport) -> str:
    """Return what a member is in the anchor that is made of it."""
    if "primary" not in report.terms:
        return "Member"
    return "Primary" if member.anchor == report.terms["primary"] else "Watcher"


def _head(name: str, head: AnchorHead | None) -> list[tuple[str, object]]:
    if head is None:
        return [(f"newest {name}", "none yet")]
    return [
        (f"newest {name}", f"block {head.number}, {head.age_s} s old"),
        ("", hexadecimal(head.block_hash)),
    ]


def _pending(block: PendingBlock | None) -> list[tuple[str, object]]:
    """Return the lines for a block that is not accepted yet: whoever may veto it has to see which it is."""
    if block is None:
        return []
    until = (
        "waits for nothing: set aside, or taken back by members, until it is offered again"
        if block.usable_from is None
        else f"accepted from {utc(block.usable_from)}, unless a watcher contradicts it"
    )
    return [("newest pending", f"block {block.number}, {until}"), ("", hexadecimal(block.block_hash))]


def _term(name: str, value: object) -> list[tuple[str, object]]:
    """Return the lines for one of the terms of an anchor's kind."""
    label = name.removesuffix("_s").replace("_", " ")
    if isinstance(value, ScheduledSet):
        what = f"{value.threshold} of {len(value.signers)}, not before {utc(value.effective_at)}"
        signers = [("  signer", address) for address in value.signers]
        if value.head is None:
            return [(label, what), *signers]
        stands = f"{hexadecimal(value.head)}, final then" if any(value.head) else "none: every block is revoked"
        return [("scheduled recovery", what), *signers, ("  last block that stands", stands)]
    if isinstance(value, tuple):
        return [(label.removesuffix("s"), item) for item in value]
    if value is None:
        return [(label, "none")]
    if isinstance(value, bytes):
        return [(label, hexadecimal(value))]
    return [(label, f"{value} s" if name.endswith("_s") else value)]
