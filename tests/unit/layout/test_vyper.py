from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from smartsync.errors import ConfigError
from smartsync.layout.shapes import DynamicArray, Field, FixedArray, HashMap, Key, Text, Value
from smartsync.layout.vyper import UNKNOWN_STRUCT, parse_vyper

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "layouts.json").read_text())


def one(text: str, slot: object = 0, **more: object) -> dict[str, Any]:
    return {"storage_layout": {"x": {"type": text, "slot": slot} | more}}


def test_parse_vyper_real_output_gives_every_variable() -> None:
    told = VECTORS["VyperVariables"]["layout"]
    layout = parse_vyper(told, "V")
    assert {field.name for field in layout.variables} == told["storage_layout"].keys()
    for field in layout.variables:
        assert layout.slots[field.type] == told["storage_layout"][field.name]["n_slots"], field


def test_parse_vyper_before_sizes_were_told_a_variable_ends_where_the_next_begins() -> None:
    layout = parse_vyper(VECTORS["OlderVyperVariables"]["layout"], "V")
    by_name = {field.name: layout.types[field.type] for field in layout.variables}
    assert layout.slots["Inner declaration object"] == 2
    assert by_name["by_role"] == HashMap(Key("any"), "bool", slot_first=True)
    assert by_name["dyn"] == DynamicArray("Inner declaration object", 10)


def test_parse_vyper_oldest_shape_leaves_out_immutables() -> None:
    told = {
        "owner": {"type": "address", "location": "storage", "slot": 3},
        "LIMIT": {"type": "uint256", "location": "code", "offset": 0, "length": 32},
    }
    assert parse_vyper(told, "V").variables == (Field("owner", 3, "address"),)


def test_parse_vyper_variables_of_modules_have_their_names() -> None:
    told = {"storage_layout": {"lib": {"total": {"type": "uint256", "n_slots": 1, "slot": 0}}}}
    assert parse_vyper(told, "V").variables == (Field("lib.total", 0, "uint256"),)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("address", Key("address")),
        ("uint8", Key("uint", 1)),
        ("int128", Key("int", 16)),
        ("bytes4", Key("bytes", 4)),
        ("bool", Key("bool")),
        ("String[20]", Key("text")),
        ("Bytes[33]", Key("text")),
        ("Role", Key("any")),
        ("enum Role('A','B')", Key("any")),
    ],
)
def test_parse_vyper_keys_are_read(text: str, key: Key) -> None:
    layout = parse_vyper(one(f"HashMap[{text}, HashMap[address, uint256[3]]]"), "V")
    outer = layout.types[layout.variables[0].type]
    assert isinstance(outer, HashMap) and outer.key == key and outer.slot_first
    inner = layout.types[outer.value]
    assert isinstance(inner, HashMap) and layout.types[inner.value] == FixedArray("uint256", 3)


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("uint256", Value()),
        ("decimal", Value()),
        ("nonreentrant lock", Value()),
        ("String[33]", Text(2)),
        ("String[32][3]", FixedArray("String[32]", 3)),
        ("DynArray[uint256, 3][2]", FixedArray("DynArray[uint256, 3]", 2)),
        ("DynArray[DynArray[uint8, 4], 3]", DynamicArray("DynArray[uint8, 4]", 3)),
        ("Unheard", FixedArray("uint256", UNKNOWN_STRUCT)),
    ],
)
def test_parse_vyper_types_are_read(text: str, shape: object) -> None:
    layout = parse_vyper(one(text), "V")
    assert layout.types[text] == shape


def test_parse_vyper_struct_of_a_map_has_the_size_of_a_variable_of_it() -> None:
    told = one("HashMap[uint256, Rec]") | {}
    told["storage_layout"]["y"] = {"type": "DynArray[Rec, 4]", "slot": 1, "n_slots": 13}
    assert parse_vyper(told, "V").types["Rec"] == FixedArray("uint256", 3)


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ({"storage_layout": []}, "not a JSON object"),
        ({"storage_layout": {"x": 5}}, "x. is not a JSON object"),
        (one("uint256", "0"), "slot or n_slots is not a number"),
        (one("uint256", -1), "slot or n_slots is not a number"),
        (one("uint256", None), "slot or n_slots is not a number"),
        (one("uint256", 0, n_slots=0), "slot or n_slots is not a number"),
        (one("uint256", 2**256), "slot or n_slots is not a number"),
        (one("HashMap[address]"), "not a type of Vyper"),
        (one("HashMap[, uint256]"), "not a type of Vyper"),
        (one("HashMap[address, uint256"), "not a type of Vyper"),
        (one("DynArray[uint256, many]"), "not a length"),
        (one(f"DynArray[uint256, {2**256}]"), "not a length"),
        (one(f"String[{10**77 * 9}]"), "not a length"),
        (one("a;b"), "not a type of Vyper"),
        (one(""), "not a type of Vyper"),
        (one("HashMap[address, " * 400 + "uint256" + "]" * 400), "nested too deep"),
        (one("uint256" + "[2]" * 400), "nested too deep"),
    ],
)
def test_parse_vyper_malformed_says_what(told: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_vyper(told, "V.json")
    assert says in caught.value.message and caught.value.message.startswith("V.json")
    assert "vyper -f layout" in caught.value.hint


def test_parse_vyper_modules_nested_without_end_are_refused() -> None:
    inner: dict[str, Any] = {"type": "uint256", "slot": 0}
    for _ in range(200):
        inner = {"m": inner}
    with pytest.raises(ConfigError, match="not a JSON object"):
        parse_vyper({"storage_layout": inner}, "V")
