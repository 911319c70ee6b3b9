from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from smartsync.discovery import storage_range
from smartsync.errors import MethodMissing, NodeError, RpcError
from smartsync.keccak import keccak256
from smartsync.trie.nibbles import to_nibbles

ADDRESS = "0x5FbDB2315678afecb367f032d93F642f64180aa3"


def slot(number: int) -> bytes:
    return number.to_bytes(32, "big")


def served(
    node: Any,
    slots_before: dict[int, list[int]],
    *,
    page: int = 1024,
    preimages: Callable[[int], bool] = lambda _: True,
) -> Callable[..., Any]:
    """Return a debug_storageRangeAt that knows the slots before some blocks, and is out of range for all others."""
    known = {f"0x{node.header(number).hash.hex()}": slots for number, slots in slots_before.items()}

    def answer(block_hash: str, index: int, address: str, start: str, limit: int) -> dict[str, Any]:
        if block_hash not in known:
            raise RpcError("debug_storageRangeAt", -32000, "transaction index 0 is out of range")
        assert index == 0
        keys = sorted((keccak256(slot(number)), number) for number in known[block_hash])
        rest = [(key, number) for key, number in keys if key >= bytes.fromhex(start[2:])]
        entries = {
            f"0x{key.hex()}": {"key": f"0x{slot(number).hex()}" if preimages(number) else None, "value": "0x1"}
            for key, number in rest[:page]
        }
        return {"storage": entries or None, "nextKey": f"0x{rest[page][0].hex()}" if len(rest) > page else None}

    return answer


def with_transactions(node: Any, hashes: dict[int, list[str]]) -> None:
    honest = node._eth_getBlockByNumber
    node.override["eth_getBlockByNumber"] = lambda block, full: (
        honest(block, full) | {"transactions": hashes.get(int(block, 16), [])}
    )


async def test_candidates_asks_for_the_state_before_the_next_block(fake: Any) -> None:
    node = fake({})
    node.debug["debug_storageRangeAt"] = served(node, {5: [1], 6: [1, 2], 7: [9]})
    found = await storage_range.candidates(node.chain, ADDRESS, None, 5)
    assert (found.slots, found.gaps) == ({slot(1), slot(2)}, ())


async def test_candidates_pages_until_there_is_no_next_key(fake: Any) -> None:
    node = fake({})
    node.debug["debug_storageRangeAt"] = served(node, {6: list(range(25))}, page=10)
    assert (await storage_range.candidates(node.chain, ADDRESS, None, 5)).slots == {slot(n) for n in range(25)}
    assert sum(method == "debug_storageRangeAt" for method, _ in node.calls) == 3


def skipping(honest: Callable[..., Any], keys: int) -> Callable[..., Any]:
    """Return what names a next key that is some keys too far on, as @ethereumjs/client does."""

    def answer(block_hash: str, index: int, address: str, start: str, limit: int) -> dict[str, Any]:
        page: dict[str, Any] = honest(block_hash, index, address, start, limit)
        following = page
        for _ in range(keys):
            if page["nextKey"] is None or following["nextKey"] is None:
                break
            after = int(following["nextKey"], 16) + 1
            following = honest(block_hash, index, address, f"0x{after:064x}", 1)
            page = page | {"nextKey": next(iter(following["storage"] or {}), page["nextKey"])}
        return page

    return answer


@pytest.mark.parametrize("keys", [1, 3])
async def test_candidates_pages_that_skip_keys_are_asked_for_without_a_gap(fake: Any, keys: int) -> None:
    node = fake({})
    honest = served(node, {6: list(range(25))}, page=6)
    node.debug["debug_storageRangeAt"] = skipping(honest, keys)
    start, naive = f"0x{bytes(32).hex()}", set()
    while start:
        page = node.debug["debug_storageRangeAt"](f"0x{node.header(6).hash.hex()}", 0, ADDRESS, start, 6)
        naive |= page["storage"].keys()
        start = page["nextKey"]
    assert len(naive) < 25, "who believes the next key does not see them all"
    told = await storage_range.candidates(node.chain, ADDRESS, None, 5)
    assert told.slots == {slot(n) for n in range(25)}


async def test_candidates_node_that_repeats_a_page_is_refused(fake: Any) -> None:
    node = fake({})
    page = {"storage": {f"0x{keccak256(slot(1)).hex()}": {"key": "0x1", "value": "0x1"}}, "nextKey": "0x" + "ff" * 32}
    node.debug["debug_storageRangeAt"] = lambda *_: page
    with pytest.raises(NodeError, match="does not get on"):
        await storage_range.candidates(node.chain, ADDRESS, None, 5)


def endless(slots: int, apart: int) -> Callable[..., Any]:
    """Return a debug_storageRangeAt that makes keys up: so many a page, so far from each other, and always one more."""

    def answer(block_hash: str, index: int, address: str, start: str, limit: int) -> dict[str, Any]:
        first = int(start, 16)
        keys = [first + place * apart for place in range(slots)]
        entries = {f"0x{key:064x}": {"key": None, "value": "0x1"} for key in keys}
        return {"storage": entries, "nextKey": f"0x{keys[-1] + 1:064x}"}

    return answer


