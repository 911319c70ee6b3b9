from __future__ import annotations

import random
from collections.abc import Iterable

import pytest

from smartsync.errors import IncompleteSlots, InvalidWitness, MissingNode, NonCanonicalTrie
from smartsync.trie.node import Branch, Extension, Node, Opaque, root_hash
from smartsync.trie.proof import partial_trie
from smartsync.trie.trie import build, storage_value
from smartsync.types import EMPTY_ROOT, SlotChange
from smartsync.witness import (
    BranchItem,
    Item,
    LeafItem,
    OpaqueItem,
    WriteItem,
    decode_witness,
    evaluate,
    open_prefixes,
    plan_transition,
)
from tests.fuzz.cases import random_case
from tests.oracle import OracleTrie
from tests.vectors.shapes import Values, at, beside, key_of, shapes, slot_at

BIG = 2**200
"""A value whose leaf is never embedded."""


def trie_of(values: Values, hidden: Values | None = None) -> Node:
    leaves = {key_of(slot): value for slot, value in values.items()} | (hidden or {})
    return build((key, storage_value(value)) for key, value in leaves.items())


def partial_of(values: Values, proven: Values, hidden: Values | None = None) -> Node:
    """Return what the proofs of some slots tell of a trie."""
    oracle = OracleTrie({key_of(slot): value for slot, value in values.items()} | (hidden or {}))
    return partial_trie(oracle.root, [node for slot in proven for node in oracle.proof(key_of(slot))])


def items_of(old: Node, new: Node, slots: Iterable[bytes]) -> tuple[Item, ...]:
    return decode_witness(plan_transition(old, new, slots).witness)


# ------------------------------------------------------------------------------------------------- what a witness holds


def test_plan_transition_no_change_has_no_witness() -> None:
    node = trie_of(at("1", "2"))
    transition = plan_transition(node, node, at("1", "2", "3"))
    assert transition.witness == b""
    assert transition.changes == ()
    assert transition.old_root == transition.new_root == root_hash(node)


def test_plan_transition_empty_to_empty_has_no_witness() -> None:
    transition = plan_transition(None, None, at("1"))
    assert (transition.witness, transition.old_root, transition.new_root) == (b"", EMPTY_ROOT, EMPTY_ROOT)


def test_plan_transition_root_leaf_is_one_write() -> None:
    transition = plan_transition(None, trie_of(at("1")), at("1"))
    assert decode_witness(transition.witness) == (WriteItem(slot_at("1"), 7),)


def test_plan_transition_children_come_by_their_keys_before_their_branch() -> None:
    transition = plan_transition(None, trie_of(at("2", "11", "12")), at("2", "11", "12"))
    assert decode_witness(transition.witness) == (
        WriteItem(slot_at("11"), 7),
        WriteItem(slot_at("12"), 7),
        BranchItem(1, {}),
        WriteItem(slot_at("2"), 7),
        BranchItem(0, {}),
    )


def test_plan_transition_depths_count_from_the_root() -> None:
    below = at("1234", "1235")
    items = items_of(trie_of(below), trie_of(below | at("124")), at("124"))
    assert items == (WriteItem(slot_at("124"), 7), BranchItem(2, {3: upper_hash(below)}))


def upper_hash(values: Values) -> bytes:
    """Return the hash of the branch below the root extension."""
    node = trie_of(values)
    assert isinstance(node, Extension)
    return root_hash(node.child)


def test_plan_transition_changes_come_in_trie_key_order() -> None:
    transition = plan_transition(trie_of(at("3", "1")), trie_of(at("2", "1", value=9)), at("3", "2", "1"))
    assert transition.changes == (
        SlotChange(slot_at("1"), 7, 9),
        SlotChange(slot_at("2"), 0, 9),
        SlotChange(slot_at("3"), 7, 0),
    )


def test_plan_transition_update_gives_siblings_by_hash() -> None:
    old = at("1", "2", "31", "32", value=BIG)
    write, branch = items_of(trie_of(old), trie_of(old | at("1")), at("1"))
    node = trie_of(old)
    assert isinstance(node, Branch)
    assert write == WriteItem(slot_at("1"), 7)
    assert branch == BranchItem(0, {nibble: root_hash(node.children[nibble]) for nibble in (2, 3)})


@pytest.mark.parametrize("direction", ["appears", "collapses"])
def test_plan_transition_lone_leaf_beside_a_write_stands_in_the_open(direction: str) -> None:
    sides = trie_of(at("1", value=BIG)), trie_of(at("1", "2", value=BIG))
    leaf, write, branch = items_of(*(sides if direction == "appears" else sides[::-1]), at("2"))
    assert leaf == LeafItem(key_of(slot_at("1")), BIG)
    assert write == WriteItem(slot_at("2"), BIG if direction == "appears" else 0)
    assert branch == BranchItem(0, {})


