"""A transaction's witness, explained on demand by the target's node: as a picture, as a tree of words, as tables."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from smartsync.chain import Chain
from smartsync.discovery.hints import Hints
from smartsync.errors import NodeUnreachable
from smartsync.explaining import Change, Explanation, explain
from smartsync.explaining.drawing import Closed, Fork, Kept, Left, Written
from smartsync.explaining.explanation import nibbles
from smartsync.explaining.shortened import Omitted, Row, rows
from smartsync.explaining.words import KINDS, omitted, prefix, short_hash, short_value, sides_of, title_of, values_of

ROWS = 220
"""Of a tree in words, as of the picture; what does not fit is counted in its place."""

CHANGES = 500
"""Changed slots that are listed."""

WITHIN_S = 20.0
"""Seconds in which the node has to have told all."""

_AT_ONCE = 2


class Explaining:
    """Explains transactions, so many at once: it is the relayer's own node that is asked, and by strangers."""

    def __init__(self, within_s: float = WITHIN_S) -> None:
        self._within_s = within_s
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def explained(self, target: Chain, tx_hash: bytes, call: int, hints: Callable[[str], Hints]) -> Explanation:
        """Return what a transaction did.

        Raises
        ------
        SmartSyncError
            The node does not know it, or it is no transition; it does not tell all in time.
        """
        try:
            async with asyncio.timeout(self._within_s), self._turns:
                return await explain(target, tx_hash, call=call, hints=hints)
        except TimeoutError:
            raise NodeUnreachable(
                f"the node {target.rpc.host} has not told all of the transaction within {self._within_s:g} s",
                hint="try again; smartsync explain has no such limit",
            ) from None


@dataclass(slots=True)
class Branch:
    """An item of the tree in words: what it is (``kind``, ``words``, in full ``title``), and what hangs below it."""

    step: str
    kind: str
    words: str
    title: str
    below: list[Branch] = field(default_factory=list)


def branches(explanation: Explanation) -> list[Branch]:
    """Return the tree of a witness in words, cut as the picture is; nothing where there is none."""
    if explanation.drawing is None:
        return []
    changes = {change.slot: change for change in explanation.changes}
    top: list[Branch] = []
    above: list[Branch] = []
    for row in rows(explanation.drawing, ROWS):
        branch = _branch(row, changes)
        del above[row.level :]
        (above[-1].below if above else top).append(branch)
        above.append(branch)
    return top


def changed(changes: Sequence[Change]) -> list[tuple[Change, str, str]]:
    """Return the first changed slots, each with its name and its values in words."""
    return [(change, title_of(change), values_of(change)) for change in changes[:CHANGES]]


def _branch(row: Row, changes: Mapping[bytes, Change]) -> Branch:
    step = nibbles(row.step)
    match row.node:
        case Written() as node:
            change = changes[node.slot]
            words = f"{KINDS[change.kind]} {title_of(change)}: {values_of(change)}"
            return Branch(step, change.kind, words, f"slot 0x{change.slot.hex()}, trie key 0x{nibbles(node.key)}")
        case Kept() as node:
            words = f"unchanged leaf, in the open: {short_value(node.value)}"
            return Branch(step, "kept", words, f"trie key 0x{nibbles(node.key)}")
        case Closed() as node:
            return Branch(step, "opaque", f"opaque, unchanged: {short_hash(node.hash)}", f"0x{node.hash.hex()}")
        case Left() as node:
            return Branch(step, "left", "what an earlier part has proven", f"trie key 0x{nibbles(node.key)}")
        case Omitted() as node:
            return Branch("", "omitted", omitted(node), "")
        case Fork() as node:
            closed = sum(isinstance(child, Closed) for child in node.children)
            beside = f"; {closed} opaque beside" if closed else ""
            words = f"branch {prefix(node.path)}: {sides_of(node)}{beside}"
            return Branch(step, "branch", words, f"below 0x{nibbles(node.path)}")
