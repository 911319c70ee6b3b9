"""What ``evaluate`` takes and refuses. The numbers in names are those of the faults that were found in other systems:

1 a child left out; 2 a forged value; 3 surplus; 4 an embedded node by its hash; 5 a depth read as absence;
6 one kind of node for another; 8 a slot that is not where its key belongs; 9 a slot twice; 10 a hash under a branch
that exists on one side only; 11 a write of nothing; 12 a zero to an absent slot; 13 an old value that is not the
replica's; 14 the witness of another.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations, permutations, product

import pytest

from smartsync.errors import InvalidWitness
from smartsync.trie.nibbles import to_nibbles
from smartsync.trie.node import Extension, Leaf, root_hash
from smartsync.trie.trie import build, storage_value
from smartsync.types import EMPTY_ROOT, SlotChange
from smartsync.witness import (
    START,
    BranchItem,
    Evaluation,
    Item,
    LeafItem,
    OpaqueItem,
    WalkState,
    WriteItem,
    advance,
    conclude,
    decode_witness,
    encode_witness,
    evaluate,
    plan_transition,
    split_witness,
)
from tests.fuzz.cases import random_case
from tests.fuzz.mutations import MUTATORS
from tests.fuzz.scene import Scene
from tests.oracle import OracleTrie
from tests.vectors.shapes import Values, at, beside, key_of, mined, slot_at

BIG = 2**200
HASH = bytes(range(1, 33))
A, B, C, D = (slot_at(prefix) for prefix in ("1", "2", "31", "32"))
STORED = {A: BIG, B: BIG + 1, C: BIG + 2, D: BIG + 3}


def evaluated(witness: bytes | list[Item], stored: Values) -> Evaluation:
    data = witness if isinstance(witness, bytes) else encode_witness(witness)
    return evaluate(data, lambda slot: stored.get(slot, 0))


def oracle_root(values: Values) -> bytes:
    return OracleTrie({key_of(slot): value for slot, value in values.items() if value}).root


def witness_for(old: Values, new: Values) -> bytes:
    sides = (build((key_of(slot), storage_value(value)) for slot, value in side.items()) for side in (old, new))
    return plan_transition(*sides, old | new).witness


def branch(depth: int, *opaque: int) -> BranchItem:
    return BranchItem(depth, dict.fromkeys(opaque, HASH))


def leaf(nibbles: str, value: int = BIG) -> LeafItem:
    """Return a leaf whose key begins so; the rest is zeros."""
    return LeafItem(bytes.fromhex(nibbles.ljust(64, "0")), value)


def opaque(nibbles: str) -> OpaqueItem:
    return OpaqueItem(bytes(int(c, 16) for c in nibbles), HASH)


# ------------------------------------------------------------------------------------------------- accepted


def test_evaluate_one_write_grows_from_the_empty_trie() -> None:
    assert evaluated([WriteItem(A, 5)], {}) == Evaluation(EMPTY_ROOT, oracle_root({A: 5}), (SlotChange(A, 0, 5),))


def test_evaluate_last_deletion_leads_to_the_empty_trie() -> None:
    assert evaluated([WriteItem(A, 0)], {A: 5}) == Evaluation(oracle_root({A: 5}), EMPTY_ROOT, (SlotChange(A, 5, 0),))


@pytest.mark.parametrize("size", range(1, 33))
def test_evaluate_value_of_each_size_gives_the_oracles_root(size: int) -> None:
    small, large = 256 ** (size - 1), 256**size - 1
    evaluation = evaluated([WriteItem(A, large)], {A: small})
    assert (evaluation.old_root, evaluation.new_root) == (oracle_root({A: small}), oracle_root({A: large}))


def test_evaluate_writes_come_in_trie_key_order() -> None:
    new = {A: 1, B: 2, D: 3, slot_at("5"): 4}
    evaluation = evaluated(witness_for(STORED, new), STORED)
    keys = [key_of(change.slot) for change in evaluation.writes]
    assert keys == sorted(keys)
    assert {change.slot: change.new for change in evaluation.writes} == new | {C: 0}


@pytest.mark.parametrize("nibbles", [6, 8, 10, 12])
def test_evaluate_mined_slots_give_the_oracles_roots(nibbles: int) -> None:
    group = mined(nibbles)
    old, new = dict.fromkeys(group[:1], 3), dict.fromkeys(group, 4)
    for before, after in ((old, new), (new, old)):
        evaluation = evaluated(witness_for(before, after), before)
        assert (evaluation.old_root, evaluation.new_root) == (oracle_root(before), oracle_root(after))


def test_evaluate_sixty_four_branches_deep_gives_the_oracles_roots() -> None:
    hidden = {beside(key_of(A), depth): BIG + depth for depth in range(64)}
    leaves = sorted([LeafItem(key, value) for key, value in hidden.items()], key=lambda item: item.key)
    before = [item for item in leaves if item.key < key_of(A)]
    items: list[Item] = [*before, WriteItem(A, 9)]
    behind = {shared_with_a(item.key): item for item in leaves if item.key > key_of(A)}
    for depth in reversed(range(64)):
        items += [behind[depth]] if depth in behind else []
        items.append(BranchItem(depth, {}))
    evaluation = evaluated(items, {})
    assert evaluation.old_root == OracleTrie(hidden).root
    assert evaluation.new_root == OracleTrie(hidden | {key_of(A): 9}).root


def shared_with_a(key: bytes) -> int:
    """Return how many nibbles a key shares with A's."""
    ours = to_nibbles(key_of(A))
    return next(i for i, nibble in enumerate(to_nibbles(key)) if nibble != ours[i])


