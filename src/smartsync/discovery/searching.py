"""Strategies in turn, until what they found together is complete."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from smartsync.discovery import Discovery
from smartsync.errors import IncompleteSlots
from smartsync.keccak import keccak256
from smartsync.trie.nibbles import to_nibbles

_T = TypeVar("_T")


async def search(
    candidates: AsyncIterator[Discovery], attempt: Callable[[set[bytes]], Awaitable[_T]], advice: str = ""
) -> tuple[_T, str]:
    """Return the first attempt that has all slots it needs, and the strategy that found the last of them.

    Parameters
    ----------
    attempt
        Takes all slots found so far, 32 bytes each; raises ``IncompleteSlots`` where they are not all.
    advice
        The hint where the attempts have none of their own.

    Raises
    ------
    IncompleteSlots
        No strategy is left; tells what is open and what each strategy could not do.
    """
    known: set[bytes] = set()
    failures: dict[str, str] = {}
    unnamed: set[bytes] = set()
    last = IncompleteSlots([b""])
    async for found in candidates:
        known |= found.slots
        failures |= found.failures
        # What is told later is of the same search, further on: an open position may have been looked into since.
        unnamed = set(found.unnamed) or unnamed
        try:
            return await attempt(known), found.strategy
        except IncompleteSlots as error:
            last = error
    told = "; ".join(f"{strategy}: {why}" for strategy, why in failures.items())
    # A strategy that saw the trie keys themselves knows better what is missing than where the proofs of an attempt end.
    seen = sorted(unnamed - {to_nibbles(keccak256(slot)) for slot in known}) if unnamed else []
    raise IncompleteSlots(seen or last.prefixes, told, hint=last.own_hint or advice) from last
