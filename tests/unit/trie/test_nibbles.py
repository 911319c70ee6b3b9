from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trie.utils.nibbles import bytes_to_nibbles
from trie.utils.nodes import compute_extension_key, compute_leaf_key

from smartsync.errors import InvalidProof
from smartsync.trie.nibbles import common_prefix_length, decode_hex_prefix, hex_prefix, to_bytes, to_nibbles

PATHS = st.binary(max_size=64).map(lambda data: bytes(b & 15 for b in data))


@given(st.binary(max_size=40))
def test_to_nibbles_any_bytes_equals_the_oracle(data: bytes) -> None:
    assert to_nibbles(data) == bytes(bytes_to_nibbles(data))


@given(st.binary(max_size=40))
def test_to_bytes_nibbles_of_bytes_gives_them_back(data: bytes) -> None:
    assert to_bytes(to_nibbles(data)) == data


@pytest.mark.parametrize("nibbles", [b"\x01", b"\x01\x02\x03"])
def test_to_bytes_odd_number_raises(nibbles: bytes) -> None:
    with pytest.raises(ValueError, match="odd number"):
        to_bytes(nibbles)


@pytest.mark.parametrize(
    ("a", "b", "shared"),
    [
        (b"", b"", 0),
        (b"", b"\x01", 0),
        (b"\x01", b"\x02", 0),
        (b"\x01\x02", b"\x01", 1),
        (b"\x01", b"\x01\x02", 1),
        (b"\x01\x02\x03", b"\x01\x02\x04", 2),
        (b"\x01\x02\x03", b"\x01\x02\x03", 3),
    ],
)
def test_common_prefix_length_pair_is_counted(a: bytes, b: bytes, shared: int) -> None:
    assert common_prefix_length(a, b) == shared


@pytest.mark.parametrize(
    ("path", "leaf", "encoded"),
    [
        # Yellow Paper, appendix C; ethereum.org's examples.
        ("", False, "00"),
        ("", True, "20"),
        ("12345", False, "112345"),
        ("012345", False, "00012345"),
        ("0f1cb8", True, "200f1cb8"),
        ("f1cb8", True, "3f1cb8"),
    ],
)
def test_hex_prefix_known_path_is_encoded(path: str, leaf: bool, encoded: str) -> None:
    assert hex_prefix(bytes(int(c, 16) for c in path), leaf=leaf).hex() == encoded


@given(PATHS, st.booleans())
def test_hex_prefix_any_path_equals_the_oracle(path: bytes, leaf: bool) -> None:
    terminated = (compute_leaf_key if leaf else compute_extension_key)(tuple(path))
    assert hex_prefix(path, leaf=leaf) == terminated


@given(PATHS, st.booleans())
def test_decode_hex_prefix_encoded_path_gives_it_back(path: bytes, leaf: bool) -> None:
    assert decode_hex_prefix(hex_prefix(path, leaf=leaf)) == (path, leaf)


def test_decode_hex_prefix_no_bytes_raises() -> None:
    with pytest.raises(InvalidProof, match="empty path encoding"):
        decode_hex_prefix(b"")


@pytest.mark.parametrize("flag", range(4, 16))
def test_decode_hex_prefix_unknown_flag_raises(flag: int) -> None:
    with pytest.raises(InvalidProof, match=f"unknown path flag {flag}"):
        decode_hex_prefix(bytes((flag << 4,)))


@pytest.mark.parametrize("first", [0x01, 0x0F, 0x21, 0x2F])
def test_decode_hex_prefix_padding_not_zero_raises(first: int) -> None:
    with pytest.raises(InvalidProof, match="padded with a nibble that is not zero"):
        decode_hex_prefix(bytes((first, 0x12)))
