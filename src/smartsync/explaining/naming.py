"""What slots of a replica are called, by a storage layout; asked of the chain is only how long its arrays are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Sequence

from smartsync.chain import Chain
from smartsync.discovery.hints import Hints
from smartsync.errors import NodeError
from smartsync.layout import Place, Question, named


async def places_of(
    chain: Chain, hints: Hints, replica: str, slots: Sequence[bytes], block: int | None = None
) -> dict[bytes, Place]:
    """Return the places of slots (32 bytes each), as far as the layout and the keys tell of them.

    Parameters
    ----------
    block
        At which the lengths of arrays are read; ``None``: now.
    """
    if hints.layout is None or not slots:
        return {}
    walk = named(hints.layout, hints.pool(), set(slots))
    loop = asyncio.get_running_loop()

    def values(asked: Sequence[bytes]) -> list[int]:
        waiting = _values(chain, replica, asked, block)
        return asyncio.run_coroutine_threadsafe(waiting, loop).result()

    # Where keys are not known it hashes for seconds: whoever else is served by this process is not to wait.
    return await asyncio.to_thread(_walked, walk, values)


async def _values(chain: Chain, replica: str, slots: Sequence[bytes], block: int | None) -> list[int]:
    try:
        return await chain.storage_at(replica, slots, "latest" if block is None else block)
    except NodeError:
        return [0] * len(slots)  # then what lies behind a length has no name


def _walked(
    walk: Generator[Question, Sequence[int] | None, dict[bytes, Place]], values: Callable[[Sequence[bytes]], list[int]]
) -> dict[bytes, Place]:
    """Return what a walk over a layout comes to, answering its questions."""
    try:
        question = next(walk)
        while True:
            question = walk.send(values(question.slots))
    except StopIteration as end:
        return dict(end.value)
