"""Generate ``transitions.json``: transitions with their witness and both roots, and witnesses that must be refused.

The roots come from py-trie, an implementation that is none of ours, and each is checked against the package's own
before it is written. One file, two verifiers: ``contracts/test/TransitionVectors.t.sol`` and
``tests/unit/witness/test_vectors.py``.

Run ``python -m tests.vectors.generate_transitions``; the output is the same every time.

``accepted``: ``name``, ``old`` (slot and value of all that is stored), ``hidden`` (trie key and value of leaves whose
slot nobody knows: they share more nibbles with a slot's key than mining can reach), ``witness``, ``oldRoot``,
``newRoot``, ``writes`` (slot, old and new value, in trie-key order). Each shape stands there twice, once in each
direction. Slots, keys and values are numbers in hexadecimal, all else is bytes.

``refused``: ``name``, ``old``, ``witness``, and ``refusedBy``, the name of the engine's error.

``forged``: a witness that is well-formed and gives roots, ``givesOldRoot`` and ``givesNewRoot``, that are not the true
pair ``oldRoot`` and ``newRoot``.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from smartsync.trie.node import Leaf, root_hash
from smartsync.trie.trie import build, storage_value
from smartsync.witness import (
    BranchItem,
    Item,
    LeafItem,
    WriteItem,
    decode_witness,
    encode_witness,
    evaluate,
    plan_transition,
)
from tests.fuzz.cases import random_case
from tests.oracle import OracleTrie
from tests.vectors.shapes import Shape, hidden_shapes, key_of, shapes, slot_at

SEED = 20261122
RANDOM_CASES = 30
OUTPUT = Path(__file__).with_name("transitions.json")
Json = dict[str, Any]


def accepted(shape: Shape) -> Json:
    """Return the vector of a shape, with roots that py-trie computed."""
    old_leaves, new_leaves = ({key_of(s): v for s, v in side.items()} | shape.hidden for side in (shape.old, shape.new))
    tries = [build((k, storage_value(v)) for k, v in leaves.items()) for leaves in (old_leaves, new_leaves)]
    transition = plan_transition(*tries, shape.old.keys() | shape.new.keys())
    roots = OracleTrie(old_leaves).root, OracleTrie(new_leaves).root
    evaluation = evaluate(transition.witness, lambda slot: shape.old.get(slot, 0))
    if (evaluation.old_root, evaluation.new_root) != roots:
        raise AssertionError(f"{shape.name}: the witness does not give py-trie's roots")
    return {
        "name": shape.name,
        "old": _pairs(shape.old),
        "hidden": _pairs(shape.hidden),
        "witness": _hex(transition.witness),
        "oldRoot": _hex(roots[0]),
        "newRoot": _hex(roots[1]),
        "writes": [
            [hex(int.from_bytes(write.slot, "big")), hex(write.old), hex(write.new)] for write in evaluation.writes
        ],
    }


def random_shapes() -> list[Shape]:
    """Return the first cases of the fuzz with this seed that are small and change something."""
    cases = (random_case(SEED, index) for index in range(1000))
    small = (case for case in cases if case.changes and 2 < len(case.old_leaves) < 60 and len(case.writes) < 30)
    return [
        Shape(f"random {number}", case.stored, case.after, case.hidden)
        for number, case in zip(range(RANDOM_CASES), small, strict=False)
    ]


# ------------------------------------------------------------------------------------------------- refused

A, B, C, D = (slot_at(prefix) for prefix in ("1", "2", "31", "32"))
STORED = {A: 1, B: 2, C: 3, D: 4}


def _witness(new: dict[bytes, int]) -> bytes:
    sides = (build((key_of(s), storage_value(v)) for s, v in side.items() if v) for side in (STORED, STORED | new))
    return plan_transition(*sides, new).witness


def refused() -> list[Json]:
    """Return witnesses for the storage ``STORED``, each with one fault."""
    good = _witness({A: 9, C: 0})
    root = decode_witness(good)
    found: list[Json] = []

    def add(name: str, error: str, witness: bytes | Item) -> None:
        data = witness if isinstance(witness, bytes) else encode_witness(witness)
        found.append({"name": name, "old": _pairs(STORED), "witness": _hex(data), "refusedBy": error})

    def branch(path: str, **children: Any) -> BranchItem:
        nibbles = bytes(int(c, 16) for c in path)
        return BranchItem(nibbles, tuple(children.get(f"n{i:x}") for i in range(16)))

    opaque, write = bytes(range(32)), WriteItem(A, 9)
    add("empty", "WitnessTruncated", b"")
    for at in (1, 3, 4, 5, len(good) // 2, len(good) - 1):
        add(f"cut after {at} bytes", "WitnessTruncated", good[:at])
    add("a zero byte follows", "WitnessNotConsumed", good + b"\0")
    add("the witness twice", "WitnessNotConsumed", good + good)
    add(
        "a path whose known nibble is another",
        "PathMismatch",
        _patched(branch("", n1=branch("2", n1=opaque, n2=opaque), n2=opaque), 0x12, 0x22),
    )
    add(
        "a path whose unused nibble is not zero",
        "PathMismatch",
        _patched(branch("2", n1=opaque, n2=opaque), 0x20, 0x21),
    )
    add(
        "a leaf whose known nibble is another",
        "PathMismatch",
        _patched(branch("", n1=LeafItem(bytes([2] * 63), 1), n2=opaque), 0x12, 0x32),
    )
    add("a path beyond the trie", "PathTooLong", branch("", n1=branch("2" * 63, n1=opaque, n2=opaque), n2=opaque))
    add("an opaque path beyond the trie", "PathTooLong", bytes.fromhex("00000400027f") + bytes(96))
    add(
        "a branch below the last nibble",
        "PathTooLong",
        branch("2" * 63, n1=branch("", n1=opaque, n2=opaque), n2=opaque),
    )
    add("a branch without children", "BranchTooNarrow", branch(""))
    add("a branch of one hash", "BranchTooNarrow", branch("", n1=opaque))
    add("a branch of one write", "BranchTooNarrow", branch("", n1=write))
    add("a child as hash and as item", "ChildTwice", bytes.fromhex("0000060002") + bytes(64) + encode_witness(write))
    add("all children as hash and as item", "ChildTwice", bytes.fromhex("00ffffffff"))
    add("two writes swapped", "SlotMisplaced", branch("", n1=WriteItem(B, 9), n2=WriteItem(A, 9)))
    add("the same slot twice", "SlotMisplaced", branch("", n1=write, n2=write))
    add(
        "a slot under another's path",
        "SlotMisplaced",
        branch("", n1=opaque, n3=branch("", n1=opaque, n2=WriteItem(C, 1))),
    )
    add("a write of what is there", "NoOpWrite", _with_write(root, A, 1))
    add("a write of zero to an empty slot", "NoOpWrite", branch("", n1=write, nf=WriteItem(slot_at("f"), 0)))
    add("a value with a leading zero", "NonCanonicalWord", encode_witness(WriteItem(A, 9))[:-2] + b"\x02\x00\x09")
    add("a value of one zero byte", "NonCanonicalWord", encode_witness(WriteItem(A, 0))[:-1] + b"\x01\x00")
    add("a value of 33 bytes", "NonCanonicalWord", encode_witness(WriteItem(A, 0))[:-1] + b"\x21" + bytes([1] * 33))
    add("a slot with a leading zero", "NonCanonicalWord", b"\x82\x00" + A[-1:] + b"\x01\x09")
    add("slot zero with a byte", "NonCanonicalWord", b"\x81\x00\x01\x09")
    add("a slot of 33 bytes", "NonCanonicalWord", b"\xa1" + bytes([1] * 33) + b"\x01\x09")
    add("a slot of 63 bytes", "NonCanonicalWord", b"\xbf" + bytes([1] * 63) + b"\x01\x09")
    add("a leaf without a value", "NonCanonicalWord", b"\xc0" + bytes(32))
    add("a leaf's value with a leading zero", "NonCanonicalWord", b"\xc2" + bytes(32) + b"\x00\x01")
    add("a leaf's value of 33 bytes", "NonCanonicalWord", b"\xe1" + bytes(32) + bytes([1] * 33))
    return found


def _patched(item: Item, old: int, new: int) -> bytes:
    """Encode with the first path byte ``old`` made ``new``: a fault that items cannot express."""
    data = encode_witness(item)
    at = data.index(bytes((old,)), 5 if data[0] == 0 else 1)
    return data[:at] + bytes((new,)) + data[at + 1 :]


def _with_write(item: Item, slot: bytes, value: int) -> Item:
    if isinstance(item, WriteItem) and item.slot == slot:
        return replace(item, value=value)
    if not isinstance(item, BranchItem):
        return item
    children = (c if c is None or isinstance(c, bytes) else _with_write(c, slot, value) for c in item.children)
    return replace(item, children=tuple(children))


# ------------------------------------------------------------------------------------------------- forged


def forged() -> list[Json]:
    """Return witnesses for the transition of ``STORED`` that updates A and deletes C, each with one lie."""
    new = {A: 9, C: 0}
    good = decode_witness(_witness(new))
    roots = [
        OracleTrie({key_of(s): v for s, v in side.items()}).root
        for side in (STORED, {s: v for s, v in (STORED | new).items() if v})
    ]
    three = good.children[3]
    open_leaf = three.children[2]
    lies = {
        "another value": _with_write(good, A, 10),
        "a deletion for an update": _with_write(good, A, 0),
        "an update for a deletion": _with_write(good, C, 1),
        "another hash": _with_child(good, 2, bytes(32)),
        "a child left out": _with_child(good, 2, None),
        "a write left out": _with_child(good, 1, root_hash(Leaf(_rest(A, 1), storage_value(1)))),
        "a child added": _with_child(good, 9, bytes(range(32))),
        "a hash under a branch that exists on one side only": _with_child(
            good, 3, _with_child(three, 2, root_hash(Leaf(open_leaf.path, storage_value(open_leaf.value))))
        ),
        "an open leaf with another value": _with_child(good, 3, _with_child(three, 2, replace(open_leaf, value=5))),
        "a slot written that did not change": _with_child(good, 2, WriteItem(B, 7)),
        "a hash for the whole trie": encode_witness(BranchItem(b"", (roots[0],) * 2 + (None,) * 14)),
    }
    found = [_forgery(name, STORED, roots, witness) for name, witness in lies.items()]
    # What the replica has stored is not what the witness was made for.
    found.append(_forgery("an old value that is not the replica's", STORED | {A: 8}, roots, good))
    return found


def _forgery(name: str, stored: dict[bytes, int], roots: list[bytes], witness: bytes | Item) -> Json:
    data = witness if isinstance(witness, bytes) else encode_witness(witness)
    given = evaluate(data, lambda slot: stored.get(slot, 0))
    if [given.old_root, given.new_root] == roots:
        raise AssertionError(f"{name}: not a lie")
    return {
        "name": name,
        "old": _pairs(stored),
        "witness": _hex(data),
        "oldRoot": _hex(roots[0]),
        "newRoot": _hex(roots[1]),
        "givesOldRoot": _hex(given.old_root),
        "givesNewRoot": _hex(given.new_root),
    }


def _with_child(item: BranchItem, nibble: int, child: bytes | Item | None) -> BranchItem:
    children = list(item.children)
    children[nibble] = child
    return replace(item, children=tuple(children))


def _rest(slot: bytes, depth: int) -> bytes:
    return bytes(int(c, 16) for c in key_of(slot).hex()[depth:])


# ------------------------------------------------------------------------------------------------- output


def _pairs(values: dict[bytes, int]) -> list[list[str]]:
    return [[hex(int.from_bytes(key, "big")), hex(value)] for key, value in sorted(values.items())]


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


def main() -> None:
    both_ways = [way for shape in (*shapes(), *hidden_shapes()) for way in (shape, shape.back())]
    vectors = {
        "accepted": [accepted(shape) for shape in (*both_ways, *random_shapes())],
        "refused": refused(),
        "forged": forged(),
    }
    lines = ",\n".join(
        f' "{kind}": [\n' + ",\n".join("  " + json.dumps(v, separators=(",", ":")) for v in entries) + "\n ]"
        for kind, entries in vectors.items()
    )
    OUTPUT.write_text("{\n" + lines + "\n}\n")
    print({kind: len(entries) for kind, entries in vectors.items()}, OUTPUT.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
