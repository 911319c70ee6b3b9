"""Values as JSON documents: what ``--json`` writes, and the demo's report."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from pathlib import Path

from smartsync.types import SlotChange


def to_json(value: object) -> object:
    """Return a value as JSON has it: bytes as ``0x…``, dataclasses as objects, integers as they are."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, SlotChange):
        return {"kind": value.kind, "slot": to_json(value.slot), "old": value.old, "new": value.new}
    if is_dataclass(value):
        return {field.name: to_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [to_json(item) for item in value]
    return str(value) if isinstance(value, Path) else value
