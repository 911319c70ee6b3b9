"""The vectors that ``contracts/test/TransitionVectors.t.sol`` holds the engine to, in Python."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from smartsync.errors import InvalidWitness
from smartsync.keccak import keccak256
from smartsync.trie.node import Node, root_hash
from smartsync.trie.proof import partial_trie
from smartsync.trie.trie import build, put, storage_value
from smartsync.witness import (
    START,
    WalkState,
    advance,
    conclude,
    decode_witness,
    encode_witness,
    evaluate,
    plan_transition,
)
from smartsync.witness.items import read_items
from smartsync.witness.pending import decode_pending, encode_pending
from tests.oracle import OracleTrie
from tests.vectors.shapes import key_of, word

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "transitions.json").read_text())

MESSAGES = {
    "WitnessTruncated": "ends at byte",
    "WitnessIncomplete": "subtries at its end, not one",
    "UnknownItem": "no item starts with",
    "NothingToJoin": "has nothing to join",
    "BranchTooNarrow": "has fewer than two children",
    "ChildOutOfOrder": "joins subtries that are not in the order of their keys",
    "ChildTwice": "has a child that is both opaque and a pending subtrie",
    "BranchMisplaced": "joins a subtrie that does not lie below it",
    "EmbeddedBranch": "has a node of fewer than 32 bytes",
    "PathNotCanonical": "has an unused nibble that is not zero",
    "NonCanonicalWord": "has a leading zero|more than 32|a hash of zeros",
    "NoOpWrite": "changes nothing",
}
"""How the package says what the engine's error says."""


def each(kind: str) -> Any:
    return pytest.mark.parametrize("vector", VECTORS[kind], ids=[vector["name"] for vector in VECTORS[kind]])


