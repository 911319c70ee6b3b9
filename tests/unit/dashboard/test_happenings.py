from __future__ import annotations

import json

import pytest

from smartsync.dashboard.happenings import CHANGES, event, slots_of
from smartsync.document import to_json
from smartsync.layout import Place
from smartsync.relayer.state.store import Happening
from smartsync.results import Step, SyncResult
from smartsync.types import SlotChange

TX = "0x" + "ab" * 32


def happening(content: object, **changes: object) -> Happening:
    given = {
        "pair": "a-b",
        "replica": "0x1",
        "anchor": None,
        "at_s": 5.0,
        "kind": "sync",
        "told": "synced: all  gas 5  0x",
    }
    return Happening(**given | {"document": json.dumps(content)} | changes)  # type: ignore[arg-type]


def synced(number: int) -> Happening:
    changes = tuple(SlotChange(bytes([place]) * 32, place % 2, 2 - place % 3) for place in range(number))
    result = SyncResult("0x1", 7, 9, b"\2" * 32, changes, (Step("sync to block 9", TX, 90_000, 400),))
    return happening(to_json(result), from_block=7, to_block=9, changes=number)


def test_event_of_a_sync_has_its_slots_and_its_transactions() -> None:
    told = event(3, synced(2), {})
    assert (told.word, told.weight, told.told) == ("synced", "good", "block 7 → 9, 2 slots changed")
    assert [(change.kind, change.slot) for change in told.changes] == [("insert", bytes(32)), ("update", b"\1" * 32)]
    (paid,) = told.paid
    assert (paid.what, paid.tx_hash, paid.gas_used, paid.calldata_bytes) == ("sync to block 9", TX, 90_000, 400)


def test_event_of_many_changes_lists_the_first_and_counts_the_rest() -> None:
    told = event(3, synced(CHANGES + 8), {})
    assert (len(told.changes), told.left) == (CHANGES, 8)
    assert len(slots_of(synced(CHANGES + 8))) == CHANGES


def test_event_names_slots_by_their_places() -> None:
    place = Place(bytes(32), (None, "count"))
    told = event(3, synced(2), {bytes(32): place})
    assert told.changes[0].name == "count" and not told.changes[1].name


def test_event_without_changes_says_so() -> None:
    assert event(1, synced(0), {}).told == "block 7 → 9, no slot changed"


def test_event_of_an_anchor_is_told_without_gas_and_hashes() -> None:
    told = event(1, happening({}, kind="accepted", told=f"accepted: source block 9  gas 5  {TX}"), {})
    assert (told.word, told.told) == ("block accepted", "accepted: source block 9")


@pytest.mark.parametrize(
    "document",
    [
        None, 7, [], "text", {"changes": 7, "steps": {}}, {"changes": [None, 7, []], "steps": [None, 7]},
        {"changes": [{"slot": "0x11", "old": 0, "new": 1}]}, {"changes": [{"slot": "zz" * 32, "old": 0, "new": 1}]},
        {"changes": [{"slot": "11" * 32, "old": -1, "new": 1}]},
        {"changes": [{"slot": "11" * 32, "old": 2**256, "new": 1}]},
        {"changes": [{"slot": "11" * 32, "old": "x", "new": 1}]}, {"steps": [{"tx_hash": "0x12"}, {"tx_hash": 5}]},
    ],
)  # fmt: skip
def test_event_of_a_document_that_is_none_shows_nothing_of_it(document: object) -> None:
    told = event(1, happening(document), {})
    assert not told.changes and not told.paid
    assert told.told == "synced: all"


def test_event_of_what_is_no_json_shows_nothing_of_it() -> None:
    assert not event(1, happening({}, document="{"), {}).changes
