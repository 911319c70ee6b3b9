from __future__ import annotations

import random

import pytest

import smartsync.layout.pool as pools
from smartsync.keccak import keccak256
from smartsync.layout import Pool
from smartsync.layout.pool import fits
from smartsync.layout.shapes import Key

A, B, C = (bytes(12) + bytes([n]) * 20 for n in (0xA1, 0xB2, 0xC3))
HASH = keccak256(b"some hash")
ADDRESS = Key("address", 20)


@pytest.mark.parametrize(
    ("key", "word", "may"),
    [
        (ADDRESS, A, True),
        (ADDRESS, HASH, False),
        (Key("uint", 8), bytes(24) + b"\xff" * 8, True),
        (Key("uint", 8), bytes(23) + b"\x01" + bytes(8), False),
        (Key("uint", 32), HASH, True),
        (Key("int", 3), (-1).to_bytes(32, "big", signed=True), True),
        (Key("int", 3), (-(2**23)).to_bytes(32, "big", signed=True), True),
        (Key("int", 3), (2**23).to_bytes(32, "big"), False),
        (Key("bytes", 4), b"\x12\x34\x56\x78" + bytes(28), True),
        (Key("bytes", 4), HASH, False),
        (Key("bytes", 32), HASH, True),
        (Key("bool"), bytes(31) + b"\x01", True),
        (Key("bool"), bytes(31) + b"\x02", False),
        (Key("any"), HASH, True),
        (Key("text"), A, False),
    ],
)
def test_fits_by_the_bytes_that_a_type_leaves_empty(key: Key, word: bytes, may: bool) -> None:
    assert fits(word, key) is may


def test_keys_are_small_numbers_and_what_was_seen() -> None:
    pool = Pool([A])
    pool.add([HASH, B])
    assert list(pool.keys(ADDRESS)) == [bytes(32), A, B]
    found = list(pool.keys(Key("uint")))
    assert found[:3] == [n.to_bytes(32, "big") for n in range(3)] and {A, B, HASH} <= set(found)


def test_keys_fixed_bytes_are_also_the_beginning_of_words() -> None:
    pool = Pool([HASH])
    assert HASH[:4].ljust(32, b"\0") in pool.keys(Key("bytes", 4))


def test_keys_signed_ones_are_negative_too() -> None:
    assert (-5).to_bytes(32, "big", signed=True) in Pool().keys(Key("int", 2))


def test_keys_hashes_of_neighbours_and_texts_are_keys_of_a_word() -> None:
    pool = Pool()
    pool.add([HASH, A], [b"alice"])
    found = set(pool.keys(Key("bytes", 32)))
    assert {keccak256(HASH + A), keccak256(b"alice")} <= found
    assert keccak256(A + HASH) not in found
    assert list(pool.keys(Key("text"))) == [b"alice"]


def test_companions_are_those_of_the_same_log_and_the_users() -> None:
    pool = Pool([C])
    pool.add([A, B])
    pool.add([HASH, bytes(12) + b"\x99" * 20])
    assert set(pool.companions([A], ADDRESS)) == {A, B, C, bytes(32)}


def test_companions_of_two_were_seen_with_both() -> None:
    pool = Pool()
    pool.add([A, B])
    pool.add([A, B, C])
    pool.add([A, HASH])
    assert set(pool.companions([A, B], ADDRESS)) == {A, B, C, bytes(32)}
    assert HASH not in pool.companions([A, B], Key("any"))


D = bytes(12) + bytes([0xD4]) * 20


def test_add_more_than_there_is_room_for_lets_the_oldest_go_and_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "MAX_WORDS", 3)
    pool = Pool()
    pool.add([A, B])
    assert not pool.is_full
    pool.add([C, HASH])
    assert pool.is_full and len(pool) == 2
    assert list(pool.keys(ADDRESS)) == [bytes(32), C]
    assert list(pool.companions([A], ADDRESS)) == [bytes(32)]
    assert keccak256(A + B) not in pool.keys(Key("bytes", 32))
    assert keccak256(C + HASH) in pool.keys(Key("bytes", 32))


def test_add_word_that_was_seen_again_stays_though_it_is_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "MAX_WORDS", 3)
    pool = Pool()
    for other in (B, C, D):
        pool.add([A, other])
    assert pool.is_full and set(pool.keys(ADDRESS)) == {bytes(32), A, C, D}
    assert set(pool.companions([A], ADDRESS)) == {bytes(32), A, C, D}, "the first of A's companions is gone"


def test_add_as_many_as_there_is_room_for_lets_nothing_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "MAX_WORDS", 3)
    pool = Pool()
    for _ in range(3):
        pool.add([A, B, C])
    assert not pool.is_full and set(pool.keys(ADDRESS)) == {bytes(32), A, B, C}


def test_add_what_the_user_named_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "MAX_WORDS", 2)
    pool = Pool([A], [b"alice"])
    pool.add([A, B], [b"alice"])
    pool.add([C], [b"bob", b"carol"])
    pool.add([D])
    assert set(pool.keys(ADDRESS)) == {bytes(32), A, D}
    assert list(pool.keys(Key("text"))) == [b"alice"]
    assert {keccak256(b"alice"), A} <= set(pool.keys(Key("bytes", 32)))


def test_add_where_the_users_keys_alone_are_too_many_keeps_these(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "MAX_WORDS", 1)
    pool = Pool([A, B])
    pool.add([C, D])
    assert pool.is_full and set(pool.keys(ADDRESS)) == {bytes(32), A, B}


@pytest.mark.parametrize("seed", range(20))
def test_add_many_holds_what_was_seen_last_and_no_more(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.setattr(pools, "MAX_WORDS", 50)
    rng, pool, last = random.Random(seed), Pool(), {}
    for turn in range(300):
        group = [bytes(12) + rng.randrange(1, 400).to_bytes(20, "big") for _ in range(rng.randrange(1, 6))]
        pool.add(group)
        last |= dict.fromkeys(group, turn)
    held = set(pool.keys(ADDRESS)) - {bytes(32)}
    assert len(held) <= 50
    newest = max(turn for word, turn in last.items() if word not in held)
    assert {word for word, turn in last.items() if turn > newest} == held


def test_add_huge_log_is_cut() -> None:
    pool = Pool()
    pool.add(n.to_bytes(32, "big") for n in range(1 << 20, (1 << 20) + 10_000))
    assert len(pool) < 200