def bytes_of(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def values_of(pairs: list[list[str]]) -> dict[bytes, int]:
    return {word(int(key, 16)): int(value, 16) for key, value in pairs}


def leaves_of(vector: dict[str, Any]) -> tuple[dict[bytes, int], dict[bytes, int]]:
    """Return trie key to value, before and after."""
    hidden = values_of(vector["hidden"])
    old = {key_of(slot): value for slot, value in values_of(vector["old"]).items()} | hidden
    new = old | {key_of(word(int(slot, 16))): int(value, 16) for slot, _, value in vector["writes"]}
    return old, {key: value for key, value in new.items() if value}


def trie_of(leaves: dict[bytes, int]) -> Node:
    return build((key, storage_value(value)) for key, value in leaves.items())


@each("accepted")
def test_evaluate_accepted_vector_gives_roots_and_writes(vector: dict[str, Any]) -> None:
    stored = values_of(vector["old"])
    evaluation = evaluate(bytes_of(vector["witness"]), lambda slot: stored.get(slot, 0))
    assert evaluation.old_root == bytes_of(vector["oldRoot"])
    assert evaluation.new_root == bytes_of(vector["newRoot"])
    assert [[hex(int.from_bytes(w.slot)), hex(w.old), hex(w.new)] for w in evaluation.writes] == vector["writes"]


@each("accepted")
def test_oracle_accepted_vector_gives_the_same_roots(vector: dict[str, Any]) -> None:
    old, new = leaves_of(vector)
    trie = OracleTrie(old)
    assert trie.root == bytes_of(vector["oldRoot"])
    # Write by write, so that the library does the splits and the collapses too.
    for key in old.keys() | new.keys():
        trie.put(key, new.get(key, 0))
    assert trie.root == bytes_of(vector["newRoot"])


@each("accepted")
def test_put_accepted_vector_leads_to_the_new_root(vector: dict[str, Any]) -> None:
    old, _ = leaves_of(vector)
    node = trie_of(old)
    assert root_hash(node) == bytes_of(vector["oldRoot"])
    for slot, _, value in vector["writes"]:
        number = int(value, 16)
        node = put(node, key_of(word(int(slot, 16))), storage_value(number) if number else None)
    assert root_hash(node) == bytes_of(vector["newRoot"])


@each("accepted")
def test_plan_transition_accepted_vector_gives_the_witness(vector: dict[str, Any]) -> None:
    old, new = leaves_of(vector)
    slots = [word(int(slot, 16)) for slot, _, _ in vector["writes"]]
    transition = plan_transition(trie_of(old), trie_of(new), slots)
    assert transition.witness == bytes_of(vector["witness"])
    assert encode_witness(decode_witness(transition.witness)) == transition.witness


@each("accepted")
def test_plan_transition_accepted_vector_out_of_proofs_gives_the_witness(vector: dict[str, Any]) -> None:
    slots = [word(int(slot, 16)) for slot, _, _ in vector["writes"]]
    sides = [OracleTrie(leaves) for leaves in leaves_of(vector)]
    partial = [partial_trie(side.root, [n for slot in slots for n in side.proof(key_of(slot))]) for side in sides]
    assert plan_transition(*partial, slots).witness == bytes_of(vector["witness"])


@each("accepted")
def test_advance_accepted_vector_in_parts_of_one_item_gives_the_roots(vector: dict[str, Any]) -> None:
    stored = values_of(vector["old"])
    witness = bytes_of(vector["witness"])
    state, writes_hash = START, bytes(32)
    for item in decode_witness(witness):
        state = advance(state, encode_witness([item]), lambda slot: stored.get(slot, 0))
    for slot, _, value in vector["writes"]:
        writes_hash = keccak256(writes_hash + word(int(slot, 16)) + word(int(value, 16)))
    assert conclude(state) == (bytes_of(vector["oldRoot"]), bytes_of(vector["newRoot"]))
    assert state.writes_hash == writes_hash


@each("accepted")
def test_evaluate_accepted_vector_cut_off_anywhere_is_refused(vector: dict[str, Any]) -> None:
    stored = values_of(vector["old"])
    witness = bytes_of(vector["witness"])
    between = {offset for offset, _ in read_items(witness)}
    for end in {*range(0, len(witness), max(1, len(witness) // 12)), len(witness) - 1} - between:
        with pytest.raises(InvalidWitness, match=f"ends at byte {end}, inside an item"):
            evaluate(witness[:end], lambda slot: stored.get(slot, 0))


@each("accepted")
def test_evaluate_accepted_vector_cut_off_between_items_is_refused(vector: dict[str, Any]) -> None:
    stored = values_of(vector["old"])
    witness = bytes_of(vector["witness"])
    for end, _ in list(read_items(witness)):
        try:
            evaluation = evaluate(witness[:end], lambda slot: stored.get(slot, 0))
        except InvalidWitness as error:
            assert "subtries at its end, not one" in str(error)
            continue
        # One subtrie is a trie, but not this one.
        assert evaluation.old_root != bytes_of(vector["oldRoot"]) or evaluation.new_root != bytes_of(vector["newRoot"])


@each("refused")
def test_evaluate_refused_vector_raises_what_the_engine_says(vector: dict[str, Any]) -> None:
    stored = values_of(vector["old"])
    with pytest.raises(InvalidWitness) as caught:
        evaluate(bytes_of(vector["witness"]), lambda slot: stored.get(slot, 0))
    assert re.search(MESSAGES[vector["refusedBy"]], str(caught.value))


@each("forged")
def test_evaluate_forged_vector_gives_other_roots(vector: dict[str, Any]) -> None:
    stored = values_of(vector["old"])
    evaluation = evaluate(bytes_of(vector["witness"]), lambda slot: stored.get(slot, 0))
    given = evaluation.old_root, evaluation.new_root
    assert given == (bytes_of(vector["givesOldRoot"]), bytes_of(vector["givesNewRoot"]))
    assert given != (bytes_of(vector["oldRoot"]), bytes_of(vector["newRoot"]))


@each("walked")
def test_advance_walked_vector_gives_the_next_state(vector: dict[str, Any]) -> None:
    stored = values_of(vector["old"])
    before = WalkState(bytes_of(vector["before"]), bytes_of(vector["hashBefore"]))
    after = advance(before, bytes_of(vector["witness"]), lambda slot: stored.get(slot, 0))
    assert after == WalkState(bytes_of(vector["pending"]), bytes_of(vector["writesHash"]))
    assert encode_pending(decode_pending(after.pending)) == after.pending


def test_vectors_refused_name_every_error_of_a_witness() -> None:
    assert {vector["refusedBy"] for vector in VECTORS["refused"]} == set(MESSAGES)
