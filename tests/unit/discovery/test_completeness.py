from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from smartsync.discovery import completeness
from smartsync.discovery.completeness import check_complete, refuse_zeros, source_trie, source_values
from smartsync.errors import IncompleteSlots, InvalidProof, NonCanonicalTrie, SourceReorganised
from smartsync.keccak import keccak256
from smartsync.trie.nibbles import to_nibbles
from smartsync.trie.node import root_hash
from smartsync.trie.trie import build, lookup, storage_value
from smartsync.types import EMPTY_ROOT
from tests.vectors.shapes import mined

ADDRESS = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
VALUES = {number: number + 1 for number in range(600)}


def slot(number: int) -> bytes:
    return number.to_bytes(32, "big")


async def test_source_values_reads_them_from_the_proofs_and_not_from_the_claims(fake: Any) -> None:
    node = fake({0: 5, 1: 2**256 - 1, 2: 7})
    state = await source_values(node.chain, node.header(10), ADDRESS, [slot(0), slot(1), slot(3)])
    assert state.values == {slot(0): 5, slot(1): 2**256 - 1}
    assert state.storage_root == root_hash(node.trie)
    assert state.account is not None and state.account.code_hash == keccak256(node.code)
    assert state.account_nodes


async def test_source_values_many_slots_are_asked_for_in_chunks(fake: Any) -> None:
    node = fake(VALUES)
    told: list[tuple[str, int, int]] = []
    state = await source_values(
        node.chain, node.header(10), ADDRESS, [slot(n) for n in VALUES], on_progress=lambda *step: told.append(step)
    )
    assert state.values == {slot(n): value for n, value in VALUES.items()}
    assert max(len(params[1]) for method, params in node.calls if method == "eth_getProof") == 100
    assert told == [("prove", 400, 600), ("prove", 600, 600)]
    check_complete(state)


async def test_source_values_absent_account_is_none_with_the_empty_root(fake: Any) -> None:
    node = fake({0: 1})
    state = await source_values(node.chain, node.header(10), "0x" + "33" * 20, [slot(0)])
    assert (state.account, state.storage_root, state.known_root, state.values) == (None, EMPTY_ROOT, EMPTY_ROOT, {})
    assert state.account_nodes


async def test_source_values_forged_value_is_refused_naming_node_and_slot(fake: Any) -> None:
    node = fake(VALUES)
    other = fake(VALUES | {5: 99})
    honest = node._eth_getProof

    def forged(address: str, keys: list[str], block: str) -> dict[str, Any]:
        return honest(address, keys, block) | {
            "storageProof": other._eth_getProof(address, keys, block)["storageProof"]
        }

    node.override["eth_getProof"] = forged
    with pytest.raises(InvalidProof, match=r"fake:8545.*0x0{63}5 is not complete"):
        await source_values(node.chain, node.header(10), ADDRESS, [slot(5)])


async def test_source_values_truncated_proof_is_refused(fake: Any) -> None:
    node = fake(VALUES)
    honest = node._eth_getProof

    def truncated(address: str, keys: list[str], block: str) -> dict[str, Any]:
        told = honest(address, keys, block)
        told["storageProof"][0]["proof"].pop()
        return told

    node.override["eth_getProof"] = truncated
    with pytest.raises(InvalidProof, match="not complete: the trie node at prefix"):
        await source_values(node.chain, node.header(10), ADDRESS, [slot(5)])


async def test_source_values_account_of_another_state_is_refused(fake: Any) -> None:
    node = fake(VALUES)
    header = node.header(10)
    node.override["eth_getProof"] = fake({0: 1})._eth_getProof
    with pytest.raises(InvalidProof, match="fake:8545 does not prove the account"):
        await source_values(node.chain, header, ADDRESS, [slot(5)])


async def test_source_values_block_replaced_is_a_reorganisation(fake: Any) -> None:
    node = fake(VALUES)
    with pytest.raises(SourceReorganised, match="is not on the chain of fake:8545 any more"):
        await source_values(node.chain, fake({0: 1}).header(10), ADDRESS, [slot(5)])


@pytest.mark.parametrize("count", [1, 2, 3, 17, 300])
async def test_check_complete_all_slots_passes(fake: Any, count: int) -> None:
    node = fake({number: number + 1 for number in range(count)})
    state = await source_values(node.chain, node.header(10), ADDRESS, [slot(n) for n in range(count + 5)])
    check_complete(state)


async def test_check_complete_empty_storage_needs_no_slots(fake: Any) -> None:
    node = fake({})
    check_complete(await source_values(node.chain, node.header(10), ADDRESS, []))


async def test_check_complete_no_slot_known_tells_every_child_of_the_root(fake: Any) -> None:
    node = fake(VALUES)
    state = await source_values(node.chain, node.header(10), ADDRESS, [])
    with pytest.raises(IncompleteSlots) as caught:
        check_complete(state)
    assert len(caught.value.prefixes) >= 16
    assert {prefix[0] for prefix in caught.value.prefixes} == set(range(16))


