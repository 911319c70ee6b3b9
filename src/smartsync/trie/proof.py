"""Merkle proofs: from a node's untrusted answer to what it proves.

Two ways. ``verify_account`` and ``verify_storage`` check one key and accept exactly the nodes on its path, nothing
missing and nothing surplus. ``partial_trie`` takes any set of nodes and keeps what hangs together from the root on: a
node that does not belong is simply never reached, and what is missing stays opaque.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from smartsync import rlp
from smartsync.errors import InvalidProof, InvalidRlp, NonCanonicalTrie
from smartsync.keccak import keccak256
from smartsync.trie.nibbles import KEY_NIBBLES, decode_hex_prefix, to_nibbles
from smartsync.trie.node import Branch, Extension, Leaf, Node, Opaque
from smartsync.types import EMPTY_ROOT, Account

Resolver = Callable[[bytes], bytes | None]


def partial_trie(root: bytes, nodes: Iterable[bytes]) -> Node:
    """Return as much of the trie with this 32-byte root as the given RLP nodes tell.

    Raises
    ------
    InvalidProof
        A node on the way from the root is not a well-formed trie node.
    """
    known = {keccak256(raw): raw for raw in nodes}
    return _resolve(root, 0, known.get)


def verify_account(state_root: bytes, address: str, nodes: Sequence[bytes]) -> Account | None:
    """Return the account that the proof includes, or ``None`` where it proves that there is none.

    Parameters
    ----------
    state_root
        32 bytes, out of a verified header.
    address
        The account's address, 0x and 40 hexadecimal digits.
    nodes
        RLP of the nodes on the path, root first.

    Raises
    ------
    InvalidProof
        The proof does not lead from the root to an answer, or has surplus nodes, or the account is malformed.
    """
    value = _verify(state_root, keccak256(bytes.fromhex(address[2:])), nodes)
    if value is None:
        return None
    try:
        fields = rlp.decode(value)
        if not isinstance(fields, list) or len(fields) != 4:
            raise InvalidProof(f"the account of {address} does not have four fields")
        nonce, balance, storage_root, code_hash = (_string(f) for f in fields)
        if len(storage_root) != 32 or len(code_hash) != 32:
            raise InvalidProof(f"the account of {address} has a root or a code hash that is not 32 bytes")
        if len(nonce) > 32 or len(balance) > 32:
            raise InvalidProof(f"the account of {address} has a nonce or a balance of more than 256 bits")
        return Account(rlp.decode_int(nonce), rlp.decode_int(balance), storage_root, code_hash)
    except InvalidRlp as error:
        raise InvalidProof(f"the account of {address} is malformed: {error}") from error


def verify_storage(storage_root: bytes, slot: bytes, nodes: Sequence[bytes]) -> int:
    """Return the value of a 32-byte slot; 0 where the proof excludes it.

    Raises
    ------
    InvalidProof
        As ``verify_account``.
    """
    value = _verify(storage_root, keccak256(slot), nodes)
    return 0 if value is None else decode_storage_value(value)


def decode_storage_value(data: bytes) -> int:
    """Return the number that a storage trie's value encodes.

    Raises
    ------
    InvalidProof
        Not the canonical RLP of a number from 1 to 2^256 - 1.
    NonCanonicalTrie
        A stored zero, which anvil keeps of slots that were deleted or only touched.
    """
    try:
        content = rlp.decode(data)
        number = rlp.decode_int(_string(content))
    except InvalidRlp as error:
        raise InvalidProof(f"a storage value is not canonical RLP: {error}") from error
    if number == 0:
        raise NonCanonicalTrie(
            "the node's storage trie holds a zero, which the protocol deletes: its storage root is not canonical",
            hint="anvil keeps zeros, of slots that were deleted or only touched (read or compared by a transaction): "
            "take another node for this chain",
        )
    if number >= 1 << 256:
        raise InvalidProof("a storage value has more than 256 bits")
    return number


def _verify(root: bytes, trie_key: bytes, nodes: Sequence[bytes]) -> bytes | None:
    known = {keccak256(raw): raw for raw in nodes}
    used: set[bytes] = set()

    def resolver(digest: bytes) -> bytes | None:
        raw = known.get(digest)
        if raw is not None:
            used.add(digest)
        return raw

    value = _walk(root, trie_key, resolver)
    if len(used) != len(nodes):
        raise InvalidProof(f"the proof has {len(nodes) - len(used)} nodes that are not on the way")
    return value


def _walk(root: bytes, trie_key: bytes, resolver: Resolver) -> bytes | None:
    # One step at a time: resolving more than the path would let surplus siblings pass for used.
    path = to_nibbles(trie_key)
    below: Node = None if root == EMPTY_ROOT else Opaque(root)
    depth = 0
    while True:
        node = _step(below, depth, resolver) if isinstance(below, Opaque) else below
        if node is None:
            return None
        if isinstance(node, Leaf):
            return node.value if node.path == path[depth:] else None
        if isinstance(node, Extension):
            if not path.startswith(node.path, depth):
                return None
            depth += len(node.path)
            below = _branch_below(node, depth, resolver)
        else:
            below = node.children[path[depth]]
            depth += 1


def _branch_below(extension: Extension, depth: int, resolver: Resolver) -> Branch:
    child = _step(extension.child, depth, resolver) if isinstance(extension.child, Opaque) else extension.child
    if not isinstance(child, Branch):
        raise InvalidProof(f"an extension to depth {depth} does not lead to a branch")
    return child


def _step(opaque: Opaque, depth: int, resolver: Resolver) -> Leaf | Extension | Branch:
    raw = resolver(opaque.hash)
    if raw is None:
        raise InvalidProof(f"the proof ends at depth {depth}, before an answer")
    return _parse(raw, depth, lambda _: None)


def _resolve(digest: bytes, depth: int, resolver: Resolver) -> Node:
    if depth == 0 and digest == EMPTY_ROOT:
        return None
    raw = resolver(digest)
    if raw is None:
        return Opaque(digest)
    node = _parse(raw, depth, resolver)
    if len(raw) >= 32:
        # RLP has one encoding only, and what was read is what hashes to this: no need to encode it again.
        node.known_by(digest)
    return node


def _parse(raw: bytes, depth: int, resolver: Resolver) -> Leaf | Extension | Branch:
    if depth and len(raw) < 32:
        raise InvalidProof(f"a node of {len(raw)} bytes is given by its hash, but must be embedded")
    try:
        return _from_item(_hashes(raw) or rlp.decode(raw), depth, resolver)
    except InvalidRlp as error:
        raise InvalidProof(f"the trie node at depth {depth} is not RLP: {error}") from error


def _hashes(raw: bytes) -> list[rlp.Item]:
    """Return what ``rlp.decode`` does of a branch whose children all have hashes, as most; else nothing."""
    size = len(raw)
    if raw[:2] == bytes((0xF8, (size - 2) & 0xFF)) and 58 <= size < 258:
        offset = 2
    elif raw[:3] == b"\xf9" + (size - 3 & 0xFFFF).to_bytes(2, "big") and size >= 259:
        offset = 3
    else:
        return []
    items: list[rlp.Item] = []
    for _ in range(17):
        tag = raw[offset : offset + 1]
        if tag == b"\xa0":
            items.append(raw[offset + 1 : offset + 33])
            offset += 33
        elif tag == b"\x80":
            items.append(b"")
            offset += 1
        else:
            return []
    return items if offset == size else []


def _from_item(item: rlp.Item, depth: int, resolver: Resolver) -> Leaf | Extension | Branch:
    if not isinstance(item, list):
        raise InvalidProof(f"the trie node at depth {depth} is not a list")
    if len(item) == 17:
        return _branch(item, depth, resolver)
    if len(item) != 2:
        raise InvalidProof(f"the trie node at depth {depth} has {len(item)} items, neither 2 nor 17")
    path, leaf = decode_hex_prefix(_string(item[0]))
    below = depth + len(path)
    if leaf:
        if below != KEY_NIBBLES:
            raise InvalidProof(f"a leaf ends at depth {below}, not {KEY_NIBBLES}")
        value = _string(item[1])
        if not value:
            raise InvalidProof("a leaf is empty")
        return Leaf(path, value)
    if not path or below >= KEY_NIBBLES:
        raise InvalidProof(f"an extension at depth {depth} leads to depth {below}")
    child = _child(item[1], below, resolver)
    if child is None or isinstance(child, (Leaf, Extension)):
        raise InvalidProof(f"an extension at depth {depth} does not lead to a branch")
    return Extension(path, child)


def _branch(items: list[rlp.Item], depth: int, resolver: Resolver) -> Branch:
    if depth >= KEY_NIBBLES:
        raise InvalidProof("a branch lies below the last nibble")
    if items[16] != b"":
        raise InvalidProof("a branch has a value of its own, but all keys have the same length")
    children = tuple([_child(child, depth + 1, resolver) if child != b"" else None for child in items[:16]])
    if children.count(None) > 14:
        raise InvalidProof("a branch has fewer than two children")
    return Branch(children)


def _child(item: rlp.Item, depth: int, resolver: Resolver) -> Node:
    if isinstance(item, list):
        raw = rlp.encode(item)
        if len(raw) >= 32:
            raise InvalidProof(f"a node of {len(raw)} bytes is embedded, which must be given by its hash")
        return _from_item(item, depth, resolver)
    if not item:
        return None
    if len(item) != 32:
        raise InvalidProof(f"a reference has {len(item)} bytes, not 32")
    return _resolve(item, depth, resolver)


def _string(item: rlp.Item) -> bytes:
    if not isinstance(item, bytes):
        raise InvalidProof("a list stands where a string must")
    return item
