"""The same with py-trie: ``python -m benchmarks.offchain.py_trie root FOLDER``. Prints what ``task`` prints."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Before the import: py-trie would take PyCryptodome's keccak, with which it is half as fast.
os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")

import rlp
from eth_hash.auto import keccak
from trie import HexaryTrie

from benchmarks.offchain.inputs import read_values
from benchmarks.offchain.task import Work, measure


def root_work(folder: Path) -> Work:
    """Return the work: from a list of slots to the root."""
    values = read_values(folder / "values")

    def work() -> bytes:
        trie = HexaryTrie({})
        for slot, value in values.items():
            trie[keccak(slot)] = rlp.encode(value)
        return trie.root_hash

    return work, lambda root: {"root": root.hex()}


def verify_work(folder: Path, changes: str) -> Work:
    """Return the work: from both nodes' answers to the values that they prove."""
    told = json.loads((folder / f"proofs-{changes}.json").read_text())

    def work() -> list[bytes]:
        return [
            _proven(told[side]["root"], slot, nodes) for side in told for slot, nodes in told[side]["proofs"].items()
        ]

    return work, lambda found: {"proven": sum(map(bool, found))}


def _proven(root: str, slot: str, nodes: list[str]) -> bytes:
    decoded = [rlp.decode(bytes.fromhex(node[2:])) for node in nodes]
    return HexaryTrie.get_from_proof(bytes.fromhex(root[2:]), keccak(bytes.fromhex(slot[2:])), decoded)


WORKS: dict[str, Callable[..., Work]] = {"root": root_work, "verify": verify_work}

if __name__ == "__main__":
    name, where, *rest = sys.argv[1:]
    done: dict[str, Any] = measure(WORKS[name](Path(where), *rest))
    print(json.dumps(done))
