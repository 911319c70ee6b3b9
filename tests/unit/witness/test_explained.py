"""The example of `docs/explain/how-a-transition-is-proven.md`, number by number."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from smartsync.keccak import keccak256
from smartsync.trie.node import Branch, Leaf, reference
from smartsync.trie.trie import build, put, storage_value
from smartsync.witness import BranchItem, WriteItem, encode_witness, evaluate, plan_transition

PAGE = (Path(__file__).parents[3] / "docs" / "explain" / "how-a-transition-is-proven.md").read_text("utf-8")
VALUES = {slot.to_bytes(32, "big"): value for slot, value in {0: 100, 6: 200, 8: 300}.items()}
GONE = (8).to_bytes(32, "big")

OLD = build((keccak256(slot), storage_value(value)) for slot, value in VALUES.items())
NEW = put(OLD, keccak256(GONE), None)


def told_witness() -> bytes:
    """Return the bytes of the page's listing, without what is said beside them."""
    listing = PAGE.split("The whole witness, 75 bytes:")[1].split("```")[1]
    return bytes.fromhex("".join(re.split(r" {2,}", line)[0] for line in listing.splitlines()))


def test_page_witness_is_what_is_built() -> None:
    transition = plan_transition(OLD, NEW, [GONE])
    assert transition.witness == told_witness()
    assert len(transition.witness) == 75
    assert f"{transition.old_root.hex()[:12]}…" in PAGE
    assert f"{transition.new_root.hex()[:12]}…" in PAGE


def test_page_keys_begin_as_told() -> None:
    for slot, start in zip(VALUES, ("29", "f6", "f3"), strict=True):
        assert keccak256(slot).hex().startswith(start)


def test_page_leaf_by_its_hash_gives_a_root_that_no_trie_has() -> None:
    assert isinstance(OLD, Branch)
    lower = OLD.children[15]
    assert isinstance(lower, Branch)
    assert isinstance(lower.children[6], Leaf)
    kept, closed = reference(OLD.children[2])[1:], reference(lower.children[6])[1:]
    items = [WriteItem(GONE, 0), BranchItem(1, {6: closed}), BranchItem(0, {2: kept})]
    found = evaluate(encode_witness(items), lambda slot: VALUES.get(slot, 0))
    assert found.old_root == plan_transition(OLD, NEW, [GONE]).old_root
    for digest in (closed, found.new_root):
        assert f"{digest.hex()[:8]}…" in PAGE


@pytest.mark.parametrize("value", [1, 301])
def test_page_other_old_value_gives_another_old_root(value: int) -> None:
    found = evaluate(told_witness(), lambda slot: value if slot == GONE else VALUES.get(slot, 0))
    assert f"{found.old_root.hex()[:12]}…" not in PAGE
    assert f"{found.new_root.hex()[:12]}…" in PAGE
