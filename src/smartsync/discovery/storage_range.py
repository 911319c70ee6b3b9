"""Discovery by ``debug_storageRangeAt``: all slots of a contract, with their preimages.

The method answers with the state *before* a transaction of a block, so the state after block N is asked for as the
state before the first transaction of block N + 1. Measured:

========================= ============================================================================================
ganache 7.9.2             needs a transaction with that index: not in empty blocks, and not for the newest block
geth 1.17, hash scheme    also in empty blocks; not for the newest block
geth 1.17, path scheme    only in blocks that leave the contract's storage as it is ("unexpected node" otherwise)
geth without              every key is null: the slots cannot be told
``--cache.preimages``
@ethereumjs/client 0.10   every key is null, the values are RLP, the state is that *after* the transaction, a page ends
                          with the key after the next one; not in empty blocks
========================= ============================================================================================

So blocks around N are tried, the nearest first, and what lies between such a block and N is made up for by tracing its
transactions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from time import monotonic
from typing import Any

from smartsync import answers
from smartsync.chain import Chain
from smartsync.discovery.candidates import Candidates
from smartsync.discovery.prestate import STEPS
from smartsync.discovery.transactions import refuses_tracers, slots_of_blocks
from smartsync.errors import MethodMissing, NodeError, RpcError
from smartsync.keccak import keccak256
from smartsync.results import Progress
from smartsync.trie.nibbles import to_nibbles

METHOD = "debug_storageRangeAt"

PAGE = 1024
"""Slots that are asked for in one call."""

MOST_SLOTS = 2**24
"""Slots of the largest contract that is read: to fill so many costs 420 billion gas."""

_FEWEST_IN_A_PAGE, _FEWEST_A_SECOND = 16, 64
"""Slots that a node must tell on average, after the first pages and the first minute."""

_SAMPLE = 1_000
"""Trie keys, which are spread evenly, from whose distances it is known how many there are, to some per cent."""

_REACH = 8
"""Blocks tried on either side: each costs a call, and tracing to it all its transactions."""

_NOT_YET = re.compile(r"account .*(doesn't|does not) exist", re.I)
"""ganache's and geth's words for a contract that is not there before the block."""


async def candidates(
    chain: Chain, address: str, from_block: int | None, to_block: int, on_progress: Progress | None = None
) -> Candidates:
    """Return the slots that a contract has after ``to_block``, and those it had after ``from_block``.

    Trie keys whose slots the node does not know are ``unnamed``: nothing proves them.

    Both, because a slot that was deleted in between is in the older state only. Where the node does not serve that one
    any more, it is a gap.

    Parameters
    ----------
    from_block, to_block
        Block numbers, in any order.

    Raises
    ------
    MethodMissing
        The node does not have ``debug_storageRangeAt``.
    NodeError
        It does not serve any state near ``to_block``, or its answer is malformed.
    """
    found = await _after(chain, address, to_block, on_progress)
    if from_block is None or from_block == to_block:
        return found
    try:
        older = await _after(chain, address, from_block, on_progress)
    except RpcError as error:
        gap = f"slots deleted since block {from_block} are not seen, its state is not served: {error.text}"
        return replace(found, gaps=(*found.gaps, gap))
    unnamed = dict.fromkeys(found.unnamed + older.unnamed)
    return Candidates(found.slots | older.slots, found.gaps + older.gaps, tuple(unnamed))


async def _after(chain: Chain, address: str, block: int, on_progress: Progress | None) -> Candidates:
    """Return the slots after a block, from the nearest block that the node can tell about."""
    # This one is known to be there, whatever the node says of its newest one.
    newest = max(await chain.block_number(), block)
    failure: RpcError | None = None
    for near in _nearest(block, newest):
        told = await _block(chain, near)
        try:
            slots, unnamed = await _all_pages(
                chain, address, answers.data(told.get("hash"), "block hash", 32), on_progress
            )
        except MethodMissing:
            raise
        except RpcError as error:
            if near > block or not _NOT_YET.search(error.text):
                failure = failure or error
                continue
            slots, unnamed = set(), []  # created since: all that it has was written in between
        between = range(block + 1, near) if near > block else range(near, block + 1)
        changed, gaps = await _touched(chain, address, between)
        slots |= changed
        unnamed = sorted(set(unnamed) - set(map(keccak256, changed)))
        return Candidates(slots, (*_nameless(unnamed, chain.rpc.host), *gaps), tuple(map(to_nibbles, unnamed)))
    raise failure or NodeError(f"{chain.rpc.host} has no block near {block}")


def _nearest(block: int, newest: int) -> Iterator[int]:
    """Yield the blocks before whose first transaction the state is about that after ``block``, the nearest first."""
    for distance in range(_REACH):
        for near in (block + 1 + distance, block - distance):
            if 0 <= near <= newest:
                yield near


async def _block(chain: Chain, number: int) -> Mapping[str, Any]:
    return answers.mapping(await chain.rpc.call("eth_getBlockByNumber", [hex(number), False]), "block")


async def _all_pages(
    chain: Chain, address: str, block_hash: bytes, on_progress: Progress | None
) -> tuple[set[bytes], list[bytes]]:
    """Return the slots before the first transaction of a block, and the trie keys whose slot the node does not know."""
    slots: set[bytes] = set()
    unnamed: list[bytes] = []
    start: bytes | None = bytes(32)
    pages, began_s = 0, monotonic()
    while start is not None:
        params = [f"0x{block_hash.hex()}", 0, address, f"0x{start.hex()}", PAGE]
        keys: list[bytes] = []
        page = answers.mapping(await chain.rpc.call(METHOD, params), "storage range")
        for trie_key, entry in answers.mapping(page.get("storage") or {}, "storage of a range").items():
            key = answers.data(trie_key, "trie key", 32)
            keys.append(key)
            slot = _preimage(key, entry)
            if slot is None:
                unnamed.append(key)
            else:
                slots.add(slot)
        if on_progress:
            on_progress("discover (slots found)", len(slots) + len(unnamed), 0)
        start = _next(page.get("nextKey"), keys, start, chain.rpc.host)
        pages += 1
        if start is not None:
            _require_an_end(chain.rpc.host, pages, len(slots) + len(unnamed), start, monotonic() - began_s)
    return slots, unnamed


def _require_an_end(host: str, pages: int, found: int, start: bytes, seconds: float) -> None:
    """Check that it will end: a node that makes keys up can always name one more.

    Parameters
    ----------
    found
        Slots of all these pages.
    start
        32 bytes: where the next page begins.

    Raises
    ------
    NodeError
        It tells too few slots a page or a second; or goes on as with more slots than any replica has.
    """
    if pages >= _SAMPLE // _FEWEST_IN_A_PAGE and found < pages * _FEWEST_IN_A_PAGE:
        raise NodeError(f"{host} does not get on with {METHOD}: {found:,} slots in {pages:,} pages, and more to come")
    if seconds > 60 + found / _FEWEST_A_SECOND:
        raise NodeError(f"{host} is too slow with {METHOD}: {found:,} slots in {seconds:,.0f} s, and more to come")
    if found >= _SAMPLE and (found << 256) // (int.from_bytes(start, "big") or 1) > MOST_SLOTS:
        raise NodeError(f"{host} tells of more than {MOST_SLOTS:,} slots by {METHOD}, as no replica can have")


def _preimage(trie_key: bytes, entry: object) -> bytes | None:
    """Return the slot of an entry, None where the node does not know it (geth: null) or tells a wrong one."""
    told = answers.mapping(entry, "entry of a storage range").get("key")
    if told is None:
        return None
    slot = answers.quantity(told, "storage key").to_bytes(32, "big")
    return slot if keccak256(slot) == trie_key else None


def _next(told: object, keys: Sequence[bytes], start: bytes, host: str) -> bytes | None:
    """Return where the next page begins: right after this one, which is also where the node says where it is right.

    @ethereumjs/client 0.10 names a key too far on, and what is between would be left out.
    """
    if told is None:
        return None
    if not keys:
        raise NodeError(f"{host} does not get on with {METHOD}: a page without slots is not the last one")
    key = answers.data(told, "next trie key", 32)
    after = (int.from_bytes(max(keys), "big") + 1).to_bytes(33, "big")[1:]
    begin = min(key, after)
    if begin <= start:
        raise NodeError(f"{host} does not get on with {METHOD}: after 0x{start.hex()} comes 0x{begin.hex()}")
    return begin


def _nameless(trie_keys: Sequence[bytes], host: str) -> tuple[str, ...]:
    if not trie_keys:
        return ()
    shown = ", ".join(f"0x{key[:4].hex()}…" for key in trie_keys[:8]) + (", …" if len(trie_keys) > 8 else "")
    return (
        f"{host} does not know the slots (preimages) of {len(trie_keys)} trie keys: {shown}; "
        "geth keeps them only with --cache.preimages",
    )


async def _touched(chain: Chain, address: str, blocks: range) -> tuple[set[bytes], tuple[str, ...]]:
    """Return the slots that the transactions of some blocks may have written, by tracing them one by one."""
    slots: set[bytes] = set()
    for number in blocks:
        try:
            slots |= await _written(chain, address, range(number, number + 1))
        except NodeError as error:
            return slots, (f"what block {number} wrote is not seen: {error.message}",)
    return slots, ()


async def _written(chain: Chain, address: str, blocks: range) -> set[bytes]:
    """Return the slots that some blocks' transactions may have written, by single steps where tracers are refused."""
    try:
        return await slots_of_blocks(chain, address, blocks)
    except RpcError as error:
        if not refuses_tracers(error):
            raise
    return await slots_of_blocks(chain, address, blocks, options=STEPS)
