"""What ``evaluate`` takes and refuses. The numbers in names are those of the faults that were found in other systems:

2 a forged value; 8 a slot that is not where its key belongs; 9 a slot twice; 10 a hash under a branch that exists on
one side only; 11 a write of nothing; 12 a zero to an absent slot; 13 an old value that is not the replica's.
"""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from smartsync.errors import InvalidWitness
from smartsync.trie.nibbles import to_nibbles
from smartsync.trie.node import Leaf, root_hash
from smartsync.trie.trie import build, storage_value
from smartsync.types import EMPTY_ROOT, SlotChange
from smartsync.witness import (
    BranchItem,
    Evaluation,
    Item,
    LeafItem,
    OpaqueItem,
    WriteItem,
    decode_witness,
    encode_witness,
    evaluate,
    plan_transition,
)
from tests.fuzz.cases import random_case
from tests.fuzz.mutations import MUTATORS
from tests.oracle import OracleTrie
from tests.vectors.shapes import Values, at, beside, key_of, mined, slot_at

BIG = 2**200
A, B, C, D = (slot_at(prefix) for prefix in ("1", "2", "31", "32"))
STORED = {A: BIG, B: BIG + 1, C: BIG + 2, D: BIG + 3}


def evaluated(witness: bytes | Item, stored: Values) -> Evaluation:
    data = witness if isinstance(witness, bytes) else encode_witness(witness)
    return evaluate(data, lambda slot: stored.get(slot, 0))


def oracle_root(values: Values) -> bytes:
    return OracleTrie({key_of(slot): value for slot, value in values.items() if value}).root


def witness_for(old: Values, new: Values) -> bytes:
    sides = (build((key_of(slot), storage_value(value)) for slot, value in side.items()) for side in (old, new))
    return plan_transition(*sides, old | new).witness


def branch(path: bytes = b"", **children: bytes | Item) -> BranchItem:
    return BranchItem(path, tuple(children.get(f"n{i:x}") for i in range(16)))


def with_child(item: Item | bytes | None, nibble: int, child: bytes | Item | None) -> BranchItem:
    assert isinstance(item, BranchItem)
    return replace(item, children=(*item.children[:nibble], child, *item.children[nibble + 1 :]))


# ------------------------------------------------------------------------------------------------- accepted


def test_evaluate_one_write_grows_from_the_empty_trie() -> None:
    assert evaluated(WriteItem(A, 5), {}) == Evaluation(EMPTY_ROOT, oracle_root({A: 5}), (SlotChange(A, 0, 5),))


def test_evaluate_last_deletion_leads_to_the_empty_trie() -> None:
    assert evaluated(WriteItem(A, 0), {A: 5}) == Evaluation(oracle_root({A: 5}), EMPTY_ROOT, (SlotChange(A, 5, 0),))


@pytest.mark.parametrize("size", range(1, 33))
def test_evaluate_value_of_each_size_gives_the_oracles_root(size: int) -> None:
    small, large = 256 ** (size - 1), 256**size - 1
    evaluation = evaluated(WriteItem(A, large), {A: small})
    assert (evaluation.old_root, evaluation.new_root) == (oracle_root({A: small}), oracle_root({A: large}))


def test_evaluate_writes_come_in_trie_key_order() -> None:
    new = {A: 1, B: 2, D: 3, slot_at("5"): 4}
    evaluation = evaluated(witness_for(STORED, new), STORED)
    keys = [key_of(change.slot) for change in evaluation.writes]
    assert keys == sorted(keys)
    assert {change.slot: change.new for change in evaluation.writes} == new | {C: 0}


@pytest.mark.parametrize("nibbles", [6, 8, 10, 11])
def test_evaluate_mined_slots_give_the_oracles_roots(nibbles: int) -> None:
    group = mined(nibbles)
    old, new = dict.fromkeys(group[:1], 3), dict.fromkeys(group, 4)
    for before, after in ((old, new), (new, old)):
        evaluation = evaluated(witness_for(before, after), before)
        assert (evaluation.old_root, evaluation.new_root) == (oracle_root(before), oracle_root(after))


