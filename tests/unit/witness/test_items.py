from __future__ import annotations

import random
from itertools import pairwise

import pytest

from smartsync.errors import InvalidWitness
from smartsync.types import SlotChange
from smartsync.witness import (
    BranchItem,
    Item,
    LeafItem,
    OpaqueItem,
    WriteItem,
    decode_witness,
    encode_witness,
    encode_writes,
    split_witness,
)
from smartsync.witness.items import read_items

HASH = bytes(range(1, 33))
OTHER = bytes(range(101, 133))
KEY = b"\xaa" * 32


def nibbles(text: str) -> bytes:
    return bytes(int(c, 16) for c in text)


def word(number: int) -> bytes:
    return number.to_bytes(32, "big")


def write(slot: int, value: int) -> WriteItem:
    return WriteItem(word(slot), value)


def random_item(rng: random.Random) -> Item:
    kind = rng.random()
    if kind < 0.4:
        return write(rng.randrange(256 ** rng.randrange(33)), rng.randrange(256 ** rng.randrange(33)))
    if kind < 0.6:
        return LeafItem(rng.randbytes(32), rng.randrange(1, 256 ** rng.randrange(1, 33)))
    if kind < 0.75:
        return OpaqueItem(bytes(rng.randrange(16) for _ in range(rng.randrange(1, 64))), rng.randbytes(32))
    count = rng.choice((0, 1, 2, 5, 16))
    return BranchItem(rng.randrange(64), {nibble: rng.randbytes(32) for nibble in rng.sample(range(16), count)})


def random_items(seed: int) -> list[Item]:
    rng = random.Random(seed)
    return [random_item(rng) for _ in range(rng.randrange(1, 20))]


# ------------------------------------------------------------------------------------------------- the encoding


@pytest.mark.parametrize(
    ("item", "encoded"),
    [
        (write(0, 0), "c1 00"),
        (write(0, 1), "c1 01 01"),
        (write(5, 0), "c2 05 00"),
        (write(0x1234, 0xABCD), "c3 1234 02 abcd"),
        (write(2**248 - 1, 7), "e0" + "ff" * 31 + "01 07"),
        (write(2**248, 0), "80 01" + "00" * 31),
        (write(2**256 - 1, 7), "81" + "ff" * 32 + "07"),
        (write(2**256 - 1, 2**256 - 1), "a0" + "ff" * 32 + "ff" * 32),
        (LeafItem(KEY, 7), "a1" + "aa" * 32 + "07"),
        (LeafItem(KEY, 0x1234), "a2" + "aa" * 32 + "1234"),
        (LeafItem(bytes(32), 2**256 - 1), "c0" + "00" * 32 + "ff" * 32),
        (OpaqueItem(nibbles("1"), HASH), "41 10" + HASH.hex()),
        (OpaqueItem(nibbles("12"), HASH), "42 12" + HASH.hex()),
        (OpaqueItem(nibbles("123"), HASH), "43 1230" + HASH.hex()),
        (OpaqueItem(nibbles("1" * 63), HASH), "7f" + "11" * 31 + "10" + HASH.hex()),
        (BranchItem(0, {}), "00 0000"),
        (BranchItem(63, {}), "3f 0000"),
        (BranchItem(2, {0: HASH}), "02 8000" + HASH.hex()),
        (BranchItem(2, {15: HASH}), "02 0001" + HASH.hex()),
        (BranchItem(2, {3: HASH, 4: OTHER}), "02 1800" + OTHER.hex() + HASH.hex()),
        (
            BranchItem(0, {n: word(n + 1) for n in range(16)}),
            "00 ffff" + "".join(f"{n:064x}" for n in range(16, 0, -1)),
        ),
    ],
    ids=str,
)
def test_encode_witness_item_is_these_bytes(item: Item, encoded: str) -> None:
    assert encode_witness([item]) == bytes.fromhex(encoded)
    assert decode_witness(bytes.fromhex(encoded)) == (item,)


def test_encode_witness_items_follow_each_other() -> None:
    items = [write(1, 2), OpaqueItem(nibbles("12"), HASH), BranchItem(0, {})]
    assert encode_witness(items) == b"".join(encode_witness([item]) for item in items)


def test_encode_witness_nothing_is_no_bytes() -> None:
    assert encode_witness([]) == b""
    assert decode_witness(b"") == ()


@pytest.mark.parametrize("seed", range(60))
def test_decode_witness_random_items_come_back(seed: int) -> None:
    items = random_items(seed)
    assert decode_witness(encode_witness(items)) == tuple(items)


@pytest.mark.parametrize("seed", range(20))
def test_decode_witness_one_encoding_for_each_list_and_no_other(seed: int) -> None:
    # What decodes must encode to the very same bytes.
    rng = random.Random(seed)
    witness = encode_witness(random_items(seed))
    for _ in range(200):
        at = rng.randrange(len(witness))
        spoiled = witness[:at] + rng.randbytes(1) + witness[at + 1 :]
        try:
            items = decode_witness(spoiled)
        except InvalidWitness:
            continue
        assert encode_witness(items) == spoiled


def test_encode_writes_changes_are_write_items_in_their_order() -> None:
    changes = [SlotChange(word(2**255), 1, 0), SlotChange(word(3), 0, 9)]
    assert encode_writes(changes) == encode_witness([write(2**255, 0), write(3, 9)])
    assert encode_writes([]) == b""


# ------------------------------------------------------------------------------------------------- refused


@pytest.mark.parametrize("seed", range(20))
def test_decode_witness_cut_inside_an_item_raises(seed: int) -> None:
    items = random_items(seed)
    before, last = encode_witness(items[:-1]), encode_witness(items[-1:])
    for cut in range(1, len(last)):
        with pytest.raises(InvalidWitness, match=f"ends at byte {len(before) + cut}, inside an item"):
            decode_witness(before + last[:cut])


