"""A source chain that exists only as proofs: headers and the account proofs below them.

All that the target chain gets to see of a source are a header and the nodes on the way to one account. So only these
are made: the siblings on the way are numbers that look like hashes.
"""

from __future__ import annotations

from dataclasses import dataclass

from eth_utils.address import to_checksum_address

from smartsync import rlp
from smartsync.header import Header, decode_header
from smartsync.keccak import keccak256
from smartsync.trie.nibbles import to_nibbles
from smartsync.trie.node import Branch, Leaf, Node, Opaque, encode, root_hash
from smartsync.witness.account import encode_account_proof

CHAIN_ID = 1337
ADDRESS = to_checksum_address(keccak256(b"the source")[-20:])
"""Of the contract that is replicated."""

FIRST_BLOCK = 23_000_000
"""Number of the block that is forked, of as many bytes as mainnet's."""

FIRST_TIME_S = 1_700_000_000
_SECONDS_PER_BLOCK = 12


@dataclass(frozen=True, slots=True)
class StateShape:
    """What is above the account in the state trie: so many branches, each with so many children."""

    branches: int
    width: int

    @property
    def nodes(self) -> int:
        """Nodes of the account's proof: the branches and its leaf."""
        return self.branches + 1


TWO_NODES = StateShape(branches=1, width=11)
"""A development chain: a proof of 479 bytes, which is what the prototype's figures were taken with."""

NINE_NODES = StateShape(branches=8, width=16)
"""Mainnet: hundreds of millions of accounts fill the branches down to about this depth."""


@dataclass(frozen=True, slots=True)
class SourceBlock:
    """A block: header, the contract's account proof as the hub takes it, and how many bytes the nodes have."""

    header: Header
    account_proof: bytes
    node_bytes: int


def source_block(number: int, storage_root: bytes, code_hash: bytes, shape: StateShape) -> SourceBlock:
    """Return the block in which the contract has this storage root and code hash (32 bytes each)."""
    state_root, nodes = _account_proof(storage_root, code_hash, shape)
    proof = encode_account_proof(state_root, ADDRESS, nodes)
    return SourceBlock(_header(number, state_root), proof, sum(map(len, nodes)))


def proven_block(number: int, storage_root: bytes, code_hash: bytes, shape: StateShape) -> tuple[Header, list[bytes]]:
    """Return such a block's header, and the nodes that prove the account, as a node answers them."""
    state_root, nodes = _account_proof(storage_root, code_hash, shape)
    return _header(number, state_root), nodes


def plain_header(number: int, parent_hash: bytes | None = None) -> Header:
    """Return a header alone, with some state root, and the parent's hash (32 bytes) where it is told."""
    return _header(number, _filler(f"state {number}"), parent_hash)


def genesis_hash() -> bytes:
    """Return the 32-byte hash of block 0."""
    return keccak256(b"the source's genesis")


def _account_proof(storage_root: bytes, code_hash: bytes, shape: StateShape) -> tuple[bytes, list[bytes]]:
    path = to_nibbles(keccak256(bytes.fromhex(ADDRESS[2:])))
    account = rlp.encode([rlp.encode_int(1), rlp.encode_int(0), storage_root, code_hash])
    node: Leaf | Branch = Leaf(path[shape.branches :], account)
    nodes = [encode(node)]
    for depth in reversed(range(shape.branches)):
        node = _branch(node, path[depth], depth, shape.width)
        nodes.insert(0, encode(node))
    return root_hash(node), nodes


def _branch(child: Node, nibble: int, depth: int, width: int) -> Branch:
    children: list[Node] = [None] * 16
    for position in range(width):
        children[(nibble + position) % 16] = Opaque(_filler(f"sibling {depth} {position}"))
    children[nibble] = child
    return Branch(tuple(children))


def _header(number: int, state_root: bytes, parent_hash: bytes | None = None) -> Header:
    """Return a header with the 21 fields that Prague and Osaka have (see ``smartsync.header``)."""
    time_s = FIRST_TIME_S + (number - FIRST_BLOCK) * _SECONDS_PER_BLOCK
    fields = [
        parent_hash or _filler("parentHash"),
        keccak256(rlp.encode([])),  # sha3Uncles: none
        _filler("miner")[:20],
        state_root,
        _filler("transactionsRoot"),
        _filler("receiptsRoot"),
        b"".join(_filler(f"logsBloom {part}") for part in range(8)),
        b"",  # difficulty
        rlp.encode_int(number),
        rlp.encode_int(45_000_000),  # gasLimit
        rlp.encode_int(22_500_123),  # gasUsed
        rlp.encode_int(time_s),
        b"a builder's name",  # extraData
        _filler("mixHash"),
        bytes(8),  # nonce
        rlp.encode_int(1_234_567_890),  # baseFeePerGas
        _filler("withdrawalsRoot"),
        rlp.encode_int(786_432),  # blobGasUsed
        rlp.encode_int(1_441_792),  # excessBlobGas
        _filler("parentBeaconBlockRoot"),
        _filler("requestsHash"),
    ]
    return decode_header(rlp.encode(fields))


def _filler(name: str) -> bytes:
    return keccak256(name.encode())
