import json
from pathlib import Path

import pytest

from smartsync.cli.output import kind_of, printable, to_json
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
        "checks": [{"name": "code", "ok": True, "detail": "equal"}],
    }


@pytest.mark.parametrize(("old", "new", "kind"), [(0, 1, "insert"), (1, 2, "update"), (1, 0, "delete")])
def test_kind_of_change_by_its_values(old: int, new: int, kind: str) -> None:
    assert kind_of(SlotChange(bytes(32), old, new)) == kind


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ü\n", "plain ü\n"),
        ("\x1b[31m", "\\u001b[31m"),
        ("a\rb\x07", "a\\u000db\\u0007"),
        ("\u202egro.elpmaxe", "\\u202egro.elpmaxe"),  # turns the direction of writing
    ],
)
def test_printable_control_characters_written_out(text: str, shown: str) -> None:
    assert printable(text) == shown
