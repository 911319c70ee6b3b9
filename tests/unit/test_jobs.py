from __future__ import annotations

import asyncio

import pytest

from smartsync.errors import NodeError
from smartsync.jobs import side_by_side


async def test_side_by_side_runs_all_at_once_and_keeps_their_order() -> None:
    second_began = asyncio.Event()

    async def first() -> str:
        await asyncio.wait_for(second_began.wait(), 5)
        return "first"

    async def second() -> str:
        second_began.set()
        return "second"

    assert await side_by_side([first(), second()]) == ["first", "second"]


async def test_side_by_side_of_nothing_is_nothing() -> None:
    assert await side_by_side(iter(())) == []


async def test_side_by_side_failure_is_raised_as_it_is_and_stops_the_others() -> None:
    stopped: list[bool] = []

    async def waits() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            stopped.append(True)
            raise

    async def fails() -> None:
        await asyncio.sleep(0)
        raise NodeError("refused")

    with pytest.raises(NodeError, match="refused"):
        await side_by_side([waits(), fails()])
    assert stopped == [True]
