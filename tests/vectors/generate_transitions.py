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

``walked``: one item, ``witness``, of a walk in parts: it takes the pending subtries and the hash of the writes from
``before`` and ``hashBefore`` to ``pending`` and ``writesHash``. ``old`` is all that is stored.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from smartsync.trie.nibbles import to_nibbles
from smartsync.trie.node import Leaf, root_hash
from smartsync.trie.trie import build, storage_value
from smartsync.witness import (
    START,
    BranchItem,
    Item,
    LeafItem,
    OpaqueItem,
    WriteItem,
    advance,
    decode_witness,
    encode_witness,
    evaluate,
    plan_transition,
)
from tests.fuzz.cases import random_case
from tests.oracle import OracleTrie
from tests.vectors.shapes import Shape, beside, hidden_shapes, key_of, shapes, slot_at

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
HASH = bytes(range(1, 33))


def _items(new: dict[bytes, int]) -> list[Item]:
    """Return the true witness of the transition from ``STORED`` that makes these writes."""
    sides = (build((key_of(s), storage_value(v)) for s, v in side.items() if v) for side in (STORED, STORED | new))
    return list(decode_witness(plan_transition(*sides, new).witness))


def path(nibbles: str) -> bytes:
    return bytes(int(c, 16) for c in nibbles)


def branch(depth: int, *opaque: int) -> BranchItem:
    return BranchItem(depth, dict.fromkeys(opaque, HASH))


def leaf(nibbles: str, value: int = 1) -> LeafItem:
    """Return a leaf whose key begins so; the rest is zeros."""
    return LeafItem(bytes.fromhex(nibbles.ljust(64, "0")), value)


def refused() -> list[Json]:
    """Return witnesses for the storage ``STORED``, each with one fault."""
    good = _items({A: 9, C: 0})
    return [
        {"name": name, "old": _pairs(STORED), "witness": _hex(_bytes(witness)), "refusedBy": error}
        for error, name, witness in (
            *_refused_length(good),
            *_refused_encoding(),
            *_refused_branch(),
            ("NoOpWrite", "a write of what is there", [WriteItem(A, 1), *good[1:]]),
            ("NoOpWrite", "a write of zero to an empty slot", [*good[:-1], WriteItem(slot_at("f"), 0), good[-1]]),
            ("NoOpWrite", "one write of zero", [WriteItem(slot_at("f"), 0)]),
        )
    ]


Fault = tuple[str, str, "bytes | list[Item]"]
"""The engine's error, the vector's name, the witness."""


def _refused_length(good: list[Item]) -> list[Fault]:
    whole, opaque = encode_witness(good), OpaqueItem(path("123"), HASH)
    found: list[Fault] = [
        # Only cuts after which nothing else is wrong, whatever an engine takes for the bytes that are missing.
        *(("WitnessTruncated", f"cut {cut} bytes before the end", whole[:-cut]) for cut in (1, 16, 31)),
        ("WitnessTruncated", "an opaque branch cut in its hash", encode_witness([opaque])[:-31]),
        ("WitnessTruncated", "a leaf cut in its value", encode_witness([leaf("12", 0x1234)])[:-1]),
        ("WitnessIncomplete", "empty", b""),
        ("WitnessIncomplete", "without its last branch", good[:-1]),
        ("WitnessIncomplete", "two leaves", [leaf("1"), leaf("2")]),
        ("WitnessIncomplete", "a subtrie in front that no branch joins", [leaf("2"), WriteItem(A, 9), branch(1, 0)]),
        ("WitnessIncomplete", "a subtrie behind that no branch joins", [WriteItem(A, 9), branch(0, 2), leaf("2")]),
    ]
    return found