def test_evaluate_short_leaves_that_share_55_nibbles_give_the_oracles_root() -> None:
    # The shortest branch that has 32 bytes.
    near = beside(key_of(A), 55)
    pair: list[Item] = sorted([LeafItem(near, 1), LeafItem(key_of(A), 2)], key=lambda item: item.key)
    evaluation = evaluated([*pair, BranchItem(55, {})], {})
    assert evaluation.old_root == evaluation.new_root == OracleTrie({near: 1, key_of(A): 2}).root


def test_evaluate_opaque_item_for_an_opaque_child_is_the_same() -> None:
    old = at("11", "12", "2", value=BIG)
    write, root = decode_witness(witness_for(old, old | at("2")))
    below = OpaqueItem(b"\x01", root.opaque[1])
    assert evaluated([below, write, branch(0)], old) == evaluated([write, root], old)


def test_evaluate_flagged_subtrie_is_joined_above_where_its_keys_part() -> None:
    # Below nibble 3 one leaf goes and another comes: two sides, two keys, one child of the root.
    stored = {C: 5, B: 6}
    evaluation = evaluated([LeafItem(key_of(B), 6), WriteItem(C, 0), WriteItem(D, 7), branch(1), branch(0)], stored)
    assert evaluation.old_root == oracle_root(stored)
    assert evaluation.new_root == oracle_root({D: 7, B: 6})


def test_evaluate_storage_is_asked_for_written_slots_only() -> None:
    asked: list[bytes] = []

    def storage(slot: bytes) -> int:
        asked.append(slot)
        return STORED.get(slot, 0)

    evaluate(witness_for(STORED, STORED | {C: 1}), storage)
    assert asked == [C]


@pytest.mark.parametrize("max_bytes", [1, 100, 500, 2000])
@pytest.mark.parametrize("index", [index for index in range(20) if random_case(5, index).changes])
def test_advance_part_by_part_is_evaluate(index: int, max_bytes: int) -> None:
    case = random_case(5, index)
    old, new = (build((k, storage_value(v)) for k, v in side.items()) for side in (case.old_leaves, case.new_leaves))
    witness = plan_transition(old, new, case.writes).witness
    whole = evaluated(witness, case.stored)
    longest = max(len(encode_witness([item])) for item in decode_witness(witness))
    state = START
    for part in split_witness(witness, max(max_bytes, longest)):
        state = advance(state, part, lambda slot: case.stored.get(slot, 0))
    assert conclude(state) == (whole.old_root, whole.new_root)
    assert state.writes_hash == advance(START, witness, lambda slot: case.stored.get(slot, 0)).writes_hash


# ------------------------------------------------------------------------------------------------- refused by an error


def refusal(items: list[Item], stored: Values | None = None) -> str:
    """Return why a witness is refused."""
    with pytest.raises(InvalidWitness) as caught:
        evaluated(items, stored or {})
    return caught.value.message


def at_byte(items: list[Item], position: int = -1) -> int:
    """Return where an item starts, the last one unless told."""
    return len(encode_witness(items[:position]))


