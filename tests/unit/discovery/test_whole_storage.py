from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import pytest

from smartsync.discovery import preimages, proof_walk, slot_walk
from smartsync.discovery import whole_storage as whole_storage_module
from smartsync.discovery.candidates import Candidates
from smartsync.discovery.whole_storage import whole_storage
from smartsync.errors import IncompleteSlots
from smartsync.keccak import keccak256
from smartsync.trie.nibbles import to_nibbles

ADDRESS = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
FAR = [int.from_bytes(keccak256(f"slot {number}".encode()), "big") for number in range(60)]
VALUES = {number: 2**200 + place for place, number in enumerate(FAR[:50])} | {3: 7}


def slot(number: int) -> bytes:
    return number.to_bytes(32, "big")


def guessing(monkeypatch: pytest.MonkeyPatch, numbers: list[int]) -> None:
    async def guesses(*_: object, **__: object) -> AsyncGenerator[tuple[bytes, object], None]:
        for number in numbers:
            yield slot(number), None

    monkeypatch.setattr(slot_walk, "preimages", guesses)


async def test_whole_storage_is_named_by_hashing_where_the_node_tells_no_slots(
    fake: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    guessing(monkeypatch, FAR)
    node = fake(VALUES)
    state, strategy = await whole_storage(node.chain, node.header(7), ADDRESS)
    assert (strategy, state.values) == ("naming", {slot(number): value for number, value in VALUES.items()})
    assert not [method for method, _ in node.calls if method == "eth_getStorageAt"], "nothing is read"


async def test_whole_storage_that_cannot_be_named_is_told_by_trie_keys(
    fake: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    guessing(monkeypatch, FAR[2:])
    node = fake(VALUES)
    with pytest.raises(IncompleteSlots, match="2 slots are missing, of trie keys 0x") as caught:
        await whole_storage(node.chain, node.header(7), ADDRESS)
    assert set(caught.value.prefixes) == {to_nibbles(keccak256(slot(number))) for number in FAR[:2]}
    assert caught.value.slots == 51
    assert "naming: 2 of 51 changed trie keys are of unknown slots" in caught.value.detail


def range_without_preimages(node: Any, numbers: list[int]) -> None:
    """Let the node answer as geth does without --cache.preimages."""
    storage = {f"0x{keccak256(slot(number)).hex()}": {"key": None, "value": "0x1"} for number in numbers}
    node.debug["debug_storageRangeAt"] = lambda *_: {"storage": storage, "nextKey": None}


async def test_whole_storage_too_large_to_walk_is_named_by_the_trie_keys_that_a_storage_range_tells(
    fake: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proof_walk.walk, "__kwdefaults__", {"at_most": 20})
    guessing(monkeypatch, FAR)
    node = fake(VALUES)
    with pytest.raises(IncompleteSlots, match="too many to walk to"):
        await whole_storage(node.chain, node.header(7), ADDRESS)
    range_without_preimages(node, list(VALUES))
    node.calls.clear()
    state, strategy = await whole_storage(node.chain, node.header(7), ADDRESS)
    assert (strategy, state.values) == ("naming", {slot(number): value for number, value in VALUES.items()})
    assert not [method for method, _ in node.calls if method == "eth_getStorageAt"], "nothing is read"


@pytest.mark.parametrize("lie", ["keys left out", "keys made up"])
async def test_whole_storage_by_a_storage_range_that_lies_is_not_taken_for_whole(
    fake: Any, monkeypatch: pytest.MonkeyPatch, lie: str
) -> None:
    monkeypatch.setattr(proof_walk.walk, "__kwdefaults__", {"at_most": 20})
    guessing(monkeypatch, FAR[2:])
    node = fake(VALUES)
    range_without_preimages(node, list(VALUES)[2:] if lie == "keys left out" else [*VALUES, *FAR[55:]])
    with pytest.raises(IncompleteSlots) as caught:
        await whole_storage(node.chain, node.header(7), ADDRESS)
    assert set(caught.value.prefixes) == {to_nibbles(keccak256(slot(number))) for number in FAR[:2]}, "by proofs"
    assert caught.value.slots == 51


@pytest.mark.parametrize("told", [[], list(VALUES)[:3], FAR[55:]], ids=["nothing", "a part", "keys made up"])
async def test_whole_storage_too_large_to_walk_is_guessed_whatever_a_storage_range_tells(
    fake: Any, monkeypatch: pytest.MonkeyPatch, told: list[int]
) -> None:
    async def guessed(*_: object, **__: object) -> Candidates:
        return Candidates({slot(number) for number in VALUES})

    monkeypatch.setattr(proof_walk.walk, "__kwdefaults__", {"at_most": 20})
    monkeypatch.setattr(preimages, "by_guessing", guessed)
    guessing(monkeypatch, [])
    node = fake(VALUES)
    range_without_preimages(node, told)
    state, strategy = await whole_storage(node.chain, node.header(7), ADDRESS)
    assert (strategy, len(state.values)) == ("guessed keys", len(VALUES))


async def test_whole_storage_of_given_slots_asks_for_no_others(fake: Any) -> None:
    node = fake(VALUES)
    state, strategy = await whole_storage(node.chain, node.header(7), ADDRESS, map(slot, VALUES))
    assert (strategy, len(state.values)) == ("given slots", 51)
    with pytest.raises(IncompleteSlots) as caught:
        await whole_storage(node.chain, node.header(7), ADDRESS, [slot(3)])
    assert caught.value.slots == 51
    assert len(caught.value.prefixes) == 50 and all(len(position) == 64 for position in caught.value.prefixes)


async def test_whole_storage_of_an_empty_contract(fake: Any) -> None:
    node = fake({})
    state, _ = await whole_storage(node.chain, node.header(7), ADDRESS)
    assert state.values == {}


async def test_whole_storage_of_which_subtries_are_unseen_does_not_tell_how_many(
    fake: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def prefixes(*_: object) -> list[bytes]:
        return [b"\1\2", to_nibbles(keccak256(slot(FAR[0])))]

    monkeypatch.setattr(whole_storage_module, "missing_positions", prefixes)
    node = fake(VALUES)
    with pytest.raises(IncompleteSlots) as caught:
        await whole_storage(node.chain, node.header(7), ADDRESS, [slot(3)])
    assert len(caught.value.prefixes) == 2 and caught.value.slots is None
