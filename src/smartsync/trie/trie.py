"""Reading and changing tries. Every function returns new nodes and shares what did not change."""

from __future__ import annotations

from collections.abc import Iterable

from smartsync.errors import MissingNode
from smartsync.rlp import encode_int
from smartsync.trie.nibbles import common_prefix_length, to_nibbles
from smartsync.trie.node import Branch, Extension, Leaf, Node, Opaque, encode_string, is_embedded, reference


def storage_value(value: int) -> bytes:
    """Return what a storage trie stores for a slot's value (not 0): its RLP."""
    return encode_string(encode_int(value))


def lookup(node: Node, trie_key: bytes) -> bytes | None:
    """Return the value at a 32-byte trie key, ``None`` where the trie proves that there is none.

    Raises
    ------
    MissingNode
        The trie is partial and does not reach that far.
    """
    path = to_nibbles(trie_key)
    depth = 0
    while True:
        if node is None:
            return None
        if isinstance(node, Opaque):
            raise MissingNode(path[:depth])
        if isinstance(node, Leaf):
            return node.value if node.path == path[depth:] else None
        if isinstance(node, Extension):
            if not path.startswith(node.path, depth):
                return None
            depth += len(node.path)
            node = node.child
        else:
            node = node.children[path[depth]]
            depth += 1


def put(node: Node, trie_key: bytes, value: bytes | None) -> Node:
    """Return the trie with ``value`` at a 32-byte trie key; ``None`` deletes.

    Raises
    ------
    MissingNode
        The trie is partial, and a node that is needed (also the sibling that a collapse merges with) is not known.
    """
    path = to_nibbles(trie_key)
    return _delete(node, path, 0) if value is None else _insert(node, path, 0, value)


def build(items: Iterable[tuple[bytes, bytes]], near: Iterable[bytes] | None = None) -> Node:
    """Return the trie of (32-byte trie key, value) pairs; of the same key twice the last one counts.

    Parameters
    ----------
    near
        Trie keys at which it will be read, changed and told of in a witness: what is not needed for these is then known
        by its hash, and takes no memory. Without it all nodes are there.
    """
    pairs = sorted({to_nibbles(key): value for key, value in items}.items())
    return _build(pairs, 0, len(pairs), 0, None if near is None else [to_nibbles(key) for key in near])


def _build(pairs: list[tuple[bytes, bytes]], low: int, high: int, depth: int, near: list[bytes] | None) -> Node:
    """Build what the pairs from ``low`` to ``high`` make at ``depth``; of ``near`` the keys that begin as they do."""
    if low == high:
        return None
    first, last = pairs[low][0], pairs[high - 1][0]
    if high - low == 1:
        return Leaf(first[depth:], pairs[low][1])
    # Sorted, so what the first and the last key share all between them share.
    shared = depth + common_prefix_length(first[depth:], last[depth:])
    children: list[Node] = []
    start = low
    for nibble in range(16):
        end = start
        while end < high and pairs[end][0][shared] == nibble:
            end += 1
        below = near and [key for key in near if key.startswith(first[:shared]) and key[shared] == nibble]
        children.append(_build(pairs, start, end, shared + 1, below))
        start = end
    # Beside a key that may go its parent's other child moves up, and for that its own children must be known.
    branch = Branch(tuple(map(_closed, children)) if near == [] else tuple(children))
    return Extension(first[depth:shared], branch) if shared > depth else branch


def _closed(node: Node) -> Node:
    """Return the subtrie with its highest branch known by the hash alone."""
    if isinstance(node, Extension):
        return node if is_embedded(node.child) else Extension(node.path, Opaque(reference(node.child)[1:]))
    return Opaque(reference(node)[1:]) if isinstance(node, Branch) and not is_embedded(node) else node


def _insert(node: Node, path: bytes, depth: int, value: bytes) -> Node:
    if node is None:
        return Leaf(path[depth:], value)
    if isinstance(node, Opaque):
        raise MissingNode(path[:depth])
    if isinstance(node, Branch):
        nibble = path[depth]
        return _with_child(node, nibble, _insert(node.children[nibble], path, depth + 1, value))
    rest = path[depth:]
    if isinstance(node, Leaf) and node.path == rest:
        return Leaf(rest, value)
    shared = common_prefix_length(node.path, rest)
    if isinstance(node, Extension) and shared == len(node.path):
        child = _insert(node.child, path, depth + shared, value)
        return _prefixed(node.path, child, path[: depth + shared])
    # The node's path and the key part at `shared`: a branch is born there.
    children: list[Node] = [None] * 16
    children[node.path[shared]] = _shortened(node, shared + 1)
    children[rest[shared]] = Leaf(rest[shared + 1 :], value)
    return _prefixed(rest[:shared], Branch(tuple(children)), path[: depth + shared])


def _delete(node: Node, path: bytes, depth: int) -> Node:
    if node is None:
        return None
    if isinstance(node, Opaque):
        raise MissingNode(path[:depth])
    if isinstance(node, Leaf):
        return None if node.path == path[depth:] else node
    if isinstance(node, Extension):
        if not path.startswith(node.path, depth):
            return node
        below = depth + len(node.path)
        child = _delete(node.child, path, below)
        return node if child is node.child else _prefixed(node.path, child, path[:below])
    nibble = path[depth]
    child = _delete(node.children[nibble], path, depth + 1)
    if child is node.children[nibble]:
        return node
    changed = _with_child(node, nibble, child)
    left = [i for i, c in enumerate(changed.children) if c is not None]
    if len(left) > 1:
        return changed
    # One child alone is no branch: it moves up, its nibble in front of its path.
    only = left[0]
    return _prefixed(bytes((only,)), changed.children[only], path[:depth] + bytes((only,)))


def _with_child(branch: Branch, nibble: int, child: Node) -> Branch:
    return Branch((*branch.children[:nibble], child, *branch.children[nibble + 1 :]))


def _shortened(node: Leaf | Extension, count: int) -> Node:
    """Return the node without the first ``count`` nibbles of its path."""
    rest = node.path[count:]
    if isinstance(node, Leaf):
        return Leaf(rest, node.value)
    return Extension(rest, node.child) if rest else node.child


def _prefixed(prefix: bytes, node: Node, at: bytes) -> Node:
    """Return the subtrie ``node`` hung ``prefix`` higher; ``at`` is its own position, for the error."""
    if not prefix or node is None:
        return node
    if isinstance(node, Leaf):
        return Leaf(prefix + node.path, node.value)
    if isinstance(node, Extension):
        return Extension(prefix + node.path, node.child)
    if isinstance(node, Opaque):
        # Whether this is a leaf, an extension or a branch decides what becomes of it.
        raise MissingNode(at)
    return Extension(prefix, node)
