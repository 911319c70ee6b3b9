from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from smartsync.discovery import preimages
from smartsync.discovery.hints import NO_HINTS, Hints
from smartsync.errors import NodeUnreachable, RpcError
from smartsync.keccak import keccak256
from smartsync.layout import parse_layout

ADDRESS = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
HOLDER = bytes(12) + b"\xa1" * 20
LAYOUT = """{"storage": [{"label": "first", "slot": "0", "type": "t_u"}, {"label": "of", "slot": "1", "type": "t_m"}],
    "types": {"t_u": {"encoding": "inplace", "numberOfBytes": "32"},
              "t_address": {"encoding": "inplace", "numberOfBytes": "20"},
              "t_m": {"encoding": "mapping", "numberOfBytes": "32", "key": "t_address", "value": "t_u"}}}"""
HELD = keccak256(HOLDER + (1).to_bytes(32, "big"))


def slot(number: int) -> bytes:
    return number.to_bytes(32, "big")


def hints(*words: bytes) -> Hints:
    return Hints(parse_layout(LAYOUT, "layout"), words)


async def first(node: Any, given: Hints, most: int) -> list[str]:
    found: list[str] = []
    async for place in preimages.preimages(node.chain, ADDRESS, 3, 9, given):
        found.append(place.label)
        if len(found) == most:
            break
    return found


async def test_preimages_without_a_layout_begin_with_the_low_slots_before_any_call(fake: Any) -> None:
    node = fake({})
    assert await first(node, NO_HINTS, 128) == [f"slot{n}" for n in range(128)]
    assert node.calls == []


async def test_preimages_layout_gives_plain_variables_before_any_call_then_the_users_keys(fake: Any) -> None:
    node = fake({})
    assert await first(node, hints(HOLDER), 1) == ["first"]
    assert node.calls == []
    assert f"of[0x{HOLDER[12:].hex()}]" in await first(node, hints(HOLDER), 10)


async def test_preimages_code_names_more_slots(fake: Any) -> None:
    constant = int.from_bytes(keccak256(b"a namespace"), "big")
    node = fake({}, b"\x7f" + slot(constant))
    labels = {place.label async for place in preimages.preimages(node.chain, ADDRESS, 3, 9)}
    assert {f"slot0x{constant:064x}", f"slot0x{constant + 1:064x}"} <= labels


async def test_preimages_node_that_refuses_everything_still_gives_guesses(fake: Any) -> None:
    node = fake({})

    def refuse(*_: object) -> None:
        raise RpcError("any", -32000, "not today")

    for method in ("eth_getLogs", "eth_getBlockByNumber", "eth_getCode", "eth_getTransactionByHash"):
        node.override[method] = refuse
    told: list[str] = []
    slots = {place.slot async for place in preimages.preimages(node.chain, ADDRESS, 3, 9, tell=told.append)}
    assert keccak256(bytes(64)) in slots
    assert {one.partition(":")[0] for one in told} == {
        "logs were not looked at",
        "blocks were not looked at",
        "eth_createAccessList",
        "the code was not looked at",
    }


async def test_preimages_reads_are_bounded_and_that_is_told(fake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preimages, "MAX_READS", 30)
    node = fake({})
    told: list[str] = []
    async for _ in preimages.preimages(node.chain, ADDRESS, 3, 9, tell=told.append):
        pass
    assert sum(method == "eth_getStorageAt" for method, _ in node.calls) <= 30
    assert any(one.startswith("lengths of arrays and texts were read of") for one in told)


async def test_preimages_reads_that_end_exactly_at_the_bound_are_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preimages, "MAX_READS", 4)
    told: list[str] = []

    async def read(slots: Sequence[bytes]) -> Sequence[int]:
        return [5] * len(slots)

    limited = preimages._at_most(preimages.MAX_READS, read, told.append)
    assert await limited([slot(0)] * 4) == [5] * 4 and told == []
    assert await limited([slot(0)]) == await limited([slot(0)]) == [0]
    assert told == ["lengths of arrays and texts were read of 4 slots, of no more"]


async def test_by_layout_gives_what_holds_something(fake: Any) -> None:
    node = fake({0: 5, 7: 1, int.from_bytes(HELD, "big"): 9})
    assert (await preimages.by_layout(node.chain, ADDRESS, None, 9, hints=hints(HOLDER))).slots == {slot(0), HELD}
    assert (await preimages.by_layout(node.chain, ADDRESS, None, 9)).slots == set()


async def test_by_guessing_gives_what_holds_something(fake: Any) -> None:
    node = fake({0: 5, int.from_bytes(HELD, "big"): 9})
    found = await preimages.by_guessing(node.chain, ADDRESS, None, 9, hints=Hints(words=(HOLDER,)))
    assert found.slots == {slot(0), HELD}


async def test_by_guessing_reads_a_bounded_number_of_slots_and_says_so(
    fake: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preimages, "MAX_READS", 50)
    found = await preimages.by_guessing(fake({0: 5}).chain, ADDRESS, None, 9)
    assert found.slots == {slot(0)} and "only the 50 likeliest slots were read" in found.gaps


async def test_by_guessing_node_that_is_away_is_an_error(fake: Any) -> None:
    node = fake({})

    def away(*_: object) -> None:
        raise NodeUnreachable("no answer")

    node.override["eth_getStorageAt"] = away
    with pytest.raises(NodeUnreachable):
        await preimages.by_guessing(node.chain, ADDRESS, None, 9)
