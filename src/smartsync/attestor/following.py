"""Which source blocks an attestor may sign: those that all of its nodes hold for final, or that are deep enough."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from smartsync.anchors.attestation import AttestedLevel
from smartsync.attestor.record import Finalized, Record, SourceId
from smartsync.chain import Chain
from smartsync.errors import BlockUnavailable, ConfigError, NodesDisagree, NotAttestable, RpcError
from smartsync.header import Header

T = TypeVar("T")

logger = logging.getLogger(__name__)

Follow = Literal["finalized"] | int
"""The nodes' own ``finalized`` block, or how many blocks a block must have above it."""


def parse_follow(text: str) -> Follow:
    """Return what ``--follow`` says. Raises ``ConfigError``."""
    if text == "finalized":
        return "finalized"
    if text.isascii() and text.isdigit() and len(text) < 7:
        return int(text)
    raise ConfigError(
        f"--follow: {text!r} is neither finalized nor a number of blocks",
        hint="take finalized where the source has it; else a depth that its reorganisations do not reach",
    )


@dataclass(frozen=True)
class Following:
    """One source chain, as one node or several tell it.

    What one node alone says is never taken: where there are several, all have to say the same. With ``finalized``, the
    highest finalized block that they agreed on is recorded, and has to be on their chain from then on.
    """

    nodes: Sequence[Chain]
    follow: Follow
    source: SourceId
    record: Record

    @property
    def level(self) -> AttestedLevel:
        """As what its blocks are attested."""
        return "final" if self.follow == "finalized" else "safe"

    async def header(self, number: int | None = None) -> Header:
        """Return a block that may be attested: this one, or the newest.

        Raises
        ------
        NotAttestable
            It is not final, or not deep enough, yet.
        NodesDisagree
            The nodes do not all have the same block, or one is behind what was seen before. Nothing can be said.
        AttestorStopped
            A block that was finalized is not on any node's chain any more; from now on, whatever the nodes say later.
        NodeError
            A node does not answer.
        """
        self.record.require_going(self.source)
        await self._require_seen()
        reached = await self._each(self._reached)
        newest = min(reached)
        wanted = newest if number is None else number
        if newest < 0:
            raise NotAttestable(f"the source has no block that is {self._enough()} yet", hint="wait")
        if wanted > newest:
            raise NotAttestable(
                f"block {wanted} is not {self._enough()} yet; the newest one that is, is block {newest}",
                hint="wait, or ask for an older block",
            )
        top = await self._agreed(newest)
        header = top if wanted == newest else await self._agreed(wanted)
        if self.follow == "finalized":
            await self._saw_finalized(top, reached)
        return header

    async def _saw_finalized(self, top: Header, reached: Sequence[int]) -> None:
        """Write down the newest block that all nodes hold for final, and check that it follows the one before.

        Only after all else was read: the chain may have been exchanged meanwhile.
        """
        while True:
            seen = await self._require_seen()
            if seen is not None and top.number < seen.number:
                behind = [node for node, block in zip(self.nodes, reached, strict=True) if block < seen.number]
                raise NodesDisagree(
                    f"{_hosts(behind)}: block {top.number} is the finalized one now, block {seen.number} was before",
                    hint="nothing is signed until the node has caught up. Where that other block was a node's lie and "
                    "never comes: start once with --resume HASH, the hash of the block that all nodes call finalized "
                    f"then (now 0x{top.hash.hex()})",
                )
            # Another request, or another attestor with this record, may have written a newer one: check that, then.
            if self.record.saw_finalized(self.source, top.number, top.hash, after=seen):
                break
        seen = await self._require_seen()
        if seen is not None and seen.number == top.number and seen.block_hash != top.hash:
            raise NodesDisagree(
                f"block {top.number} of the source was exchanged while it was read: 0x{top.hash.hex()} for "
                f"0x{seen.block_hash.hex()}",
                hint="nothing is signed meanwhile; a node that goes back and forth is broken, or several at one url",
            )

    async def require_standing(self) -> None:
        """Check that what was finalized still is.

        Raises
        ------
        AttestorStopped
            It is not.
        NodesDisagree
            One of the nodes says so, another one does not.
        """
        self.record.require_going(self.source)
        await self._require_seen()

    async def resume(self, block_hash: bytes) -> str:
        """Go on after a stop, with this for the hash of the block that was finalized.

        Or, where it has not stopped and waits for a height that only a lie ever reached: from this block on, which is
        the finalized one of all nodes now. Where neither is so it changes nothing, so that it can be asked for again at
        each start.

        Returns
        -------
        str
            Which of these it found, and what it did.

        Raises
        ------
        ConfigError
            It has stopped, and not every node has this block there.
        """
        seen = self.record.finalized(self.source)
        if seen is None or not seen.stopped:
            return await self._resume_below(seen, block_hash)
        for node, found in zip(self.nodes, await self._each(lambda node: node.hash_at(seen.number)), strict=True):
            if found != block_hash:
                raise ConfigError(
                    f"--resume: {node.rpc.host} has {_shown(found)} for block {seen.number}, not 0x{block_hash.hex()}",
                    hint="it resumes on the chain that all its nodes follow, and only where you name its block",
                )
        self.record.resume(self.source, seen.number, block_hash)
        return f"it had stopped at block {seen.number}, and signs again"

    async def _resume_below(self, seen: Finalized | None, block_hash: bytes) -> str:
        """Go on from this block, where it waits for a higher one and all nodes call this one finalized now."""
        nothing = "it had not stopped, and nothing was changed"
        if seen is None or self.follow != "finalized":
            return f"{nothing}: it waits for no height"
        try:
            number = min(await self._each(self._reached))
            found = (await self._agreed(number)).hash if 0 <= number < seen.number else None
        except NodesDisagree as error:
            return f"{nothing}: {error.message}"
        if found is None:
            return f"{nothing}: it waits for no height"
        waits = f"it waited for block {seen.number}, while all nodes call block {number} finalized"
        if found != block_hash:
            return f"{nothing}: {waits}. To go on from there it takes --resume 0x{found.hex()}"
        self.record.resume(self.source, number, block_hash)
        return f"{waits}: it signs again, from that block on"

    async def _require_seen(self) -> Finalized | None:
        """Check that the nodes' chain has the finalized block that was seen, and return that."""
        seen = self.record.finalized(self.source)
        if seen is None:
            return None
        found = await self._each(lambda node: node.hash_at(seen.number))
        others = [node for node, one in zip(self.nodes, found, strict=True) if one not in (None, seen.block_hash)]
        if not others:
            return seen
        told = "; ".join(f"{node.rpc.host} {_shown(one)}" for node, one in zip(self.nodes, found, strict=True))
        what = f"block {seen.number} was finalized as 0x{seen.block_hash.hex()}, and now it is: {told}"
        if len(others) == len(self.nodes):
            # All of them: the chain itself has gone back on its word. One alone could be lying, or lost.
            logger.error("STOPPED, nothing is signed any more: %s", what)
            self.record.stop(self.source, what)
            self.record.require_going(self.source)
        raise NodesDisagree(
            what, hint=f"nothing is signed meanwhile; see to {_hosts(others)}: another chain, or a reorganisation"
        )

    async def _reached(self, node: Chain) -> int:
        """Return the newest block that a node would have attested; below zero where there is none."""
        if self.follow != "finalized":
            return await node.block_number() - self.follow
        try:
            finalized = await node.header("finalized")
        except BlockUnavailable:
            return -1
        except RpcError as error:
            raise ConfigError(
                f"{node.rpc.host} does not know which block is finalized: {error.message}",
                hint="take a node that does, or, on a chain without finality, a depth: --follow 64",
            ) from error
        # geth goes on naming a block that its chain has dropped: what it has there now, nobody has called final.
        standing = await node.hash_at(finalized.number)
        if standing != finalized.hash:
            raise NodesDisagree(
                f"{node.rpc.host} calls block {finalized.number} finalized as 0x{finalized.hash.hex()}, and has on its "
                f"chain: {_shown(standing)}",
                hint="nothing is signed meanwhile; its chain has gone back on its finality, or the node is broken",
            )
        return finalized.number

    async def _agreed(self, number: int) -> Header:
        """Return a block that every node has as the same."""
        headers = await self._each(lambda node: node.header(number))
        if len({header.hash for header in headers}) > 1:
            told = "; ".join(
                f"{node.rpc.host} {_shown(one.hash)}" for node, one in zip(self.nodes, headers, strict=True)
            )
            raise NodesDisagree(
                f"the source's nodes have different blocks {number}: {told}",
                hint="nothing is signed until they agree; one of them lies, or is on another branch",
            )
        return headers[0]

    async def _each(self, ask: Callable[[Chain], Awaitable[T]]) -> list[T]:
        return list(await asyncio.gather(*map(ask, self.nodes)))

    def _enough(self) -> str:
        return "final" if self.follow == "finalized" else f"{self.follow} blocks deep"


def _hosts(nodes: Sequence[Chain]) -> str:
    return ", ".join(node.rpc.host for node in nodes)


def _shown(block_hash: bytes | None) -> str:
    return "no such block" if block_hash is None else "0x" + block_hash.hex()