def test_evaluate_sixty_four_branches_deep_gives_the_oracles_roots() -> None:
    hidden = {beside(key_of(A), depth): 1 + depth for depth in range(64)}
    item: Item = WriteItem(A, 9)
    for depth in reversed(range(64)):
        near = beside(key_of(A), depth)
        leaf = LeafItem(to_nibbles(near)[depth + 1 :], hidden[near])
        pair = {to_nibbles(near)[depth]: leaf, to_nibbles(key_of(A))[depth]: item}
        item = BranchItem(b"", tuple(pair.get(nibble) for nibble in range(16)))
    evaluation = evaluated(item, {})
    assert evaluation.old_root == OracleTrie(hidden).root
    assert evaluation.new_root == OracleTrie(hidden | {key_of(A): 9}).root


def test_evaluate_storage_is_asked_for_written_slots_only() -> None:
    asked: list[bytes] = []

    def storage(slot: bytes) -> int:
        asked.append(slot)
        return STORED.get(slot, 0)

    evaluate(witness_for(STORED, STORED | {C: 1}), storage)
    assert asked == [C]


# ------------------------------------------------------------------------------------------------- refused by an error


def test_evaluate_empty_witness_raises() -> None:
    with pytest.raises(InvalidWitness, match="ends at byte 0"):
        evaluated(b"", STORED)


def test_evaluate_8_swapped_writes_raise() -> None:
    with pytest.raises(InvalidWitness, match="does not belong at depth 1"):
        evaluated(branch(n1=WriteItem(B, 5), n2=WriteItem(A, 5)), {})


def test_evaluate_8_slot_below_anothers_path_raises() -> None:
    inner = branch(n1=WriteItem(C, 5), n2=WriteItem(A, 5))
    with pytest.raises(InvalidWitness, match="does not belong at depth 2"):
        evaluated(branch(n3=inner, n4=bytes(32)), {})


def test_evaluate_9_slot_twice_raises() -> None:
    with pytest.raises(InvalidWitness, match="does not belong at depth 1"):
        evaluated(branch(n1=WriteItem(A, 5), n2=WriteItem(A, 5)), {})


def test_evaluate_11_write_of_what_is_there_raises() -> None:
    with pytest.raises(InvalidWitness, match="changes nothing"):
        evaluated(WriteItem(A, BIG), STORED)


def test_evaluate_12_zero_to_an_absent_slot_raises() -> None:
    with pytest.raises(InvalidWitness, match="changes nothing"):
        evaluated(branch(n1=WriteItem(A, 0), n2=bytes(32)), {})


# ------------------------------------------------------------------------------------------------- refused by its roots

TRUE = oracle_root(STORED), oracle_root(STORED | {A: 9, C: 0})
WITNESS = decode_witness(witness_for(STORED, {A: 9, B: BIG + 1, D: BIG + 3}))


def test_evaluate_true_witness_gives_the_true_pair() -> None:
    evaluation = evaluated(WITNESS, STORED)
    assert (evaluation.old_root, evaluation.new_root) == TRUE


def assert_other(witness: Item, *, old: bool, new: bool, stored: Values = STORED) -> None:
    """Assert which of the two roots a forged witness gets wrong."""
    evaluation = evaluated(witness, stored)
    assert (evaluation.old_root != TRUE[0], evaluation.new_root != TRUE[1]) == (old, new)


@pytest.mark.parametrize("value", [0, 1, 10, 2**256 - 1])
def test_evaluate_2_forged_value_gives_another_new_root(value: int) -> None:
    assert_other(with_child(WITNESS, 1, WriteItem(A, value)), old=False, new=True)


def test_evaluate_2_forged_hash_gives_other_roots() -> None:
    assert_other(with_child(WITNESS, 2, bytes(32)), old=True, new=True)