def test_evaluate_empty_witness_raises() -> None:
    assert refusal([]) == "the witness leaves 0 subtries at its end, not one"


def test_evaluate_entries_left_over_raise() -> None:
    assert refusal([leaf("1"), leaf("2")]) == "the witness leaves 2 subtries at its end, not one"
    assert refusal([leaf("2"), leaf("12"), branch(1, 0)]) == "the witness leaves 2 subtries at its end, not one"
    assert refusal([leaf("1"), branch(0, 2), leaf("3"), leaf("4")]) == (
        "the witness leaves 3 subtries at its end, not one"
    )


def test_conclude_at_the_start_raises() -> None:
    with pytest.raises(InvalidWitness, match="the witness leaves 0 subtries at its end, not one"):
        conclude(START)


def test_conclude_two_subtries_raises() -> None:
    state = advance(START, encode_witness([leaf("1"), leaf("2")]), lambda _: 0)
    with pytest.raises(InvalidWitness, match="the witness leaves 2 subtries at its end, not one"):
        conclude(state)


def test_conclude_pending_of_another_size_raises() -> None:
    with pytest.raises(InvalidWitness, match="100 bytes are no pending subtries"):
        conclude(WalkState(bytes(100), bytes(32)))


@pytest.mark.parametrize("items", [[branch(0)], [branch(0, 1, 2)], [branch(63, 1, 2), leaf("1")]], ids=str)
def test_evaluate_branch_with_nothing_before_it_raises(items: list[Item]) -> None:
    assert refusal(items) == "the branch at byte 0 has nothing to join"


@pytest.mark.parametrize(
    "items",
    [
        [leaf("1"), branch(0)],
        [opaque("12"), branch(0)],
        [opaque("12"), branch(1)],
        # The other lies elsewhere.
        [leaf("1"), leaf("2"), branch(1)],
        [leaf("11"), leaf("12"), leaf("2"), branch(2)],
    ],
    ids=str,
)
def test_evaluate_branch_of_one_child_raises(items: list[Item]) -> None:
    assert refusal(items) == f"the branch at byte {at_byte(items)} has fewer than two children"


@pytest.mark.parametrize("order", [order for order in permutations("123") if order != ("1", "2", "3")], ids=str)
def test_evaluate_8_children_in_another_order_raise(order: tuple[str, ...]) -> None:
    items: list[Item] = [*(leaf(nibble) for nibble in order), branch(0)]
    assert (
        refusal(items) == f"the branch at byte {at_byte(items)} joins subtries that are not in the order of their keys"
    )


@pytest.mark.parametrize(
    "items",
    [
        [WriteItem(B, 5), WriteItem(A, 5), branch(0)],
        # Two subtries under one nibble: their branch is missing, or too high up.
        [leaf("12"), leaf("13"), branch(0)],
        [leaf("12"), leaf("13"), leaf("2"), branch(0)],
        [WriteItem(C, 5), WriteItem(D, 5), branch(0)],
        # Under one nibble again, but not side by side.
        [leaf("1"), leaf("2"), leaf("10001"), branch(0)],
        [leaf("12"), leaf("2"), leaf("13"), branch(0)],
    ],
    ids=str,
)
def test_evaluate_8_subtries_out_of_order_raise(items: list[Item]) -> None:
    assert (
        refusal(items) == f"the branch at byte {at_byte(items)} joins subtries that are not in the order of their keys"
    )


@pytest.mark.parametrize("depth", [0, 1, 30, 63])
def test_evaluate_9_slot_twice_raises(depth: int) -> None:
    items = [WriteItem(A, 5), WriteItem(A, 6), branch(depth)]
    assert (
        refusal(items) == f"the branch at byte {at_byte(items)} joins subtries that are not in the order of their keys"
    )


def test_evaluate_9_slot_as_a_write_and_as_a_leaf_raises() -> None:
    items = [LeafItem(key_of(A), BIG), WriteItem(A, 6), branch(0)]
    assert refusal(items, STORED) == (
        f"the branch at byte {at_byte(items)} joins subtries that are not in the order of their keys"
    )


@pytest.mark.parametrize(
    "items",
    [
        [leaf("1"), branch(0, 1)],
        [leaf("1"), branch(0, *range(16))],
        [opaque("12"), branch(1, 2, 3)],
        [leaf("1"), leaf("2"), leaf("3"), branch(0, 1, 5)],
        [leaf("1"), leaf("2"), leaf("3"), branch(0, 3, 5)],
    ],
    ids=str,
)
def test_evaluate_child_opaque_and_pending_raises(items: list[Item]) -> None:
    assert refusal(items) == (
        f"the branch at byte {at_byte(items)} has a child that is both opaque and a pending subtrie"
    )


