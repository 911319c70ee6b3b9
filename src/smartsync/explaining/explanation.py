"""A transition explained: what a transaction wrote, what its witness says, what it cost. Frozen values."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from smartsync.document import to_json
from smartsync.explaining.cost import Cost
from smartsync.explaining.drawing import Closed, Drawing, Drawn, Fork, Kept, Left, Written, place_of
from smartsync.results import Check


@dataclass(frozen=True, slots=True)
class Says:
    """A value, or one of several in a slot (``name``), in words before and after; ``old`` is ``None`` if not known."""

    name: str
    old: str | None
    new: str


@dataclass(frozen=True, slots=True)
class Change:
    """A slot (32 bytes) that was written.

    ``kind``: ``insert``, ``update``, ``delete``, or ``write`` where the old value is not known. ``name`` is what the
    storage layout calls it, empty where there is none, and then ``says`` is too: the values that differ, in words.
    """

    kind: str
    slot: bytes
    old: int | None
    new: int
    name: str = ""
    says: tuple[Says, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a transaction failed: the error's name where it is known, a sentence, and what can be done about it."""

    name: str
    reason: str
    hint: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """What one call of a hub was about.

    ``through`` is the contract that the transaction called, where that was not the hub. ``call`` of ``calls`` is which
    of its calls of hubs this one is, from 1 on. Source and block number are ``None`` where the node does not tell them,
    the block hash (32 bytes) of a fill, which leads to no block. ``drawing`` is ``None`` where nothing was to be
    written, or the witness is malformed. ``malformed`` says why, else it is empty. ``checks`` are what was recomputed
    here; ``notes`` what could not be told.
    """

    tx_hash: bytes
    chain_id: int
    block_number: int
    sender: str
    through: str | None
    call: int
    calls: int
    hub: str
    function: str
    replica: str
    source: str | None
    source_chain_id: int | None
    source_block_number: int | None
    source_block_hash: bytes | None
    drawing: Drawing | None
    malformed: str
    changes: tuple[Change, ...]
    cost: Cost
    failure: Failure | None
    checks: tuple[Check, ...]
    notes: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether the transaction succeeded, and all that was recomputed is as recorded."""
        return self.failure is None and all(check.ok for check in self.checks)

    @property
    def title(self) -> str:
        """What it did, in a few words."""
        count = len(self.changes)
        slots = f"{count} slot{'' if count == 1 else 's'}"
        done = {
            "sync": f"{slots} written" if count else "no slot changed, a newer block",
            "fill": f"{slots} filled in",
            "prepare": f"{slots} proven, none written yet",
            "commit": f"{slots} written, proven in parts before",
        }[self.function]
        return done if self.failure is None else f"failed: {slots}, none written"

    def document(self) -> dict[str, object]:
        """Return it as JSON has it, with the whole tree."""
        told = to_json({name: getattr(self, name) for name in self.__slots__ if name != "drawing"})
        assert isinstance(told, dict)  # noqa: S101  # a dict becomes one
        drawing = self.drawing
        tree = None if drawing is None else [_node(node) for node in drawing.subtries]
        roots = (drawing.old_root, drawing.new_root) if drawing else (None, None)
        return {"ok": self.ok} | told | {"old_root": to_json(roots[0]), "new_root": to_json(roots[1]), "tree": tree}


def counts(drawing: Drawing) -> dict[str, int]:
    """Return how many items of each kind a drawing has: ``written``, ``kept``, ``closed``, ``left``, ``fork``."""
    found: Counter[str] = Counter()
    waiting: list[Drawn] = list(drawing.subtries)
    while waiting:
        node = waiting.pop()
        found[type(node).__name__.lower()] += 1
        waiting += node.children if isinstance(node, Fork) else ()
    return dict(found)


def nibbles(path: bytes) -> str:
    """Return nibbles, one a byte, as hexadecimal digits."""
    return "".join(f"{nibble:x}" for nibble in path)


def _node(node: Drawn) -> dict[str, object]:
    """Return a node of the tree as JSON has it: what it is, where, and what it holds."""
    place: dict[str, object] = {"path": nibbles(place_of(node))}
    match node:
        case Written():
            return {"item": "write", **place, "slot": to_json(node.slot), "old": node.old, "new": node.new}
        case Kept():
            return {"item": "leaf", **place, "value": node.value}
        case Closed():
            return {"item": "opaque", **place, "hash": to_json(node.hash)}
        case Left():
            return {"item": "earlier part", **place, "was_there": node.was, "is_there": node.is_now}
        case Fork():
            sides = {"before": to_json(node.before), "after": to_json(node.after)}
            return {"item": "branch", **place, **sides, "children": [_node(child) for child in node.children]}
