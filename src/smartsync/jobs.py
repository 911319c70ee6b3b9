"""Jobs that are done side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

_T = TypeVar("_T")


async def side_by_side(jobs: Iterable[Coroutine[Any, Any, _T]]) -> list[_T]:
    """Run jobs side by side and return what they return, in their order; the first failure stops the others.

    That failure is raised as it is, not as a group: whoever asks catches errors by their kind.
    """
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(job) for job in jobs]
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [task.result() for task in tasks]