@pytest.mark.parametrize(
    "items",
    [
        [opaque("12"), branch(2, 5)],
        [opaque("12"), branch(3, 5)],
        [opaque("12"), branch(63, 5)],
        [leaf("1"), opaque("2"), branch(1, 5)],
        # A branch again at its own depth, and below itself.
        [leaf("1"), leaf("2"), branch(0), branch(0, 5)],
        [leaf("1"), leaf("2"), branch(0), branch(1, 5)],
        [leaf("12"), leaf("13"), branch(1), branch(40, 5)],
        # The branch exists on one side only, on the other is a leaf, or nothing.
        [leaf("31"), WriteItem(D, 5), branch(1), branch(1, 9)],
        [WriteItem(C, 5), WriteItem(D, 5), branch(1), branch(2, 9)],
    ],
    ids=str,
)
def test_evaluate_8_branch_joined_where_it_is_not_below_raises(items: list[Item]) -> None:
    assert refusal(items) == f"the branch at byte {at_byte(items)} joins a subtrie that does not lie below it"


@pytest.mark.parametrize(("gone", "came"), [(C, D), (D, C)])
@pytest.mark.parametrize("depth", [1, 2, 10, 62])
def test_evaluate_8_two_leaves_handed_up_and_joined_where_they_have_parted_raise(
    gone: bytes, came: bytes, depth: int
) -> None:
    # Leaves have no depth that tells; taken for one child they would put the one that came under the other's key.
    writes = [WriteItem(slot, 5 if slot == came else 0) for slot in (C, D)]
    free = (to_nibbles(key_of(gone))[depth] + 1) % 16
    items = [*writes, branch(1), branch(depth, free)]
    assert refusal(items, {gone: 7}) == (
        f"the branch at byte {at_byte(items)} joins a subtrie that does not lie below it"
    )


@pytest.mark.parametrize("depth", range(56, 64))
def test_evaluate_branch_of_less_than_32_bytes_raises(depth: int) -> None:
    near = beside(key_of(A), depth)
    pair: list[Item] = sorted([LeafItem(near, 1), LeafItem(key_of(A), 2)], key=lambda item: item.key)
    assert (
        refusal([*pair, branch(depth)]) == "the branch at byte 68 has a node of fewer than 32 bytes, which has no hash"
    )


@pytest.mark.parametrize(("before", "after"), [(1, BIG), (BIG, 1)])
def test_evaluate_branch_of_less_than_32_bytes_on_one_side_raises(before: int, after: int) -> None:
    near = LeafItem(beside(key_of(A), 60), 1)
    write = WriteItem(A, after)
    pair: list[Item] = [near, write] if near.key < key_of(A) else [write, near]
    items = [*pair, branch(60)]
    assert refusal(items, {A: before}) == (
        f"the branch at byte {at_byte(items)} has a node of fewer than 32 bytes, which has no hash"
    )


@pytest.mark.parametrize(("stored", "value"), [({}, 5), ({A: 5}, 0)])
def test_evaluate_hash_of_zeros_handed_upwards_raises(stored: Values, value: int) -> None:
    items = [WriteItem(A, value), BranchItem(0, {2: bytes(32)})]
    assert refusal(items, stored) == f"the branch at byte {at_byte(items)} hands a hash of zeros upwards"


def test_evaluate_11_write_of_what_is_there_raises() -> None:
    assert refusal([WriteItem(A, BIG)], STORED) == f"the write of slot 0x{A.hex()} changes nothing"


def test_evaluate_12_zero_to_an_absent_slot_raises() -> None:
    assert refusal([WriteItem(A, 0), branch(0, 2)]) == f"the write of slot 0x{A.hex()} changes nothing"


def test_evaluate_malformed_item_raises_where_it_stands() -> None:
    with pytest.raises(InvalidWitness, match="no item starts with 0xff, as at byte 35"):
        evaluated(encode_witness([leaf("1", 0x1234)]) + b"\xff", {})
    with pytest.raises(InvalidWitness, match="the witness ends at byte 36, inside an item"):
        evaluated(encode_witness([leaf("1", 0x1234)]) + b"\x00", {})


