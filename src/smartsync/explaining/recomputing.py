"""What of a call can be recomputed, and whether it is what the chain has recorded. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from eth_abi.abi import encode as abi_encode

from smartsync.errors import InvalidWitness
from smartsync.explaining.before import Before
from smartsync.explaining.calls import HubCall, HubEvent
from smartsync.explaining.drawing import Drawing, Written, draw, draw_writes
from smartsync.explaining.explanation import Change, Says
from smartsync.keccak import keccak256
from smartsync.layout import Place, told
from smartsync.replica import ReplicaKey
from smartsync.results import Check
from smartsync.witness import state_root_of


class SourceBlock(NamedTuple):
    """What a replica is of; number and state root (32 bytes) are the source block's. ``None`` where not told."""

    key: ReplicaKey | None
    number: int | None = None
    state_root: bytes | None = None


def change_of(written: Written, place: Place | None) -> Change:
    """Return a write as people read it, by its place in the storage layout where that is known."""
    if place is None:
        return Change(written.kind, written.slot, written.old, written.new)
    after = told(place, written.new)
    before = [part.text for part in told(place, written.old)] if written.old is not None else [None] * len(after)
    says = tuple(Says(new.name, old, new.text) for old, new in zip(before, after, strict=True) if old != new.text)
    return Change(written.kind, written.slot, written.old, written.new, place.label, says)


def event_of(index: int, calls: Sequence[HubCall], events: Sequence[HubEvent]) -> HubEvent | None:
    """Return what a hub recorded of a call: of several such calls each has its own, in order."""
    same = [place for place, call in enumerate(calls) if _alike(call, calls[index])]
    found = [event for event in events if event.is_of(calls[index])]
    rank = same.index(index)
    return found[rank] if rank < len(found) else None


def _alike(one: HubCall, other: HubCall) -> bool:
    return (one.hub, one.function, one.replica, one.block_hash) == (
        other.hub,
        other.function,
        other.replica,
        other.block_hash,
    )


def drawn(call: HubCall, before: Before, event: HubEvent | None, notes: list[str], *, failed: bool) -> Drawing:
    """Return the drawing; without old values where those that the node tells do not make up the recorded root.

    Where the transaction failed that they do not is what was wrong, and is shown.
    """
    if before.values is None:
        notes.append(f"the old values are not known: {before.why}")
        return _draw(call, None)
    try:
        drawing = _draw(call, before.values)
    except InvalidWitness as error:
        without = _draw(call, None)
        notes.append(f"with what the replica held before, the witness does not go on: {error.message}")
        return without
    if call.function == "prepare":
        fits = event is None or _part(call, drawing) in (None, event.arguments["part"])
    else:
        fits = before.root in (None, drawing.old_root)
    if fits or failed:
        return drawing
    notes.append("the old values are not known: those that the node tells do not make up what the hub recorded")
    return _draw(call, None)


def _part(call: HubCall, drawing: Drawing) -> bytes | None:
    """Return what the hub records of a part that it has proven; ``None`` without old values.

    Source: ``Hub._partOf``.
    """
    if drawing.state is None:
        return None
    left = keccak256(drawing.state.pending)
    return keccak256(abi_encode(["address", "bytes32", "bytes32"], [call.replica, left, drawing.state.writes_hash]))


def _draw(call: HubCall, old: dict[bytes, int] | None) -> Drawing:
    arguments = call.arguments
    if call.function == "commit":
        return draw_writes(call.items, old, bytes(arguments["pending"]))
    if call.function == "prepare":
        pending, writes_hash = bytes(arguments["pending"]), bytes(arguments["writesHash"])
        return draw(call.items, old, is_part=True, pending=pending, writes_hash=writes_hash)
    return draw(call.items, old)


def checks_of(
    call: HubCall,
    drawing: Drawing | None,
    before: Before,
    event: HubEvent | None,
    source: SourceBlock,
) -> list[Check]:
    """Return what can be recomputed and compared with what the chain has recorded."""
    found = []
    new = drawing.new_root if drawing else before.root
    if drawing and drawing.old_root and before.root and call.function != "prepare":
        found.append(_same("old root", drawing.old_root, before.root, "recomputed, and the hub had recorded it"))
    if new and event and event.root:
        how = "recomputed, and the hub recorded it" if drawing else "as before, and the hub recorded it"
        found.append(_same("new root", new, event.root, how))
    if event and event.name == "TransitionPrepared" and drawing and (part := _part(call, drawing)):
        found.append(
            _same("part", part, bytes(event.arguments["part"]), "recomputed, and the hub recorded it as proven")
        )
    if new and source.key and source.state_root and call.function in ("sync", "commit"):
        root = _state_root(call, source.key, new)
        how = "recomputed by the account proof, and the anchor has it for the source block"
        found += [_same("state root", root, source.state_root, how)] if root else []
    return found


def _state_root(call: HubCall, key: ReplicaKey, root: bytes) -> bytes:
    """Return the state root that an account proof leads to; nothing where it is none."""
    try:
        return state_root_of(key.source, root, key.code_hash, bytes(call.arguments["accountProof"]))
    except InvalidWitness:
        return b""


def _same(name: str, computed: bytes, recorded: bytes, detail: str) -> Check:
    if computed == recorded:
        return Check(name, True, f"0x{computed.hex()}: {detail}")
    return Check(name, False, f"recomputed 0x{computed.hex()}, recorded 0x{recorded.hex()}")
