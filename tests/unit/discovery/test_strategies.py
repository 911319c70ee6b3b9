from __future__ import annotations

from typing import Any

import pytest

from smartsync.discovery import Discovery, strategies
from smartsync.errors import NoCode

ADDRESS = "0x5FbDB2315678afecb367f032d93F642f64180aa3"


def slot(number: int) -> bytes:
    return number.to_bytes(32, "big")


async def names(node: Any, from_block: int | None, to_block: int) -> list[str]:
    return [found.strategy async for found in strategies(node.chain, ADDRESS, from_block, to_block)]


async def first(node: Any, from_block: int | None, to_block: int) -> Discovery:
    return await anext(strategies(node.chain, ADDRESS, from_block, to_block))


def able(node: Any) -> Any:
    node.debug["debug_storageRangeAt"] = lambda *_: {"storage": {}, "nextKey": None}
    node.debug["debug_traceBlockByNumber"] = lambda *_: []
    return node


async def test_strategies_all_slots_begin_with_the_storage_range(fake: Any) -> None:
    assert await names(able(fake({})), None, 9) == ["storage range", "prestate diff", "low slots"]


async def test_strategies_short_range_begins_with_tracing(fake: Any) -> None:
    assert await names(able(fake({})), 5, 9) == ["prestate diff", "storage range", "low slots"]


async def test_strategies_long_range_begins_with_the_storage_range(fake: Any) -> None:
    node = able(fake({}))
    node.newest = 1_000
    assert (await first(node, 5, 900)).strategy == "storage range"


async def test_strategies_missing_methods_are_skipped_and_told(fake: Any) -> None:
    found = await first(fake({}), None, 9)
    assert found.strategy == "low slots"
    assert slot(0) in found.slots and slot(127) in found.slots
    assert "debug_storageRangeAt" in found.failures["storage range"]
    assert "debug_traceBlockByNumber" in found.failures["prestate diff"]


async def test_strategies_gaps_are_told_with_what_was_found(fake: Any) -> None:
    node = fake({})
    node.debug["debug_storageRangeAt"] = lambda *_: {"storage": {"0x" + "12" * 32: {"key": None}}, "nextKey": None}
    found = await first(node, None, 9)
    assert found.strategy == "storage range"
    assert "0x12121212" in found.failures["storage range"]


async def test_strategies_address_without_code_is_not_skipped(fake: Any) -> None:
    node = fake({}, b"")
    node.debug["debug_traceBlockByNumber"] = lambda *_: []
    with pytest.raises(NoCode):
        await names(node, None, 9)
