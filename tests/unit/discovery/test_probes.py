from __future__ import annotations

from itertools import product

from smartsync.discovery.probes import Probes, scan
from smartsync.keccak import keccak256
from smartsync.trie.nibbles import to_nibbles


def position_of(slot: bytes) -> bytes:
    return to_nibbles(keccak256(slot))


async def test_find_each_position_of_three_nibbles_has_a_slot_below_it() -> None:
    positions = [bytes(nibbles) for nibbles in product(range(16), repeat=3)]
    found = await Probes().find(positions)
    assert found.keys() == set(positions)
    assert all(position_of(slot).startswith(position) for position, slot in found.items())


async def test_find_the_root_takes_any_slot() -> None:
    assert await Probes().find([b""]) == {b"": bytes(32)}


async def test_find_known_slots_come_first_and_reach_as_deep_as_they_are() -> None:
    known = keccak256(b"a slot that no counting comes to")
    probes = Probes(budget=0)
    probes.add([known])
    whole = position_of(known)
    assert await probes.find([whole[:40], whole]) == {whole[:40]: known, whole: known}


async def test_find_beyond_the_budget_is_left_out() -> None:
    told: list[tuple[str, int, int]] = []
    probes = Probes(budget=2**12, on_progress=lambda *told_now: told.append(told_now))
    deep = bytes(5)
    assert await probes.find([deep]) == {}, "it would take a million"
    assert told == [], "it was not even tried"
    assert len(await probes.find([bytes((nibble,)) for nibble in range(16)])) == 16


async def test_find_the_budget_is_for_all_searches_together() -> None:
    positions = [bytes(nibbles) for nibbles in product(range(16), repeat=3)]
    probes = Probes(budget=len(positions))
    assert 0 < len(await probes.find(positions)) < len(positions)
    assert await probes.find([b"\x00"]) == {}


def test_scan_tells_of_several_lengths_at_once() -> None:
    one, other = position_of((3).to_bytes(32, "big")), position_of((7).to_bytes(32, "big"))
    found = scan(0, 10, [one[:8], other[:9]])
    assert found == {one[:8]: (3).to_bytes(32, "big"), other[:9]: (7).to_bytes(32, "big")}
    assert scan(4, 3, [one[:8], other[:9]]) == {}
