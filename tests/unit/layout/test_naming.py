from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

import pytest

from smartsync.keccak import keccak256
from smartsync.layout import Layout, Place, Pool, named, parse_layout, told

A = "0x" + "a1" * 20


def solc(storage: list[dict[str, Any]], **types: Any) -> Layout:
    known = {
        "t_uint256": {"encoding": "inplace", "numberOfBytes": "32"},
        "t_uint64": {"encoding": "inplace", "numberOfBytes": "8"},
        "t_int16": {"encoding": "inplace", "numberOfBytes": "2"},
        "t_address": {"encoding": "inplace", "numberOfBytes": "20"},
        "t_bool": {"encoding": "inplace", "numberOfBytes": "1"},
        "t_bytes4": {"encoding": "inplace", "numberOfBytes": "4"},
        "t_function": {"encoding": "inplace", "numberOfBytes": "24"},
        "t_string_storage": {"encoding": "bytes", "numberOfBytes": "32"},
    }
    return parse_layout(json.dumps({"storage": storage, "types": known | types}), "test")


def variable(label: str, kind: str, slot: int = 0, offset: int = 0) -> dict[str, Any]:
    return {"label": label, "type": kind, "slot": str(slot), "offset": offset}


def word(number: int) -> bytes:
    return number.to_bytes(32, "big")


def found(layout: Layout, wanted: Collection[bytes], pool: Pool | None = None, value: int = 0) -> dict[bytes, Place]:
    walk = named(layout, pool or Pool(), wanted)
    try:
        question = next(walk)
        while True:
            question = walk.send([value] * len(question.slots))
    except StopIteration as end:
        return dict(end.value)


def said(kind: str, value: int) -> str:
    (place,) = found(solc([variable("x", kind)]), {word(0)}).values()
    ((_, text),) = told(place, value)
    return text


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("t_uint256", 2**256 - 1, str(2**256 - 1)),
        ("t_uint64", 7, "7"),
        ("t_int16", 0xFFFE, "-2"),
        ("t_int16", 5, "5"),
        ("t_address", int(A, 16), "0xa1a1A1a1A1a1A1a1A1a1a1A1A1a1A1a1A1a1a1A1"),
        ("t_bool", 1, "true"),
        ("t_bool", 0, "false"),
        ("t_bool", 3, "0x3"),
        ("t_bytes4", 0x01020304, "0x01020304"),
        ("t_function", 0xABC, "0xabc"),
        ("t_string_storage", 0, '""'),
        ("t_string_storage", int.from_bytes(b"alice".ljust(31, b"\0") + bytes([10])), '"alice"'),
        ("t_string_storage", int.from_bytes(b"\xff\xfe".ljust(31, b"\0") + bytes([4])), "0xfffe"),
        ("t_string_storage", int.from_bytes(b"a\x1b".ljust(31, b"\0") + bytes([4])), "0x611b"),
        ("t_string_storage", 2 * 70 + 1, "70 bytes, in slots of their own"),
        ("t_string_storage", 0x80, "0x80"),
    ],
)
def test_told_reads_a_value_by_its_type(kind: str, value: int, text: str) -> None:
    # Checksums are eth-utils' own.
    assert said(kind, value).lower() == text.lower()


def test_told_values_that_share_a_slot_are_read_one_by_one() -> None:
    layout = solc([variable("owner", "t_address"), variable("open", "t_bool", 0, 20), variable("n", "t_uint64", 0, 21)])
    (place,) = found(layout, {word(0)}).values()
    assert place.label == "owner+open+n"
    value = int(A, 16) | 1 << 160 | 77 << 168
    assert [(part.name, part.text.lower()) for part in told(place, value)] == [
        ("owner", A),
        ("open", "true"),
        ("n", "77"),
    ]


def test_told_elements_that_share_a_slot_are_read_one_by_one() -> None:
    array = {"encoding": "inplace", "numberOfBytes": "64", "base": "t_uint64", "label": "uint64[6]"}
    places = found(solc([variable("xs", "t_array")], t_array=array), {word(0), word(1)})
    assert told(places[word(0)], 1 | 2 << 64 | 3 << 128 | 4 << 192) == (
        ("[0]", "1"),
        ("[1]", "2"),
        ("[2]", "3"),
        ("[3]", "4"),
    )
    assert told(places[word(1)], 5 | 6 << 64) == (("[4]", "5"), ("[5]", "6"))


def test_told_offset_that_is_none_leaves_the_value_unread() -> None:
    layout = solc([variable("a", "t_uint64"), variable("b", "t_uint64", 0, 31)])
    (place,) = found(layout, {word(0)}).values()
    assert told(place, 9) == (("a", "9"), ("b", "0x9"))


def test_named_finds_mappings_by_their_keys_and_arrays_by_their_length() -> None:
    mapping = {"encoding": "mapping", "key": "t_address", "value": "t_uint256", "numberOfBytes": "32"}
    array = {"encoding": "dynamic_array", "base": "t_uint256", "numberOfBytes": "32"}
    layout = solc([variable("balances", "t_map"), variable("xs", "t_dyn", 1)], t_map=mapping, t_dyn=array)
    key = bytes(12) + bytes.fromhex(A[2:])
    entry = keccak256(key + word(0))
    element = word(int.from_bytes(keccak256(word(1)), "big") + 2)
    places = found(layout, {entry, element, word(1), b"\x07" * 32}, Pool([key]), value=3)
    labels = {slot: place.label for slot, place in places.items()}
    assert labels == {entry: f"balances[{A}]", element: "xs[2]", word(1): "xs.length"}
    assert told(places[word(1)], 3) == (("", "3"),) and told(places[entry], 10**18) == (("", str(10**18)),)
    assert set(found(layout, {element}, value=1)) == set()


def test_named_asks_no_more_once_all_are_found() -> None:
    array = {"encoding": "dynamic_array", "base": "t_uint256", "numberOfBytes": "32"}
    walk = named(solc([variable("x", "t_uint256"), variable("xs", "t_dyn", 1)], t_dyn=array), Pool(), {word(0)})
    with pytest.raises(StopIteration):
        next(walk)


def test_told_vyper_value_by_its_type() -> None:
    layout = parse_layout(json.dumps({"storage_layout": {"on": {"type": "bool", "slot": 0, "n_slots": 1}}}), "vyper")
    (place,) = found(layout, {word(0)}).values()
    assert told(place, 1) == (("", "true"),)
