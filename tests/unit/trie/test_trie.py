from __future__ import annotations

import random

import pytest
import rlp as pyrlp
from hypothesis import given
from hypothesis import strategies as st

from smartsync.errors import MissingNode
from smartsync.keccak import keccak256
from smartsync.trie.node import Branch, Extension, Leaf, Node, Opaque, root_hash
from smartsync.trie.proof import partial_trie
from smartsync.trie.trie import build, lookup, put, storage_value
from smartsync.types import EMPTY_ROOT
from smartsync.witness import plan_transition
from tests.fuzz.cases import neighbour, random_case
from tests.oracle import OracleTrie
from tests.vectors.shapes import key_of, mined, slot_at

KEYS = [keccak256(bytes((n,))) for n in range(12)]


def trie_of(leaves: dict[bytes, int]) -> Node:
    return build((key, storage_value(value)) for key, value in leaves.items())


def at(prefix: str) -> bytes:
    """Return a trie key that starts with these nibbles."""
    return key_of(slot_at(prefix))


@pytest.mark.parametrize("value", [1, 0x7F, 0x80, 0xFF, 0x100, 2**255, 2**256 - 1])
def test_storage_value_number_is_its_rlp(value: int) -> None:
    assert storage_value(value) == pyrlp.encode(value)


@given(st.dictionaries(st.binary(min_size=32, max_size=32), st.integers(1, 2**256 - 1), max_size=40))
def test_build_any_leaves_has_the_root_of_the_oracle(leaves: dict[bytes, int]) -> None:
    assert root_hash(trie_of(leaves)) == OracleTrie(leaves).root


@given(st.lists(st.tuples(st.sampled_from(KEYS), st.integers(0, 3)), max_size=30))
def test_put_any_writes_has_the_root_of_the_oracle_after_each(writes: list[tuple[bytes, int]]) -> None:
    node: Node = None
    oracle = OracleTrie()
    for key, value in writes:
        node = put(node, key, storage_value(value) if value else None)
        oracle.put(key, value)
        assert root_hash(node) == oracle.root


@pytest.mark.parametrize("seed", range(20))
def test_put_keys_with_long_shared_prefixes_has_the_root_of_the_oracle(seed: int) -> None:
    rng = random.Random(seed)
    keys = [rng.randbytes(32)]
    for _ in range(25):
        keys.append(neighbour(rng, rng.choice(keys), rng.choice((rng.randrange(64), rng.randrange(58, 64)))))
    node: Node = None
    oracle = OracleTrie()
    for key in rng.choices(keys, k=120):
        value = rng.choice((0, 1, rng.randrange(1, 128), rng.randrange(1, 2**256)))
        node = put(node, key, storage_value(value) if value else None)
        oracle.put(key, value)
        assert root_hash(node) == oracle.root


@pytest.mark.parametrize("nibbles", [6, 8, 10, 12])
def test_build_mined_slots_share_so_many_nibbles(nibbles: int) -> None:
    keys = [key_of(slot) for slot in mined(nibbles)]
    node = trie_of(dict.fromkeys(keys, 1))
    assert isinstance(node, Extension)
    assert len(node.path) >= nibbles
    assert root_hash(node) == OracleTrie(dict.fromkeys(keys, 1)).root


def test_build_same_key_twice_takes_the_last() -> None:
    assert root_hash(build([(KEYS[0], b"\x01"), (KEYS[0], b"\x02")])) == root_hash(build([(KEYS[0], b"\x02")]))


def test_build_no_leaves_is_the_empty_trie() -> None:
    assert build([]) is None
    assert root_hash(build([])) == EMPTY_ROOT == OracleTrie().root


def test_build_leaf_apart_from_extension_makes_each_kind() -> None:
    root = trie_of({at("1"): 1, at("2223"): 2, at("2224"): 3})
    assert isinstance(root, Branch)
    assert isinstance(root.children[1], Leaf)
    extension = root.children[2]
    assert isinstance(extension, Extension)
    assert extension.path == b"\x02\x02"


def test_put_deletion_of_absent_key_changes_nothing() -> None:
    node = trie_of(dict.fromkeys(KEYS[:5], 1))
    assert put(node, KEYS[6], None) is node
    assert put(None, KEYS[6], None) is None


def test_put_insert_and_delete_gives_the_same_root_again() -> None:
    node = trie_of(dict.fromkeys(KEYS[:5], 1))
    assert root_hash(put(put(node, KEYS[6], b"\x05"), KEYS[6], None)) == root_hash(node)


def test_put_old_trie_stays_as_it_was() -> None:
    node = trie_of(dict.fromkeys(KEYS[:5], 1))
    before = root_hash(node)
    put(node, KEYS[0], b"\x09")
    put(node, KEYS[1], None)
    assert root_hash(node) == before == root_hash(trie_of(dict.fromkeys(KEYS[:5], 1)))


def test_put_untouched_subtries_are_shared() -> None:
    node = trie_of({at("1"): 1, at("2"): 2, at("3"): 3})
    changed = put(node, at("1"), b"\x09")
    assert isinstance(node, Branch)
    assert isinstance(changed, Branch)
    assert changed.children[2] is node.children[2]


