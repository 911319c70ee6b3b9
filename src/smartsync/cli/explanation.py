"""An explained transition in the terminal: a card, the tree, every write in full, where the gas went, what holds."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from smartsync.cli import render
from smartsync.cli.witness_tree import tree
from smartsync.explaining import Change, Explanation
from smartsync.explaining.explanation import counts
from smartsync.explaining.words import values_of
from smartsync.results.telling import hexadecimal

_IN_FULL = 100
"""Changes that are listed in full below the tree."""


def draw(console: Console, found: Explanation, hub: str | None) -> None:
    """Write it. ``hub`` is the configured one, if there is one: what another recorded is another contract's word."""
    render.card(console, f"Transaction {hexadecimal(found.tx_hash)}", _rows(found))
    if found.drawing is not None:
        console.print()
        render.heading(console, "The witness: the union of the tries before and after")
        tree(console, found.drawing, {change.slot: change for change in found.changes})
        render.note(console, _counted(found))
    _changes(console, found.changes)
    _cost(console, found)
    if found.checks:
        console.print()
        render.checks(console, found.checks, failed="differs")
    for note in found.notes:
        render.warning(console, f"Note: {note}.")
    if hub is not None and hub != found.hub:
        render.warning(
            console,
            f"Warning: this is the hub {found.hub}, not the one of the configuration, {hub}: what it recorded is worth "
            "what that contract is.",
        )
    _verdict(console, found)


def _rows(found: Explanation) -> list[tuple[str, object]]:
    block = None if found.source_block_hash is None else hexadecimal(found.source_block_hash)
    return [
        ("is", f"{found.function}: {found.title}"),
        ("call", f"{found.call} of {found.calls}" if found.calls > 1 else None),
        ("replica", found.replica),
        ("source", found.source),
        ("source chain", found.source_chain_id),
        ("source block", found.source_block_number),
        ("source block hash", block),
        ("hub", found.hub),
        ("through", found.through),
        ("sent by", found.sender),
        ("target block", found.block_number),
    ]


def _counted(found: Explanation) -> str:
    """Return how many items of each kind the witness has, and its length."""
    assert found.drawing is not None  # noqa: S101  # asked by the caller
    count = counts(found.drawing)
    kinds = {"written": "written", "kept": "unchanged in the open", "closed": "opaque", "fork": "branches described"}
    told = ", ".join(f"{count[kind]} {name}" for kind, name in kinds.items() if count.get(kind))
    left = f", {count['left']} from earlier parts" if count.get("left") else ""
    return f"{told}{left}"


def _changes(console: Console, changes: Sequence[Change]) -> None:
    if not changes:
        return
    console.print()
    named = any(change.name for change in changes)
    rows = [
        (
            change.kind,
            hexadecimal(change.slot),
            "?" if change.old is None else hex(change.old),
            hex(change.new),
            *((f"{change.name}: {values_of(change)}" if change.name else "-",) if named else ()),
        )
        for change in changes[:_IN_FULL]
    ]
    render.table(console, ("kind", "slot", "old", "new", *(("is",) if named else ())), rows)
    if len(changes) > _IN_FULL:
        render.note(console, f"{len(changes) - _IN_FULL} more: --json tells all")


def _cost(console: Console, found: Explanation) -> None:
    cost = found.cost
    console.print()
    rows: list[tuple[object, ...]] = [("transaction", "", cost.transaction_gas)] if found.through is None else []
    rows += [(f"calldata: {part.name}", part.size, part.gas if found.through is None else "") for part in cost.calldata]
    for name, gas in (
        ("writes to storage", cost.writes_gas),
        ("given back for slots that became zero", -cost.refund_gas if cost.refund_gas else None),
        ("computing, hub and anchor (the rest)", cost.rest_gas),
    ):
        rows += [(name, "", gas)] if gas is not None else []
    rows.append(("in all, by the receipt", cost.calldata_bytes, cost.gas_used))
    render.table(console, ("gas", "bytes", "gas used"), rows, right=("bytes", "gas used"))
    if cost.is_floor:
        render.note(console, "What was paid is the floor of EIP-7623: for the calldata alone.")
    elif found.through is not None:
        render.note(console, "The gas is the whole transaction's: what the hub's part of it is, is not told.")


def _verdict(console: Console, found: Explanation) -> None:
    console.print()
    if found.failure is None:
        render.heading(console, f"It did what it says: {found.title}.")
        return
    render.heading(console, f"It FAILED: {found.failure.reason}.")
    if found.malformed:
        render.note(console, f"Its witness is none: {found.malformed}.")
    if found.failure.hint:
        render.note(console, f"{found.failure.hint[:1].upper()}{found.failure.hint[1:]}.")
