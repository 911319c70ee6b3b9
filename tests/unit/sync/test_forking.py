from __future__ import annotations

import random

from smartsync.keccak import keccak256
from smartsync.sync.forking import _apply, _changes
from smartsync.trie.node import Node, root_hash
from smartsync.trie.trie import build, storage_value
from smartsync.types import SlotChange
from smartsync.witness import evaluate, plan_transition

CHANCE = random.Random(2026)


def slot(number: int) -> bytes:
    return number.to_bytes(32, "big")


def values(*numbers: int) -> dict[bytes, int]:
    return {slot(number): CHANCE.randrange(1, 2**256) for number in numbers}


def trie_of(stored: dict[bytes, int]) -> Node:
    return build((keccak256(key), storage_value(value)) for key, value in stored.items())


def test_changes_are_what_differs_in_the_order_of_the_trie_keys() -> None:
    landed, wanted = {slot(1): 1, slot(2): 2, slot(3): 3}, {slot(2): 2, slot(3): 4, slot(5): 5}
    found = _changes(landed, wanted)
    assert set(found) == {SlotChange(slot(1), 1, 0), SlotChange(slot(3), 3, 4), SlotChange(slot(5), 0, 5)}
    assert [change.slot for change in found] == sorted((change.slot for change in found), key=keccak256)


def test_changes_of_what_has_landed_are_none() -> None:
    stored = values(*range(20))
    assert _changes(stored, dict(stored)) == []


def test_apply_chunk_by_chunk_reaches_the_wanted_root_by_proven_steps() -> None:
    landed, wanted = values(*range(30)), values(*range(15, 90))
    wanted |= {slot(number): landed[slot(number)] for number in range(15, 20)}  # some have landed already
    changes, trie, storage = _changes(landed, wanted), trie_of(landed), dict(landed)
    assert len(changes) == 85
    for first in range(0, len(changes), 32):
        chunk = changes[first : first + 32]
        after = _apply(trie, chunk)
        step = plan_transition(trie, after, (change.slot for change in chunk))
        # As the engine does it: old values from the storage, the roots from the witness.
        evaluated = evaluate(step.witness, lambda key: storage.get(key, 0))  # noqa: B023  # used at once
        assert (evaluated.old_root, evaluated.new_root) == (root_hash(trie), root_hash(after))
        storage |= {change.slot: change.new for change in chunk}
        trie = after
    assert root_hash(trie) == root_hash(trie_of(wanted))


def test_apply_everything_deleted_is_the_empty_trie() -> None:
    landed = values(1, 2, 3)
    assert _apply(trie_of(landed), _changes(landed, {})) is None