@pytest.mark.parametrize(
    ("encoded", "text"),
    [
        ("c1", "ends at byte 1, inside an item"),
        ("c2 05", "ends at byte 2, inside an item"),
        ("c2 05 02 ab", "ends at byte 4, inside an item"),
        ("81" + "11" * 32, "ends at byte 33, inside an item"),
        ("a1" + "11" * 31, "ends at byte 32, inside an item"),
        ("41 10" + "11" * 31, "ends at byte 33, inside an item"),
        ("00 00", "ends at byte 2, inside an item"),
        ("00 0003" + "00" * 63, "ends at byte 66, inside an item"),
        # A length that is too large is one that the witness does not have, where it does not have it.
        ("c1 ff" + "11" * 254, "ends at byte 256, inside an item"),
        ("c1 01 07 00", "ends at byte 4, inside an item"),
        ("40" + "11" * 32, "no item starts with 0x40, as at byte 0"),
        ("e1" + "11" * 64, "no item starts with 0xe1, as at byte 0"),
        ("ff" + "11" * 64, "no item starts with 0xff, as at byte 0"),
        ("c1 01 07 e1", "no item starts with 0xe1, as at byte 3"),
        ("c2 00 00", "number of the item at byte 0 has a leading zero"),
        ("c3 0012 00", "number of the item at byte 0 has a leading zero"),
        ("c1 01 00", "number of the item at byte 0 has a leading zero"),
        ("c1 02 0012", "number of the item at byte 0 has a leading zero"),
        ("c1 01 07 c1 01 00", "number of the item at byte 3 has a leading zero"),
        ("81 00" + "11" * 31 + "07", "number of the item at byte 0 has a leading zero"),
        ("80" + "00" * 32, "number of the item at byte 0 has a leading zero"),
        ("81" + "11" * 32 + "00", "number of the item at byte 0 has a leading zero"),
        ("a1" + "aa" * 32 + "00", "number of the item at byte 0 has a leading zero"),
        ("a2" + "aa" * 32 + "0012", "number of the item at byte 0 has a leading zero"),
        ("c1 21" + "11" * 33, "number of the item at byte 0 has 33 bytes, more than 32"),
        ("c1 ff" + "11" * 255, "number of the item at byte 0 has 255 bytes, more than 32"),
        ("41 11" + "11" * 32, "path of the item at byte 0 has an unused nibble that is not zero"),
        ("43 1231" + "11" * 32, "path of the item at byte 0 has an unused nibble that is not zero"),
        ("7f" + "11" * 32 + "11" * 32, "path of the item at byte 0 has an unused nibble that is not zero"),
        ("42 12" + "00" * 32, "the item at byte 0 has a hash of zeros"),
    ],
)
def test_decode_witness_malformed_raises(encoded: str, text: str) -> None:
    with pytest.raises(InvalidWitness, match=text):
        decode_witness(bytes.fromhex(encoded))


@pytest.mark.parametrize("tag", [0x40, *range(0xE1, 0x100)])
def test_decode_witness_unknown_item_raises(tag: int) -> None:
    with pytest.raises(InvalidWitness, match=f"no item starts with 0x{tag:02x}"):
        decode_witness(bytes((tag,)) + b"\x11" * 600)


@pytest.mark.parametrize("tag", [tag for tag in range(256) if tag != 0x40 and tag < 0xE1])
def test_decode_witness_any_other_first_byte_is_an_items(tag: int) -> None:
    # Of these bytes each item is one that exists, except for the unused nibble of a path.
    odd_path = b"\x11" * ((tag - 0x40) // 2) + b"\x10" if 0x40 < tag < 0x80 and tag % 2 else b""
    _, first = next(read_items(bytes((tag,)) + odd_path + b"\x11" * 600))
    kinds = ((0x40, BranchItem), (0x80, OpaqueItem), (0xA1, WriteItem), (0xC1, LeafItem), (0xE1, WriteItem))
    assert isinstance(first, next(kind for end, kind in kinds if tag < end))


# ------------------------------------------------------------------------------------------------- parts


@pytest.mark.parametrize("max_bytes", [515, 600, 1000, 10_000])
@pytest.mark.parametrize("seed", range(10))
def test_split_witness_parts_are_whole_items_and_the_witness_again(seed: int, max_bytes: int) -> None:
    witness = encode_witness(random_items(seed))
    parts = split_witness(witness, max_bytes)
    assert b"".join(parts) == witness
    assert all(0 < len(part) <= max_bytes for part in parts)
    for part, following in pairwise(parts):
        first = encode_witness(decode_witness(following)[:1])
        assert len(part) + len(first) > max_bytes


def test_split_witness_that_fits_is_one_part() -> None:
    witness = encode_witness([write(1, 2), write(3, 4)])
    assert split_witness(witness, len(witness)) == (witness,)
    assert split_witness(witness, len(witness) - 1) == (witness[:4], witness[4:])


def test_split_witness_empty_has_no_parts() -> None:
    assert split_witness(b"", 1) == ()


def test_split_witness_item_that_does_not_fit_raises() -> None:
    witness = encode_witness([write(1, 2), BranchItem(0, {1: HASH})])
    with pytest.raises(ValueError, match="the item at byte 4 has 35 bytes, more than the 34 of a part"):
        split_witness(witness, 34)


def test_split_witness_malformed_raises() -> None:
    with pytest.raises(InvalidWitness, match="ends at byte 2, inside an item"):
        split_witness(b"\xc2\x05", 100)
