from __future__ import annotations

import random
from typing import Any

import pytest

from smartsync.errors import InvalidWitness
from smartsync.witness import BranchItem, Item, LeafItem, OpaqueItem, WriteItem, decode_witness, encode_witness

HASH = bytes(range(1, 33))
OTHER = bytes(range(101, 133))


def branch(path: str = "", **children: bytes | Item) -> BranchItem:
    return BranchItem(nibbles(path), tuple(children.get(f"n{i:x}") for i in range(16)))


def nibbles(text: str) -> bytes:
    return bytes(int(c, 16) for c in text)


def write(slot: int, value: int) -> WriteItem:
    return WriteItem(slot.to_bytes(32, "big"), value)


def random_item(rng: random.Random, depth: int = 0) -> Item:
    """Return an item that can stand ``depth`` nibbles below the root."""
    kind = rng.random()
    if depth > 60 or kind < 0.3:
        return write(rng.randrange(256 ** rng.randrange(33)), rng.randrange(256 ** rng.randrange(33)))
    if kind < 0.45:
        return LeafItem(
            bytes(rng.randrange(16) for _ in range(64 - depth)), rng.randrange(1, 256 ** rng.randrange(1, 33))
        )
    count = rng.choice((0, 0, 1, rng.randrange(63 - depth + 1)))
    path = bytes(rng.randrange(16) for _ in range(count))
    if kind < 0.55:
        return OpaqueItem(path, rng.randbytes(32))
    children: list[bytes | Item | None] = [None] * 16
    for nibble in rng.sample(range(16), rng.choice((2, 2, 3, 16))):
        children[nibble] = rng.randbytes(32) if rng.random() < 0.6 else random_item(rng, depth + count + 1)
    return BranchItem(path, tuple(children))


# ------------------------------------------------------------------------------------------------- the encoding


@pytest.mark.parametrize(
    ("item", "encoded"),
    [
        (write(0, 0), "80 00"),
        (write(0, 1), "80 01 01"),
        (write(5, 0), "81 05 00"),
        (write(0x1234, 0xABCD), "82 1234 02 abcd"),
        (write(2**256 - 1, 2**256 - 1), "a0" + "ff" * 32 + "20" + "ff" * 32),
        (LeafItem(b"\x0a" * 64, 7), "c1" + "aa" * 32 + "07"),
        (LeafItem(b"\x0a" * 64, 0x1234), "c2" + "aa" * 32 + "1234"),
        (OpaqueItem(b"", HASH), "40" + HASH.hex()),
        (OpaqueItem(nibbles("1"), HASH), "41 10" + HASH.hex()),
        (OpaqueItem(nibbles("123"), HASH), "43 1230" + HASH.hex()),
        (OpaqueItem(nibbles("1234"), HASH), "44 1234" + HASH.hex()),
        (branch(n0=HASH, nf=OTHER), "00 8001 0000" + HASH.hex() + OTHER.hex()),
        (branch("a", n1=HASH, n2=write(1, 2)), "01 a0 0002 0004" + HASH.hex() + "81 01 01 02"),
    ],
    ids=str,
)
def test_encode_witness_item_is_these_bytes(item: Item, encoded: str) -> None:
    assert encode_witness(item) == bytes.fromhex(encoded)
    assert decode_witness(bytes.fromhex(encoded)) == item


def test_encode_witness_path_at_odd_depth_repeats_the_known_nibble() -> None:
    item = branch(n3=OpaqueItem(nibbles("45"), HASH), n4=OTHER)
    # Depth 1, two nibbles: from byte 0 up to byte 2, nibble 3 again and the unused one 0.
    assert encode_witness(item) == bytes.fromhex("00 0010 0008" + "42 3450" + HASH.hex() + OTHER.hex())


def test_encode_witness_path_at_even_depth_starts_at_its_byte() -> None:
    item = branch("3", n4=OpaqueItem(nibbles("56"), HASH), n5=OTHER)
    assert encode_witness(item) == bytes.fromhex("01 30 0020 0010" + "42 56" + HASH.hex() + OTHER.hex())


def test_encode_witness_leaf_at_the_last_nibble_has_no_path() -> None:
    item = branch("3" * 63, n4=LeafItem(b"", 9), n5=OTHER)
    encoded = bytes.fromhex("3f" + "33" * 31 + "30" + "0020 0010" + "c1 09" + OTHER.hex())
    assert encode_witness(item) == encoded
    assert decode_witness(encoded) == item


