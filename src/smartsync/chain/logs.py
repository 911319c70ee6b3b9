"""Events of a contract: all in one call, or in windows of blocks where the node answers for few at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TypeAlias

from smartsync import answers
from smartsync.answers import Log
from smartsync.chain.blocks import block_name, block_tag
from smartsync.errors import NodeUnreachable, RpcError
from smartsync.refusals import unavailable
from smartsync.rpc import JsonRpc
from smartsync.windows import Refusal, Windows

Topic: TypeAlias = bytes | Sequence[bytes] | None
"""A topic to look for: 32 bytes, several, or any."""


class Logs:
    """Events by one node, whose limit is remembered.

    Parameters
    ----------
    number
        Returns the number of a block that is named by its number or by a word.
    """

    def __init__(self, rpc: JsonRpc, number: Callable[[int | str], Awaitable[int]]) -> None:
        self._rpc, self._number = rpc, number
        self._windows = Windows()

    async def backwards(
        self, address: str, topics: Sequence[Topic], from_block: int | str, to_block: int | str
    ) -> AsyncIterator[list[Log]]:
        """Yield events in windows, the newest first; for parameters and errors see `Chain.logs_backwards`."""
        query = {"address": address, "topics": [_topic(topic) for topic in topics]}

        async def ask(windows: Sequence[range]) -> Sequence[object]:
            spans = [(hex(window.start), hex(window.stop - 1)) for window in windows]
            calls = [("eth_getLogs", [query | {"fromBlock": first, "toBlock": last}]) for first, last in spans]
            try:
                return await self._rpc.batch(calls, return_errors=True)
            except NodeUnreachable as error:
                return [error] * len(windows)

        refusal: Refusal | None = None
        try:
            if self._windows.size is None:
                tags = {"fromBlock": block_tag(from_block), "toBlock": block_tag(to_block)}
                told = await self._rpc.call("eth_getLogs", [query | tags])
                yield [answers.log(one) for one in answers.sequence(told, "logs")]
                return
        except (RpcError, NodeUnreachable) as error:
            refusal = error
        try:
            blocks = range(await self._number(from_block), await self._number(to_block) + 1)
            width = None if refusal is None else self._windows.shrink(refusal, len(blocks))
            async for logs in self._windows.backwards(ask, blocks, width):
                yield logs
        except RpcError as error:
            raise unavailable(error, block_name(from_block)) or error from error


def _topic(topic: Topic) -> object:
    if isinstance(topic, bytes):
        return f"0x{topic.hex()}"
    return None if topic is None else [f"0x{one.hex()}" for one in topic]
