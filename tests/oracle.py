"""The independent trie that results are compared with: py-trie, which shares no code with the package."""

from __future__ import annotations

import os
from collections.abc import Mapping

import rlp
from trie import HexaryTrie

# py-trie would take PyCryptodome's keccak, with which it is half as fast.
os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")


class OracleTrie:
    """A trie by 32-byte trie keys. A value is a number, 0 deletes; in a state trie it is an account's four fields."""

    def __init__(self, leaves: Mapping[bytes, int] | None = None) -> None:
        self._trie = HexaryTrie({})
        for key, value in (leaves or {}).items():
            self.put(key, value)

    def put(self, key: bytes, value: int | list[int | bytes]) -> None:
        if value:
            self._trie[key] = rlp.encode(value)
        else:
            self._trie.delete(key)

    def copy(self) -> OracleTrie:
        """Return a trie that goes its own way; the nodes are shared, none is ever removed."""
        other = OracleTrie()
        other._trie = HexaryTrie(self._trie.db, self._trie.root_hash)
        return other

    @property
    def root(self) -> bytes:
        return self._trie.root_hash

    def proof(self, key: bytes) -> list[bytes]:
        """Return the proof as ``eth_getProof`` gives it: the root node, then those that are referred to by hash."""
        nodes = [rlp.encode(node) for node in self._trie.get_proof(key)]
        return [node for i, node in enumerate(nodes) if node != b"\x80" and (i == 0 or len(node) >= 32)]