# ------------------------------------------------------------------------------------------------- refused by its roots

TRUE = oracle_root(STORED), oracle_root(STORED | {A: 9, C: 0})
WRITE_A, WRITE_C, LEAF_D, THREE, ROOT = WITNESS = decode_witness(witness_for(STORED, {A: 9, B: BIG + 1, D: BIG + 3}))


def test_evaluate_true_witness_gives_the_true_pair() -> None:
    evaluation = evaluated([*WITNESS], STORED)
    assert (evaluation.old_root, evaluation.new_root) == TRUE


def assert_other(*witness: Item, old: bool, new: bool, stored: Values = STORED) -> None:
    """Assert which of the two roots a forged witness gets wrong."""
    evaluation = evaluated([*witness], stored)
    assert (evaluation.old_root != TRUE[0], evaluation.new_root != TRUE[1]) == (old, new)


def hash_of(slot: bytes, depth: int) -> bytes:
    """Return the hash of a stored leaf as it hangs at a depth."""
    return root_hash(Leaf(to_nibbles(key_of(slot))[depth:], storage_value(STORED[slot])))


def with_hash(item: BranchItem, nibble: int, digest: bytes) -> BranchItem:
    return replace(item, opaque={**item.opaque, nibble: digest})


@pytest.mark.parametrize("value", [0, 1, 10, 2**256 - 1])
def test_evaluate_2_forged_value_gives_another_new_root(value: int) -> None:
    assert_other(WriteItem(A, value), WRITE_C, LEAF_D, THREE, ROOT, old=False, new=True)


def test_evaluate_2_forged_hash_gives_other_roots() -> None:
    for digest in (HASH, bytes(32)):
        assert_other(WRITE_A, WRITE_C, LEAF_D, THREE, with_hash(ROOT, 2, digest), old=True, new=True)


def test_evaluate_hash_at_another_nibble_gives_other_roots() -> None:
    assert_other(WRITE_A, WRITE_C, LEAF_D, THREE, BranchItem(0, {4: ROOT.opaque[2]}), old=True, new=True)
    assert_other(WRITE_A, WRITE_C, LEAF_D, with_hash(THREE, 9, ROOT.opaque[2]), branch(0), old=True, new=True)


def test_evaluate_2_update_for_a_deletion_gives_another_new_root() -> None:
    assert_other(WRITE_A, WriteItem(C, 1), LEAF_D, THREE, ROOT, old=False, new=True)


def test_evaluate_write_left_out_gives_another_new_root() -> None:
    assert_other(WRITE_C, LEAF_D, THREE, with_hash(ROOT, 1, hash_of(A, 1)), old=False, new=True)
    assert_other(LeafItem(key_of(A), BIG), WRITE_C, LEAF_D, THREE, ROOT, old=False, new=True)


def test_evaluate_write_added_gives_another_new_root() -> None:
    assert_other(WRITE_A, WriteItem(B, 5), WRITE_C, LEAF_D, THREE, branch(0), old=False, new=True)
    assert_other(WRITE_A, WRITE_C, LEAF_D, THREE, WriteItem(slot_at("9"), 5), ROOT, old=False, new=True)


def test_evaluate_child_left_out_gives_other_roots() -> None:
    assert_other(WRITE_A, WRITE_C, LEAF_D, THREE, branch(0), old=True, new=True)


def test_evaluate_10_hash_under_a_branch_of_one_side_gives_another_root() -> None:
    assert_other(WRITE_A, WRITE_C, with_hash(THREE, 2, hash_of(D, 2)), ROOT, old=False, new=True)


def test_evaluate_10_closed_extension_under_a_branch_of_one_side_gives_another_root() -> None:
    below = at("1234", "1235", value=BIG)
    old, new = below | at("2"), below
    node = build((key_of(slot), storage_value(value)) for slot, value in below.items())
    assert isinstance(node, Extension)
    open_, write, root = decode_witness(witness_for(old, new))
    assert open_ == OpaqueItem(b"\x01\x02\x03", root_hash(node.child))
    closed = root_hash(Extension(node.path[1:], node.child))
    evaluation = evaluated([write, with_hash(root, 1, closed)], old)
    assert evaluation.old_root == oracle_root(old)
    assert evaluation.new_root != oracle_root(new)


