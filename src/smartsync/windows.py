"""Events of many blocks from a node that answers for few at once: windows of blocks, the newest first.

Most hosted nodes limit ``eth_getLogs``, to 10 to 100,000 blocks a query, or to so many results. The limit is not known
beforehand and written differently by each (`smartsync.refusals`), so it is found out: what is refused is halved, and
what a node refused for its width it is not asked for again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from smartsync import answers
from smartsync.answers import Log
from smartsync.errors import NodeUnreachable, RpcError
from smartsync.refusals import named_range, too_many_logs, too_wide_range

Ask = Callable[[Sequence[range]], Awaitable[Sequence[object]]]
"""Asks for the logs of ranges of blocks, and answers with the node's lists, or the refusals in their place."""

Refusal = RpcError | NodeUnreachable
"""What a node answers instead, or that it takes too long."""

_AT_ONCE = 8


class Windows:
    """How many blocks one node answers for at once, as far as it has shown. None is known of a new one."""

    def __init__(self) -> None:
        self.size: int | None = None

    def shrink(self, error: Refusal, asked: int) -> int:
        """Return how many blocks to ask for instead of so many. Raises ``error`` where that is not what it is about."""
        if isinstance(error, NodeUnreachable):
            if asked > 1 and error.timed_out:
                return asked // 2
            raise error
        if asked > 1 and too_wide_range(error):
            self.size = named_range(error, asked) or asked // 2
            return self.size
        if asked > 1 and too_many_logs(error):
            return asked // 2
        raise error

    async def backwards(self, ask: Ask, blocks: range, width: int | None = None) -> AsyncIterator[list[Log]]:
        """Yield the logs of a range of blocks, window by window, the newest window first.

        Within a window they are in the node's order, the oldest first. ``width`` is how many blocks to begin with,
        where that is known better than from what the node refused before.

        Raises
        ------
        RpcError
            The node refuses for another reason, or a single block.
        NodeUnreachable
            It does not answer, or takes too long for a single block.
        NodeError
            An answer is malformed.
        """
        first, last = blocks.start, blocks.stop - 1
        width, at_once = width or self.size or max(1, len(blocks)), 1
        while last >= first:
            windows = _cut(first, last, width)[:at_once]
            for window, told in zip(windows, await ask(windows), strict=True):
                if isinstance(told, RpcError | NodeUnreachable):
                    width, at_once = self.shrink(told, len(window)), 1
                    break
                yield [answers.log(one) for one in answers.sequence(told, "logs")]
                last = window.start - 1
            else:
                # A limit of results is one of where there are many: elsewhere more blocks may do.
                width, at_once = min(2 * width, self.size or 2 * width), _AT_ONCE


def _cut(first: int, last: int, width: int) -> list[range]:
    """Return some windows of this width, from the last block downwards."""
    ends = range(last, first - 1, -width)[:_AT_ONCE]
    return [range(max(first, end - width + 1), end + 1) for end in ends]