def test_evaluate_2_update_for_a_deletion_gives_another_new_root() -> None:
    deeper = with_child(WITNESS.children[3], 1, WriteItem(C, 1))
    assert_other(with_child(WITNESS, 3, deeper), old=False, new=True)


def test_evaluate_write_left_out_gives_another_new_root() -> None:
    closed = root_hash(Leaf(to_nibbles(key_of(A))[1:], storage_value(BIG)))
    assert_other(with_child(WITNESS, 1, closed), old=False, new=True)


def test_evaluate_write_added_gives_another_new_root() -> None:
    assert_other(with_child(WITNESS, 2, WriteItem(B, 5)), old=False, new=True)
    assert_other(with_child(WITNESS, 9, WriteItem(slot_at("9"), 5)), old=False, new=True)


def test_evaluate_child_left_out_gives_other_roots() -> None:
    assert_other(with_child(WITNESS, 2, None), old=True, new=True)


def test_evaluate_10_hash_under_a_branch_of_one_side_gives_another_root() -> None:
    closed = root_hash(Leaf(to_nibbles(key_of(D))[2:], storage_value(BIG + 3)))
    assert_other(with_child(WITNESS, 3, with_child(WITNESS.children[3], 2, closed)), old=False, new=True)


def test_evaluate_10_closed_extension_under_a_branch_of_one_side_gives_another_root() -> None:
    below = at("1234", "1235", value=BIG)
    old, new = below | at("2"), below
    witness = decode_witness(witness_for(old, new))
    assert isinstance(witness, BranchItem)
    assert isinstance(witness.children[1], OpaqueItem)
    node = build((key_of(slot), storage_value(value)) for slot, value in below.items())
    closed = root_hash(replaced_path(node))
    evaluation = evaluated(with_child(witness, 1, closed), old)
    assert evaluation.old_root == oracle_root(old)
    assert evaluation.new_root != oracle_root(new)


def replaced_path(node: object) -> object:
    """Return the extension as it hangs one nibble lower."""
    return type(node)(node.path[1:], node.child)


def test_evaluate_13_old_value_that_is_not_the_replicas_gives_another_old_root() -> None:
    assert_other(WITNESS, old=True, new=False, stored=STORED | {A: 8})
    assert_other(WITNESS, old=True, new=False, stored=STORED | {C: 8})


def test_evaluate_open_leaf_with_another_value_gives_other_roots() -> None:
    leaf = WITNESS.children[3].children[2]
    assert isinstance(leaf, LeafItem)
    deeper = with_child(WITNESS.children[3], 2, replace(leaf, value=leaf.value + 1))
    assert_other(with_child(WITNESS, 3, deeper), old=True, new=True)


def test_evaluate_witness_without_writes_gives_one_root_twice() -> None:
    # Nothing can be hidden in it: both sides are the same, so whoever compares two different roots refuses it.
    evaluation = evaluated(OpaqueItem(b"", TRUE[0]), STORED)
    assert evaluation == Evaluation(TRUE[0], TRUE[0], ())


@pytest.mark.parametrize("kind", sorted(MUTATORS))
def test_evaluate_spoiled_witness_is_refused(kind: str) -> None:
    """Each kind of mutation on its own, so that none of them dries up unnoticed."""
    refused = 0
    for index in range(40):
        case = random_case(4, index)
        if not case.changes:
            continue
        old, new = (
            build((k, storage_value(v)) for k, v in leaves.items()) for leaves in (case.old_leaves, case.new_leaves)
        )
        transition = plan_transition(old, new, case.writes)
        rng = random.Random(index)
        spoiled = MUTATORS[kind](rng, transition.witness, lambda slot, case=case: case.stored.get(slot, 0))
        if spoiled is None or spoiled == transition.witness:
            continue
        refused += 1
        try:
            evaluation = evaluated(spoiled, case.stored)
        except InvalidWitness:
            continue
        assert (evaluation.old_root, evaluation.new_root) != (transition.old_root, transition.new_root)
    assert refused >= 5