def test_plan_transition_lone_extension_beside_a_write_stands_in_the_open() -> None:
    old = at("1234", "1235", value=BIG)
    opaque, write, branch = items_of(trie_of(old), trie_of(old | at("2")), at("2"))
    assert opaque == OpaqueItem(b"\x01\x02\x03", upper_hash(old))
    assert (write, branch) == (WriteItem(slot_at("2"), 7), BranchItem(0, {}))


def test_plan_transition_lone_branch_beside_a_write_is_given_by_hash() -> None:
    old = at("11", "12", value=BIG)
    write, branch = items_of(trie_of(old), trie_of(old | at("2")), at("2"))
    assert (write, branch) == (WriteItem(slot_at("2"), 7), BranchItem(0, {1: upper_hash(old)}))


def test_plan_transition_embedded_leaf_is_never_given_by_hash() -> None:
    slot = slot_at("1")
    hidden = {beside(key_of(slot), 40, step): step for step in (1, 2)}
    items = items_of(trie_of({}, hidden), trie_of({slot: 9}, hidden), [slot])
    assert items[-1] == BranchItem(40, {})
    assert {item.key: item.value for item in items if isinstance(item, LeafItem)} == hidden


@pytest.mark.parametrize("before", [0, 9])
@pytest.mark.parametrize("depth", [56, 60, 63])
def test_plan_transition_embedded_branch_that_is_written_raises(depth: int, before: int) -> None:
    slot, hidden = slot_at("1"), {beside(key_of(slot_at("1")), depth): 1}
    old, new = (trie_of({slot: value} if value else {}, hidden) for value in (before, 7))
    with pytest.raises(InvalidWitness, match=f"0x{key_of(slot).hex()[:depth]} has under 32 bytes"):
        plan_transition(old, new, [slot])


@pytest.mark.parametrize("lone", [True, False])
@pytest.mark.parametrize("step", [0, 1])
def test_plan_transition_embedded_branch_beside_a_write_raises(step: int, lone: bool) -> None:
    slot = slot_at("1")
    near = beside(key_of(slot), 57)
    # With a step, a nibble stands between: the extension is embedded too.
    hidden = {near: 1, beside(near, 58 + step): 2} | ({} if lone else {beside(key_of(slot), 57, 2): BIG})
    with pytest.raises(InvalidWitness, match=f"0x{near.hex()[: 58 + step]} has under 32 bytes"):
        plan_transition(trie_of({}, hidden), trie_of({slot: BIG}, hidden), [slot])


def test_plan_transition_branch_of_32_bytes_is_none_that_is_embedded() -> None:
    slot, hidden = slot_at("1"), {beside(key_of(slot_at("1")), 55): 1}
    transition = plan_transition(trie_of({}, hidden), trie_of({slot: 7}, hidden), [slot])
    assert evaluate(transition.witness, lambda _: 0).new_root == OracleTrie({key_of(slot): 7} | hidden).root


def test_plan_transition_order_and_repetition_of_slots_make_no_difference() -> None:
    old, new = trie_of(at("1", "2", "3")), trie_of(at("2", "4", value=8))
    slots = list(at("1", "2", "3", "4"))
    assert plan_transition(old, new, slots) == plan_transition(old, new, [*reversed(slots), *slots])


def test_plan_transition_slots_that_do_not_change_make_no_difference() -> None:
    old, new = trie_of(at("1", "2", "3")), trie_of(at("1", "2", "3") | at("2", value=8))
    assert plan_transition(old, new, at("2")) == plan_transition(old, new, at("1", "2", "3", "4", "5"))


# ------------------------------------------------------------------------------------------------- partial tries


@pytest.mark.parametrize("shape", [way for s in shapes() for way in (s, s.back())], ids=lambda s: s.name)
def test_plan_transition_out_of_proofs_equals_out_of_full_tries(shape: object) -> None:
    slots = shape.old.keys() | shape.new.keys()
    changed = {slot: 0 for slot in slots if shape.old.get(slot) != shape.new.get(slot)}
    full = plan_transition(trie_of(shape.old), trie_of(shape.new), slots)
    assert plan_transition(partial_of(shape.old, changed), partial_of(shape.new, changed), changed) == full


@pytest.mark.parametrize("index", range(60))
def test_plan_transition_random_case_out_of_proofs_equals_out_of_full_tries(index: int) -> None:
    case = random_case(2, index)
    full = plan_transition(trie_of(case.stored, case.hidden), trie_of(case.after, case.hidden), case.writes)
    partial = (partial_of(values, case.writes, case.hidden) for values in (case.stored, case.after))
    assert plan_transition(*partial, case.writes) == full


def test_plan_transition_old_trie_unknown_raises() -> None:
    new = trie_of(at("1"))
    with pytest.raises(MissingNode) as caught:
        plan_transition(Opaque(bytes(32)), new, at("1"))
    assert caught.value.prefix == b""


def test_plan_transition_slot_without_its_proof_raises_with_the_prefix() -> None:
    old = at("11", "12", "2", value=BIG)
    new = old | at("11")
    with pytest.raises(MissingNode) as caught:
        plan_transition(partial_of(old, at("2")), trie_of(new), at("11"))
    assert caught.value.prefix == b"\x01"


