from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from smartsync.analysis import storage
from smartsync.analysis.storage import estimated_depth, estimated_slots, mean_depth, measure_storage
from smartsync.analysis.verdict import storage_check
from smartsync.discovery import slot_walk
from smartsync.errors import IncompleteSlots, InvalidProof, MethodMissing, NonCanonicalTrie
from smartsync.keccak import keccak256
from smartsync.trie.node import Extension, Node, Opaque, root_hash
from smartsync.trie.proof import partial_trie
from smartsync.trie.trie import build, storage_value
from tests.unit.conftest import ADDRESS, prove

KEYS = [keccak256(keccak256(number.to_bytes(4, "big"))) for number in range(200)]


def trie_of(slots: int, seed: int = 1) -> Node:
    rnd = random.Random(seed)
    return build((keccak256(rnd.randbytes(32)), storage_value(rnd.getrandbits(200) + 1)) for _ in range(slots))


def told(trie: Node) -> Node:
    """Return what the proofs of random keys tell of a trie."""
    return partial_trie(root_hash(trie), {node for key in KEYS for node in prove(trie, key)})


@pytest.mark.parametrize("slots", [50, 300, 3_000, 30_000])
def test_estimated_slots_is_near(slots: int) -> None:
    found = [estimated_slots(told(trie_of(slots, seed))) for seed in range(4)]
    assert all(one == pytest.approx(slots, rel=0.25) for one in found), found
    assert sum(found) / 4 == pytest.approx(slots, rel=0.12)


@pytest.mark.parametrize("slots", [1, 2, 5])
def test_estimated_slots_of_a_trie_that_lies_open_is_exact(slots: int) -> None:
    assert estimated_slots(trie_of(slots)) == slots


def test_estimated_slots_of_nothing_is_nothing() -> None:
    assert estimated_slots(None) == 0


def test_estimated_slots_of_a_trie_that_hangs_below_a_closed_extension_ends() -> None:
    assert estimated_slots(Extension(b"\1\2", Opaque(bytes(32)))) == 2


@pytest.mark.parametrize("slots", [100, 3_000, 30_000])
def test_estimated_depth_is_near_the_mean_of_all_leaves(slots: int) -> None:
    rnd = random.Random(5)
    keys = [keccak256(rnd.randbytes(32)) for _ in range(slots)]
    trie = build((key, storage_value(2**200 + 1)) for key in keys)
    assert estimated_depth(told(trie), KEYS) == pytest.approx(mean_depth(trie, keys), rel=0.1)


def test_estimated_depth_where_no_key_ends_at_a_leaf_is_not_known() -> None:
    assert estimated_depth(None, KEYS) == 0


def test_mean_depth_counts_nodes() -> None:
    assert mean_depth(trie_of(1), KEYS) == 1
    assert mean_depth(trie_of(2), KEYS) < 2.1
    assert 3 < mean_depth(trie_of(3_000), KEYS) < 5
    assert mean_depth(None, KEYS) == 0


async def test_measure_storage_counted_by_the_node_is_exact(fake: Any) -> None:
    node = fake({0: 1, 100: 2})
    found = await measure_storage(node.chain, node.header(9), ADDRESS)
    assert (found.slots, found.exact, found.found_by, found.why) == (2, True, "proof walk", "")
    assert found.account_nodes == 2 and found.account_bytes > 32


async def test_measure_storage_that_is_empty(fake: Any) -> None:
    node = fake({})
    found = await measure_storage(node.chain, node.header(9), ADDRESS)
    assert (found.slots, found.exact, found.depth) == (0, True, 0.0)


async def test_measure_storage_not_told_by_the_node_is_estimated(fake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "whole_storage", giving_up)
    node = fake({1000 + number: 1 for number in range(300)})
    found = await measure_storage(node.chain, node.header(9), ADDRESS)
    assert not found.exact and 150 < found.slots < 600
    assert (found.why, found.found_by, found.out_of_time) == ("too many", "", False)


async def giving_up(*_: object, **__: object) -> Any:
    raise IncompleteSlots([b"\1", b"\2" * 64], "too many")


async def test_measure_storage_of_which_all_trie_keys_are_seen_is_exact(
    fake: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nobody(*_: object, **__: object) -> AsyncGenerator[tuple[bytes, object], None]:
        yield bytes(32), None

    monkeypatch.setattr(slot_walk, "preimages", nobody)
    far = {int.from_bytes(keccak256(number.to_bytes(4, "big")), "big"): 7 for number in range(60)}
    node = fake(far | {3: 1})
    found = await measure_storage(node.chain, node.header(9), ADDRESS)
    assert (found.slots, found.exact, found.found_by) == (61, True, "")
    assert found.why and not found.out_of_time and found.depth > 1
    check = storage_check(found)
    assert not check.ok and not check.needed
    assert check.detail.startswith("61 slots, counted by trie keys; ") and "--layout FILE or --keys" in check.detail


async def test_measure_storage_of_a_node_that_does_not_end_is_estimated(
    fake: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def endless(*_: object, **__: object) -> Any:
        await asyncio.sleep(60)

    monkeypatch.setattr(storage, "COUNT_TIMEOUT_S", 0.05)
    monkeypatch.setattr(storage, "whole_storage", endless)
    node = fake({1: 1})
    found = await measure_storage(node.chain, node.header(9), ADDRESS)
    assert (found.slots, found.exact) == (1, False)
    assert found.why == "not found within 0 s" and found.out_of_time
    assert storage_check(found).detail == (
        "about 1 slot, estimated from proofs; not found within 0 s; fork looks longer; --layout and --keys help it "
        "(docs/how-to/name-the-slots.md)"
    )


async def test_measure_storage_zero_in_the_trie_is_refused(fake: Any) -> None:
    node = fake({}, stored=build([(keccak256(bytes(32)), b"\x80"), (keccak256(bytes([1]) * 32), b"\x01")]))
    with pytest.raises(NonCanonicalTrie):
        await measure_storage(node.chain, node.header(9), ADDRESS)


async def test_measure_storage_of_another_state_is_refused(fake: Any) -> None:
    node = fake({1: 1})
    node.override["eth_getProof"] = fake({1: 2})._eth_getProof
    with pytest.raises(InvalidProof):
        await measure_storage(node.chain, node.header(9), ADDRESS)


async def test_measure_storage_without_proofs_is_refused(fake: Any) -> None:
    def missing(*_: object) -> None:
        raise MethodMissing("eth_getProof", -32601, "the method does not exist")

    node = fake({1: 1})
    node.override["eth_getProof"] = missing
    with pytest.raises(MethodMissing):
        await measure_storage(node.chain, node.header(9), ADDRESS)
