from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from smartsync.keccak import keccak256
from smartsync.layout import Layout, Place, Pool, Question, places
from smartsync.layout.places import MAX_QUESTIONS
from smartsync.layout.shapes import DynamicArray, Field, FixedArray, HashMap, Key, Struct, Text, Type, Value, measured

A, B, C = (bytes(12) + bytes([n]) * 20 for n in (0xA1, 0xB2, 0xC3))
walking = importlib.import_module("smartsync.layout.places")
"""The module: in the package its name is that of its function."""

ADDRESS = Key("address", 20)


def word(number: int) -> bytes:
    return number.to_bytes(32, "big")


def layout(of: Type, slot: int = 5, **types: Type) -> Layout:
    return measured([Field("x", slot, "x")], {"x": of, "v": Value(), "byte": Value(1), **types}, "test")


def walk(
    described: Layout,
    pool: Pool | None = None,
    value: int | Callable[[bytes], int] = 0,
    most: int = 100_000,
    **how: Any,
) -> list[Place]:
    """Return the places, lengths being what ``value`` says."""
    found: list[Place] = []
    steps = places(described, pool or Pool(), **how)
    step = next(steps, None)
    try:
        while step is not None and len(found) < most:
            if isinstance(step, Question):
                step = steps.send([value if isinstance(value, int) else value(slot) for slot in step.slots])
            else:
                found.append(step)
                step = next(steps, None)
    except StopIteration:
        pass
    return found


def slots(found: Sequence[Place]) -> list[int]:
    return [int.from_bytes(place.slot, "big") for place in found]


def labels(found: Sequence[Place]) -> list[str]:
    return [place.label for place in found]


def hashed(*parts: bytes) -> int:
    return int.from_bytes(keccak256(b"".join(parts)), "big")


def test_places_mapping_by_the_rule_of_solidity_and_of_vyper() -> None:
    pool = Pool([A])
    assert hashed(A, word(5)) in slots(walk(layout(HashMap(ADDRESS, "v")), pool))
    assert hashed(word(5), A) in slots(walk(layout(HashMap(ADDRESS, "v", slot_first=True)), pool))


def test_places_text_keys_are_hashed_unpadded_and_in_vyper_by_their_hash() -> None:
    pool, text = Pool(texts=[b"alice"]), Key("text")
    assert slots(walk(layout(HashMap(text, "v")), pool)) == [hashed(b"alice", word(5))]
    assert slots(walk(layout(HashMap(text, "v", slot_first=True)), pool)) == [hashed(word(5), keccak256(b"alice"))]
    assert labels(walk(layout(HashMap(text, "v")), pool)) == ['x["alice"]']


def test_places_keys_seen_together_come_before_others() -> None:
    pool = Pool()
    pool.add([A, B])
    pool.add([C])
    nested = layout(HashMap(ADDRESS, "inner"), inner=HashMap(ADDRESS, "v"))
    found = labels(walk(nested, pool))
    together, apart = f"x[0x{A[12:].hex()}][0x{B[12:].hex()}]", f"x[0x{A[12:].hex()}][0x{C[12:].hex()}]"
    assert found.index(together) < found.index(apart)
    assert apart not in labels(walk(nested, pool, unrelated=False))


def test_places_small_elements_share_slots() -> None:
    found = walk(layout(FixedArray("byte", 40)))
    assert slots(found) == [5, 6] and labels(found) == ["x[0-31]", "x[32-39]"]


def test_places_dynamic_array_lies_behind_its_hash_as_long_as_it_is() -> None:
    found = walk(layout(DynamicArray("v")), value=2)
    base = hashed(word(5))
    assert slots(found) == [5, base, base + 1] and labels(found) == ["x.length", "x[0]", "x[1]"]


def test_places_vyper_array_lies_in_place_up_to_its_length() -> None:
    assert slots(walk(layout(DynamicArray("v", room=3)))) == [5, 6, 7, 8]
    assert slots(walk(layout(DynamicArray("v", room=1_000)), value=2)) == [5, 6, 7]
    assert slots(walk(layout(DynamicArray("v", room=1_000)), value=5_000)) == [5]


@pytest.mark.parametrize(("stored", "count"), [(0, 1), (62, 1), (65, 2), (129, 3), (131, 4)])
def test_places_text_is_long_from_32_bytes_on(stored: int, count: int) -> None:
    assert len(walk(layout(Text()), value=stored)) == count


def test_places_wrap_around_at_the_last_slot() -> None:
    assert slots(walk(layout(FixedArray("v", 2), slot=2**256 - 1))) == [2**256 - 1, 0]


