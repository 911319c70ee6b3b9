"""How large is a storage? Counted where the node tells its slots in time, else estimated from proofs."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from statistics import mean

from smartsync.analysis.report import StorageReport
from smartsync.chain import Chain
from smartsync.discovery.completeness import source_trie, source_values
from smartsync.discovery.whole_storage import whole_storage
from smartsync.errors import (
    IncompleteSlots,
    NoCode,
    NodeError,
    NodeUnreachable,
    NonCanonicalTrie,
    SourceReorganised,
)
from smartsync.header import Header
from smartsync.keccak import keccak256
from smartsync.trie.nibbles import to_nibbles
from smartsync.trie.node import Branch, Extension, Leaf, Node, Opaque, is_embedded
from smartsync.trie.trie import build, storage_value
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
    state = await source_values(chain, header, address, [])
    keys = [keccak256(slot) for slot in sample]
    account = len(state.account_nodes), len(encode_account_proof(header.state_root, address, state.account_nodes))
    if state.storage_root == EMPTY_ROOT:
        return StorageReport(0, True, "its empty root", "", 0.0, *account)
    try:
        async with asyncio.timeout(COUNT_TIMEOUT_S):
            whole, found_by = await whole_storage(chain, header, address)
    except (NodeUnreachable, NonCanonicalTrie):
        raise
    except TimeoutError:
        why, counted, out_of_time = f"not found within {COUNT_TIMEOUT_S:.0f} s", None, True
    except IncompleteSlots as error:
        why, counted, out_of_time = error.detail or "the node tells no slots", error.slots, False
    except (NodeError, NoCode, SourceReorganised) as error:
        why, counted, out_of_time = error.message, None, False
    else:
        leaves = {keccak256(slot): storage_value(value) for slot, value in whole.values.items()}
        depth = mean_depth(build(leaves.items()), leaves)
        return StorageReport(len(whole.values), True, found_by, "", round(depth, 2), *account)
    told = await source_trie(chain, header, address, sample)
    slots = estimated_slots(told) if counted is None else counted
    depth = round(estimated_depth(told, keys), 2)
    return StorageReport(slots, counted is not None, "", why, depth, *account, out_of_time)


def estimated_slots(trie: Node) -> int:
    """Return about how many leaves a trie has, of which only the ways to some random keys lie open.

    Trie keys are hashes. So a closed child of a branch holds in the mean what its open siblings do, and where none of
    them is open what open children at that depth do elsewhere. Exact where nothing is closed.
    """
    levels: dict[int, list[Node]] = defaultdict(list)
    _by_depth(trie, 0, levels)
    sizes: dict[int, float] = {}  # by id: nodes are compared by what they are, not by what they hold
    typical: dict[int, float] = {}
    for depth in sorted(levels, reverse=True):
        for node in levels[depth]:
            sizes[id(node)] = _size(node, depth, sizes, typical)
        typical[depth] = mean(sizes[id(node)] for node in levels[depth])
    return round(sizes.get(id(trie), 0))


def _by_depth(node: Node, depth: int, levels: dict[int, list[Node]]) -> None:
    """Note what lies open, by how many nibbles it hangs below the root."""
    if node is None or isinstance(node, Opaque):
        return
    levels[depth].append(node)
    if isinstance(node, Extension):
        _by_depth(node.child, depth + len(node.path), levels)
    elif isinstance(node, Branch):
        for child in node.children:
            _by_depth(child, depth + 1, levels)


def _size(node: Node, depth: int, sizes: dict[int, float], typical: dict[int, float]) -> float:
    """Return how many leaves are about below an open node, those of the open nodes below it being known."""
    if isinstance(node, Extension):
        return sizes.get(id(node.child)) or max(2.0, typical.get(depth + len(node.path), 0.0))
    if not isinstance(node, Branch):
        return 1.0
    there = [child for child in node.children if child is not None]
    known = [sizes[id(child)] for child in there if id(child) in sizes]
    return sum(known) + (len(there) - len(known)) * (mean(known) if known else typical.get(depth + 1, 1.0))


def estimated_depth(trie: Node, keys: Iterable[bytes]) -> float:
    """Return about how many trie nodes lie on the way to a leaf, from where random keys end.

    A leaf that hangs below n nibbles is where one of 16^n random keys ends, so such a key stands for so many leaves.
    """
    ends = [(16**hanging, nodes) for leaf, hanging, nodes in (_end(trie, key) for key in keys) if leaf]
    leaves = sum(weight for weight, _ in ends)
    return sum(weight * nodes for weight, nodes in ends) / leaves if leaves else 0.0


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