def _refused_encoding() -> list[Fault]:
    write, zero = encode_witness([WriteItem(A, 9)]), encode_witness([WriteItem(A, 0)])
    ones = bytes([1] * 33)
    return [
        ("UnknownItem", "40, an opaque branch at depth 0", b"\x40" + HASH),
        ("UnknownItem", "e1", b"\xe1" + bytes(64)),
        ("UnknownItem", "ff", b"\xff" + bytes(64)),
        ("UnknownItem", "e1 behind a write", write + b"\xe1"),
        ("PathNotCanonical", "a path of one nibble with another", b"\x41\x12" + HASH),
        ("PathNotCanonical", "a path of three nibbles with another", b"\x43\x12\x31" + HASH),
        ("PathNotCanonical", "a path of 63 nibbles with another", b"\x7f" + bytes([0x11] * 32) + HASH),
        ("NonCanonicalWord", "a value with a leading zero", write[:-2] + b"\x02\x00\x09"),
        ("NonCanonicalWord", "a value of one zero byte", zero[:-1] + b"\x01\x00"),
        ("NonCanonicalWord", "a value of 33 bytes", zero[:-1] + b"\x21" + ones),
        ("NonCanonicalWord", "a value of 255 bytes", zero[:-1] + b"\xff" + bytes([1] * 255)),
        ("NonCanonicalWord", "a slot with a leading zero", b"\xc3\x00" + A[-1:] + b"\x01\x09"),
        ("NonCanonicalWord", "slot zero with a byte", b"\xc2\x00\x01\x09"),
        ("NonCanonicalWord", "a short slot in the long form", b"\x81" + A + b"\x09"),
        ("NonCanonicalWord", "a slot of 31 bytes in the long form", b"\x81\x00" + bytes([1] * 31) + b"\x09"),
        ("NonCanonicalWord", "a long slot's value with a leading zero", b"\x82" + bytes([1] * 32) + b"\x00\x09"),
        ("NonCanonicalWord", "a leaf's value with a leading zero", b"\xa2" + bytes([1] * 32) + b"\x00\x01"),
        ("NonCanonicalWord", "a leaf's value of one zero byte", b"\xa1" + bytes([1] * 32) + b"\x00"),
        ("NonCanonicalWord", "an opaque branch's hash of zeros", b"\x41\x10" + bytes(32)),
        (
            "NonCanonicalWord",
            "a hash of zeros handed upwards",
            [WriteItem(A, 0), BranchItem(0, {5: bytes(32)})],
        ),
    ]