@pytest.mark.parametrize(
    ("slots", "apart", "problem", "calls"),
    [
        (1, 1, "does not get on .*: 62 slots in 62 pages, and more to come", 62),
        (15, 2**240, "does not get on .*: 930 slots in 62 pages", 62),
        (1024, 1, "tells of more than 16,777,216 slots", 1),
        (1024, 2**231, "tells of more than 16,777,216 slots", 1),
    ],
)
async def test_candidates_node_that_makes_keys_up_without_end_is_refused(
    fake: Any, slots: int, apart: int, problem: str, calls: int
) -> None:
    node = fake({})
    node.debug["debug_storageRangeAt"] = endless(slots, apart)
    with pytest.raises(NodeError, match=problem):
        await storage_range.candidates(node.chain, ADDRESS, None, 5)
    assert sum(method == "debug_storageRangeAt" for method, _ in node.calls) == calls


async def test_candidates_node_that_is_too_slow_is_refused(fake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    node = fake({})
    node.debug["debug_storageRangeAt"] = endless(20, 2**244)
    seconds = itertools.count(0, 29)
    monkeypatch.setattr(storage_range, "monotonic", lambda: next(seconds))
    with pytest.raises(NodeError, match="is too slow with debug_storageRangeAt: 60 slots in 87 s"):
        await storage_range.candidates(node.chain, ADDRESS, None, 5)


async def test_candidates_many_slots_in_pages_as_small_as_may_be_are_all_told(fake: Any) -> None:
    node = fake({})
    node.debug["debug_storageRangeAt"] = served(node, {6: list(range(3_000))}, page=16)
    assert len((await storage_range.candidates(node.chain, ADDRESS, None, 5)).slots) == 3_000


@pytest.mark.parametrize("value", ["0x01", "0x820400", "0x", None, {}])
async def test_candidates_values_in_whatever_form_are_not_looked_at(fake: Any, value: object) -> None:
    node = fake({})
    key = f"0x{keccak256(slot(2)).hex()}"
    node.debug["debug_storageRangeAt"] = lambda *_: {"storage": {key: {"key": "0x2", "value": value}}, "nextKey": None}
    assert (await storage_range.candidates(node.chain, ADDRESS, None, 5)).slots == {slot(2)}


async def test_candidates_node_that_does_not_get_on_is_refused(fake: Any) -> None:
    node = fake({})
    node.debug["debug_storageRangeAt"] = lambda *_: {"storage": {}, "nextKey": "0x" + "00" * 32}
    with pytest.raises(NodeError, match="does not get on"):
        await storage_range.candidates(node.chain, ADDRESS, None, 5)


async def test_candidates_both_ends_of_a_range_are_read(fake: Any) -> None:
    node = fake({})
    node.debug["debug_storageRangeAt"] = served(node, {3: [1, 2], 6: [2, 3]})
    assert (await storage_range.candidates(node.chain, ADDRESS, 2, 5)).slots == {slot(1), slot(2), slot(3)}


async def test_candidates_old_end_not_served_is_a_gap(fake: Any) -> None:
    node = fake({})
    node.newest = 40
    node.debug["debug_storageRangeAt"] = served(node, {31: [2]})
    found = await storage_range.candidates(node.chain, ADDRESS, 2, 30)
    assert found.slots == {slot(2)}
    assert "deleted since block 2" in found.gaps[0]


async def test_candidates_unknown_preimages_are_told_by_trie_key(fake: Any) -> None:
    node = fake({})
    node.debug["debug_storageRangeAt"] = served(node, {6: [1, 2]}, preimages=lambda number: number != 2)
    found = await storage_range.candidates(node.chain, ADDRESS, None, 5)
    assert found.slots == {slot(1)}
    assert f"0x{keccak256(slot(2))[:4].hex()}…" in found.gaps[0]
    assert "--cache.preimages" in found.gaps[0]
    assert found.unnamed == (to_nibbles(keccak256(slot(2))),)


async def test_candidates_unknown_preimages_of_both_ends_are_unnamed_once(fake: Any) -> None:
    node = fake({})
    ranges = served(node, {3: [1, 2, 4], 6: [2, 3]}, preimages=lambda number: number not in (2, 4))
    node.debug["debug_storageRangeAt"] = ranges
    found = await storage_range.candidates(node.chain, ADDRESS, 2, 5)
    assert found.slots == {slot(1), slot(3)}
    assert sorted(found.unnamed) == sorted(to_nibbles(keccak256(slot(number))) for number in (2, 4))


async def test_candidates_unknown_preimage_of_a_slot_that_a_trace_tells_is_named(fake: Any) -> None:
    node = fake({})
    with_transactions(node, {10: ["0xaa"]})
    node.debug["debug_storageRangeAt"] = served(node, {10: [1, 7]}, preimages=lambda _: False)
    node.debug["debug_traceTransaction"] = lambda tx_hash, options: {
        "pre": {},
        "post": {ADDRESS.lower(): {"storage": {"0x7": "0x1"}}},
    }
    found = await storage_range.candidates(node.chain, ADDRESS, None, 10)
    assert (found.slots, found.unnamed) == ({slot(7)}, (to_nibbles(keccak256(slot(1))),))


async def test_candidates_wrong_preimage_is_not_taken(fake: Any) -> None:
    node = fake({})
    key = f"0x{keccak256(slot(2)).hex()}"
    node.debug["debug_storageRangeAt"] = lambda *_: {"storage": {key: {"key": "0x3", "value": "0x1"}}, "nextKey": None}
    found = await storage_range.candidates(node.chain, ADDRESS, None, 5)
    assert found.slots == set() and len(found.gaps) == 1


async def test_candidates_newest_block_is_made_up_for_by_struct_logs(fake: Any) -> None:
    node = fake({})
    with_transactions(node, {10: ["0xaa"]})
    node.debug["debug_storageRangeAt"] = served(node, {10: [1]})
    steps = [
        {"op": "SSTORE", "stack": ["0" * 63 + "1", "0" * 63 + "7"]},
        {"op": "ADD", "stack": ["01", "0" * 63 + "8"]},
    ]
    node.debug["debug_traceTransaction"] = lambda tx_hash, options: {"structLogs": steps}
    found = await storage_range.candidates(node.chain, ADDRESS, None, 10)
    assert (found.slots, found.gaps) == ({slot(1), slot(7)}, ())


async def test_candidates_newest_block_is_made_up_for_by_the_tracer(fake: Any) -> None:
    node = fake({})
    with_transactions(node, {9: ["0xaa"], 10: ["0xbb"]})
    node.debug["debug_storageRangeAt"] = served(node, {9: [1]})
    written = {"0xaa": "0x7", "0xbb": "0x8"}
    node.debug["debug_traceTransaction"] = lambda tx_hash, options: {
        "pre": {},
        "post": {ADDRESS.lower(): {"storage": {written[tx_hash]: "0x1"}}},
    }
    assert (await storage_range.candidates(node.chain, ADDRESS, None, 10)).slots == {slot(1), slot(7), slot(8)}


async def test_candidates_newest_block_of_a_node_that_refuses_tracers_is_made_up_for_by_its_steps(fake: Any) -> None:
    def ethereumjs(tx_hash: str, options: dict[str, Any]) -> Any:
        if "tracer" in options:
            text = "custom tracers and tracer configurations are not implemented"
            raise RpcError("debug_traceTransaction", -32602, text)
        return {"structLogs": [{"op": "SSTORE", "stack": ["0x1", "0x7"]}]}

    node = fake({})
    with_transactions(node, {10: ["0xaa"]})
    node.debug["debug_storageRangeAt"] = served(node, {10: [1]})
    node.debug["debug_traceTransaction"] = ethereumjs
    found = await storage_range.candidates(node.chain, ADDRESS, None, 10)
    assert (found.slots, found.gaps) == ({slot(1), slot(7)}, ())


async def test_candidates_later_block_is_made_up_for_by_the_blocks_between(fake: Any) -> None:
    node = fake({})
    with_transactions(node, {6: ["0xaa"]})
    node.debug["debug_storageRangeAt"] = served(node, {7: [1]})
    node.debug["debug_traceTransaction"] = lambda tx_hash, options: {
        "pre": {ADDRESS.lower(): {"storage": {"0x4": "0x1"}}},
        "post": {},
    }
    assert (await storage_range.candidates(node.chain, ADDRESS, None, 5)).slots == {slot(1), slot(4)}


async def test_candidates_untraceable_block_is_a_gap(fake: Any) -> None:
    node = fake({})
    with_transactions(node, {10: ["0xaa"]})
    node.debug["debug_storageRangeAt"] = served(node, {10: [1]})
    found = await storage_range.candidates(node.chain, ADDRESS, None, 10)
    assert found.slots == {slot(1)}
    assert "what block 10 wrote is not seen" in found.gaps[0]


async def test_candidates_missing_method_is_told_at_once(fake: Any) -> None:
    node = fake({})
    with pytest.raises(MethodMissing):
        await storage_range.candidates(node.chain, ADDRESS, None, 5)
    assert sum(method == "debug_storageRangeAt" for method, _ in node.calls) == 1


async def test_candidates_no_block_served_tells_the_first_reason(fake: Any) -> None:
    node = fake({})
    node.debug["debug_storageRangeAt"] = served(node, {})
    with pytest.raises(RpcError, match="out of range"):
        await storage_range.candidates(node.chain, ADDRESS, None, 5)


async def test_candidates_empty_pages_that_have_a_next_one_are_refused(fake: Any) -> None:
    node = fake({})
    node.debug["debug_storageRangeAt"] = lambda *asked: {
        "storage": {},
        "nextKey": f"0x{int(asked[3], 16) + 1:064x}",
    }
    with pytest.raises(NodeError, match="a page without slots is not the last one"):
        await storage_range.candidates(node.chain, ADDRESS, None, 5)
    assert sum(method == "debug_storageRangeAt" for method, _ in node.calls) < 20
