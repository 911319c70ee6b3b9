"""``smartsync anchor show``."""

from __future__ import annotations

from rich.console import Console

from smartsync.anchors.rotating import ScheduledSet
from smartsync.cli import render
from smartsync.cli.command import command
from smartsync.cli.session import Session
from smartsync.results import AnchorHead, AnchorReport


@command("anchor", needs=("source_url", "target_url", "anchor"))
def show(session: Session) -> None:
    """Show the anchor's kind, its status, the newest blocks that it accepts, and what its trust is made of."""
    anchor = session.settings.require("anchor")
    report = session.connected(lambda client, _: client.describe_anchor(anchor))
    session.output.show(report, lambda console: _draw(console, report))


def _draw(console: Console, report: AnchorReport, role: str = "Anchor") -> None:
    render.card(
        console,
        f"{role} {report.anchor}",
        [
            ("kind", report.kind),
            ("source chain", report.source_chain_id),
            ("source genesis", render.hexadecimal(report.source_genesis_hash)),
            ("status", report.status),
            ("since", render.utc(report.since)),
            ("canonical epoch", report.canonical_epoch),
            *_head("safe", report.safe),
            *_head("final", report.final),
            *(row for name, value in report.terms.items() for row in _term(name, value)),
        ],
    )
    for member in report.members:
        console.print()
        _draw(console, member, "Member")


def _head(name: str, head: AnchorHead | None) -> list[tuple[str, object]]:
    if head is None:
        return [(f"newest {name}", "none yet")]
    return [
        (f"newest {name}", f"block {head.number}, {head.age_s} s old"),
        ("", render.hexadecimal(head.block_hash)),
    ]


def _term(name: str, value: object) -> list[tuple[str, object]]:
    """Return the lines for one of the terms of an anchor's kind."""
    label = name.removesuffix("_s").replace("_", " ")
    if isinstance(value, ScheduledSet):
        return [
            (label, f"{value.threshold} of {len(value.signers)}, not before {render.utc(value.effective_at)}"),
            *(("  signer", address) for address in value.signers),
        ]
    if isinstance(value, tuple):
        return [(label.removesuffix("s"), item) for item in value]
    if value is None:
        return [(label, "none")]
    if isinstance(value, bytes):
        return [(label, render.hexadecimal(value))]
    return [(label, f"{value} s" if name.endswith("_s") else value)]