def _refused_branch() -> list[Fault]:
    write, other, opaque = WriteItem(A, 9), WriteItem(B, 9), OpaqueItem(path("12"), HASH)
    five = WriteItem(slot_at("5"), 5)
    k = key_of(A).hex()
    near = [LeafItem(beside(key_of(A), depth), 1) for depth in (56, 60, 63)]
    return [
        ("NothingToJoin", "a branch of hashes alone", [branch(0, 1, 2)]),
        ("NothingToJoin", "a branch of nothing", [branch(0)]),
        ("NothingToJoin", "a branch of hashes before a write", [branch(1, 1, 2), write]),
        ("BranchTooNarrow", "a branch of one write", [write, branch(0)]),
        ("BranchTooNarrow", "a branch of one opaque branch", [opaque, branch(0)]),
        ("BranchTooNarrow", "a branch of one leaf, the other lies elsewhere", [leaf("1"), leaf("2"), branch(1)]),
        ("ChildOutOfOrder", "two writes swapped", [other, write, branch(0)]),
        ("ChildOutOfOrder", "the same slot twice", [write, WriteItem(A, 8), branch(0)]),
        ("ChildOutOfOrder", "a slot as a write and as a leaf", [LeafItem(key_of(A), 1), write, branch(0)]),
        ("ChildOutOfOrder", "the first two of three swapped", [leaf("2"), leaf("1"), leaf("3"), branch(0)]),
        ("ChildOutOfOrder", "the last two of three swapped", [leaf("1"), leaf("3"), leaf("2"), branch(0)]),
        ("ChildOutOfOrder", "two leaves that part below", [leaf("12"), leaf("13"), branch(0)]),
        ("ChildOutOfOrder", "a branch at too small a depth", [WriteItem(C, 9), WriteItem(D, 9), branch(0)]),
        ("ChildTwice", "a child as hash and as write", [write, branch(0, 1, 2)]),
        ("ChildTwice", "a child as hash and as opaque branch", [opaque, branch(0, 1)]),
        ("ChildTwice", "the lower of two children as hash too", [leaf("1"), leaf("2"), branch(0, 1)]),
        ("ChildTwice", "all children as hash, one as write too", [write, branch(0, *range(16))]),
        ("BranchMisplaced", "an opaque branch at the depth of its parent", [opaque, branch(2, 5)]),
        ("BranchMisplaced", "an opaque branch above its parent", [opaque, branch(40, 5)]),
        ("BranchMisplaced", "a branch joined at its own depth", [leaf("1"), leaf("2"), branch(0), branch(0, 5)]),
        ("BranchMisplaced", "a branch joined below itself", [leaf("1"), leaf("2"), branch(0), branch(7, 5)]),
        (
            "BranchMisplaced",
            "a branch of the old side only",
            [WriteItem(A, 0), WriteItem(B, 0), branch(0), branch(3, 9)],
        ),
        (
            "BranchMisplaced",
            "a branch of the new side only",
            [five, WriteItem(slot_at("6"), 5), branch(0), branch(3, 9)],
        ),
        # Each side handed a leaf upwards: what they are does not tell that a branch made them, but their keys do.
        (
            "BranchMisplaced",
            "two leaves handed up, joined where they have parted",
            [WriteItem(A, 0), five, branch(0), branch(1, 15 - int(k[1], 16))],
        ),
        (
            "BranchMisplaced",
            "two leaves handed up, joined at the branch that made them",
            [WriteItem(A, 0), five, branch(0), branch(0, 9)],
        ),
        (
            "EmbeddedBranch",
            "two short leaves that share 56 nibbles",
            [*_ascending(near[0], LeafItem(key_of(A), 1), 56)],
        ),
        (
            "EmbeddedBranch",
            "two short leaves that share 60 nibbles",
            [*_ascending(near[1], LeafItem(key_of(A), 1), 60)],
        ),
        (
            "EmbeddedBranch",
            "two short leaves that share 63 nibbles",
            [*_ascending(near[2], LeafItem(key_of(A), 1), 63)],
        ),
        ("EmbeddedBranch", "on the old side only", [*_ascending(near[2], WriteItem(A, 2**255), 63)]),
    ]


def _ascending(leaf: LeafItem, other: LeafItem | WriteItem, depth: int) -> list[Item]:
    """Return both, by their keys, and the branch that joins them."""
    key = other.key if isinstance(other, LeafItem) else key_of(other.slot)
    return [*((leaf, other) if leaf.key < key else (other, leaf)), branch(depth)]


def _bytes(witness: bytes | list[Item]) -> bytes:
    return witness if isinstance(witness, bytes) else encode_witness(witness)


# ------------------------------------------------------------------------------------------------- forged


