from __future__ import annotations

from typing import Any

import pytest

from smartsync.errors import InvalidWitness
from smartsync.explaining.drawing import Closed, Drawn, Fork, Kept, Left, Written, draw, draw_writes
from smartsync.keccak import keccak256
from smartsync.trie.nibbles import to_nibbles
from smartsync.types import SlotChange
from smartsync.witness import (
    BranchItem,
    LeafItem,
    OpaqueItem,
    WriteItem,
    advance,
    decode_witness,
    encode_witness,
    encode_writes,
)
from smartsync.witness.evaluate import START
from smartsync.witness.pending import Pending, Side, encode_pending, leaf_side
from tests.unit.explaining.sample import VECTORS, accepted, drawing_of, old_of, witness_of


def each(kind: str) -> Any:
    return pytest.mark.parametrize("vector", VECTORS[kind], ids=[vector["name"] for vector in VECTORS[kind]])


def all_of(nodes: tuple[Drawn, ...]) -> list[Drawn]:
    return [one for node in nodes for one in (node, *(all_of(node.children) if isinstance(node, Fork) else ()))]


@each("accepted")
def test_draw_accepted_vector_has_its_roots_and_every_item_once(vector: dict[str, Any]) -> None:
    found = drawing_of(vector)
    assert (found.old_root, found.new_root) == tuple(bytes.fromhex(vector[name][2:]) for name in ("oldRoot", "newRoot"))
    items = decode_witness(witness_of(vector))
    nodes = all_of(found.subtries)
    beside = sum(len(item.opaque) for item in items if isinstance(item, BranchItem))
    for kind, item, more in (
        (Written, WriteItem, 0),
        (Kept, LeafItem, 0),
        (Closed, OpaqueItem, beside),
        (Fork, BranchItem, 0),
    ):
        assert sum(isinstance(node, kind) for node in nodes) == more + sum(isinstance(one, item) for one in items)
    written = [[hex(int.from_bytes(one.slot)), hex(one.old or 0), hex(one.new)] for one in found.writes]
    assert written == vector["writes"]


@each("accepted")
def test_draw_accepted_vector_without_old_values_has_its_new_root(vector: dict[str, Any]) -> None:
    found = draw(witness_of(vector), None)
    assert found.new_root == bytes.fromhex(vector["newRoot"][2:])
    assert found.old_root is None and found.state is None
    assert {one.kind for one in found.writes} <= {"write", "delete"}


@each("accepted")
def test_draw_every_node_lies_where_its_key_says(vector: dict[str, Any]) -> None:
    for node in all_of(drawing_of(vector).subtries):
        if isinstance(node, Fork):
            places = [child.path if isinstance(child, (Closed, Fork)) else child.key for child in node.children]
            assert all(place.startswith(node.path) and len(place) > node.depth for place in places)
            assert [place[node.depth] for place in places] == sorted({place[node.depth] for place in places})


@each("refused")
def test_draw_refused_vector_is_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(InvalidWitness):
        drawing_of(vector)


@each("accepted")
def test_draw_accepted_vector_in_parts_of_one_item_ends_at_the_same_roots(vector: dict[str, Any]) -> None:
    old, state, drawn = old_of(vector), START, []
    for item in decode_witness(witness_of(vector)):
        part = encode_witness([item])
        drawn.append(draw(part, old, is_part=True, pending=state.pending, writes_hash=state.writes_hash))
        state = advance(state, part, lambda slot: old.get(slot, 0))
        assert drawn[-1].state == state
    last = drawn[-1]
    assert (last.old_root, last.new_root) == (drawing_of(vector).old_root, drawing_of(vector).new_root)
    assert len(drawn) == 1 or any(isinstance(node, Left) for node in all_of(drawn[-1].subtries))


@each("accepted")
def test_draw_writes_accepted_vector_has_roots_and_writes(vector: dict[str, Any]) -> None:
    old, whole = old_of(vector), drawing_of(vector)
    assert whole.state is not None
    writes = encode_writes(SlotChange(one.slot, one.old or 0, one.new) for one in whole.writes)
    found = draw_writes(writes, old, whole.state.pending)
    assert (found.old_root, found.new_root, found.writes) == (whole.old_root, whole.new_root, whole.writes)
    assert [node for node in all_of(found.subtries) if isinstance(node, Written)] == list(whole.writes)
    assert found.state == whole.state


def test_draw_collapse_tells_what_each_side_is() -> None:
    # The example of docs/explain/how-a-transition-is-proven.md.
    slots = {number: number.to_bytes(32, "big") for number in (0, 6, 8)}
    leaf = LeafItem(keccak256(slots[6]), 200)
    items = [WriteItem(slots[8], 0), leaf, BranchItem(1, {}), BranchItem(0, {2: b"\x33" * 32})]
    (root,) = draw(encode_witness(items), {slots[8]: 300}).subtries
    assert isinstance(root, Fork)
    opaque, lower = root.children
    assert isinstance(lower, Fork) and opaque == Closed(b"\x02", b"\x33" * 32)
    assert lower.before is not None and lower.after is not None
    assert (lower.before.children, lower.after.children) == (2, 1)
    assert lower.before.hash is not None and lower.after.hash is None
    assert [type(child) for child in lower.children] == [Written, Kept]
    assert lower.path == to_nibbles(keccak256(slots[8]))[:1]


def test_draw_writes_with_other_items_or_out_of_order_is_refused() -> None:
    whole = drawing_of(accepted("empty to three levels"))
    assert whole.state is not None
    items = [WriteItem(one.slot, one.new) for one in whole.writes]
    for wrong in ([*items, LeafItem(b"\xff" * 32, 1)], items[::-1], [items[0], items[0]]):
        with pytest.raises(InvalidWitness, match=r"of a commit|besides writes"):
            draw_writes(encode_witness(wrong), {}, whole.state.pending)
    with pytest.raises(InvalidWitness, match="0 subtries"):
        draw_writes(encode_witness(items), {}, b"")


def test_draw_part_behind_what_cannot_have_been_left_is_refused() -> None:
    key = bytes(64)
    nothing = leaf_side(key, 0)
    with pytest.raises(InvalidWitness, match="empty on both sides"):
        draw(b"", {}, is_part=True, pending=encode_pending([Pending(nothing, nothing)]))
    with pytest.raises(InvalidWitness, match="160 bytes"):
        draw(b"", {}, is_part=True, pending=b"\x01" * 159)
    # Of nothing on either side a branch makes nothing, which is said to lie below everything: no tree has it there.
    one, other = leaf_side(key, 5), leaf_side(b"\x01" * 64, 6)
    pending = [Pending(one, leaf_side(key, 0)), Pending(leaf_side(b"\x01" * 64, 0), other)]
    for depth in (9, 0):
        items = [BranchItem(0, {}), BranchItem(depth, {3: b"\x01" * 32})]
        with pytest.raises(InvalidWitness):
            draw(encode_witness(items), {}, is_part=True, pending=encode_pending(pending))


def test_draw_pending_with_an_absurd_depth_never_breaks() -> None:
    sides = [Side(bytes(64), depth, b"\x01" * 32) for depth in (0, 63, 64, 65, 255)]
    for old in sides:
        for new in sides:
            for depth in (0, 5, 63):
                part = encode_witness([BranchItem(depth, {7: b"\x02" * 32})])
                try:
                    found = draw(part, {}, is_part=True, pending=encode_pending([Pending(old, new)]))
                except InvalidWitness:
                    continue
                assert len(found.subtries) == 1
