from __future__ import annotations

import random

import pytest

from smartsync.keccak import keccak256
from smartsync.sync.filling import Filling, changes_between
from smartsync.trie.frontier import root_of
from smartsync.trie.trie import storage_value
from smartsync.types import EMPTY_ROOT, SlotChange
from smartsync.witness import evaluate
from tests.fuzz.cases import random_case

Values = dict[bytes, int]


def slot(number: int) -> bytes:
    return number.to_bytes(32, "big")


def values(*numbers: int, seed: int = 0) -> Values:
    """Return slots with values that are the same in whatever order the tests run; others by another seed."""
    chance = random.Random(seed)
    return {slot(number): chance.randrange(1, 2**256) for number in numbers}


def in_order(stored: Values) -> list[bytes]:
    return sorted(stored, key=keccak256)


def root(stored: Values) -> bytes:
    return root_of((keccak256(key), storage_value(value)) for key, value in stored.items())


def assert_fills(landed: Values, wanted: Values, sizes: list[int]) -> int:
    """Perform all steps as the engine does, old values from the storage; each second one is planned again, smaller."""
    filling, storage, steps = Filling(landed, wanted), dict(landed), 0
    while filling.done < filling.total:
        size = sizes[steps % len(sizes)]
        step = filling.plan(size)
        if steps % 2:
            step = filling.plan(max(1, size // 2))
        assert 0 < len(step.changes) <= size
        found = evaluate(step.witness, lambda key: storage.get(key, 0))
        assert (found.old_root, found.new_root, found.writes) == (step.old_root, step.new_root, step.changes)
        assert found.old_root == root(storage)
        for change in step.changes:
            storage[change.slot] = change.new
            if not change.new:
                del storage[change.slot]
        assert found.new_root == root(storage)
        filling.land()
        steps += 1
    assert storage == wanted and filling.done == filling.total
    return steps


def test_changes_between_are_what_differs_in_the_order_of_the_trie_keys() -> None:
    landed, wanted = {slot(1): 1, slot(2): 2, slot(3): 3}, {slot(2): 2, slot(3): 4, slot(5): 5}
    found = changes_between(landed, wanted)
    assert set(found) == {SlotChange(slot(1), 1, 0), SlotChange(slot(3), 3, 4), SlotChange(slot(5), 0, 5)}
    assert [change.slot for change in found] == in_order({change.slot: 1 for change in found})


@pytest.mark.parametrize("landed", [{}, values(*range(20))])
def test_fill_of_what_has_landed_has_no_step(landed: Values) -> None:
    assert Filling(landed, dict(landed)).total == 0


def test_fill_from_nothing_is_in_the_order_of_the_trie_keys() -> None:
    wanted = values(*range(90))
    first = Filling({}, wanted).plan(40)
    assert first.old_root == EMPTY_ROOT
    assert [change.slot for change in first.changes] == in_order(wanted)[:40]
    assert assert_fills({}, wanted, [40]) == 3


@pytest.mark.parametrize("count", [1, 2, 50, 89, 90])
def test_fill_gone_on_with_writes_what_is_missing_only(count: int) -> None:
    wanted = values(*range(90))
    landed = {key: wanted[key] for key in in_order(wanted)[:count]}
    assert Filling(landed, wanted).total == 90 - count
    assert_fills(landed, wanted, [7])


def test_fill_gone_on_with_for_another_block_puts_right_what_has_landed_first() -> None:
    older = values(*range(90))
    wanted = older | values(3, 4, *range(90, 95), seed=1)
    del wanted[slot(5)]
    landed = {key: older[key] for key in in_order(older)[:60]}
    missing = changes_between(landed, wanted)
    filling = Filling(landed, wanted)
    assert filling.total == len(missing)
    assert filling.plan(1).changes == (missing[0],)
    assert_fills(landed, wanted, [4])


@pytest.mark.parametrize("index", range(200))
def test_fill_from_any_state_reaches_the_wanted_one_by_proven_steps(index: int) -> None:
    rng = random.Random(index)
    case, other = random_case(61, index), random_case(67, index)
    wanted = case.after | other.after
    landed = {key: value if rng.random() < 0.8 else 9 for key, value in wanted.items() if rng.random() < 0.6}
    assert_fills(landed | case.stored, wanted, rng.choices((1, 2, 3, 8, 40), k=4))


def test_fill_of_nothing_wanted_empties_what_has_landed() -> None:
    assert_fills(values(1, 2, 3), {}, [2])
