from __future__ import annotations

import random

import pytest

from smartsync.errors import InvalidProof, NonCanonicalTrie
from smartsync.keccak import keccak256
from smartsync.trie.difference import Closed, difference
from smartsync.trie.nibbles import to_bytes, to_nibbles
from smartsync.trie.node import Leaf, Node, Opaque, root_hash
from smartsync.trie.proof import partial_trie
from smartsync.trie.trie import build, storage_value
from tests.oracle import OracleTrie
from tests.vectors.shapes import Shape, hidden_shapes, key_of, shapes


def trie_of(values: dict[bytes, int]) -> Node:
    return build((key, storage_value(value)) for key, value in values.items() if value)


def expected(old: dict[bytes, int], new: dict[bytes, int]) -> dict[bytes, tuple[int, int]]:
    pairs = {key: (old.get(key, 0), new.get(key, 0)) for key in old.keys() | new.keys()}
    return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}


@pytest.mark.parametrize("seed", range(200))
def test_difference_of_whole_tries_is_that_of_their_values(seed: int) -> None:
    rng = random.Random(seed)
    # Few different keys with long shared beginnings: so that all shapes of nodes meet.
    keys = [to_bytes(bytes(rng.choice((0, 0, 0, 1)) for _ in range(64))) for _ in range(rng.randint(1, 40))]
    old, new = ({key: rng.choice((0, 1, 2**200)) for key in keys} for _ in range(2))
    found = difference(trie_of(old), trie_of(new))
    assert found.changed == expected(old, new)
    assert found.closed == []


@pytest.mark.parametrize("shape", [*shapes(), *hidden_shapes()], ids=lambda shape: shape.name)
def test_difference_of_each_shape(shape: Shape) -> None:
    old, new = ({key_of(slot): value for slot, value in values.items()} for values in (shape.old, shape.new))
    found = difference(trie_of(old | shape.hidden), trie_of(new | shape.hidden))
    assert (found.changed, found.closed) == (expected(old, new), [])


def test_difference_of_equal_tries_is_nothing() -> None:
    values = {keccak256(bytes((number,))): 5 for number in range(20)}
    found = difference(trie_of(values), trie_of(values))
    assert (found.changed, found.closed) == ({}, [])


def test_difference_tells_which_side_is_closed() -> None:
    values = {keccak256(bytes((number,))): 5 for number in range(20)}
    whole, closed = trie_of(values), Opaque(b"\x07" * 32)
    assert difference(whole, closed).closed == [Closed(b"", False, True)]
    assert difference(closed, whole).closed == [Closed(b"", True, False)]
    assert difference(closed, None).closed == [Closed(b"", True, False)]
    assert difference(closed, Opaque(b"\x08" * 32)).closed == [Closed(b"", True, True)]
    assert difference(Opaque(root_hash(whole)), whole).closed == [], "known by its hash is known to be the same"


def test_difference_of_partial_tries_is_told_as_deep_as_they_reach() -> None:
    old = {keccak256(bytes((number,))): 2**200 for number in range(64)}
    first, second, *_ = sorted(old)
    new = {**old, first: 3, second: 4}
    known, hidden = OracleTrie(old), OracleTrie(new)
    partial = [partial_trie(oracle.root, oracle.proof(first)) for oracle in (known, hidden)]
    found = difference(*partial)
    assert found.changed == {first: (2**200, 3)}
    (closed,) = found.closed
    assert (closed.in_old, closed.in_new) == (True, True)
    assert to_nibbles(second).startswith(closed.position) and not to_nibbles(first).startswith(closed.position)


@pytest.mark.parametrize(("value", "error"), [(b"\x80", NonCanonicalTrie), (b"\x82\x00\x01", InvalidProof)])
def test_difference_leaf_that_is_no_number_raises(value: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        difference(None, Leaf(to_nibbles(keccak256(b"")), value))
