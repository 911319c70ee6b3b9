from __future__ import annotations

import pytest
import rlp as independent
from hypothesis import given
from hypothesis import strategies as st

from smartsync.errors import InvalidRlp
from smartsync.rlp import MAX_DEPTH, decode, decode_int, decode_prefix, encode, encode_int

items = st.recursive(st.binary(max_size=70), lambda inner: st.lists(inner, max_size=8), max_leaves=30)


@given(items)
def test_encode_any_item_matches_independent_library(item: object) -> None:
    assert encode(item) == independent.encode(item)


@given(items)
def test_decode_encoded_item_gives_it_back(item: object) -> None:
    assert decode(encode(item)) == item


@given(st.binary(max_size=40))
def test_decode_any_bytes_are_canonical_or_refused(data: bytes) -> None:
    try:
        item = decode(data)
    except InvalidRlp:
        return
    assert encode(item) == data


@pytest.mark.parametrize(
    ("data", "what"),
    [
        ("", "missing"),
        ("8100", "needs no RLP prefix"),
        ("817f", "needs no RLP prefix"),
        ("b800", "leading zeros"),
        ("b801ff", "should be in the prefix"),
        ("b837" + "11" * 55, "should be in the prefix"),
        ("b90038" + "00" * 56, "leading zeros"),
        ("f837" + "11" * 55, "should be in the prefix"),
        ("f90038" + "00" * 56, "leading zeros"),
        ("b8", "ends early"),
        ("bf" + "ff" * 8, "ends early"),
        ("ff" + "ff" * 8, "ends early"),
        ("83aabb", "ends early"),
        ("c3aabb", "ends early"),
        ("c281", "ends early"),
        ("8000", "1 bytes follow"),
        ("c000", "1 bytes follow"),
        ("c283aabb", "ends early"),  # an item that reaches over the end of its list
    ],
)
def test_decode_malformed_is_refused(data: str, what: str) -> None:
    with pytest.raises(InvalidRlp, match=what):
        decode(bytes.fromhex(data))


def test_decode_nested_too_deep_is_refused() -> None:
    deep: list[object] = []
    for _ in range(MAX_DEPTH - 1):
        deep = [deep]
    assert decode(encode(deep)) == deep
    with pytest.raises(InvalidRlp, match="nested deeper"):
        decode(encode([deep]))


def test_decode_recursion_bomb_is_refused() -> None:
    data = b""
    for _ in range(3000):
        data = (bytes([0xC0 + len(data)]) if len(data) < 56 else b"\xf9" + len(data).to_bytes(2, "big")) + data
        if len(data) > 60_000:
            break
    with pytest.raises(InvalidRlp):
        decode(data)


def test_decode_prefix_items_after_one_another_are_read_one_by_one() -> None:
    data = encode([b"dog", b"cat"]) + encode(b"x" * 60) + b"\x05"
    first, after = decode_prefix(data)
    second, end = decode_prefix(data, after)
    assert (first, second) == ([b"dog", b"cat"], b"x" * 60)
    assert decode_prefix(data, end) == (b"\x05", len(data))
    with pytest.raises(InvalidRlp, match="missing"):
        decode_prefix(data, len(data))


@pytest.mark.parametrize(("number", "data"), [(0, ""), (1, "01"), (127, "7f"), (256, "0100"), (2**256 - 1, "ff" * 32)])
def test_encode_int_number_is_minimal(number: int, data: str) -> None:
    assert encode_int(number).hex() == data
    assert decode_int(bytes.fromhex(data)) == number


def test_encode_int_negative_is_refused() -> None:
    with pytest.raises(InvalidRlp, match="negative"):
        encode_int(-1)


@pytest.mark.parametrize("data", [b"\x00", b"\x00\x01", []])
def test_decode_int_not_canonical_is_refused(data: object) -> None:
    with pytest.raises(InvalidRlp):
        decode_int(data)
