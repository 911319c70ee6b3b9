from __future__ import annotations

import random

import pytest

from smartsync.errors import InvalidWitness
from smartsync.keccak import keccak256
from smartsync.trie.frontier import Frontier
from smartsync.trie.node import Node
from smartsync.trie.trie import build, put, storage_value
from smartsync.types import SlotChange
from smartsync.witness import (
    BranchItem,
    LeafItem,
    OpaqueItem,
    WriteItem,
    decode_witness,
    evaluate,
    plan_fill,
    plan_transition,
)
from smartsync.witness.fill import Insert
from tests.fuzz.cases import neighbour, random_case
from tests.vectors.shapes import Values, at, mined, slot_at, word

Leaves = dict[bytes, int]


def edge_of(leaves: Leaves) -> Frontier:
    frontier = Frontier()
    for key in sorted(leaves):
        frontier.push(key, storage_value(leaves[key]))
    return frontier


def trie_of(leaves: Leaves) -> Node:
    return build((key, storage_value(value)) for key, value in leaves.items())


def inserts_of(values: Values) -> list[Insert]:
    return sorted(((keccak256(slot), SlotChange(slot, 0, value)) for slot, value in values.items()), key=lambda i: i[0])


def assert_fills(before: Leaves, values: Values, sizes: list[int]) -> None:
    """Check chunk by chunk: the very transition that two whole tries give, and what the chain would make of it."""
    inserts, edge, trie = inserts_of(values), edge_of(before), trie_of(before)
    while inserts:
        chunk, inserts = inserts[: sizes[0]], inserts[sizes[0] :]
        sizes = sizes[1:] + sizes[:1]
        after = trie
        for key, change in chunk:
            after = put(after, key, storage_value(change.new))
        edge, step = plan_fill(edge, chunk)
        assert step == plan_transition(trie, after, [change.slot for _, change in chunk])
        found = evaluate(step.witness, lambda slot: 0)
        assert (found.old_root, found.new_root, found.writes) == (step.old_root, step.new_root, step.changes)
        trie = after


@pytest.mark.parametrize("index", range(400))
def test_plan_fill_random_case_in_any_chunks_is_what_two_tries_give(index: int) -> None:
    rng = random.Random(index)
    case = random_case(47, index)
    assert_fills({}, case.after, rng.choices((1, 1, 2, 3, 7, 30), k=5))


@pytest.mark.parametrize("index", range(400))
def test_plan_fill_behind_leaves_of_any_depth_is_what_two_tries_give(index: int) -> None:
    rng = random.Random(index)
    case = random_case(53, index)
    first = rng.choice(sorted(keccak256(slot) for slot in case.writes))
    before = {key: value for key, value in (case.old_leaves | case.hidden).items() if key < first}
    values = {slot: value or 1 for slot, value in (case.stored | case.writes).items() if keccak256(slot) >= first}
    assert_fills(before, values, rng.choices((1, 2, 5, 40), k=3))


@pytest.mark.parametrize("size", [1, 2, 3, 50])
@pytest.mark.parametrize("nibbles", [6, 8, 10, 12])
@pytest.mark.parametrize("value", [1, 2**255])
def test_plan_fill_of_keys_that_share_many_nibbles_is_what_two_tries_give(nibbles: int, value: int, size: int) -> None:
    slots = [*mined(nibbles), *at("1", "12", "123", "f", "ff")]
    assert_fills({}, dict.fromkeys(slots, value), [size])


@pytest.mark.parametrize("depth", range(64))
def test_plan_fill_behind_a_ladder_of_tiny_leaves_is_what_two_tries_give(depth: int) -> None:
    # Leaves on the way to the new key, some embedded, one or more a branch.
    rng = random.Random(depth)
    slot = word(1000 + depth)
    key = keccak256(slot)
    beside = {
        neighbour(rng, key, at): rng.choice((1, 2**255)) for at in range(depth, 64) for _ in range(rng.choice((1, 3)))
    }
    left = {k: 2**255 if k[:28] == key[:28] else v for k, v in beside.items() if k < key}
    assert_fills(left, {slot: 7}, [1])


def test_plan_fill_into_nothing_tells_of_writes_and_where_they_part() -> None:
    _, step = plan_fill(Frontier(), inserts_of(at("2", "11", "12")))
    assert decode_witness(step.witness) == (
        WriteItem(slot_at("11"), 7),
        WriteItem(slot_at("12"), 7),
        BranchItem(1, {}),
        WriteItem(slot_at("2"), 7),
        BranchItem(0, {}),
    )


@pytest.mark.parametrize(
    ("there", "kinds", "opaque"),
    [
        (("1",), [LeafItem, WriteItem, BranchItem], set()),
        (("123", "124"), [OpaqueItem, WriteItem, BranchItem], set()),
        (("11", "12"), [WriteItem, BranchItem], {1}),
        (("1", "2"), [WriteItem, BranchItem], {1, 2}),
    ],
)
def test_plan_fill_tells_of_the_old_trie_what_hangs_on_its_edge(
    there: tuple[str, ...], kinds: list[type], opaque: set[int]
) -> None:
    _, step = plan_fill(edge_of({keccak256(slot): 7 for slot in at(*there)}), inserts_of(at("3")))
    items = decode_witness(step.witness)
    assert [type(item) for item in items] == kinds
    assert isinstance(items[-1], BranchItem) and (items[-1].depth, set(items[-1].opaque)) == (0, opaque)


def test_plan_fill_leaves_the_trie_before_as_it_is() -> None:
    before = edge_of({keccak256(slot): 7 for slot in at("1", "2")})
    root = before.root()
    after, step = plan_fill(before, inserts_of(at("3")))
    assert before.root() == root == step.old_root
    assert after.root() == step.new_root != root
    assert plan_fill(before, inserts_of(at("3")))[1] == step


def test_plan_fill_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        plan_fill(Frontier(), [])


def test_plan_fill_out_of_order_is_refused() -> None:
    with pytest.raises(ValueError, match="in their order"):
        plan_fill(Frontier(), inserts_of(at("1", "2"))[::-1])
    with pytest.raises(ValueError, match="in their order"):
        plan_fill(edge_of({b"\xff" * 32: 1}), inserts_of(at("1")))


@pytest.mark.parametrize("where", ["under the new leaf", "alone", "beside"])
def test_plan_fill_that_must_tell_of_an_embedded_branch_is_refused(where: str) -> None:
    slot = slot_at("f")
    key = keccak256(slot)
    # Leaves that part in the last nibble: the branch of them has under 32 bytes.
    pair = [bytes(32), bytes(31) + b"\x01"]
    last = bytes((key[31] & 0xF0,))
    beside = [b"\xe0" * 32, key[:1] + pair[0][1:], key[:1] + pair[1][1:]]
    before = dict.fromkeys({"under the new leaf": [key[:31] + last], "alone": pair, "beside": beside}[where], 1)
    assert all(there < key for there in before)
    trie = trie_of(before)
    with pytest.raises(InvalidWitness, match="under 32 bytes"):
        plan_fill(edge_of(before), [(key, SlotChange(slot, 0, 1))])
    with pytest.raises(InvalidWitness, match="under 32 bytes"):
        plan_transition(trie, put(trie, key, b"\x01"), [slot])