def test_places_struct_in_mapping_has_a_name_for_each_slot() -> None:
    record = Struct((Field("owner+since", 0, "v"), Field("votes", 1, "votes"), Field("name", 2, "name")))
    types = {"record": record, "votes": HashMap(ADDRESS, "v"), "name": Text()}
    pool = Pool()
    pool.add([A, B])
    found = labels(walk(layout(HashMap(Key("uint"), "record"), **types), pool))
    number = int.from_bytes(A, "big")
    assert {f"x[{number}].owner+since", f"x[{number}].votes[0x{B[12:].hex()}]", f"x[{number}].name"} <= set(found)


@pytest.mark.parametrize("length", [2**41, 2**200, 2**256 - 1])
def test_places_length_that_none_can_have_is_no_length(length: int) -> None:
    assert len(walk(layout(DynamicArray("v")), value=length)) == 1
    assert len(walk(layout(Text()), value=length | 1)) == 1


def test_places_long_array_waits_for_the_short_one() -> None:
    types: dict[str, Type] = {"long": DynamicArray("v"), "short": DynamicArray("v"), "v": Value()}
    both = measured([Field("long", 0, "long"), Field("short", 1, "short")], types, "test")
    found = labels(walk(both, value=lambda slot: 3 if slot == word(1) else 2**39, most=5_000))
    assert found.index("short[2]") < found.index("long[1000]")


RECURSIVE: list[dict[str, Type]] = [
    {"x": HashMap(Key("uint"), "x")},
    {"x": Struct((Field("m", 0, "m"),)), "m": HashMap(Key("uint"), "x")},
    {"x": DynamicArray("x")},
    {"x": Struct((Field("v", 0, "v"), Field("kids", 1, "kids"))), "kids": DynamicArray("x")},
]


BARREN: list[dict[str, Type]] = [
    {"x": FixedArray("m", 2**200), "m": HashMap(Key("uint"), "v")},
    {"x": FixedArray("nothing", 2**200), "nothing": Struct(())},
    {f"x{n}" if n else "x": Struct((Field("a", 0, f"x{n + 1}"), Field("b", 9, f"x{n + 1}"))) for n in range(50)}
    | {"x50": HashMap(Key("uint"), "v")},
]
"""Types of endlessly many parts that have no slot of their own."""


@pytest.mark.parametrize("mappings", [True, False])
@pytest.mark.parametrize("types", BARREN)
def test_places_types_without_any_slot_come_to_an_end(
    types: dict[str, Type], mappings: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walking, "MAX_PLACES", 50_000)
    described = measured([Field("x", 0, "x")], {"v": Value(), **types}, "test")
    assert len(walk(described, mappings=mappings, most=10**9)) <= 50_000


@pytest.mark.parametrize("types", RECURSIVE)
def test_places_types_that_hold_themselves_come_to_an_end(
    types: dict[str, Type], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walking, "MAX_PLACES", 100_000)
    described = measured([Field("x", 0, "x")], {"v": Value(), **types}, "test")
    pool = Pool(word(n << 32) for n in range(2_000))
    started = time.monotonic()
    assert len(walk(described, pool, value=1_000, most=10**9)) <= 100_000
    assert time.monotonic() - started < 30


def test_places_questions_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walking, "MAX_PLACES", 100_000)
    asked = 0

    def value(_: bytes) -> int:
        nonlocal asked
        asked += 1
        return 1_000

    walk(layout(DynamicArray("x")), value=value, most=10**9)
    assert 0 < asked <= MAX_QUESTIONS


def test_places_begin_with_plain_variables_whatever_else_there_is() -> None:
    types: dict[str, Type] = {"map": HashMap(ADDRESS, "v"), "v": Value()}
    described = measured([Field("m", 0, "map"), Field("last", 9, "v")], types, "test")
    assert labels(walk(described, Pool([A])))[0] == "last"
    assert labels(walk(described, Pool([A]), mappings=False)) == ["last"]


@pytest.mark.parametrize(
    ("key", "raw", "shown"),
    [
        (ADDRESS, A, f"0x{A[12:].hex()}"),
        (Key("uint"), word(7), "7"),
        (Key("int", 3), (-7).to_bytes(32, "big", signed=True), "-7"),
        (Key("bool"), word(1), "true"),
        (Key("bytes", 4), b"\x12\x34\x56\x78" + bytes(28), "0x12345678"),
        (Key("any"), word(9), "9"),
        (Key("any"), A, f"0x{A[12:].hex()}"),
        (Key("any"), b"\xff" * 32, "0x" + "ff" * 32),
        (Key("text"), b"\xff\n", "0xff0a"),
    ],
)
def test_label_shows_a_key_by_its_type(key: Key, raw: bytes, shown: str) -> None:
    assert Place(bytes(32), ((None, ".x"), (key, raw))).label == f"x[{shown}]"
