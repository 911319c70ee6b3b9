from __future__ import annotations

import pytest
import rlp as pyrlp
from hypothesis import given
from hypothesis import strategies as st

from smartsync.keccak import keccak256
from smartsync.trie.node import (
    Branch,
    Extension,
    Leaf,
    Node,
    Opaque,
    encode,
    encode_list,
    encode_string,
    is_embedded,
    reference,
    root_hash,
)
from smartsync.types import EMPTY_ROOT

SHORT = Leaf(b"\x01", b"\x07")
LONG = Leaf(b"\x01", b"\xa0" + b"\x11" * 32)
DIGEST = bytes(range(32))


def branch(**children: Node) -> Branch:
    return Branch(tuple(children.get(f"n{i:x}") for i in range(16)))


@given(st.binary(max_size=255))
def test_encode_string_up_to_255_bytes_equals_pyrlp(data: bytes) -> None:
    assert encode_string(data) == pyrlp.encode(data)


@pytest.mark.parametrize("size", [0, 1, 55, 56, 255, 256, 531, 65_535])
def test_encode_list_payload_of_a_size_has_the_header_of_pyrlp(size: int) -> None:
    # `size` one-byte strings are a payload of that many bytes.
    assert encode_list(b"\x01" * size) == pyrlp.encode([b"\x01"] * size)


def test_encode_leaf_is_path_and_value() -> None:
    assert encode(Leaf(bytes((1, 2, 3)), b"\x80\x81")) == pyrlp.encode([b"\x31\x23", b"\x80\x81"])


def test_encode_extension_is_path_and_reference() -> None:
    assert encode(Extension(bytes((1, 2)), Opaque(DIGEST))) == pyrlp.encode([b"\x00\x12", DIGEST])


def test_encode_branch_is_sixteen_references_and_no_value() -> None:
    node = branch(n0=SHORT, n5=Opaque(DIGEST), nf=LONG)
    items: list[object] = [b""] * 17
    items[0] = [b"\x31", b"\x07"]
    items[5] = DIGEST
    items[15] = keccak256(encode(LONG))
    assert encode(node) == pyrlp.encode(items)


def test_reference_no_node_is_the_empty_string() -> None:
    assert reference(None) == b"\x80"


def test_reference_opaque_is_its_hash() -> None:
    assert reference(Opaque(DIGEST)) == b"\xa0" + DIGEST


def test_reference_short_node_is_the_node_itself() -> None:
    assert reference(SHORT) == encode(SHORT) == bytes.fromhex("c23107")


@pytest.mark.parametrize(("value_size", "embedded"), [(28, True), (29, False)])
def test_reference_node_around_32_bytes_is_embedded_only_below(value_size: int, embedded: bool) -> None:
    # List header, one byte of path, string header: 31 and 32 bytes in all.
    node = Leaf(b"\x01", b"\x11" * value_size)
    assert len(encode(node)) == value_size + 3
    assert is_embedded(node) is embedded
    assert reference(node) == (encode(node) if embedded else b"\xa0" + keccak256(encode(node)))


def test_reference_extension_of_embedded_branch_holds_it() -> None:
    below = branch(n1=Leaf(b"", b"\x01"), n2=Leaf(b"", b"\x02"))
    assert is_embedded(below)
    assert encode(Extension(b"\x05", below)) == encode_list(b"\x15" + encode(below))


def test_is_embedded_no_node_and_opaque_are_not() -> None:
    assert not is_embedded(None)
    assert not is_embedded(Opaque(DIGEST))


def test_root_hash_no_node_is_the_empty_root() -> None:
    assert root_hash(None) == EMPTY_ROOT == keccak256(pyrlp.encode(b""))


def test_root_hash_short_node_is_hashed_all_the_same() -> None:
    assert root_hash(SHORT) == keccak256(encode(SHORT))


def test_root_hash_long_node_is_its_hash() -> None:
    assert root_hash(LONG) == keccak256(encode(LONG))


def test_root_hash_opaque_is_its_hash() -> None:
    assert root_hash(Opaque(DIGEST)) == DIGEST