def forged() -> list[Json]:
    """Return witnesses for the transition of ``STORED`` that updates A and deletes C, each with one lie."""
    new = {A: 9, C: 0}
    # In this order: A, then C and D and the branch above them, then the root, which has B by its hash.
    a, c, d, three, root = good = _items(new)
    roots = [
        OracleTrie({key_of(s): v for s, v in side.items()}).root
        for side in (STORED, {s: v for s, v in (STORED | new).items() if v})
    ]
    lies: dict[str, list[Item]] = {
        "another value": [replace(a, value=10), c, d, three, root],
        "a deletion for an update": [replace(a, value=0), c, d, three, root],
        "an update for a deletion": [a, replace(c, value=1), d, three, root],
        "another hash": [a, c, d, three, BranchItem(0, {2: HASH})],
        "a hash of zeros": [a, c, d, three, BranchItem(0, {2: bytes(32)})],
        "a hash under another nibble": [a, c, d, three, BranchItem(0, {4: root.opaque[2]})],
        "a child left out": [a, c, d, three, branch(0)],
        "a write left out": [c, d, three, BranchItem(0, {**root.opaque, 1: _leaf_hash(A, 1, 1)})],
        "a write as an unchanged leaf": [LeafItem(key_of(A), 1), c, d, three, root],
        "a child added": [a, c, d, three, BranchItem(0, {**root.opaque, 9: HASH})],
        "a hash under a branch that exists on one side only": [
            *(a, c, BranchItem(three.depth, {2: _leaf_hash(D, 2, 4)}), root)
        ],
        "an open leaf with another value": [a, c, replace(d, value=5), three, root],
        "an open leaf with another key": [a, c, replace(d, key=beside(d.key, 63)), three, root],
        "a branch at another depth": [a, c, BranchItem(three.depth, {9: HASH}), root],
        "a slot written that did not change": [a, WriteItem(B, 7), c, d, three, branch(0)],
        "only the first write": [a],
        "an opaque branch for the whole trie": [OpaqueItem(path("1"), roots[0])],
    }
    found = [_forgery(name, STORED, roots, witness) for name, witness in lies.items()]
    # What the replica has stored is not what the witness was made for.
    found.append(_forgery("an old value that is not the replica's", STORED | {A: 8}, roots, good))
    return found


def _leaf_hash(slot: bytes, depth: int, value: int) -> bytes:
    return root_hash(Leaf(to_nibbles(key_of(slot))[depth:], storage_value(value)))


def _forgery(name: str, stored: dict[bytes, int], roots: list[bytes], witness: list[Item]) -> Json:
    data = encode_witness(witness)
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


# ------------------------------------------------------------------------------------------------- walked

WALKED = (
    "root leaf updated",
    "root leaf split into an extension",
    "another root leaf below the same nibbles",
    "leaf swapped for another below the same nibble",
    "root extension for another",
    "root extension for a root leaf",
    "extension split at its last nibble",
    "extension of two nibbles split at its first",
    "extension above an opaque branch split",
    "collapse into an extension",
    "collapse into a branch that gets an extension",
    "collapse of two levels into a leaf",
    "a branch gone, its neighbour collapses",
    "a branch whose children are all exchanged",
    "large slots",
)
"""Shapes that are walked item by item; between them each way in which a pending subtrie can look."""


def walked(shape: Shape) -> list[Json]:
    """Return a vector for each item of a shape's witness."""
    old, new = (build((key_of(s), storage_value(v)) for s, v in side.items()) for side in (shape.old, shape.new))
    items = decode_witness(plan_transition(old, new, shape.old.keys() | shape.new.keys()).witness)
    found, state = [], START
    for number, item in enumerate(items, 1):
        before, witness = state, encode_witness([item])
        state = advance(before, witness, lambda slot: shape.old.get(slot, 0))
        found.append(
            {
                "name": f"{shape.name}, item {number} of {len(items)}",
                "old": _pairs(shape.old),
                "before": _hex(before.pending),
                "hashBefore": _hex(before.writes_hash),
                "witness": _hex(witness),
                "pending": _hex(state.pending),
                "writesHash": _hex(state.writes_hash),
            }
        )
    return found


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
        "walked": [vector for way in both_ways if way.name.removesuffix(", back") in WALKED for vector in walked(way)],
    }
    lines = ",\n".join(
        f' "{kind}": [\n' + ",\n".join("  " + json.dumps(v, separators=(",", ":")) for v in entries) + "\n ]"
        for kind, entries in vectors.items()
    )
    OUTPUT.write_text("{\n" + lines + "\n}\n")
    print({kind: len(entries) for kind, entries in vectors.items()}, OUTPUT.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
