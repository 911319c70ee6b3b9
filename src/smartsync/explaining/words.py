"""How slots, values, and what becomes of a position are said in a drawing, where there is little room. Pure.

What is cut here stands in full beside the drawing: in the table of the terminal, in a title of the picture, in JSON.
"""

from __future__ import annotations

from smartsync.explaining.drawing import Fork, Outcome
from smartsync.explaining.explanation import Change, nibbles
from smartsync.explaining.shortened import Omitted

_SMALL = 2**64
"""Numbers below this are written in decimal: larger ones are hashes and addresses more often than amounts."""

_PREFIX = 12
"""Nibbles of a trie key up to which they are written out."""

KINDS = {"insert": "inserted", "update": "updated", "delete": "deleted", "write": "written"}
"""What is said of each kind of `Change`."""


def short_hash(data: bytes) -> str:
    """Return the beginning and the end of a hash."""
    return f"{data.hex()[:8]}…{data.hex()[-4:]}"


def short_slot(slot: bytes) -> str:
    """Return a slot's number where it is small, else the ends of its hash."""
    number = int.from_bytes(slot, "big")
    return f"slot {number}" if number < _SMALL else f"slot {short_hash(slot)}"


def short_value(value: int) -> str:
    """Return a value of 256 bits, the ends of a long one."""
    if value < _SMALL:
        return str(value)
    digits = f"{value:x}"
    return f"0x{digits}" if len(digits) <= 40 else f"0x{digits[:8]}…{digits[-4:]}"


def cut(text: str, length: int) -> str:
    """Return a text of at most so many characters."""
    return text if len(text) <= length else f"{text[: max(length - 1, 0)]}…"


def title_of(change: Change) -> str:
    """Return what a written slot is called: by the layout, else by its number."""
    return change.name or short_slot(change.slot)


def values_of(change: Change) -> str:
    """Return what became of a slot's value, part by part where the layout tells of parts."""
    if change.kind == "delete" and not any(says.name for says in change.says):
        return f"{_before(change)} → nothing" if change.old is not None else "→ nothing"
    if change.says and change.old != 0:
        return ", ".join(
            f"{says.name + ': ' if says.name else ''}{f'{says.old} ' if says.old is not None else ''}→ {says.new}"
            for says in change.says
        )
    if change.says:
        return ", ".join(f"{says.name + ': ' if says.name else ''}{says.new}" for says in change.says)
    if change.old == 0:
        return short_value(change.new)
    return (
        f"{_before(change)} → {short_value(change.new)}" if change.old is not None else f"→ {short_value(change.new)}"
    )


def sides_of(fork: Fork) -> str:
    """Return what is at a fork before and after."""
    if fork.after is None:
        return "proven in parts before"
    if fork.before is None:
        return f"after: {_side(fork.after)}"
    if fork.before.children == fork.after.children:
        return f"{_side(fork.after)}, before and after"
    return f"before {_side(fork.before)}, after {_side(fork.after)}"


def prefix(path: bytes) -> str:
    """Return nibbles as the beginning of a trie key; of many, how many there are."""
    if len(path) > _PREFIX:
        return f"0x{nibbles(path[:_PREFIX])}… ({len(path)} nibbles)"
    return f"0x{nibbles(path)}…" if path else "the root"


def omitted(node: Omitted) -> str:
    """Return what is left out at a place."""
    if node.writes:
        return f"… {node.writes} more write{'' if node.writes == 1 else 's'}"
    return f"… {node.items} more, none of them written"


def _before(change: Change) -> str:
    told = [says.old for says in change.says if not says.name and says.old is not None]
    return told[0] if told else short_value(change.old or 0)


def _side(outcome: Outcome) -> str:
    if outcome.children == 0:
        return "nothing"
    return "one child, handed upwards" if outcome.children == 1 else f"{outcome.children} children"
