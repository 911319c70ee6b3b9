"""``smartsync status``."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from smartsync.anchors.block import way_back, way_on
from smartsync.cli import render
from smartsync.cli.command import command
from smartsync.cli.session import Session
from smartsync.config import parse_address
from smartsync.results import Progress, ReplicaState
from smartsync.results.telling import hexadecimal, utc
from smartsync.sync import SmartSync

_Replica = Annotated[
    str | None,
    typer.Argument(metavar="REPLICA", help="Address of a replica. Default: all of the hub.", show_default=False),
]


@command("hub", needs=("source_url", "target_url", "hub"))
def status(session: Session, replica: _Replica = None) -> None:
    """Show what hub, anchor and source say of a replica, or of all replicas of the hub.

    Where the source has dropped the block that a replica mirrors, or its node does not have it, and where the anchor is
    stopped, it warns and says what to do.
    """
    if replica is not None:
        address = parse_address(replica, "REPLICA")
        state = session.connected(lambda client, _: client.status(address))
        session.output.show(state, lambda console: _draw(console, state))
        return
    hub = session.settings.require("hub")
    states = session.connected(_all_states)
    session.output.show({"hub": hub, "replicas": states}, lambda console: _draw_all(console, hub, states))


async def _all_states(client: SmartSync, on_progress: Progress) -> list[ReplicaState]:
    addresses = await client.replicas()
    states = []
    for done, address in enumerate(addresses):
        on_progress("read replicas", done, len(addresses))
        states.append(await client.status(address))
    return states


def _draw(console: Console, state: ReplicaState) -> None:
    render.card(
        console,
        f"Replica {state.replica}",
        [
            ("status", state.status),
            ("source", state.source),
            ("source chain", state.source_chain_id),
            ("block", state.block_number),
            ("accepted", state.accepted_block),
            ("source head", state.source_head),
            ("block hash", hexadecimal(state.block_hash)),
            ("dropped for", None if state.dropped_for is None else hexadecimal(state.dropped_for)),
            ("source time", utc(state.source_timestamp)),
            ("behind the source", None if state.behind_s is None else f"{state.behind_s} s"),
            ("level", state.level),
            ("storage root", hexadecimal(state.storage_root)),
            ("code hash", hexadecimal(state.code_hash)),
            *_delegation(state),
            ("anchor", state.anchor),
            ("anchor is", state.anchor_status),
            ("anchor is so since", utc(state.anchor_since)),
            ("canonical epoch", state.canonical_epoch),
            ("creator", state.creator),
            *([("source ended at block", state.halt_block)] if state.halt_block is not None else []),
        ],
    )
    _warn(console, state)
    _note_foreign(console, [state])


def _delegation(state: ReplicaState) -> list[tuple[str, object]]:
    """Return what the replica runs: its source's code, or of a proxy what that delegates to."""
    if state.proxy is None:
        return [("logic copy", state.logic)]
    return [
        ("resolver", state.logic),
        ("proxy", state.proxy),
        ("implementation", state.implementation),
        ("copied to", state.copy),
    ]


def _draw_all(console: Console, hub: str, states: list[ReplicaState]) -> None:
    render.heading(console, f"Hub {hub}: {len(states)} replica{'' if len(states) == 1 else 's'}")
    if not states:
        return
    columns = (
        "replica",
        "status",
        "block",
        "accepted",
        "source head",
        "behind",
        "level",
        "anchor is",
        "source chain",
        "source",
    )
    rows = [
        (
            state.replica,
            state.status,
            state.block_number,
            "-" if state.accepted_block is None else state.accepted_block,
            "-" if state.source_head is None else state.source_head,
            "-" if state.behind_s is None else f"{state.behind_s} s",
            state.level,
            state.anchor_status,
            state.source_chain_id,
            state.source,
        )
        for state in states
    ]
    console.print()
    render.table(console, columns, rows, right=("block", "accepted", "source head", "behind", "source chain"))
    for state in states:
        _warn(console, state)
    _note_foreign(console, states)


def _warn(console: Console, state: ReplicaState) -> None:
    """Tell of a block that the replica mirrors and the source does not have, and of an anchor that is stopped."""
    if state.dropped_for is not None or state.level == "revoked":
        orphan = f"the source has dropped block {state.block_number}, at which the replica {state.replica} stands"
        render.warning(console, f"Warning: {orphan}; {way_back(state.level)}.")
    elif ahead := _missing(state):
        render.warning(
            console,
            f"Warning: the source node has no {ahead}: its newest is {state.source_head}. It is behind, or its chain "
            "is reorganising: ask again later, or another node.",
        )
    if state.unreadable:
        render.warning(console, f"Warning: the replica {state.replica} refuses to be read: {state.unreadable}.")
    if state.anchor_status != "active":
        stopped = f"the anchor {state.anchor} of the replica {state.replica} is {state.anchor_status}"
        render.warning(console, f"Warning: {stopped}; {way_on(state.anchor_status)}.")


def _missing(state: ReplicaState) -> str:
    """Return which block the source node should have and does not, empty where it has both or is of another chain."""
    if state.source_head is None:
        return ""
    if state.source_head < state.block_number:
        return f"block {state.block_number}, at which the replica {state.replica} stands"
    if state.accepted_block is not None and state.source_head < state.accepted_block:
        return f"block {state.accepted_block}, which the anchor {state.anchor} of the replica {state.replica} accepts"
    return ""


def _note_foreign(console: Console, states: list[ReplicaState]) -> None:
    """Say which replicas the source node cannot speak of, since their source is on another chain than it."""
    foreign = sorted({state.source_chain_id for state in states if state.source_head is None})
    if foreign:
        chains = f"chain{'' if len(foreign) == 1 else 's'} {', '.join(map(str, foreign))}"
        console.print()
        render.note(
            console,
            f"The source node is on another chain than {chains}: what is to be asked of the source is not told of the "
            "replicas from there. Give a node of their chain by --source-url.",
        )
