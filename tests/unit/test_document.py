from __future__ import annotations

import json
from pathlib import Path

from smartsync.document import to_json
from smartsync.results import Check, Verification
from smartsync.types import SlotChange


def test_to_json_nested_values_are_json() -> None:
    value = {"a": b"\x00\xff", "b": (1, 2**255, True, None), "c": [Path("x"), {b"\x01"}], 4: "text"}
    assert to_json(value) == {"a": "0x00ff", "b": [1, 2**255, True, None], "c": ["x", ["0x01"]], "4": "text"}


def test_to_json_dataclasses_are_objects_all_the_way_down() -> None:
    document = to_json(Verification("0x00", 1, True, (Check("code", True, "equal"),)))
    assert json.loads(json.dumps(document)) == {
        "replica": "0x00",
        "block_number": 1,
        "exact": True,
        "checks": [{"name": "code", "ok": True, "detail": "equal", "needed": True}],
    }


def test_to_json_change_says_its_kind() -> None:
    slot = bytes(31) + b"\x07"
    assert to_json(SlotChange(slot, 2**255, 0)) == {"kind": "delete", "slot": f"0x{7:064x}", "old": 2**255, "new": 0}
