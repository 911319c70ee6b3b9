from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from smartsync.errors import ConfigError
from smartsync.layout.shapes import DynamicArray, Field, FixedArray, HashMap, Key, Struct, Text, Value
from smartsync.layout.solc import namespace_slot, parse_solc

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "layouts.json").read_text())
UINT = {"encoding": "inplace", "label": "uint256", "numberOfBytes": "32"}
BYTE = {"encoding": "inplace", "label": "uint8", "numberOfBytes": "1"}


def entry(label: str, slot: object, type_id: str) -> dict[str, Any]:
    return {"label": label, "slot": slot, "offset": 0, "type": type_id}


def document(**types: Any) -> dict[str, Any]:
    return {"storage": [entry("x", "0", next(iter(types), "t_uint256"))], "types": {"t_uint256": UINT} | types}


def test_parse_solc_real_output_gives_every_variable() -> None:
    layout = parse_solc(VECTORS["Variables"]["layout"], "Variables")
    by_name = {one.name: one for one in layout.variables}
    assert layout.variables[0] == Field("owner+paused+kind", 0, "t_address")
    assert by_name["low+high"].slot == 2
    of = {name: layout.types[one.type] for name, one in by_name.items()}
    assert isinstance(of["balances"], HashMap) and of["balances"].key == Key("address", 20)
    assert isinstance(of["ticks"], HashMap) and of["ticks"].key == Key("int", 3)
    assert isinstance(of["supported"], HashMap) and of["supported"].key == Key("bytes", 4)
    assert isinstance(of["byName"], HashMap) and of["byName"].key == Key("text")
    assert isinstance(of["byBytes"], HashMap) and of["byBytes"].key == Key("text")
    assert isinstance(of["byColour"], HashMap) and of["byColour"].key == Key("uint", 1)
    assert isinstance(of["byContract"], HashMap) and of["byContract"].key == Key("address", 20)
    assert isinstance(of["byPrice"], HashMap) and of["byPrice"].key == Key("any")
    assert of["times"] == DynamicArray("t_uint40") and of["longText"] == Text()
    assert of["bytesInPlace"] == FixedArray("t_uint8", 40)


