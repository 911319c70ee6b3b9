"""What an account has signed, written down before it is sent.

A transaction that was signed may get into a block whatever becomes of the process that signed it. So its journal knows
it first: whoever goes on follows it to its end instead of paying for the same step again (`Sender.finish`). The command
line's journal lives as long as its process (`Memory`), the relayer's is a table (`smartsync.relayer.state.journal`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from smartsync.answers import Receipt
from smartsync.fees import Fees


@dataclass(frozen=True, slots=True)
class Attempt:
    """One signed version of a transaction: its 32-byte hash, its bytes as they are sent, what it offers.

    ``cancels`` where it does nothing but take the nonce: a transfer of nothing, from the account to itself.
    """

    tx_hash: bytes
    raw: bytes
    fees: Fees
    cancels: bool = False


@dataclass(frozen=True, slots=True)
class Signed:
    """A transaction, in all the versions that were signed: of one nonce, so that one of them at most gets into a block.

    ``what`` it does, in words; ``to`` is None for a creation; ``gas`` its limit; the newest of its ``attempts`` is the
    last, and offers most.
    """

    what: str
    sender: str
    nonce: int
    to: str | None
    data: bytes
    gas: int
    attempts: tuple[Attempt, ...]

    @property
    def newest(self) -> Attempt:
        """The version that offers most."""
        return self.attempts[-1]

    def is_cancelled_by(self, tx_hash: bytes) -> bool:
        """Whether the version with this hash is one that cancels."""
        return any(one.cancels for one in self.attempts if one.tx_hash == tx_hash)


class Turn(Protocol):
    """The right to sign an account's next transaction, which one has at a time.

    ``has_all`` where everything that the account signs is in the journal, as long as that was not lost: what waits in a
    pool and is not in it may do the very same that is to be signed now.
    """

    @property
    def has_all(self) -> bool:
        """Whether there is nothing else of the account."""
        ...

    async def taken(self) -> Collection[int]:
        """Return the nonces of all that was signed and is not dropped, as far back as the node may not know it yet."""
        ...

    async def write(self, signed: Signed) -> None:
        """Remember a transaction, or a new version of one. It stands when this returns: before it is sent.

        Raises
        ------
        Overtaken
            Somebody else has sent something for the same subject since this journal was opened.
        """
        ...


class Journal(Protocol):
    """What was signed for one subject: a replica, an anchor; with `Memory` whatever a process does."""

    def turn(self, chain_id: int, sender: str) -> AbstractAsyncContextManager[Turn]:
        """Wait for the turn of an account on a chain."""
        ...

    def alone(self, what: str) -> AbstractAsyncContextManager[object]:
        """Wait until nobody else who shares the journal is at something that several subjects need: one pays for it."""
        ...

    async def unfinished(self) -> Sequence[Signed]:
        """Return what was signed by whoever came before and has not ended, the oldest first."""
        ...

    async def included(self, signed: Signed, receipt: Receipt) -> None:
        """Remember that a transaction is in a block."""
        ...

    async def dropped(self, signed: Signed, why: str) -> None:
        """Remember that a transaction will not get into a block, and that its nonce is free."""
        ...

    async def left(self, signed: Signed) -> None:
        """Remember that nobody looks after a transaction any more, which may still get into a block."""
        ...


class Memory:
    """A journal that ends with its process: nobody comes after it, so nothing is ever unfinished."""

    has_all = False

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._nonces: set[int] = set()

    @asynccontextmanager
    async def turn(self, chain_id: int, sender: str) -> AsyncIterator[Memory]:
        """Wait for the turn; all its transactions are of one account on one chain."""
        async with self._lock:
            yield self

    @asynccontextmanager
    async def alone(self, what: str) -> AsyncIterator[None]:
        """Wait for nobody: there is one who pays."""
        yield

    async def taken(self) -> Collection[int]:
        """Return the nonces of what is under way."""
        return frozenset(self._nonces)

    async def write(self, signed: Signed) -> None:
        """Remember the nonce."""
        self._nonces.add(signed.nonce)

    async def unfinished(self) -> Sequence[Signed]:
        """Return nothing."""
        return ()

    async def included(self, signed: Signed, receipt: Receipt) -> None:
        """Forget it: the node knows it."""
        self._nonces.discard(signed.nonce)

    async def dropped(self, signed: Signed, why: str) -> None:
        """Forget it."""
        self._nonces.discard(signed.nonce)

    async def left(self, signed: Signed) -> None:
        """Forget it: whether its nonce is free is up to the node."""
        self._nonces.discard(signed.nonce)