def test_lookup_present_and_absent_keys_are_told_apart() -> None:
    node = trie_of({at("11"): 1, at("12"): 2, at("2"): 300})
    assert lookup(node, at("2")) == storage_value(300)
    assert lookup(node, at("11")) == b"\x01"
    assert lookup(node, at("13")) is None
    assert lookup(node, at("3")) is None
    assert lookup(None, at("3")) is None


def test_lookup_key_beside_an_extension_is_absent() -> None:
    node = trie_of({at("1234"): 1, at("1235"): 2})
    assert lookup(node, at("124")) is None


def test_lookup_key_beside_a_leaf_is_absent() -> None:
    node = trie_of({at("1"): 1})
    assert lookup(node, at("2")) is None
    assert lookup(node, neighbour(random.Random(1), at("1"), 63)) is None


# --- partial tries: what is not known is never guessed


def partial_for(key: bytes, leaves: dict[bytes, int]) -> Node:
    oracle = OracleTrie(leaves)
    return partial_trie(oracle.root, oracle.proof(key))


LEAVES = {at("11"): 2**200, at("12"): 2**200 + 1, at("2"): 2**200 + 2}


def test_lookup_below_an_unknown_node_raises_with_its_prefix() -> None:
    with pytest.raises(MissingNode) as caught:
        lookup(partial_for(at("2"), LEAVES), at("11"))
    assert caught.value.prefix == b"\x01"


def test_lookup_in_an_unknown_trie_raises() -> None:
    with pytest.raises(MissingNode) as caught:
        lookup(Opaque(bytes(32)), at("11"))
    assert caught.value.prefix == b""


@pytest.mark.parametrize("value", [b"\x01", None])
def test_put_below_an_unknown_node_raises_with_its_prefix(value: bytes | None) -> None:
    with pytest.raises(MissingNode) as caught:
        put(partial_for(at("2"), LEAVES), at("11"), value)
    assert caught.value.prefix == b"\x01"


def test_put_deletion_that_collapses_onto_an_unknown_node_raises_with_its_prefix() -> None:
    partial = partial_for(at("2"), LEAVES)
    with pytest.raises(MissingNode) as caught:
        put(partial, at("2"), None)
    assert caught.value.prefix == b"\x01"


def test_put_deletion_that_collapses_deep_raises_with_the_siblings_prefix() -> None:
    with pytest.raises(MissingNode) as caught:
        put(partial_for(at("11"), LEAVES), at("11"), None)
    assert caught.value.prefix == b"\x01\x02"


def test_put_in_a_partial_trie_with_enough_nodes_has_the_root_of_the_oracle() -> None:
    oracle = OracleTrie(LEAVES)
    partial = partial_trie(oracle.root, [*oracle.proof(at("11")), *oracle.proof(at("12"))])
    oracle.put(at("11"), 0)
    assert root_hash(put(partial, at("11"), None)) == oracle.root


def test_put_insert_beside_an_unknown_node_needs_it_not() -> None:
    oracle = OracleTrie(LEAVES)
    partial = partial_trie(oracle.root, oracle.proof(at("3")))
    oracle.put(at("3"), 5)
    assert root_hash(put(partial, at("3"), b"\x05")) == oracle.root


def test_missing_node_message_names_the_prefix() -> None:
    with pytest.raises(MissingNode, match="prefix 0x1 is not known"):
        lookup(partial_for(at("2"), LEAVES), at("12"))


# ------------------------------------------------------------------------------------------------------ near some keys


@pytest.mark.parametrize("index", range(300))
def test_build_near_the_writes_is_enough_to_make_and_to_tell_of_them(index: int) -> None:
    case = random_case(71, index)
    items = [(key, storage_value(value)) for key, value in case.old_leaves.items()]
    tries = [build(items), build(items, [keccak256(slot) for slot in case.writes])]
    steps = []
    for trie in tries:
        after = trie
        for slot, value in case.writes.items():
            after = put(after, keccak256(slot), storage_value(value) if value else None)
        steps.append(plan_transition(trie, after, case.writes))
    assert steps[0] == steps[1]


def test_build_near_one_key_knows_the_rest_by_hash() -> None:
    keys = [keccak256(n.to_bytes(32, "big")) for n in range(3000)]
    whole, trie = (build(((key, b"\x07") for key in keys), near) for near in (None, keys[:1]))
    assert root_hash(trie) == root_hash(whole)
    assert lookup(trie, keys[0]) == b"\x07"
    assert nodes_of(trie) < nodes_of(whole) / 5


def nodes_of(node: Node) -> int:
    below = node.children if isinstance(node, Branch) else (node.child,) if isinstance(node, Extension) else ()
    return (node is not None) + sum(map(nodes_of, below))


def test_build_near_no_key_is_hashes_below_the_root() -> None:
    trie = build(((keccak256(bytes((n,))), b"\x07") for n in range(200)), [])
    assert isinstance(trie, Branch)
    assert all(isinstance(child, Opaque) for child in trie.children)
