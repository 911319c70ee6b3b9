"""The account proof that the hub takes: what the state root has to be, if the account is as told.

It is shorter than the nodes that ``eth_getProof`` gives: the hashes on the way are computed, the storage root comes out
of the witness, and the code hash is the replica's. What is left are nonce, balance, and the hashes beside the way. The
engine climbs it as it climbs a storage trie (``docs/reference/witness.md``).
"""

from __future__ import annotations

from collections.abc import Sequence

from smartsync import rlp
from smartsync.errors import InvalidProof, InvalidWitness
from smartsync.keccak import keccak256
from smartsync.trie.nibbles import to_nibbles
from smartsync.trie.node import Branch, Extension, Leaf, Node, Opaque, encode_list, encode_string, reference, root_hash
from smartsync.trie.proof import partial_trie, verify_account
from smartsync.witness.items import BranchItem, decode_witness, encode_witness

_MAX_COUNTS_BYTES = 42
"""RLP of a nonce (EIP-2681: 64 bits) and a balance of 256 bits."""


def encode_account_proof(state_root: bytes, address: str, nodes: Sequence[bytes]) -> bytes:
    """Return the hub's account proof of an account that exists.

    Parameters
    ----------
    state_root
        32 bytes, out of a verified header.
    address
        The account's address, 0x and 40 hexadecimal digits.
    nodes
        RLP of the nodes on the path, root first, as ``eth_getProof`` gives them.

    Raises
    ------
    InvalidProof
        The nodes do not prove that the account exists, or are not those of a state trie.
    """
    account = verify_account(state_root, address, nodes)
    if account is None:
        raise InvalidProof(f"the nodes prove that there is no account {address}")
    counts = encode_string(rlp.encode_int(account.nonce)) + encode_string(rlp.encode_int(account.balance_wei))
    if len(counts) > _MAX_COUNTS_BYTES:
        raise InvalidProof(f"the nonce of account {address} has more than 64 bits")
    path = to_nibbles(keccak256(bytes.fromhex(address[2:])))
    return bytes((len(counts),)) + counts + encode_witness(_branches(partial_trie(state_root, nodes), path, 0))


def state_root_of(address: str, storage_root: bytes, code_hash: bytes, account_proof: bytes) -> bytes:
    """Return the 32-byte state root of a chain on which the account is as told: what the engine computes.

    Parameters
    ----------
    storage_root, code_hash
        32 bytes each.
    account_proof
        As of ``encode_account_proof``.

    Raises
    ------
    InvalidWitness
        Malformed.
    """
    if not account_proof or (size := account_proof[0]) > _MAX_COUNTS_BYTES:
        raise InvalidWitness("the account proof does not start with a nonce and a balance")
    counts, rest = account_proof[1 : 1 + size], account_proof[1 + size :]
    if len(counts) != size:
        raise InvalidWitness("the account proof ends inside nonce and balance")
    value = encode_list(counts + encode_string(storage_root) + encode_string(code_hash))
    path = to_nibbles(keccak256(bytes.fromhex(address[2:])))
    node: Node = Leaf(path, value)
    depth = len(path)
    items = decode_witness(rest)
    for index, item in enumerate(items):
        if not isinstance(item, BranchItem):
            raise InvalidWitness("an account proof has branches only")
        if index == 0:
            node, depth = Leaf(path[item.depth + 1 :], value), item.depth + 1
        if item.depth >= depth:
            raise InvalidWitness(f"the branch at depth {item.depth} does not lie above the one before")
        if depth > item.depth + 1 and isinstance(node, (Branch, Opaque)):
            node = Extension(path[item.depth + 1 : depth], node)
        if path[item.depth] in item.opaque:
            raise InvalidWitness(f"the branch at depth {item.depth} has the account's child twice")
        children: list[Node] = [Opaque(item.opaque[i]) if i in item.opaque else None for i in range(16)]
        children[path[item.depth]] = node
        if len(item.opaque) == 0:
            raise InvalidWitness(f"the branch at depth {item.depth} has one child only")
        node, depth = Branch(tuple(children)), item.depth
    if items and depth and isinstance(node, Branch):
        node = Extension(path[:depth], node)
    return root_hash(node)


def _branches(node: Node, path: bytes, depth: int) -> list[BranchItem]:
    """Return the branches on the way down ``path`` (nibbles), the lowest first."""
    if isinstance(node, Extension):
        return _branches(node.child, path, depth + len(node.path))
    if not isinstance(node, Branch):
        return []
    beside = {
        nibble: _hash(child)
        for nibble, child in enumerate(node.children)
        if child is not None and nibble != path[depth]
    }
    return [*_branches(node.children[path[depth]], path, depth + 1), BranchItem(depth, beside)]


def _hash(child: Node) -> bytes:
    told = reference(child)
    if len(told) != 33:
        raise InvalidProof("a state trie has no node under 32 bytes: an account alone has more")
    return told[1:]
