"""From trie keys to slots: whatever may be a slot of a contract, with its name, the cheapest sources first.

A trie key is the hash of its slot, so nobody can compute the slot from it; but everybody can try slots. Nothing that is
yielded is trusted: a slot is one where its hash is a trie key that is wanted.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from typing import TypeAlias

from smartsync.answers import Transaction
from smartsync.chain import Chain
from smartsync.discovery import access_list, low_slots, seen_keys
from smartsync.discovery.candidates import Candidates
from smartsync.discovery.hints import NO_HINTS, Hints
from smartsync.discovery.seen_keys import Tell
from smartsync.errors import NodeError, NodeUnreachable
from smartsync.keccak import keccak256
from smartsync.layout import (
    LESS_LIKELY,
    LIKELY,
    Layout,
    Path,
    Place,
    Pool,
    Question,
    constants_of,
    guesses,
    known_namespaces,
    places,
)
from smartsync.results import Progress

Read: TypeAlias = Callable[[Sequence[bytes]], Awaitable[Sequence[int]]]
"""Returns the values of slots (32 bytes each), in their order."""

MAX_READS = 40_000
"""Slots that are read at most: for lengths, and by a strategy, which has no trie keys to compare candidates with."""

MAX_GUESSED_LENGTHS = 4_000
"""Of these, slots that are read for the lengths of guessed arrays: most are none."""

_READ_AT_ONCE = 500
_YIELD_EVERY = 2_000
_IMPLEMENTATION = int.from_bytes(keccak256(b"eip1967.proxy.implementation"), "big") - 1


async def preimages(
    chain: Chain,
    address: str,
    from_block: int | None,
    to_block: int,
    hints: Hints = NO_HINTS,
    read: Read | None = None,
    tell: Tell = lambda _: None,
) -> AsyncGenerator[Place, None]:
    """Yield slots that a contract may use, with what they are; stop when all that are wanted are among them.

    In this order: what the layout tells without any key; the layout with the user's keys and those that the chain has
    shown; what recent calls use; the layout with keys in combinations that were not seen; guesses without a layout.
    Slots come twice.

    Parameters
    ----------
    address
        Of the contract, checksummed.
    from_block, to_block
        Numbers of the blocks after and until which keys are looked for, in any order; None for the beginning.
    hints
        What the user knows.
    read
        Reads slots as they are at the block in question; by default the node's word at ``to_block``.
    tell
        Told, in words, what a source could not do.

    Raises
    ------
    NodeUnreachable
        The node does not answer at the moment.
    """
    ask = _at_most(MAX_READS, read or _reader(chain, address, to_block), tell)
    for slot in range(low_slots.COUNT if hints.layout is None else 0):
        yield Place(slot.to_bytes(32, "big"), (None, f"slot{slot}"))
    pool = hints.pool()
    if hints.layout is not None:
        async for place in _walked(hints.layout, pool, ask, mappings=False):
            yield place
    calls = await seen_keys.collect(chain, address, from_block, to_block, pool, tell)
    if hints.layout is not None:
        async for place in _walked(hints.layout, pool, ask):
            yield place
    for place in await _used(chain, address, calls, tell):
        yield place
    if hints.layout is not None:
        async for place in _walked(hints.layout, pool, ask, unrelated=True):
            yield place
    guess = _at_most(MAX_GUESSED_LENGTHS, ask, lambda _: None)
    async for place in _guessed(chain, address, to_block, pool, guess, tell):
        yield place


async def _guessed(
    chain: Chain, address: str, to_block: int, pool: Pool, ask: Read, tell: Tell
) -> AsyncGenerator[Place, None]:
    """Yield slots without a layout."""
    constants = await _constants(chain, address, to_block, ask, tell)
    for layout in (*guesses(LIKELY), known_namespaces(), *guesses(constants), *guesses(LESS_LIKELY)):
        async for place in _walked(layout, pool, ask):
            yield place


async def by_layout(
    chain: Chain,
    address: str,
    from_block: int | None,
    to_block: int,
    on_progress: Progress | None = None,
    *,
    hints: Hints = NO_HINTS,
) -> Candidates:
    """Return the slots of the user's layout that hold something at ``to_block``: a `Strategy` with hints."""
    layout = hints.layout
    if layout is None:
        return Candidates(set())

    def name(pool: Pool, read: Read, _: Tell) -> AsyncGenerator[Place, None]:
        return _walked(layout, pool, read, unrelated=True)

    return await _looked_at(name, chain, address, from_block, to_block, on_progress, hints)


