"""The 160 bytes of a pending subtrie, word by word."""

from __future__ import annotations

import pytest

from smartsync.errors import InvalidWitness
from smartsync.keccak import keccak256
from smartsync.trie.nibbles import to_nibbles
from smartsync.trie.node import Branch, Extension, Leaf, Opaque, root_hash
from smartsync.trie.trie import build, storage_value
from smartsync.witness import START, BranchItem, Item, LeafItem, OpaqueItem, WriteItem, advance, encode_witness
from smartsync.witness.pending import Pending, Side, branch_side, decode_pending, encode_pending, leaf_side
from tests.vectors.shapes import Values, at, beside, key_of, slot_at, word

A, B, C, D = (slot_at(prefix) for prefix in ("1", "2", "31", "32"))
HASH, OTHER = bytes(range(1, 33)), bytes(range(101, 133))
LEAF = 64


def entries(items: list[Item], stored: Values | None = None) -> list[bytes]:
    """Return what is pending after these items, subtrie by subtrie."""
    pending = advance(START, encode_witness(items), lambda slot: (stored or {}).get(slot, 0)).pending
    return [pending[start : start + 160] for start in range(0, len(pending), 160)]


def entry(items: list[Item], stored: Values | None = None) -> bytes:
    [only] = entries(items, stored)
    return only


def words(
    key: bytes,
    old: int | bytes,
    new: int | bytes,
    depths: tuple[int, int],
    *,
    size: int = 0,
    other: bytes | None = None,
) -> bytes:
    """Return an entry as the page has it; ``other`` is the new side's key where it has one of its own."""
    sides = (value if isinstance(value, bytes) else word(value) for value in (old, new))
    meta = (other is not None) << 24 | size << 16 | depths[0] << 8 | depths[1]
    return key.ljust(32, b"\0") + b"".join(sides) + word(meta) + (other or bytes(32))


def branch_hash(values: Values, depth: int) -> bytes:
    """Return the hash of the branch node at that depth that is all of these slots' trie."""
    node = build((key_of(slot), storage_value(value)) for slot, value in values.items())
    assert isinstance(node, Extension if depth else Branch)
    return root_hash(node.child if isinstance(node, Extension) else node)


def path_of(key: bytes, depth: int) -> bytes:
    return to_nibbles(key)[:depth]


# ------------------------------------------------------------------------------------------------- one item


def test_pending_insert_has_nothing_on_the_old_side() -> None:
    assert entry([WriteItem(A, 0x1234)]) == words(key_of(A), 0, 0x1234, (LEAF, LEAF), size=2)


def test_pending_update_has_both_values_and_the_new_ones_size() -> None:
    update = entry([WriteItem(A, 2**256 - 1)], {A: 5})
    assert update == words(key_of(A), 5, 2**256 - 1, (LEAF, LEAF), size=32)


def test_pending_deletion_has_size_zero() -> None:
    assert entry([WriteItem(A, 0)], {A: 2**200}) == words(key_of(A), 2**200, 0, (LEAF, LEAF))


def test_pending_leaf_is_the_same_on_both_sides() -> None:
    assert entry([LeafItem(HASH, 0xABCDEF)]) == words(HASH, 0xABCDEF, 0xABCDEF, (LEAF, LEAF), size=3)


@pytest.mark.parametrize(("depth", "key"), [(1, "10"), (2, "12"), (3, "1230"), (4, "1234"), (63, "12" * 31 + "10")])
def test_pending_opaque_branch_is_its_path_its_hash_and_its_depth(depth: int, key: str) -> None:
    path = to_nibbles(bytes.fromhex(key))[:depth]
    assert entry([OpaqueItem(path, HASH)]) == words(bytes.fromhex(key), HASH, HASH, (depth, depth))


def test_pending_subtries_stand_in_the_order_of_their_items() -> None:
    found = entries([LeafItem(HASH, 1), WriteItem(A, 2), OpaqueItem(b"\x01", OTHER)])
    assert found == [
        words(HASH, 1, 1, (LEAF, LEAF), size=1),
        words(key_of(A), 0, 2, (LEAF, LEAF), size=1),
        words(b"\x10", OTHER, OTHER, (1, 1)),
    ]


# ------------------------------------------------------------------------------------------------- a branch


def test_pending_branch_on_both_sides_has_the_topmost_key_and_no_size() -> None:
    joined = entry([WriteItem(A, 3), WriteItem(B, 4), BranchItem(0, {})], {A: 1, B: 2})
    hashes = branch_hash({A: 1, B: 2}, 0), branch_hash({A: 3, B: 4}, 0)
    assert joined == words(key_of(B), *hashes, (0, 0))


def test_pending_branch_appears_and_the_leaf_before_it_is_handed_up() -> None:
    joined = entry([WriteItem(C, 5), LeafItem(key_of(D), 4), BranchItem(1, {})])
    assert joined == words(key_of(D), 4, branch_hash({C: 5, D: 4}, 1), (LEAF, 1))


def test_pending_branch_collapses_and_the_leaf_left_is_handed_up() -> None:
    # The new side's leaf: its key is the first word although the topmost key, and the old branch's, could be another.
    joined = entry([LeafItem(key_of(C), 3), WriteItem(D, 0), BranchItem(1, {})], {D: 4})
    assert joined == words(key_of(C), branch_hash({C: 3, D: 4}, 1), 3, (1, LEAF))


def test_pending_branch_of_the_new_side_only_leaves_nothing_on_the_old() -> None:
    joined = entry([WriteItem(C, 5), WriteItem(D, 6), BranchItem(1, {})])
    assert joined == words(key_of(D), 0, branch_hash({C: 5, D: 6}, 1), (LEAF, 1))