def test_plan_transition_value_of_zero_in_the_trie_raises() -> None:
    anvils = build([(key_of(slot_at("1")), b"\x80")])
    with pytest.raises(NonCanonicalTrie):
        plan_transition(anvils, None, at("1"))


# ------------------------------------------------------------------------------------------------- incomplete slots


def test_plan_transition_slot_left_out_raises_with_its_prefix() -> None:
    old, new = trie_of(at("1", "2", "3", value=BIG)), trie_of(at("1", "2", "3", value=BIG + 1))
    with pytest.raises(IncompleteSlots) as caught:
        plan_transition(old, new, at("1", "3"))
    assert caught.value.prefixes == (b"\x02",)


def test_plan_transition_two_slots_left_out_raises_with_both_prefixes() -> None:
    old = at("1", "21", "22", "3", value=BIG)
    new = old | at("1", "22", "3")
    with pytest.raises(IncompleteSlots, match="2 subtries are open, at trie-key prefix 0x22, 0x3") as caught:
        plan_transition(trie_of(old), trie_of(new), at("1"))
    assert caught.value.prefixes == (b"\x02\x02", b"\x03")


def test_plan_transition_no_slots_raises_with_the_whole_trie() -> None:
    with pytest.raises(IncompleteSlots, match="1 subtrie is open") as caught:
        plan_transition(None, trie_of(at("1", "2")), [])
    assert caught.value.prefixes == (b"",)


def test_plan_transition_insert_left_out_raises() -> None:
    old = at("1", "2", value=BIG)
    with pytest.raises(IncompleteSlots) as caught:
        plan_transition(trie_of(old), trie_of(old | at("3", "1")), at("1"))
    assert caught.value.prefixes == (b"\x03",)


def test_plan_transition_deletion_left_out_raises() -> None:
    old = at("1", "2", "3", value=BIG)
    with pytest.raises(IncompleteSlots) as caught:
        plan_transition(trie_of(old), trie_of(at("2") | at("3", value=BIG)), at("2"))
    assert caught.value.prefixes == (b"\x01",)


def test_plan_transition_slot_left_out_of_proofs_raises_as_deep_as_is_known() -> None:
    old = at("11", "12", "2", value=BIG)
    new = at("11", "12", "2", value=BIG + 1)
    with pytest.raises(IncompleteSlots) as caught:
        plan_transition(partial_of(old, at("2")), partial_of(new, at("2")), at("2"))
    assert caught.value.prefixes == (b"\x01",)


@pytest.mark.parametrize("index", [index for index in range(60) if random_case(3, index).changes])
def test_plan_transition_random_case_with_a_slot_left_out_raises(index: int) -> None:
    case = random_case(3, index)
    left_out = random.Random(index).choice(sorted(case.changes))
    rest = set(case.writes) - {left_out}
    with pytest.raises(IncompleteSlots) as caught:
        plan_transition(trie_of(case.stored, case.hidden), trie_of(case.after, case.hidden), rest)
    key = bytes(int(c, 16) for c in key_of(left_out).hex())
    assert all(key.startswith(prefix) for prefix in caught.value.prefixes)


def test_open_prefixes_equal_tries_are_none() -> None:
    assert open_prefixes(trie_of(at("1", "2")), trie_of(at("1", "2"))) == []
    assert open_prefixes(None, None) == []
    assert open_prefixes(Opaque(root_hash(trie_of(at("1", "2")))), trie_of(at("1", "2"))) == []


def test_open_prefixes_differences_are_named_as_deep_as_both_are_known() -> None:
    old, new = at("11", "12", "2", "3", value=BIG), at("11", "12", "2", "3", value=BIG) | at("12", "3")
    assert open_prefixes(trie_of(old), trie_of(new)) == [b"\x01\x02", b"\x03"]
    assert open_prefixes(partial_of(old, at("3")), partial_of(new, at("3"))) == [b"\x01", b"\x03"]


def test_open_prefixes_below_a_shared_extension_are_named() -> None:
    old, new = at("1234", "1235"), at("1234") | at("1235", value=8)
    assert open_prefixes(trie_of(old), trie_of(new)) == [b"\x01\x02\x03\x05"]


def test_open_prefixes_another_shape_is_the_whole_subtrie() -> None:
    assert open_prefixes(trie_of(at("1")), trie_of(at("1", "2"))) == [b""]
    assert open_prefixes(trie_of(at("1")), None) == [b""]


def test_plan_transition_made_witness_evaluates_to_both_roots() -> None:
    old, new = at("1", "21", "22"), at("21", "3", value=9)
    transition = plan_transition(trie_of(old), trie_of(new), old | new)
    evaluation = evaluate(transition.witness, lambda slot: old.get(slot, 0))
    assert (evaluation.old_root, evaluation.new_root) == (transition.old_root, transition.new_root)
    assert evaluation.writes == transition.changes
