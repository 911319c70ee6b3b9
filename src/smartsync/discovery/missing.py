"""Of slots that nobody found: which trie keys they have, so that whoever knows the contract can tell them."""

from __future__ import annotations

from functools import partial

from smartsync.chain import Chain
from smartsync.discovery.completeness import SourceState, source_nodes
from smartsync.discovery.probes import Probes
from smartsync.discovery.proof_walk import Side, walk, whole
from smartsync.errors import NodeError, ProofError
from smartsync.header import Header
from smartsync.keccak import keccak256
from smartsync.results import Progress
from smartsync.trie.nibbles import to_nibbles
from smartsync.trie.trie import build, storage_value

AT_MOST = 1000
"""Places that are looked into: nobody reads more, and that many slots are found by other means or not at all."""

MOST_KNOWN = 100_000
"""Values known above which it is not worth its memory: all of them make a trie here."""

_BUDGET = 1 << 22
"""Numbers hashed for it: some seconds."""


async def missing_positions(
    chain: Chain, header: Header, address: str, state: SourceState, on_progress: Progress | None = None
) -> list[bytes]:
    """Return where the storage trie holds something else than the known values: whole trie keys as far as possible.

    Parameters
    ----------
    state
        What is known of the contract at the block of this header.

    Returns
    -------
    list of bytes
        Positions (nibbles, one per byte; a trie key has 64). Empty where the node does not let itself be asked, or too
        much is known.
    """
    if len(state.values) > MOST_KNOWN:
        return []
    old = whole(build((keccak256(slot), storage_value(value)) for slot, value in state.values.items()))
    new = Side(state.storage_root, partial(source_nodes, chain, header, address))
    probes = Probes(_BUDGET, on_progress)
    probes.add(state.values)
    try:
        walked = await walk(old, new, probes, on_progress, at_most=AT_MOST)
    except (NodeError, ProofError):
        return []  # it only serves to tell more of an error that there is
    return sorted([*map(to_nibbles, walked.changed), *walked.open])