@pytest.mark.parametrize("name", ["Variables", "Token", "Namespaced"])
def test_parse_solc_sizes_are_those_of_the_compiler(name: str) -> None:
    told = VECTORS[name]["layout"]
    layout = parse_solc(told, name)
    for type_id, described in (told["types"] or {}).items():
        assert layout.slots[type_id] == -(-int(described["numberOfBytes"]) // 32), type_id


def test_parse_solc_struct_that_holds_a_mapping_of_itself_is_taken() -> None:
    layout = parse_solc(VECTORS["Variables"]["layout"], "Variables")
    (node,) = [one for one in layout.variables if one.name == "root"]
    struct = layout.types[node.type]
    assert isinstance(struct, Struct) and [one.name for one in struct.fields] == ["value", "children", "byNumber"]
    assert layout.slots[node.type] == 3


def test_parse_solc_contract_without_variables_is_empty() -> None:
    assert parse_solc({"storage": [], "types": None}, "empty").variables == ()


def test_parse_solc_large_slots_are_taken() -> None:
    told = {"storage": [entry("x", str(2**256 - 1), "t_uint256")], "types": {"t_uint256": UINT}}
    assert parse_solc(told, "x").variables[0].slot == 2**256 - 1


def test_parse_solc_namespaces_begin_at_their_location() -> None:
    told = document() | {
        "storage": [],
        "namespaces": {"erc7201:example.main": [entry("x", 0, "t_uint256"), entry("y", "1", "t_uint256")]},
    }
    base = 0x183A6125C38840424C4A85FA12BAB2AB606C4B6D0E7CC73C0C06BA5300EAB500
    assert parse_solc(told, "x").variables == (
        Field("main.x", base, "t_uint256"),
        Field("main.y", base + 1, "t_uint256"),
    )


def test_namespace_slot_is_that_of_the_standard() -> None:
    # The example of ERC-7201 itself.
    assert namespace_slot("example.main") == 0x183A6125C38840424C4A85FA12BAB2AB606C4B6D0E7CC73C0C06BA5300EAB500


MAPPED = {"encoding": "mapping", "label": "mapping", "numberOfBytes": "32", "key": "t_uint256", "value": "t_uint256"}


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ({"types": {}}, "storage is not a JSON array"),
        ({"storage": {}, "types": {}}, "storage is not a JSON array"),
        ({"storage": [1], "types": {}}, "entry 1 is not a JSON object"),
        ({"storage": [], "types": []} | {"types": [1]}, "types is not a JSON object"),
        ({"storage": [{"slot": "0", "type": "t_uint256"}], "types": {}}, "label or type is missing"),
        ({"storage": [entry("x", "-1", "t_uint256")], "types": {"t_uint256": UINT}}, "slot is not a number"),
        ({"storage": [entry("x", True, "t_uint256")], "types": {"t_uint256": UINT}}, "slot is not a number"),
        ({"storage": [entry("x", str(2**256), "t_uint256")], "types": {"t_uint256": UINT}}, "slot is not a number"),
        ({"storage": [entry("x", "9" * 5000, "t_uint256")], "types": {"t_uint256": UINT}}, "slot is not a number"),
        ({"storage": [entry("x", "0", "t_gone")], "types": {}}, "'t_gone' is used and not described"),
        (document(t_x=5), "'t_x' is not a JSON object"),
        (document(t_x=UINT | {"encoding": "sideways"}), "the encoding 'sideways' is not known"),
        (document(t_x=UINT | {"encoding": None}), "the encoding None is not known"),
        (document(t_x=UINT | {"numberOfBytes": "33"}), "a value of 33 bytes"),
        (document(t_x=UINT | {"numberOfBytes": "0"}), "a value of 0 bytes"),
        (document(t_x=UINT | {"numberOfBytes": None}), "numberOfBytes is not a number"),
        (document(t_x=MAPPED | {"value": None}), "its value type is missing"),
        (document(t_x=MAPPED | {"key": 3}), "its key type is missing"),
        (document(t_x=MAPPED | {"key": "t_gone"}), "its key type 't_gone' is not a JSON object"),
        (document(t_x=MAPPED | {"value": "t_gone"}), "'t_gone' is used and not described"),
        (document(t_x=UINT | {"encoding": "dynamic_array"}), "its base type is missing"),
        (document(t_x=UINT | {"base": "t_uint256", "label": "uint256"}), "does not tell how long"),
        (document(t_x=UINT | {"base": "t_x", "label": "uint256[3]"}), "contains itself"),
        (document(t_x=UINT | {"members": [entry("a", "0", "t_x")]}), "contains itself"),
        (document(t_x=UINT | {"members": [entry("a", "0", "t_gone")]}), "'t_gone' is used and not described"),
        (document(t_x=UINT | {"members": 7}), "members is not a JSON array"),
        (document() | {"namespaces": {"main": []}}, "only ids that begin with erc7201:"),
        (document() | {"namespaces": {"erc7201:main": {}}}, "is not a JSON array"),
        (document(**{f"t_{n}": UINT for n in range(20_001)}), "more than 20000 types"),
    ],
)
def test_parse_solc_malformed_says_what(told: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_solc(told, "Token.json")
    assert says in caught.value.message and caught.value.message.startswith("Token.json")
    assert "storage-layout" in caught.value.hint


def test_parse_solc_types_nested_without_end_are_refused() -> None:
    nested = {
        f"t_{n}": UINT | {"members": [entry("a", "0", f"t_{n + 1}" if n < 5_000 else "t_uint256")]}
        for n in range(5_001)
    }
    with pytest.raises(ConfigError, match="nested too deep"):
        parse_solc(document(**nested), "deep")


def test_parse_solc_absurdly_long_arrays_are_measured_not_walked() -> None:
    told = document(t_x={"encoding": "inplace", "base": "t_uint8", "label": f"uint8[{2**200}]", "numberOfBytes": "0"})
    layout = parse_solc(told | {"types": told["types"] | {"t_uint8": BYTE}}, "long")
    assert layout.slots["t_x"] == 2**195


def test_parse_solc_value_types_are_told_from_structs() -> None:
    assert parse_solc(document(), "x").types["t_uint256"] == Value(32)
