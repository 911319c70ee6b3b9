from __future__ import annotations

from dataclasses import replace

import pytest

from smartsync.contracts import encode_call
from smartsync.errors import InvalidWitness
from smartsync.explaining.before import Before
from smartsync.explaining.calls import HubCall, HubEvent, hub_call
from smartsync.explaining.drawing import Written
from smartsync.explaining.explanation import Says
from smartsync.explaining.recomputing import SourceBlock, change_of, checks_of, drawn, event_of
from smartsync.layout import Place
from smartsync.layout.shapes import Part, Value
from tests.unit.explaining.sample import HUB, REPLICA, SOURCE, accepted, drawing_of, old_of, witness_of

VECTOR = accepted("leaf split into a branch")
BLOCK = b"\x01" * 32


def call(witness: bytes = witness_of(VECTOR), block: bytes = BLOCK, replica: str = REPLICA) -> HubCall:
    found = hub_call(HUB, encode_call("Hub", "sync", [replica, block, b"", witness]))
    assert found is not None
    return found


def event(root: bytes, block: bytes = BLOCK, replica: str = REPLICA) -> HubEvent:
    arguments = {"replica": replica, "blockHash": block, "number": 5, "storageRoot": root}
    return HubEvent(HUB, "ReplicaSynced", arguments)


def test_change_of_reads_only_the_parts_that_differ() -> None:
    parts = (Part("owner", 0, 20, "address"), Part("open", 20, 1, "bool"))
    place = Place(bytes(32), (None, ".owner+open"), parts)
    change = change_of(Written(bytes(64), bytes(32), 7, 7 | 1 << 160), place)
    assert (change.name, change.says) == ("owner+open", (Says("open", "false", "true"),))
    unknown = change_of(Written(bytes(64), bytes(32), None, 5), Place(bytes(32), (None, ".n"), Value(32, "uint")))
    assert (unknown.kind, unknown.says) == ("write", (Says("", None, "5"),))
    assert change_of(Written(bytes(64), bytes(32), 1, 2), None).name == ""


def test_event_of_gives_each_call_its_own() -> None:
    calls = [call(), call(block=b"\x02" * 32), call(), call(replica=SOURCE)]
    events = [event(b"\x0a" * 32), event(b"\x0b" * 32, b"\x02" * 32), event(b"\x0c" * 32)]
    found = [event_of(index, calls, events) for index in range(4)]
    assert [one.root[0] if one and one.root else None for one in found] == [0x0A, 0x0B, 0x0C, None]


def test_drawn_old_values_that_do_not_fit_are_dropped_and_said_to_be() -> None:
    right = drawing_of(VECTOR)
    notes: list[str] = []
    assert drawn(call(), Before(right.old_root, old_of(VECTOR)), None, notes, failed=False) == right and not notes
    wrong = {slot: value + 1 for slot, value in old_of(VECTOR).items()} | {right.writes[0].slot: 99}
    found = drawn(call(), Before(right.old_root, wrong), None, notes, failed=False)
    assert found.old_root is None and found.new_root == right.new_root and len(notes) == 1


def test_drawn_of_what_failed_keeps_old_values_that_do_not_fit() -> None:
    right, notes = drawing_of(VECTOR), list[str]()
    found = drawn(call(), Before(b"\x09" * 32, old_of(VECTOR)), None, notes, failed=True)
    assert found == right and not notes
    (old, *_) = [check for check in checks_of(call(), found, Before(b"\x09" * 32, {}), None, SourceBlock(None))]
    assert (old.name, old.ok) == ("old root", False) and "recorded 0x0909" in old.detail


def test_drawn_write_that_changes_nothing_is_told() -> None:
    right, notes = drawing_of(VECTOR), list[str]()
    held = {one.slot: one.new for one in right.writes}
    found = drawn(call(), Before(b"\x09" * 32, held), None, notes, failed=True)
    assert found.old_root is None and "changes nothing" in notes[0]


def test_drawn_malformed_witness_is_refused() -> None:
    for values in (None, {}):
        with pytest.raises(InvalidWitness):
            drawn(call(b"\xff"), Before(None, values), None, [], failed=True)


def test_checks_of_another_new_root_than_recorded_fail() -> None:
    right = drawing_of(VECTOR)
    before = Before(right.old_root, {})
    assert right.new_root is not None
    assert all(check.ok for check in checks_of(call(), right, before, event(right.new_root), SourceBlock(None)))
    found = checks_of(call(), right, before, event(b"\x09" * 32), SourceBlock(None))
    assert [(check.name, check.ok) for check in found] == [("old root", True), ("new root", False)]
    unknown = replace(right, old_root=None)
    assert [check.name for check in checks_of(call(), unknown, before, None, SourceBlock(None))] == []
