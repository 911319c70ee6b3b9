"""How large is a storage? Counted where the node tells its slots in time, else estimated from proofs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator

from smartsync.analysis.report import StorageReport
from smartsync.chain import Chain
from smartsync.discovery import strategies
from smartsync.discovery.completeness import SourceState, check_complete, source_values
from smartsync.errors import IncompleteSlots, NodeError, NodeUnreachable, NonCanonicalTrie
from smartsync.header import Header
from smartsync.keccak import keccak256
from smartsync.trie.nibbles import to_nibbles
from smartsync.trie.node import Branch, Extension, Leaf, Node, is_embedded
from smartsync.types import EMPTY_ROOT
from smartsync.witness import encode_account_proof

COUNT_TIMEOUT_S = 20.0
_SAMPLES = 200
"""Random slots to ask proofs of: two calls."""


async def measure_storage(chain: Chain, header: Header, address: str) -> StorageReport:
    """Return the size of a contract's storage at a block.

    Raises
    ------
    NonCanonicalTrie
        The node's storage trie holds a zero.
    InvalidProof
        The node's proofs do not lead to the header's state root.
    BlockUnavailable
        The node does not serve proofs of this block (any more).
    """
    sample = [keccak256(number.to_bytes(4, "big")) for number in range(_SAMPLES)]
    state = await source_values(chain, header, address, sample)
    keys = [keccak256(slot) for slot in sample]
    account = len(state.account_nodes), len(encode_account_proof(header.state_root, address, state.account_nodes))
    if state.storage_root == EMPTY_ROOT:
        return StorageReport(0, True, "its empty root", "", 0.0, *account)
    depth = mean_depth(state.trie, keys)
    whole, found_by, why = await _counted(chain, header, address)
    if whole is not None:
        depth = mean_depth(whole.trie, map(keccak256, whole.values))
        return StorageReport(len(whole.values), True, found_by, "", round(depth, 2), *account)
    return StorageReport(estimated_slots(state.trie, keys), False, "", why, round(depth, 2), *account)


async def _counted(chain: Chain, header: Header, address: str) -> tuple[SourceState | None, str, str]:
    """Return the whole storage and who found it; else None, and why not."""
    slots: set[bytes] = set()
    why = "the node tells no slots"
    try:
        async with asyncio.timeout(COUNT_TIMEOUT_S):
            async for found in strategies(chain, address, None, header.number):
                slots |= found.slots
                state = await source_values(chain, header, address, sorted(slots))
                try:
                    check_complete(state)
                except IncompleteSlots:
                    told = "; ".join(f"{name}: {failure}" for name, failure in found.failures.items())
                    why = told or f"{found.strategy} found {len(state.values)} of them"
                    continue
                return state, found.strategy, ""
    except TimeoutError:
        why = f"the node did not tell all of them within {COUNT_TIMEOUT_S:.0f} s"
    except (NodeUnreachable, NonCanonicalTrie):
        raise
    except NodeError as error:
        why = error.message
    return None, "", why


def estimated_slots(trie: Node, keys: Iterable[bytes]) -> int:
    """Return about how many leaves a trie has, from what proofs of random keys (32 bytes each) tell of it.

    A leaf that hangs below n nibbles is where one of 16^n random keys ends; so each key that ends at one stands for
    16^n leaves, and those that end at none for nothing (Horvitz and Thompson 1952). Exact where nothing is left closed.
    """
    if not any(_closed(trie)):
        return sum(1 for _ in _leaves(trie))
    weights = [16**hanging if leaf else 0 for leaf, hanging, _ in (_end(trie, key) for key in keys)]
    return max(1, round(sum(weights) / len(weights)))


def mean_depth(trie: Node, keys: Iterable[bytes]) -> float:
    """Return how many trie nodes lie on the way to a key in the mean."""
    depths = [nodes for _, _, nodes in (_end(trie, key) for key in keys)]
    return sum(depths) / len(depths) if depths else 0.0


def _end(trie: Node, key: bytes) -> tuple[bool, int, int]:
    """Return whether a key's way ends at a leaf, below how many nibbles that hangs, and how many nodes were passed."""
    path, depth, nodes = to_nibbles(key), 0, 0
    node = trie
    while isinstance(node, (Branch, Extension, Leaf)):
        # A node of less than 32 bytes is a part of the one above it.
        nodes += node is trie or not is_embedded(node)
        if isinstance(node, Leaf):
            return True, depth, nodes
        if isinstance(node, Branch):
            depth += 1
            node = node.children[path[depth - 1]]
        elif path.startswith(node.path, depth):
            depth += len(node.path)
            node = node.child
        else:
            return False, depth, nodes
    return False, depth, nodes


def _below(node: Node) -> Iterator[Node]:
    yield node
    if isinstance(node, Extension):
        yield from _below(node.child)
    elif isinstance(node, Branch):
        for child in node.children:
            yield from _below(child)


def _leaves(trie: Node) -> Iterator[Leaf]:
    return (node for node in _below(trie) if isinstance(node, Leaf))


def _closed(trie: Node) -> Iterator[bool]:
    return (not isinstance(node, (Leaf, Extension, Branch)) and node is not None for node in _below(trie))
