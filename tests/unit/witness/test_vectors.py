"""The vectors that ``contracts/test/TransitionVectors.t.sol`` holds the engine to, in Python."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from smartsync.errors import InvalidWitness
from smartsync.trie.node import Node, root_hash
from smartsync.trie.proof import partial_trie
from smartsync.trie.trie import build, put, storage_value
from smartsync.witness import decode_witness, encode_witness, evaluate, plan_transition
from tests.oracle import OracleTrie
from tests.vectors.shapes import key_of, word

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "transitions.json").read_text())

MESSAGES = {
    "WitnessTruncated": "ends at byte",
    "WitnessNotConsumed": "bytes follow the witness's last item",
    "PathMismatch": "contradicts its position",
    "PathTooLong": "leads below the trie's last nibble",
    "BranchTooNarrow": "has fewer than two children",
    "ChildTwice": "lists a child as opaque and as described",
    "SlotMisplaced": "does not belong at depth",
    "NoOpWrite": "changes nothing",
    "NonCanonicalWord": "has a leading zero|more than 32|has no value",
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
def test_evaluate_accepted_vector_cut_off_anywhere_raises(vector: dict[str, Any]) -> None:
    stored = values_of(vector["old"])
    witness = bytes_of(vector["witness"])
    for end in {*range(0, len(witness), max(1, len(witness) // 12)), len(witness) - 1}:
        with pytest.raises(InvalidWitness, match="ends at byte"):
            evaluate(witness[:end], lambda slot: stored.get(slot, 0))


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


def test_vectors_refused_name_every_error_of_a_witness() -> None:
    assert {vector["refusedBy"] for vector in VECTORS["refused"]} == set(MESSAGES)
