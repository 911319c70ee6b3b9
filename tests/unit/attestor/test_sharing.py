"""Work that is done once for all who ask."""

from __future__ import annotations

import asyncio

import pytest

from smartsync.attestor.sharing import Budget, Shared


class Work:
    def __init__(self) -> None:
        self.done: list[int] = []
        self.gate = asyncio.Event()

    async def __call__(self, key: int) -> int:
        self.done.append(key)
        await self.gate.wait()
        if key < 0:
            raise ValueError(key)
        return 10 * key


async def test_get_many_at_once_worked_out_once() -> None:
    work = Work()
    shared = Shared(work, 60)
    asked = [asyncio.ensure_future(shared.get(4)) for _ in range(50)]
    other = asyncio.ensure_future(shared.get(5))
    await asyncio.sleep(0)
    asked[0].cancel()
    work.gate.set()
    assert await asyncio.gather(*asked[1:], other) == [40] * 49 + [50]
    assert await shared.get(4) == 40
    assert work.done == [4, 5]


async def test_get_error_is_shared_too() -> None:
    work = Work()
    work.gate.set()
    shared = Shared(work, 60)
    for _ in range(3):
        with pytest.raises(ValueError, match="-1"):
            await shared.get(-1)
    assert work.done == [-1]


async def test_get_old_answer_is_worked_out_anew() -> None:
    work = Work()
    work.gate.set()
    shared = Shared(work, 0.01)
    assert not shared.has(4)
    await shared.get(4)
    assert shared.has(4)
    await asyncio.sleep(0.05)
    assert not shared.has(4)
    await shared.get(4)
    assert work.done == [4, 4]


async def test_get_keeps_so_many_answers_at_most() -> None:
    work = Work()
    work.gate.set()
    shared = Shared(work, 60)
    for key in range(600):
        await shared.get(key)
    assert len(shared._entries) < 300
    assert shared.has(599)
    assert not shared.has(0)


async def test_aclose_ends_what_is_under_way() -> None:
    shared = Shared(Work(), 60)
    asked = asyncio.ensure_future(shared.get(4))
    await asyncio.sleep(0)
    await shared.aclose()
    with pytest.raises(asyncio.CancelledError):
        await asked


async def test_take_burst_then_by_and_by() -> None:
    budget = Budget(3, 50.0)
    assert [budget.take() for _ in range(5)] == [True, True, True, False, False]
    await asyncio.sleep(0.05)
    assert budget.take()


async def test_get_answer_that_took_long_is_kept_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smartsync.attestor.sharing._LONG_S", 0.05)
    work = Work()
    shared = Shared(work, 0.0)
    asked = asyncio.ensure_future(shared.get(4))
    await asyncio.sleep(0.1)
    work.gate.set()
    await asked
    await asyncio.sleep(0.05)
    assert shared.has(4)
