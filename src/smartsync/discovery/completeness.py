"""From candidates to certainty: a contract's storage at a block, proven against the block's state root.

The node is believed nothing. Its proofs are put together to as much of the storage trie as they tell, values are read
from that trie, and what stays closed is known by its hash; so it can be told, and by trie-key prefix, whether all slots
are known. Slots are proven in the order of their trie keys: the proofs of some that follow each other tell of all that
lies between them, and need not be kept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from smartsync.chain import Chain
from smartsync.errors import (
    BlockUnavailable,
    IncompleteSlots,
    InvalidProof,
    MissingNode,
    NodeError,
    NonCanonicalTrie,
    SourceReorganised,
)
from smartsync.header import Header
from smartsync.keccak import keccak256
from smartsync.results import Progress
from smartsync.trie.frontier import Frontier
from smartsync.trie.nibbles import to_nibbles
from smartsync.trie.node import Branch, Extension, Leaf, Node, Opaque
from smartsync.trie.proof import decode_storage_value, partial_trie, verify_account
from smartsync.trie.trie import lookup, storage_value
from smartsync.types import EMPTY_ROOT, Account, UntrustedProof

_TAKE_ANOTHER = "the node is broken or lies: take another one, or give its url besides (smartsync doctor tells more)"
_SLOTS_AT_ONCE = 400
"""Slots proven between two reports of progress: four calls of a hundred, side by side."""


@dataclass(frozen=True, slots=True)
class SourceState:
    """A contract's state at a block, as far as it was proven.

    ``account`` is None where the block has no such account; ``account_nodes`` prove either, RLP from the state root on.
    ``values`` are the slots (32 bytes each) that are not zero of those asked for, in the order of their trie keys, and
    ``known_root`` is the root of a storage that holds these alone. ``missing`` are the trie-key prefixes (nibbles, one
    per byte) below which the contract's has others, as deep as the proofs reach. ``client`` is the node's software in
    its own words, for messages; empty where it was not asked.
    """

    account: Account | None
    account_nodes: tuple[bytes, ...]
    storage_root: bytes
    values: dict[bytes, int]
    known_root: bytes
    missing: tuple[bytes, ...]
    client: str = ""


async def source_values(
    chain: Chain, header: Header, address: str, slots: Collection[bytes], *, on_progress: Progress | None = None
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
    proofs = _Proofs(chain, header, address)
    slot_of = {keccak256(slot): slot for slot in slots}
    keys = sorted(slot_of)
    values: dict[bytes, int] = {}
    known = Frontier()
    missing: dict[bytes, None] = {}
    for start in range(0, max(1, len(keys)), _SLOTS_AT_ONCE):
        asked = keys[start : start + _SLOTS_AT_ONCE]
        end = start + len(asked)
        told = await proofs.of([slot_of[key] for key in asked])
        for key in asked:
            if value := told.values[slot_of[key]]:
                values[slot_of[key]] = value
                known.push(key, storage_value(value))
        beside = keys[start - 1 : start], keys[end : end + 1]
        missing |= dict.fromkeys(_strangers(told.trie, asked, *(to_nibbles(b"".join(key)) for key in beside)))
        if on_progress and slots:
            on_progress("prove", end, len(keys))
    client = await _client(chain) if slots else ""
    return SourceState(
        told.account, told.account_nodes, told.storage_root, values, known.root(), tuple(missing), client
    )


async def source_trie(
    chain: Chain, header: Header, address: str, slots: Collection[bytes], *, on_progress: Progress | None = None
) -> Node:
    """Return a contract's storage trie at a block, reaching at least as far as the given 32-byte slots.

    Raises
    ------
    SmartSyncError
        As ``source_values``.
    """
    proofs = _Proofs(chain, header, address)
    ordered = sorted(slots, key=keccak256)
    nodes: set[bytes] = set()
    for start in range(0, max(1, len(ordered)), _SLOTS_AT_ONCE):
        asked = ordered[start : start + _SLOTS_AT_ONCE]
        told = await proofs.of(asked)
        nodes |= told.nodes
        if on_progress and slots:
            on_progress("prove", start + len(asked), len(ordered))
    return partial_trie(told.storage_root, nodes)


async def source_nodes(chain: Chain, header: Header, address: str, slots: Sequence[bytes]) -> frozenset[bytes]:
    """Return trie nodes (RLP) that prove what some slots (32 bytes each) of a contract hold at a block.

    Raises
    ------
    SmartSyncError
        As ``source_values``.
    """
    return (await _Proofs(chain, header, address).of(slots)).nodes


def check_complete(state: SourceState) -> None:
    """Check that the values known are all that the storage holds.

    Raises
    ------
    IncompleteSlots
        They are not; tells below which trie-key prefixes something is missing, as deep as the proofs reach.
    """
    if state.known_root == state.storage_root:
        return
    hint = ""
    if is_anvil(state.client):
        hint = (
            "the node is anvil, whose storage tries keep zeros, of slots that were deleted or only touched: where "
            "there is one, no list of slots is complete: take another node for the source; else add the missing slots "
            "with --slots FILE"
        )
    raise IncompleteSlots(state.missing or [b""], hint=hint)


def refuse_zeros(trie: Node) -> None:
    """Check that no leaf of a (partial) storage trie holds a zero: also one that was not asked for may come into view.

    Raises
    ------
    NonCanonicalTrie
        There is one.
    InvalidProof
        A leaf does not hold a number.
    """
    nodes = [trie]
    while nodes:
        node = nodes.pop()
        if isinstance(node, Leaf):
            decode_storage_value(node.value)
        elif isinstance(node, Branch):
            nodes += node.children
        elif isinstance(node, Extension):
            nodes.append(node.child)


def is_anvil(client: str) -> bool:
    """Whether a node's own words for its software say that it is anvil, whose storage tries keep zeros.

    They are of slots that a transaction deleted, or only touched: read or compared one that was never written.
    """
    return client.lower().startswith("anvil")


@dataclass(frozen=True, slots=True)
class _Told:
    """What one node proved of an account: the nodes, as far as they lead, and the values of the slots asked for."""

    account: Account | None
    account_nodes: tuple[bytes, ...]
    nodes: frozenset[bytes]
    trie: Node
    values: dict[bytes, int]

    @property
    def storage_root(self) -> bytes:
        return EMPTY_ROOT if self.account is None else self.account.storage_root


@dataclass(frozen=True, slots=True)
class _Proofs:
    """The proofs of an account at a block: each answer checked against one header, so all are about one storage."""

    chain: Chain
    header: Header
    address: str

    async def of(self, slots: Sequence[bytes]) -> _Told:
        """Return what is proven of some slots, by the first node that proves it; without slots, the root node."""

        async def ask(one: Chain) -> _Told:
            proof = await one.proof(self.address, slots or [bytes(32)], self.header.number)
            account = await _verified_account(one, self.header, proof)
            nodes = frozenset(node for storage in proof.storage for node in storage.nodes)
            root = EMPTY_ROOT if account is None else account.storage_root
            try:
                trie = partial_trie(root, nodes)
                refuse_zeros(trie)
                values = {slot: _value(trie, slot) for slot in slots}
            except (InvalidProof, NonCanonicalTrie) as error:
                place = f"{one.rpc.host}, {self.address} at block {self.header.number}"
                raise type(error)(f"{place}: {error.message}", hint=error.hint or _TAKE_ANOTHER) from error
            return _Told(account, proof.account_nodes, nodes, trie, values)

        return await self.chain.verified(ask)


def _value(trie: Node, slot: bytes) -> int:
    try:
        stored = lookup(trie, keccak256(slot))
    except MissingNode as error:
        raise InvalidProof(f"the proof of slot 0x{slot.hex()} is not complete: {error.message}") from error
    return 0 if stored is None else decode_storage_value(stored)


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
            hint=_TAKE_ANOTHER,
        ) from error


def _strangers(trie: Node, asked: Sequence[bytes], before: bytes, after: bytes) -> Iterator[bytes]:
    """Yield the trie-key prefixes (nibbles) of what a trie has between two keys and is not the value of one asked for.

    Parameters
    ----------
    asked
        Trie keys, of which the trie has the proofs.
    before, after
        Nibbles of the keys asked for before and after these, empty where there is none. What lies beyond them, or
        above them, is in the view of their proofs.
    """
    known = set(map(to_nibbles, asked))
    for position, node in _ends(trie, b""):
        prefix = position + node.path if isinstance(node, Leaf) else position
        if (
            prefix in known
            or (before and prefix <= before[: len(prefix)])
            or (after and prefix >= after[: len(prefix)])
        ):
            continue
        # Of a leaf as much as makes it findable.
        yield prefix[: max(8, len(position))] if isinstance(node, Leaf) else prefix


def _ends(node: Node, position: bytes) -> Iterator[tuple[bytes, Leaf | Opaque]]:
    """Yield leaves and closed subtries with the position where they hang (a leaf's own path is not part of it)."""
    if isinstance(node, (Leaf, Opaque)):
        yield position, node
    elif isinstance(node, Extension):
        yield from _ends(node.child, position + node.path)
    elif isinstance(node, Branch):
        for nibble, child in enumerate(node.children):
            yield from _ends(child, position + bytes((nibble,)))


async def _client(chain: Chain) -> str:
    try:
        return await chain.client_version()
    except NodeError:
        return ""
