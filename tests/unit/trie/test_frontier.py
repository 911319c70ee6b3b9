from __future__ import annotations

import random

import pytest

from smartsync.keccak import keccak256
from smartsync.trie.frontier import Frontier, root_of
from smartsync.trie.node import root_hash
from smartsync.trie.trie import build, storage_value
from smartsync.types import EMPTY_ROOT
from tests.fuzz.cases import neighbour, random_case
from tests.oracle import OracleTrie


def encoded(leaves: dict[bytes, int]) -> list[tuple[bytes, bytes]]:
    return [(key, storage_value(value)) for key, value in leaves.items()]


def test_root_of_nothing_is_the_empty_root() -> None:
    assert root_of([]) == Frontier().root() == EMPTY_ROOT


@pytest.mark.parametrize("index", range(300))
def test_root_of_random_leaves_is_that_of_the_oracle(index: int) -> None:
    leaves = random_case(31, index).new_leaves
    assert root_of(encoded(leaves)) == OracleTrie(leaves).root


@pytest.mark.parametrize("value", [1, 0x80, 2**64, 2**255])
def test_root_of_keys_that_part_at_every_depth_is_that_of_the_oracle(value: int) -> None:
    # Down to two leaves of one nibble less than a whole key: branches under 32 bytes are among them.
    rng = random.Random(value)
    for depth in range(64):
        key = rng.randbytes(32)
        leaves = {key: value} | {neighbour(rng, key, at): value for at in range(depth, 64)}
        assert root_of(encoded(leaves)) == OracleTrie(leaves).root
        pair = {key: value, neighbour(rng, key, depth): value}
        assert root_of(encoded(pair)) == OracleTrie(pair).root


def test_root_of_the_same_key_twice_takes_the_last() -> None:
    key = keccak256(b"k")
    assert root_of([(key, b"\x01"), (key, b"\x02")]) == root_of([(key, b"\x02")])


def test_root_of_values_longer_than_a_slots_is_that_of_the_nodes() -> None:
    items = [(keccak256(bytes((n,))), bytes(range(n))) for n in range(1, 130)]
    assert root_of(items) == root_hash(build(items))


def test_root_on_the_way_is_that_of_what_was_pushed_so_far() -> None:
    items = sorted(encoded({keccak256(bytes((n,))): n + 1 for n in range(100)}))
    frontier = Frontier()
    for count, (key, value) in enumerate(items, 1):
        frontier.push(key, value)
        assert frontier.root() == root_hash(build(items[:count]))


def test_push_tells_each_branch_once_the_lowest_first() -> None:
    frontier = Frontier()
    for key in ("10", "1100", "1101"):
        assert not frontier.push(bytes.fromhex(key.ljust(64, "0")), b"\x07")
    assert [depth for depth, _ in frontier.open] == [1, 3]
    closed = frontier.push(bytes.fromhex("2".ljust(64, "0")), b"\x07")
    assert [depth for depth, _ in closed] == [3, 1]
    assert [depth for depth, _ in frontier.conclude()[1]] == [0]


def test_copy_is_not_changed_by_what_is_pushed_on_the_other() -> None:
    frontier = Frontier()
    for key in (b"\x10" * 32, b"\x11" * 32):
        frontier.push(key, b"\x07")
    root, other = frontier.root(), frontier.copy()
    other.push(b"\x12" * 32, b"\x07")
    assert frontier.root() == root != other.root()


@pytest.mark.parametrize("key", [b"\x22" * 32, b"\x21" * 32])
def test_push_of_a_key_that_is_not_above_the_last_is_refused(key: bytes) -> None:
    frontier = Frontier()
    frontier.push(b"\x22" * 32, b"\x07")
    with pytest.raises(ValueError, match="come in their order, each once"):
        frontier.push(key, b"\x07")