@pytest.mark.parametrize("seed", range(20))
async def test_check_complete_missing_slots_are_named_by_prefix(fake: Any, seed: int) -> None:
    rng = random.Random(seed)
    numbers = rng.sample(range(10_000), rng.choice([1, 2, 5, 40, 300]))
    missing = rng.sample(numbers, rng.randint(1, min(3, len(numbers))))
    node = fake({number: rng.randrange(1, 2**256) for number in numbers})
    known = [slot(number) for number in numbers if number not in missing]
    with pytest.raises(IncompleteSlots) as caught:
        check_complete(await source_values(node.chain, node.header(10), ADDRESS, known))
    keys = [to_nibbles(keccak256(slot(number))) for number in missing]
    prefixes = caught.value.prefixes
    assert all(any(key.startswith(prefix) for prefix in prefixes) for key in keys)
    assert all(any(key.startswith(prefix) for key in keys) for prefix in prefixes)


@pytest.mark.parametrize("at_once", [1, 2, 3, 7, 50])
@pytest.mark.parametrize("seed", range(10))
async def test_source_values_in_small_chunks_says_what_it_says_at_once(
    fake: Any, monkeypatch: pytest.MonkeyPatch, seed: int, at_once: int
) -> None:
    rng = random.Random(seed)
    numbers = rng.sample(range(10_000), rng.choice([1, 2, 5, 40, 120]))
    mined_ones = [int.from_bytes(one, "big") for group in (6, 8, 10) for one in mined(group)]
    node = fake({number: rng.choice((1, 2**200)) for number in [*numbers, *mined_ones]})
    asked = [slot(number) for number in [*numbers, *mined_ones, *range(10_000, 10_010)] if rng.random() < 0.7]
    whole = await source_values(node.chain, node.header(10), ADDRESS, asked)
    monkeypatch.setattr(completeness, "_SLOTS_AT_ONCE", at_once)
    chunked = await source_values(node.chain, node.header(10), ADDRESS, asked)
    assert set(chunked.missing) == set(whole.missing) and len(set(chunked.missing)) == len(chunked.missing)
    assert replace(chunked, missing=()) == replace(whole, missing=())
    assert whole.missing and whole.known_root != whole.storage_root
    assert list(chunked.values) == sorted(chunked.values, key=keccak256)


async def test_source_trie_reaches_all_slots_and_their_neighbours(fake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    node = fake(VALUES)
    monkeypatch.setattr(completeness, "_SLOTS_AT_ONCE", 4)
    slots = [slot(number) for number in (*range(10), 700)]
    trie = await source_trie(node.chain, node.header(10), ADDRESS, slots)
    assert root_hash(trie) == root_hash(node.trie)
    assert [lookup(trie, keccak256(one)) for one in slots] == [lookup(node.trie, keccak256(one)) for one in slots]


async def test_source_trie_truncated_proof_is_refused(fake: Any) -> None:
    node = fake(VALUES)
    honest = node._eth_getProof

    def truncated(address: str, keys: list[str], block: str) -> dict[str, Any]:
        told = honest(address, keys, block)
        told["storageProof"][0]["proof"].pop()
        return told

    node.override["eth_getProof"] = truncated
    with pytest.raises(InvalidProof, match=r"fake:8545.*not complete: the trie node at prefix"):
        await source_trie(node.chain, node.header(10), ADDRESS, [slot(5)])


async def test_check_complete_single_missing_leaf_is_findable(fake: Any) -> None:
    node = fake({42: 1})
    with pytest.raises(IncompleteSlots) as caught:
        check_complete(await source_values(node.chain, node.header(10), ADDRESS, []))
    assert caught.value.prefixes == (to_nibbles(keccak256(slot(42)))[:8],)


def with_zero(zero: int, *others: int) -> Any:
    items = [(keccak256(slot(number)), storage_value(number + 1)) for number in others]
    return build([*items, (keccak256(slot(zero)), b"\x80")])


async def test_source_values_stored_zero_that_was_asked_for_is_not_canonical(fake: Any) -> None:
    node = fake({}, client="anvil/v1.7.1", stored=with_zero(3, *range(100, 200)))
    with pytest.raises(NonCanonicalTrie, match="holds a zero") as caught:
        await source_values(node.chain, node.header(10), ADDRESS, [slot(3)])
    assert "anvil" in caught.value.hint


async def test_source_values_stored_zero_in_view_is_not_canonical(fake: Any) -> None:
    node = fake({}, stored=with_zero(3))
    with pytest.raises(NonCanonicalTrie):
        await source_values(node.chain, node.header(10), ADDRESS, [slot(4)])


@pytest.mark.parametrize(("client", "told"), [("anvil/v1.7.1", True), ("Geth/v1.17.0", False)])
async def test_check_complete_stored_zero_out_of_view_hints_at_anvil(fake: Any, client: str, told: bool) -> None:
    node = fake({n: n + 1 for n in range(100, 200)}, client=client, stored=with_zero(3, *range(100, 200)))
    state = await source_values(node.chain, node.header(10), ADDRESS, [slot(n) for n in range(101, 200)])
    with pytest.raises(IncompleteSlots) as caught:
        check_complete(state)
    assert ("anvil" in caught.value.hint) is told


def test_refuse_zeros_malformed_value_is_refused() -> None:
    with pytest.raises(InvalidProof):
        refuse_zeros(build([(bytes(32), b"\x81\x01"), (b"\xff" * 32, b"\x01")]))