def test_evaluate_13_old_value_that_is_not_the_replicas_gives_another_old_root() -> None:
    assert_other(*WITNESS, old=True, new=False, stored=STORED | {A: 8})
    assert_other(*WITNESS, old=True, new=False, stored=STORED | {C: 8})


def test_evaluate_open_leaf_with_another_value_gives_other_roots() -> None:
    assert_other(WRITE_A, WRITE_C, replace(LEAF_D, value=LEAF_D.value + 1), THREE, ROOT, old=True, new=True)


def test_evaluate_open_leaf_with_another_key_gives_other_roots() -> None:
    for depth in (2, 63):
        moved = replace(LEAF_D, key=beside(LEAF_D.key, depth))
        assert_other(WRITE_A, WRITE_C, moved, THREE, ROOT, old=True, new=True)


def test_evaluate_cut_between_items_gives_other_roots() -> None:
    assert_other(WRITE_A, old=True, new=True)


def test_evaluate_witness_without_writes_gives_one_root_twice() -> None:
    # Nothing can be hidden in it: both sides are the same, so whoever compares two different roots refuses it.
    evaluation = evaluated([*(LeafItem(key_of(slot), STORED[slot]) for slot in (A, B, C, D)), branch(1), branch(0)], {})
    assert evaluation == Evaluation(TRUE[0], TRUE[0], ())


# ------------------------------------------------------------------------------------------------- whatever is accepted


def programs(pushed: list[Item], depths: int) -> Iterator[list[Item]]:
    """Yield every order of these items with every number of branches that can join them, of small depths."""
    for order, count in product(permutations(pushed), range(1, len(pushed))):
        size = len(order) + count
        for joins, places in product(product(range(depths), repeat=count), combinations(range(size), count)):
            pushes, branches = iter(order), iter(joins)
            yield [branch(next(branches)) if place in places else next(pushes) for place in range(size)]


@pytest.mark.parametrize("near", range(4))
@pytest.mark.parametrize(("c", "d"), [(0, 5), (5, 0), (5, 5), (0, 0)])
def test_evaluate_whatever_is_accepted_gives_the_roots_of_what_it_describes(near: int, c: int, d: int) -> None:
    # Hence nothing is ever hung under another key than its own, in whatever order and with whatever branches.
    stored = {slot: 7 for slot, value in ((C, c), (D, d)) if not value} | {A: 3}
    other = LeafItem(beside(key_of(C), near, 3), BIG)
    pushed: list[Item] = [WriteItem(C, c), WriteItem(D, d), other]
    old = OracleTrie({key_of(slot): value for slot, value in stored.items() if slot != A} | {other.key: BIG}).root
    new = OracleTrie({key_of(slot): value for slot, value in ((C, c), (D, d)) if value} | {other.key: BIG}).root
    accepted = 0
    for items in programs(pushed, 5):
        try:
            evaluation = evaluated(items, stored)
        except InvalidWitness:
            continue
        accepted += 1
        assert (evaluation.old_root, evaluation.new_root) == (old, new)
    assert accepted == 1


@pytest.mark.parametrize("kind", sorted(MUTATORS))
def test_evaluate_spoiled_witness_has_no_other_effect(kind: str) -> None:
    """Each kind of mutation on its own, so that none of them dries up unnoticed."""
    tried = 0
    for index in range(80):
        case = random_case(4, index)
        if not case.changes:
            continue
        old, new = (
            build((k, storage_value(v)) for k, v in leaves.items()) for leaves in (case.old_leaves, case.new_leaves)
        )
        transition = plan_transition(old, new, case.writes)
        back = plan_transition(new, old, case.writes).witness
        scene = Scene(
            transition.witness, lambda slot, case=case: case.stored.get(slot, 0), old, lambda back=back: [back]
        )
        spoiled = MUTATORS[kind](random.Random(index), scene)
        if spoiled is None or spoiled == transition.witness:
            continue
        tried += 1
        try:
            evaluation = evaluated(spoiled, case.stored)
        except InvalidWitness:
            assert kind != "open a hash"
            continue
        passes = (evaluation.old_root, evaluation.new_root) == (transition.old_root, transition.new_root)
        assert passes == (kind == "open a hash")
        assert not passes or evaluation.writes == transition.changes
    assert tried >= 5


# ------------------------------------------------------------------------------------------------- twins of the corpus
# `contracts/test/RejectionCorpus.t.sol` has the same faults for the engine; `docs/reference/refusals.md` the list.


