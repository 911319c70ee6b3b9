"""All that a contract's storage holds at a block, proven to be all; or which part of it is not known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from smartsync.chain import Chain
from smartsync.discovery import strategies
from smartsync.discovery.completeness import SourceState, check_complete, source_nodes, source_values
from smartsync.discovery.hints import NO_HINTS, Hints
from smartsync.discovery.missing import missing_positions
from smartsync.discovery.proof_walk import Side, whole
from smartsync.discovery.searching import search
from smartsync.discovery.slot_walk import SlotWalk
from smartsync.errors import IncompleteSlots
from smartsync.header import Header
from smartsync.results import Progress
from smartsync.trie.nibbles import KEY_NIBBLES


async def whole_storage(
    chain: Chain,
    header: Header,
    address: str,
    slots: Iterable[bytes] | None = None,
    hints: Hints = NO_HINTS,
    on_progress: Progress | None = None,
) -> tuple[SourceState, str]:
    """Return a contract's account and all its slots that are not zero, and which strategy found the last of them.

    Parameters
    ----------
    slots
        All slots that are not zero, 32 bytes each, where somebody knows them; else they are looked for.
    hints
        What the user knows of the contract.

    Raises
    ------
    IncompleteSlots
        Some are missing; tells their trie keys, as far as possible, and then how many slots there are in all.
    SmartSyncError
        As ``source_values`` and ``strategies``.
    """
    read: SourceState | None = None

    async def attempt(known: set[bytes]) -> SourceState:
        nonlocal read
        read = await source_values(chain, header, address, known, on_progress=on_progress)
        check_complete(read)
        return read

    try:
        if slots is not None:
            return await attempt(set(slots)), "given slots"
        root = (await source_values(chain, header, address, [])).storage_root
        walk = SlotWalk(whole(None), Side(root, partial(source_nodes, chain, header, address)), None, hints)
        wanted = (chain, address, None, header.number, hints, on_progress)
        return await search(strategies(*wanted, walk=walk.strategies, is_fork=True), attempt, hints.advice)
    except IncompleteSlots as error:
        if read is None:
            raise
        if _are_whole(error.prefixes):
            error.slots = len(read.values) + len(error.prefixes)
            raise
        missing = await missing_positions(chain, header, address, read, on_progress) or error.prefixes
        told = IncompleteSlots(missing, error.detail, hint=error.own_hint)
        if _are_whole(missing):
            told.slots = len(read.values) + len(missing)
        raise told from error


def _are_whole(positions: Sequence[bytes]) -> bool:
    """Whether no subtrie is left unseen: then what is known and these are all that the storage holds."""
    return all(len(position) == KEY_NIBBLES for position in positions)