@pytest.mark.parametrize("seed", range(60))
def test_decode_witness_random_items_come_back(seed: int) -> None:
    item = random_item(random.Random(seed))
    assert decode_witness(encode_witness(item)) == item


@pytest.mark.parametrize("seed", range(20))
def test_decode_witness_any_cut_raises(seed: int) -> None:
    witness = encode_witness(random_item(random.Random(seed)))
    for end in range(0, len(witness), max(1, len(witness) // 50)):
        with pytest.raises(InvalidWitness, match=f"ends at byte {end}, inside an item"):
            decode_witness(witness[:end])


@pytest.mark.parametrize("seed", range(20))
def test_decode_witness_one_encoding_for_each_item_and_no_other(seed: int) -> None:
    # What decodes must encode to the very same bytes.
    rng = random.Random(seed)
    witness = encode_witness(random_item(rng))
    for _ in range(200):
        at = rng.randrange(len(witness))
        spoiled = witness[:at] + rng.randbytes(1) + witness[at + 1 :]
        try:
            item = decode_witness(spoiled)
        except InvalidWitness:
            continue
        assert encode_witness(item) == spoiled


# ------------------------------------------------------------------------------------------------- refused


@pytest.mark.parametrize(
    ("encoded", "text"),
    [
        ("", "ends at byte 0"),
        ("80", "ends at byte 1"),
        ("81 05", "ends at byte 2"),
        ("81 05 02 ab", "ends at byte 4"),
        ("40" + "00" * 31, "ends at byte 32"),
        ("00 0003", "ends at byte 3"),
        ("00 0003 0000" + "00" * 63, "ends at byte 68"),
        ("80 00 00", "1 bytes follow"),
        ("80 01 01 80 01 01", "3 bytes follow"),
        ("81 00 00", "leading zero"),
        ("82 0012 00", "leading zero"),
        ("80 01 00", "leading zero"),
        ("80 02 0012", "leading zero"),
        ("80 21" + "11" * 33, "33 bytes, more than 32"),
        ("80 ff" + "11" * 255, "255 bytes, more than 32"),
        ("a1" + "11" * 33 + "00", "33 bytes, more than 32"),
        ("bf" + "11" * 63 + "00", "63 bytes, more than 32"),
        ("c0" + "aa" * 32, "has no value"),
        ("c1" + "aa" * 32 + "00", "leading zero"),
        ("e1" + "aa" * 32 + "11" * 33, "33 bytes, more than 32"),
        ("41 1f" + "11" * 32, "contradicts its position"),
        ("43 1231" + "11" * 32, "contradicts its position"),
        ("00 0010 0008 42 2450" + "11" * 64, "contradicts its position"),
        ("00 0010 0008 42 3451" + "11" * 64, "contradicts its position"),
        ("00 0010 0008 c1" + "2a" * 32 + "07" + "11" * 32, "contradicts its position"),
        ("00 0010 0008 7f" + "00" * 128, "leads below the trie's last nibble"),
        ("00 0010 0008 3f" + "00" * 128, "leads below the trie's last nibble"),
        ("3f" + "33" * 31 + "30 0010 0008 00" + "00" * 64, "leads below the trie's last nibble"),
        ("3f" + "33" * 31 + "30 0010 0008 40" + "00" * 64, "leads below the trie's last nibble"),
        ("00 0000 0000", "fewer than two children"),
        ("00 0001 0000" + "11" * 32, "fewer than two children"),
        ("00 0000 8000 80 00", "fewer than two children"),
        ("00 0003 0001" + "11" * 64, "as opaque and as described"),
        ("00 ffff ffff", "as opaque and as described"),
    ],
)
def test_decode_witness_malformed_raises(encoded: str, text: str) -> None:
    with pytest.raises(InvalidWitness, match=text):
        decode_witness(bytes.fromhex(encoded))


def test_decode_witness_deepest_branches_are_read() -> None:
    item: Any = write(1, 1)
    for depth in range(64):
        item = branch(n0=item, n1=HASH) if depth % 2 else branch(n1=HASH, n2=item)
    assert decode_witness(encode_witness(item)) == item
    with pytest.raises(InvalidWitness, match="leads below the trie's last nibble"):
        decode_witness(encode_witness(branch(n0=item, n1=HASH)))
