"""One piece of work for all who ask at the same time, and its outcome for those who ask soon after."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")

_KEPT = 256
_LONG_S = 0.5
_REST = 4
_MAX_REST_S = 60.0


class Shared(Generic[K, T]):
    """Answers by key, each worked out once in ``fresh_s`` seconds at most, however many ask; errors too.

    What takes long is kept longer, so that whoever asks on and on cannot keep it going on and on. Whoever goes away
    does not stop the work for the others.
    """

    def __init__(self, work: Callable[[K], Awaitable[T]], fresh_s: float) -> None:
        self._work, self._fresh_s = work, fresh_s
        self._entries: OrderedDict[K, tuple[asyncio.Task[T], list[float]]] = OrderedDict()  # and until when it is fresh

    def has(self, key: K) -> bool:
        """Whether asking for this costs nothing now."""
        entry = self._entries.get(key)
        if entry is None:
            return False
        task, until = entry
        return not task.done() or (bool(until) and _now() <= until[0])

    async def get(self, key: K) -> T:
        """Return the answer, or raise what the work raised."""
        if not self.has(key):
            self._start(key)
        return await asyncio.shield(self._entries[key][0])

    async def aclose(self) -> None:
        """Stop all work."""
        tasks = [task for task, _ in self._entries.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, key: K) -> None:
        until: list[float] = []
        begun = _now()

        def note(task: asyncio.Task[T]) -> None:
            now = _now()
            rest = min(_REST * (now - begun), _MAX_REST_S) if now - begun > _LONG_S else 0.0
            until.append(now + max(self._fresh_s, rest))
            if not task.cancelled():
                task.exception()  # looked at: nobody may be left to hear of it

        task = asyncio.ensure_future(self._run(key))
        task.add_done_callback(note)
        self._entries[key] = (task, until)
        self._entries.move_to_end(key)
        for old in [one for one, (running, _) in self._entries.items() if running.done()][:-_KEPT]:
            del self._entries[old]

    async def _run(self, key: K) -> T:
        return await self._work(key)


def _now() -> float:
    return asyncio.get_running_loop().time()


class Budget:
    """So many pieces of work at once, ``per_s`` a second in the long run."""

    def __init__(self, burst: int, per_s: float) -> None:
        self._burst, self._per_s = burst, per_s
        self._left, self._at = float(burst), 0.0

    def take(self) -> bool:
        """Whether one more may be done now; then it is counted."""
        now = _now()
        self._left = min(self._burst, self._left + (now - self._at) * self._per_s)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
