"""What happened to a replica or an anchor, as a page shows it: out of the history's documents. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from smartsync.dashboard.figures import count, counted
from smartsync.dashboard.standing import Weight, kind_of
from smartsync.explaining.drawing import Written
from smartsync.explaining.explanation import Change
from smartsync.explaining.recomputing import change_of
from smartsync.layout import Place
from smartsync.relayer.state.reading import SYNCS
from smartsync.relayer.state.store import Happening

CHANGES = 25
"""Changed slots that are listed of one happening."""

_TX_DIGITS = 66


@dataclass(frozen=True, slots=True)
class Paid:
    """A transaction of a happening: what it was for, its hash, its gas and the bytes of its calldata."""

    what: str
    tx_hash: str
    gas_used: int | None
    calldata_bytes: int | None


@dataclass(frozen=True, slots=True)
class Event:
    """A happening as it is shown. ``changes`` are the first `CHANGES` of its changed slots, ``left`` how many more."""

    number: int
    happening: Happening
    weight: Weight
    word: str
    told: str
    changes: tuple[Change, ...]
    left: int
    paid: tuple[Paid, ...]


def slots_of(happening: Happening) -> list[bytes]:
    """Return the slots (32 bytes each) that would be shown of a happening."""
    return [written.slot for written in _written(_document(happening))[:CHANGES]]


def event(number: int, happening: Happening, places: Mapping[bytes, Place]) -> Event:
    """Return a happening as it is shown, its slots by their names as far as these are known."""
    document = _document(happening)
    written = _written(document)
    weight, word = kind_of(happening.kind)
    return Event(
        number,
        happening,
        weight,
        word,
        _told(happening, len(written)),
        tuple(change_of(one, places.get(one.slot)) for one in written[:CHANGES]),
        max(0, len(written) - CHANGES),
        tuple(_paid(document)),
    )


def _told(happening: Happening, changes: int) -> str:
    if happening.kind in SYNCS and happening.to_block is not None:
        number = changes if happening.changes is None else happening.changes
        told = counted(number, "slot") + " changed" if number else "no slot changed"
        return f"block {count(happening.from_block)} → {count(happening.to_block)}, {told}"
    # Gas and hashes stand beside it.
    return happening.told.split("  gas ")[0].strip()


def _document(happening: Happening) -> Mapping[str, Any]:
    try:
        found = json.loads(happening.document)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _written(document: Mapping[str, Any]) -> list[Written]:
    found = []
    for one in _rows(document.get("changes")):
        try:
            slot, old, new = bytes.fromhex(str(one["slot"]).removeprefix("0x")), int(one["old"]), int(one["new"])
        except (KeyError, TypeError, ValueError):
            continue
        if len(slot) == 32 and 0 <= old < 2**256 and 0 <= new < 2**256:
            found.append(Written(b"", slot, old, new))
    return found


def _paid(document: Mapping[str, Any]) -> list[Paid]:
    return [
        Paid(str(one.get("what", "")), tx_hash, _whole(one.get("gas_used")), _whole(one.get("calldata_bytes")))
        for one in _rows(document.get("steps"))
        if len(tx_hash := str(one.get("tx_hash", ""))) == _TX_DIGITS
    ]


def _rows(value: object) -> Sequence[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None
