"""How often did a contract's storage change lately? Found by looking at older blocks, a few dozen at most."""

from __future__ import annotations

import asyncio
from functools import partial

from smartsync.analysis.report import ChangeReport
from smartsync.chain import Chain
from smartsync.errors import NodeUnreachable, SmartSyncError
from smartsync.header import Header
from smartsync.trie.proof import verify_account
from smartsync.types import NO_ACCOUNT

LOOKS = 24
"""Steps between the blocks that are looked at; to find the last change takes at most 17 looks more."""

TIMEOUT_S = 30.0
_DEPTHS = (100_000, 10_000, 1_000, 127)
"""Blocks back from where it is worth looking, the most first: two weeks of mainnet, and what geth keeps."""

_LOG_BLOCKS = 1_000


class _History:
    """The storage roots of a contract at older blocks, each proven against its block's state root."""

    def __init__(self, chain: Chain, address: str) -> None:
        self._chain, self._address = chain, address
        self._seen: dict[int, tuple[bytes, int]] = {}

    async def root(self, number: int) -> bytes:
        """Return the 32-byte storage root at a block; that of nothing where there was no contract."""
        return (await self._look(number))[0]

    async def time(self, number: int) -> int:
        return (await self._look(number))[1]

    async def _look(self, number: int) -> tuple[bytes, int]:
        if number not in self._seen:
            self._seen[number] = await self._chain.verified(partial(self._look_by, number))
        return self._seen[number]

    async def _look_by(self, number: int, one: Chain) -> tuple[bytes, int]:
        """Look at a block through one node, so that it is known who lied."""
        header = await one.header(number)
        proof = await one.proof(self._address, [], number)
        account = verify_account(header.state_root, proof.address, proof.account_nodes) or NO_ACCOUNT
        return account.storage_root, header.timestamp


async def recent_changes(chain: Chain, header: Header, address: str) -> ChangeReport:
    """Return how often a contract changed in the blocks up to this one, as far as the node tells it in half a minute.

    Raises
    ------
    NodeUnreachable
        The node does not answer at the moment.
    """
    if header.number == 0:
        return _unknown(header, "there are no older blocks")
    try:
        async with asyncio.timeout(TIMEOUT_S):
            history = _History(chain, address)
            first, why = await _oldest(history, header.number)
            if first is None:
                return await _by_logs(chain, header, address, why)
            return await _by_roots(history, header, first)
    except TimeoutError:
        return _unknown(header, f"the node did not tell it within {TIMEOUT_S:.0f} s")


async def _oldest(history: _History, newest: int) -> tuple[int | None, str]:
    """Return the oldest of a few blocks whose proofs are served; None where there is none, and why."""
    why = ""
    for depth in (depth for depth in (newest, *_DEPTHS, 1) if depth <= min(newest, _DEPTHS[0])):
        try:
            await history.root(newest - depth)
        except NodeUnreachable:
            raise
        except SmartSyncError as error:
            why = error.message
        else:
            return newest - depth, ""
    return None, why


async def _by_roots(history: _History, header: Header, first: int) -> ChangeReport:
    span = header.number - first
    steps = min(LOOKS, span)
    numbers = [first + span * step // steps for step in range(steps + 1)]
    try:
        roots = [await history.root(number) for number in numbers]
        changed = [place for place in range(steps) if roots[place] != roots[place + 1]]
        last = await _change_between(history, numbers[changed[-1]], numbers[changed[-1] + 1]) if changed else None
    except NodeUnreachable:
        raise
    except SmartSyncError as error:
        return _unknown(header, error.message)
    seconds = _between(await history.time(first), header)
    return ChangeReport("storage roots", "", first, header.number, seconds, len(numbers), len(changed), last)


async def _change_between(history: _History, before: int, after: int) -> int:
    """Return a block that changed the storage, the last one unless it came back to a root that it had before."""
    final = await history.root(after)
    while after - before > 1:
        middle = (before + after) // 2
        if await history.root(middle) == final:
            after = middle
        else:
            before = middle
    return after


async def _by_logs(chain: Chain, header: Header, address: str, why: str) -> ChangeReport:
    first = max(1, header.number - _LOG_BLOCKS + 1)
    try:
        logs = await chain.logs(address, from_block=first, to_block=header.number)
        seconds = _between((await chain.header(first)).timestamp, header)
    except NodeUnreachable:
        raise
    except SmartSyncError as error:
        return _unknown(header, f"proofs of older blocks: {why}; events: {error.message}")
    blocks = {log.block_number for log in logs if first <= log.block_number <= header.number}
    looks = header.number - first + 1
    return ChangeReport("logs", why, first, header.number, seconds, looks, len(blocks), max(blocks, default=None))


def _between(first_s: int, header: Header) -> int:
    """Return the seconds from the first block's time on; 0 where that is a genesis block without a time."""
    return header.timestamp - first_s if first_s else 0


def _unknown(header: Header, why: str) -> ChangeReport:
    return ChangeReport("unknown", why, header.number, header.number, 0, 0, 0, None)
