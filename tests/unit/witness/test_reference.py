"""The example of `docs/reference/witness.md`, byte by byte, and its list of errors."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from smartsync.keccak import keccak256
from smartsync.trie.trie import build, put, storage_value
from smartsync.witness import START, advance, conclude, decode_witness, encode_witness, plan_transition
from smartsync.witness.items import read_items

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "witness.md").read_text("utf-8")
VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "transitions.json").read_text())
VALUES = {slot.to_bytes(32, "big"): value for slot, value in {0: 100, 6: 200, 8: 300}.items()}
GONE = (8).to_bytes(32, "big")

WITNESS, PUSHED, JOINED, LAST = (
    bytes.fromhex("".join(re.split(r" {2,}", line)[0] for line in listing.splitlines()))
    for listing in PAGE.split("## An example")[1].split("```")[1::2]
)
"""The page's listings, without what is said beside them: the witness, what is pending after its items 2, 3 and 4."""


def test_page_witness_is_what_is_built() -> None:
    old = build((keccak256(slot), storage_value(value)) for slot, value in VALUES.items())
    transition = plan_transition(old, put(old, keccak256(GONE), None), [GONE])
    assert transition.witness == WITNESS
    assert len(WITNESS) == 75
    assert "75 bytes" in PAGE


@pytest.mark.parametrize(("count", "pending"), [(2, PUSHED), (3, JOINED), (4, LAST)])
def test_page_pending_subtries_are_what_the_items_leave(count: int, pending: bytes) -> None:
    part = encode_witness(decode_witness(WITNESS)[:count])
    assert advance(START, part, lambda slot: VALUES.get(slot, 0)).pending == pending


def test_page_lines_of_the_witness_are_its_items() -> None:
    listing = PAGE.split("## An example")[1].split("```")[1].strip().splitlines()
    lines = [bytes.fromhex(re.split(r" {2,}", line)[0]) for line in listing]
    assert lines == [encode_witness([item]) for _, item in read_items(WITNESS)]


def test_page_roots_are_those_of_the_last_subtrie() -> None:
    state = advance(START, WITNESS, lambda slot: VALUES.get(slot, 0))
    assert conclude(state) == (LAST[32:64], LAST[64:96])


def test_page_names_each_error_that_the_vectors_name() -> None:
    told = set(re.findall(r"`([A-Za-z]+)\([a-z]+\)` \|", PAGE))
    assert told == {vector["refusedBy"] for vector in VECTORS["refused"]}
