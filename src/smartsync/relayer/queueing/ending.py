"""The end of tasks that go on for ever, told them until they hear it."""

from __future__ import annotations

import asyncio
from typing import Any

_AGAIN_S = 1.0


async def end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks and return once they have ended, however they did.

    Until Python 3.12 ``asyncio.wait_for`` loses a cancellation that comes in the moment in which what it waits for
    does, and psycopg waits by it: a task that asks a database goes on then, and whoever awaits it waits for ever.
    """
    waiting = {task for task in tasks if not task.done()}
    while waiting:
        for task in waiting:
            task.cancel()
        _, waiting = await asyncio.wait(waiting, timeout=_AGAIN_S)
    await asyncio.gather(*tasks, return_exceptions=True)