def test_pending_branch_of_the_old_side_only_leaves_nothing_on_the_new() -> None:
    joined = entry([WriteItem(C, 0), WriteItem(D, 0), BranchItem(1, {})], {C: 3, D: 4})
    assert joined == words(key_of(D), branch_hash({C: 3, D: 4}, 1), 0, (1, LEAF))


@pytest.mark.parametrize(("gone", "came"), [(C, D), (D, C)])
def test_pending_both_sides_handed_up_have_a_key_each_and_the_flag(gone: bytes, came: bytes) -> None:
    writes = [WriteItem(C, 0 if gone == C else 6), WriteItem(D, 0 if gone == D else 6)]
    joined = entry([*writes, BranchItem(1, {})], {gone: 9})
    assert joined == words(key_of(gone), 9, 6, (LEAF, LEAF), other=key_of(came))


def test_pending_a_branch_handed_up_on_one_side_and_a_leaf_on_the_other_have_a_key_each() -> None:
    gone = at("1234", "1235")
    low, high = gone
    items = [WriteItem(low, 0), WriteItem(high, 0), BranchItem(3, {}), WriteItem(B, 6), BranchItem(0, {})]
    joined = entry(items, gone)
    assert joined == words(key_of(high), branch_hash(gone, 3), 6, (3, LEAF), other=key_of(B))


def test_pending_both_sides_handed_up_from_one_child_after_the_other_stay_flagged() -> None:
    # The flagged subtrie is one child, a hash is the other: both sides are branches, and share one key again.
    items = [WriteItem(C, 0), WriteItem(D, 6), BranchItem(1, {}), BranchItem(0, {9: HASH})]
    joined = entry(items, {C: 3})
    hashes = []
    for slot, value in ((C, 3), (D, 6)):
        leaf = Leaf(path_of(key_of(slot), LEAF)[1:], storage_value(value))
        children = {3: leaf, 9: Opaque(HASH)}
        hashes.append(root_hash(Branch(tuple(children.get(nibble) for nibble in range(16)))))
    assert joined == words(key_of(C), *hashes, (0, 0))


def test_pending_opaque_child_handed_up_is_a_branch_one_nibble_deeper() -> None:
    joined = entry([WriteItem(C, 5), BranchItem(1, {9: HASH})])
    leaf = Leaf(path_of(key_of(C), LEAF)[2:], storage_value(5))
    node = Branch(tuple({1: leaf, 9: Opaque(HASH)}.get(nibble) for nibble in range(16)))
    assert joined == words(b"\x39", HASH, root_hash(node), (2, 1))


def test_pending_opaque_child_handed_up_on_the_new_side_gives_the_key() -> None:
    joined = entry([WriteItem(C, 0), BranchItem(1, {9: HASH})], {C: 5})
    leaf = Leaf(path_of(key_of(C), LEAF)[2:], storage_value(5))
    node = Branch(tuple({1: leaf, 9: Opaque(HASH)}.get(nibble) for nibble in range(16)))
    assert joined == words(b"\x39", root_hash(node), HASH, (1, 2))


def test_pending_opaque_branch_handed_up_keeps_its_depth() -> None:
    joined = entry([OpaqueItem(b"\x03\x00\x07", HASH), WriteItem(C, 5), BranchItem(1, {})])
    leaf = Leaf(path_of(key_of(C), LEAF)[2:], storage_value(5))
    node = Branch(tuple({0: Extension(b"\x07", Opaque(HASH)), 1: leaf}.get(nibble) for nibble in range(16)))
    assert joined == words(b"\x30\x70", HASH, root_hash(node), (3, 1))


def test_pending_opaque_child_of_the_lowest_branch_handed_up_has_depth_64() -> None:
    joined = entry([WriteItem(A, 5), BranchItem(63, {(key_of(A)[-1] + 1) % 16: HASH})])
    depths = joined[126:128]
    assert (joined[:32], joined[32:64], tuple(depths)) == (beside(key_of(A), 63), HASH, (LEAF, 63))


def test_pending_branch_takes_no_more_than_what_begins_alike() -> None:
    below, joined = entries([LeafItem(key_of(A), 1), WriteItem(C, 5), WriteItem(D, 6), BranchItem(1, {})])
    assert below == words(key_of(A), 1, 1, (LEAF, LEAF), size=1)
    assert joined == words(key_of(D), 0, branch_hash({C: 5, D: 6}, 1), (LEAF, 1))


# ------------------------------------------------------------------------------------------------- parts


def test_advance_no_items_changes_nothing() -> None:
    state = advance(START, encode_witness([WriteItem(A, 1)]), lambda _: 0)
    assert advance(state, b"", lambda _: 0) == state
    assert (START.pending, START.writes_hash) == (b"", bytes(32))


def test_advance_writes_hash_chains_slot_and_value() -> None:
    state = advance(START, encode_witness([WriteItem(A, 1), LeafItem(HASH, 7), WriteItem(B, 2**255)]), lambda _: 0)
    first = keccak256(bytes(32) + A + word(1))
    assert state.writes_hash == keccak256(first + B + word(2**255))


def test_encode_pending_decodes_to_the_same() -> None:
    nibbles, other = to_nibbles(HASH), to_nibbles(OTHER)
    found = [
        Pending(leaf_side(nibbles, 0), leaf_side(nibbles, 5), 1),
        Pending(branch_side(nibbles[:7], OTHER), branch_side(nibbles[:7], HASH)),
        Pending(Side(nibbles, 7, HASH), Side(other, 9, OTHER)),
    ]
    assert decode_pending(encode_pending(found)) == found


@pytest.mark.parametrize("size", [1, 159, 161, 319])
def test_decode_pending_of_another_size_raises(size: int) -> None:
    with pytest.raises(InvalidWitness, match=f"{size} bytes are no pending subtries"):
        decode_pending(bytes(size))