async def by_guessing(
    chain: Chain,
    address: str,
    from_block: int | None,
    to_block: int,
    on_progress: Progress | None = None,
    *,
    hints: Hints = NO_HINTS,
) -> Candidates:
    """Return the slots of guessed variables that hold something at ``to_block``: a `Strategy` with hints."""

    def name(pool: Pool, read: Read, tell: Tell) -> AsyncGenerator[Place, None]:
        return _guessed(chain, address, to_block, pool, read, tell)

    return await _looked_at(name, chain, address, from_block, to_block, on_progress, hints)


async def _looked_at(
    name: Callable[[Pool, Read, Tell], AsyncGenerator[Place, None]],
    chain: Chain,
    address: str,
    from_block: int | None,
    to_block: int,
    on_progress: Progress | None,
    hints: Hints,
) -> Candidates:
    """Return the slots that hold something, of those that ``name`` makes of the user's keys and of those seen."""
    gaps: list[str] = []
    pool = hints.pool()
    await seen_keys.collect(chain, address, from_block, to_block, pool, gaps.append)
    read = _reader(chain, address, to_block)
    slots = await _holding(name(pool, read, gaps.append), read, gaps, on_progress)
    return Candidates(slots, tuple(gaps))


async def _walked(
    layout: Layout, pool: Pool, read: Read, *, mappings: bool = True, unrelated: bool = False
) -> AsyncGenerator[Place, None]:
    """Walk a layout, answering its questions."""
    walk = places(layout, pool, mappings=mappings, unrelated=unrelated)
    step, done = next(walk, None), 0
    while step is not None:
        if isinstance(step, Question):
            values = await read(step.slots)
            try:
                step = walk.send(values)
            except StopIteration:
                return
        else:
            yield step
            step = next(walk, None)
            done += 1
            if done % _YIELD_EVERY == 0:
                await asyncio.sleep(0)  # hashing for seconds must not stop everything else


async def _used(chain: Chain, address: str, calls: Sequence[Transaction], tell: Tell) -> Iterator[Place]:
    """Return the slots that recent calls use. No variable names them."""
    try:
        found = await access_list.used_by(chain, address, calls)
    except NodeUnreachable:
        raise
    except NodeError as error:
        tell(error.message)
        return iter(())
    for gap in found.gaps:
        tell(gap)
    path: Path = (None, "used by a recent call")
    return (Place(slot, path) for slot in sorted(found.slots))


async def _constants(chain: Chain, address: str, block: int, read: Read, tell: Tell) -> list[int]:
    """Return the constants of the contract's code and of the implementation that its ERC-1967 slot names."""
    try:
        (word,) = await read([_IMPLEMENTATION.to_bytes(32, "big")])
        codes = [await chain.code(address, block)]
        if 0 < word < 2**160:
            codes.append(await chain.code(f"0x{word:040x}", block))
    except NodeUnreachable:
        raise
    except NodeError as error:
        tell(f"the code was not looked at: {error.message}")
        return []
    return list(dict.fromkeys(constant for code in codes for constant in constants_of(code)))


async def _holding(
    named: AsyncGenerator[Place, None], read: Read, gaps: list[str], on_progress: Progress | None
) -> set[bytes]:
    """Return the slots that hold something, by the node's word, of as many as are worth reading."""
    asked: dict[bytes, None] = {}
    holding: set[bytes] = set()
    waiting: list[bytes] = []

    async def look() -> None:
        values = await read(waiting)
        holding.update(slot for slot, value in zip(waiting, values, strict=True) if value)
        waiting.clear()
        if on_progress:
            on_progress(f"discover (slots tried, {len(holding)} found)", len(asked), 0)

    async with aclosing(named):
        async for slot, *_ in named:
            if slot in asked:
                continue
            if len(asked) == MAX_READS:
                gaps.append(f"only the {MAX_READS} likeliest slots were read")
                break
            asked[slot] = None
            waiting.append(slot)
            if len(waiting) == _READ_AT_ONCE:
                await look()
    if waiting:
        await look()
    return holding


def _at_most(count: int, read: Read, tell: Tell) -> Read:
    """Return a reader that answers zero once so many slots have been read."""
    left, is_over = count, False

    async def limited(slots: Sequence[bytes]) -> Sequence[int]:
        nonlocal left, is_over
        if left < len(slots) and not is_over:
            tell(f"lengths of arrays and texts were read of {count - left} slots, of no more")
            is_over = True
        if is_over:
            return [0] * len(slots)
        left -= len(slots)
        return await read(slots)

    return limited


def _reader(chain: Chain, address: str, block: int) -> Read:
    async def read(slots: Sequence[bytes]) -> Sequence[int]:
        return await chain.storage_at(address, slots, block)

    return read