def assert_roots(items: list[Item], stored: Values, old: bytes, new: bytes) -> None:
    evaluation = evaluated(items, stored)
    assert (evaluation.old_root, evaluation.new_root) == (old, new)


def test_evaluate_1_child_left_out_gives_the_root_without_it() -> None:
    stored = {A: BIG, B: BIG + 1}
    write = WriteItem(slot_at("5"), 7)
    here = {1: hash_at_one(A, BIG), 2: hash_at_one(B, BIG + 1)}
    grown = {slot_at("5"): 7}
    assert_roots([write, BranchItem(0, here)], stored, oracle_root(stored), oracle_root(stored | grown))
    evaluation = evaluated([write, BranchItem(0, {1: here[1]})], stored)
    assert evaluation.new_root == oracle_root({A: BIG} | grown)
    assert evaluation.old_root != oracle_root(stored)


def hash_at_one(slot: bytes, value: int) -> bytes:
    return root_hash(Leaf(to_nibbles(key_of(slot))[1:], storage_value(value)))


def test_evaluate_3_surplus_raises() -> None:
    whole = [LeafItem(key_of(A), BIG), WriteItem(B, 6), branch(0)]
    assert refusal([*whole, leaf("3")]) == "the witness leaves 2 subtries at its end, not one"
    assert refusal([*whole, branch(0, 5)]) == (
        f"the branch at byte {at_byte([*whole, branch(0, 5)])} joins a subtrie that does not lie below it"
    )
    length = len(encode_witness(whole))
    with pytest.raises(InvalidWitness, match=f"no item starts with 0xff, as at byte {length}"):
        evaluated(encode_witness(whole) + b"\xff", {})


def test_evaluate_4_embedded_leaf_by_its_hash_gives_another_old_root() -> None:
    stays, moves = mined(10)
    stored = {stays: 1, moves: 2}
    node = Leaf(to_nibbles(key_of(stays))[11:], storage_value(1))
    by_hash = BranchItem(10, {to_nibbles(key_of(stays))[10]: root_hash(node)})
    evaluation = evaluated([WriteItem(moves, 3), by_hash], stored)
    assert evaluation.old_root != oracle_root(stored)
    assert evaluation.new_root != oracle_root(stored | {moves: 3})


@pytest.mark.parametrize("nibbles", range(6, 13))
def test_evaluate_5_deep_neighbour_left_out_gives_the_root_without_it(nibbles: int) -> None:
    moves, stays = mined(nibbles)[:2]
    stored = {moves: 3, stays: 5}
    assert_roots([WriteItem(moves, 4)], stored, oracle_root({moves: 3}), oracle_root({moves: 4}))
    assert_roots(
        [*decode_witness(witness_for(stored, stored | {moves: 4}))],
        stored,
        oracle_root(stored),
        oracle_root(stored | {moves: 4}),
    )


def test_evaluate_6_branch_as_a_leafs_value_gives_another_old_root() -> None:
    # Below 0xa an extension leads to a branch; a leaf whose value is the branch's hash has a path and 32 bytes too.
    low, high, moves = slot_at("ab1"), slot_at("ab2"), slot_at("5")
    stored = {low: 1, high: 2, moves: 1}
    below = build((key_of(slot), storage_value(stored[slot])) for slot in (low, high))
    assert isinstance(below, Extension)
    digest = root_hash(below.child)
    write = WriteItem(moves, 3)
    forged = int.from_bytes(digest, "big")
    assert_roots(
        [write, LeafItem(key_of(low), forged), branch(0)],
        stored,
        oracle_root({low: forged, moves: 1}),
        oracle_root({low: forged, moves: 3}),
    )
    for depth in (1, 3, 63):
        told = OpaqueItem(to_nibbles(key_of(low))[:depth], digest)
        assert evaluated([write, told, branch(0)], stored).old_root != oracle_root(stored)
    told = OpaqueItem(to_nibbles(key_of(low))[:2], digest)
    assert_roots([write, told, branch(0)], stored, oracle_root(stored), oracle_root(stored | {moves: 3}))


def test_evaluate_14_witness_of_another_replica_gives_another_old_root() -> None:
    theirs = witness_for({A: 7}, {A: 9})
    evaluation = evaluated(theirs, {A: 8, B: 3})
    assert evaluation.old_root == oracle_root({A: 8}) != oracle_root({A: 8, B: 3})
