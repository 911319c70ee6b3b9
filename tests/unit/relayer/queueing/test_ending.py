from __future__ import annotations

import asyncio

from smartsync.relayer.queueing.ending import end


async def test_end_of_a_task_that_loses_a_cancellation() -> None:
    heard = 0

    async def deaf() -> None:
        nonlocal heard
        while True:
            try:
                await asyncio.sleep(3_600)
            except asyncio.CancelledError:
                heard += 1
                if heard == 2:
                    raise

    task = asyncio.create_task(deaf())
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await end(task)
    assert task.cancelled() and heard == 2


async def test_end_of_what_has_ended_or_failed_is_quiet() -> None:
    async def fails() -> None:
        raise KeyError("unforeseen")

    task = asyncio.create_task(fails())
    await asyncio.wait([task])
    await end(task)
    await end()
