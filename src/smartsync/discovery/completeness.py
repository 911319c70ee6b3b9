"""From candidates to certainty: a contract's storage at a block, proven against the block's state root.

The node is believed nothing. Its proofs are put together to as much of the storage trie as they tell, values are read
from that trie, and what stays closed is known by its hash; so it can be told, and by trie-key prefix, whether all slots
are known.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from smartsync.chain import Chain
from smartsync.errors import (
    BlockUnavailable,
    IncompleteSlots,
    InvalidProof,
    MissingNode,
    NodeError,
    SourceReorganised,
)
from smartsync.header import Header
from smartsync.keccak import keccak256
from smartsync.results import Progress
from smartsync.trie.node import Branch, Extension, Leaf, Node, Opaque, reference, root_hash
from smartsync.trie.proof import decode_storage_value, partial_trie, verify_account
from smartsync.trie.trie import build, lookup, storage_value
from smartsync.types import EMPTY_ROOT, Account, UntrustedProof
from smartsync.witness import open_prefixes

_SLOTS_AT_ONCE = 400
"""Slots proven between two reports of progress: four calls of a hundred, side by side."""


@dataclass(frozen=True, slots=True)
class SourceState:
    """A contract's state at a block, as far as it was proven.

    ``account`` is None where the block has no such account; ``account_nodes`` prove either, RLP from the state root on.
    ``trie`` is the storage trie as far as the proofs tell it, ``values`` the slots (32 bytes each) that are not zero of
    those asked for. ``client`` is the node's software in its own words, for messages; empty where it was not asked.
    """

    account: Account | None
    account_nodes: tuple[bytes, ...]
    storage_root: bytes
    trie: Node
    values: dict[bytes, int]
    client: str = ""


async def source_values(
    chain: Chain, header: Header, address: str, slots: Sequence[bytes], *, on_progress: Progress | None = None
) -> SourceState:
    """Return a contract's account and the values of some of its slots at a block, all proven against the header.

    Parameters
    ----------
    header
        Verified; the node is asked by its number.
    slots
        32 bytes each. Without any, the root node of the storage is asked for all the same.

    Raises
    ------
    InvalidProof
        What the node answered does not lead to the header's state root, or ends before a slot; names the node.
    NonCanonicalTrie
        The storage trie holds a zero.
    SourceReorganised
        The node does not have this block at this number any more.
    BlockUnavailable
        The node does not serve proofs of this block (any more).
    """
    chunks = [slots[i : i + _SLOTS_AT_ONCE] for i in range(0, len(slots), _SLOTS_AT_ONCE)] or [[bytes(32)]]
    nodes: set[bytes] = set()
    account: Account | None = None
    account_nodes: tuple[bytes, ...] = ()
    for done, chunk in enumerate(chunks):
        proof = await chain.proof(address, chunk, header.number)
        # Each against the same state root: so all chunks are about the same storage.
        account = await _verified_account(chain, header, proof)
        account_nodes = proof.account_nodes
        nodes.update(node for storage in proof.storage for node in storage.nodes)
        if on_progress and slots:
            on_progress("prove", min((done + 1) * _SLOTS_AT_ONCE, len(slots)), len(slots))
    storage_root = EMPTY_ROOT if account is None else account.storage_root
    try:
        trie = partial_trie(storage_root, nodes)
        refuse_zeros(trie)
        values = {slot: value for slot in slots if (value := _value(trie, slot))}
    except InvalidProof as error:
        raise InvalidProof(f"{chain.rpc.host}, {address} at block {header.number}: {error.message}") from error
    return SourceState(account, account_nodes, storage_root, trie, values, await _client(chain) if slots else "")


def check_complete(state: SourceState) -> None:
    """Check that the values known are all that the storage holds.

    Raises
    ------
    IncompleteSlots
        They are not; tells below which trie-key prefixes something is missing, as deep as the proofs reach.
    """
    known = build((keccak256(slot), storage_value(value)) for slot, value in state.values.items() if value)
    if root_hash(known) == state.storage_root:
        return
    missing = [
        _shown(position, node)
        for position, node in _frontier(state.trie, b"")
        if reference(node) != reference(_at(known, position))
    ]
    error = IncompleteSlots(missing or open_prefixes(known, state.trie))
    if is_anvil(state.client):
        error.hint = (
            "the node is anvil, whose storage tries keep zeros, of slots that were deleted or only touched: where "
            "there is one, no list of slots is complete: take another node for the source; else add the missing slots "
            "with --slots FILE"
        )
    raise error


def refuse_zeros(trie: Node) -> None:
    """Check that no leaf of a (partial) storage trie holds a zero: also one that was not asked for may come into view.

    Raises
    ------
    NonCanonicalTrie
        There is one.
    InvalidProof
        A leaf does not hold a number.
    """
    for _, node in _frontier(trie, b""):
        if isinstance(node, Leaf):
            decode_storage_value(node.value)


def is_anvil(client: str) -> bool:
    """Whether a node's own words for its software say that it is anvil, whose storage tries keep zeros.

    They are of slots that a transaction deleted, or only touched: read or compared one that was never written.
    """
    return client.lower().startswith("anvil")


async def _verified_account(chain: Chain, header: Header, proof: UntrustedProof) -> Account | None:
    try:
        return verify_account(header.state_root, proof.address, proof.account_nodes)
    except InvalidProof as error:
        # A proof of a block that has replaced this one does not lead to this one's state root either.
        try:
            replaced = (await chain.header(header.number)).hash != header.hash
        except BlockUnavailable:
            replaced = True
        if replaced:
            raise SourceReorganised(
                f"block {header.number} (0x{header.hash.hex()}) is not on the chain of {chain.rpc.host} any more",
                hint="try again with a newer block",
            ) from error
        raise InvalidProof(
            f"{chain.rpc.host} does not prove the account {proof.address} at block {header.number}: {error.message}",
            hint="the node is broken or lies: take another one (smartsync doctor tells more)",
        ) from error


def _value(trie: Node, slot: bytes) -> int:
    try:
        stored = lookup(trie, keccak256(slot))
    except MissingNode as error:
        raise InvalidProof(f"the proof of slot 0x{slot.hex()} is not complete: {error.message}") from error
    return 0 if stored is None else decode_storage_value(stored)


def _frontier(node: Node, position: bytes) -> Iterator[tuple[bytes, Leaf | Opaque]]:
    """Yield leaves and closed subtries with the position where they hang (a leaf's own path is not part of it)."""
    if isinstance(node, (Leaf, Opaque)):
        yield position, node
    elif isinstance(node, Extension):
        yield from _frontier(node.child, position + node.path)
    elif isinstance(node, Branch):
        for nibble, child in enumerate(node.children):
            yield from _frontier(child, position + bytes((nibble,)))


def _shown(position: bytes, node: Leaf | Opaque) -> bytes:
    """Return the position, for a leaf with as much of its own path as makes it findable."""
    return position + node.path[: max(0, 8 - len(position))] if isinstance(node, Leaf) else position


def _at(node: Node, position: bytes) -> Node:
    """Return what a trie holds below ``position``, as it would hang there."""
    if not position or node is None or isinstance(node, Opaque):
        return node
    if isinstance(node, Branch):
        return _at(node.children[position[0]], position[1:])
    if len(node.path) <= len(position) and isinstance(node, Extension):
        return _at(node.child, position[len(node.path) :]) if position.startswith(node.path) else None
    if not node.path.startswith(position):
        return None
    rest = node.path[len(position) :]
    return Leaf(rest, node.value) if isinstance(node, Leaf) else Extension(rest, node.child)


async def _client(chain: Chain) -> str:
    try:
        return await chain.client_version()
    except NodeError:
        return ""
