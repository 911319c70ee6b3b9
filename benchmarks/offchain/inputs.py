"""What is worked on: a contract's slots, and proofs of some of them before and after a change. Always the same."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import Any

from smartsync.keccak import keccak256
from smartsync.trie.nibbles import to_nibbles
from smartsync.trie.node import Branch, Extension, Leaf, Node, encode, is_embedded, root_hash
from smartsync.trie.trie import build, put, storage_value

VALUE_BYTES = (1, 8, 20, 32)
"""Sizes of values, each as frequent: flags, counters, addresses, words."""

Values = dict[bytes, int]


def make_values(count: int) -> Values:
    """Return slots of one mapping and their values, in no order."""
    rng = random.Random(count)  # noqa: S311  # the same numbers each time
    keys = (keccak256(key.to_bytes(32, "big") + bytes(32)) for key in range(count))
    return {slot: rng.randrange(1, 256 ** rng.choice(VALUE_BYTES)) for slot in keys}


def write_values(values: Values, file: Path) -> None:
    """Write slot and value, 32 bytes each, one after the other."""
    file.write_bytes(b"".join(slot + value.to_bytes(32, "big") for slot, value in values.items()))


def read_values(file: Path) -> Values:
    """Return what ``write_values`` wrote."""
    data = file.read_bytes()
    return {data[i : i + 32]: int.from_bytes(data[i + 32 : i + 64], "big") for i in range(0, len(data), 64)}


def make_proofs(values: Values, counts: list[int]) -> dict[int, dict[str, Any]]:
    """Return for each number of changes what a node answers of these slots before and after them: roots and proofs.

    ``old`` and ``new`` have a ``root`` and, in ``proofs``, the nodes by slot, from the root on; all in hex.
    """
    rng = random.Random(len(values))  # noqa: S311
    changed = {count: rng.sample(sorted(values), count) for count in counts}
    near = {keccak256(slot) for slots in changed.values() for slot in slots}
    trie = build(((keccak256(slot), storage_value(value)) for slot, value in values.items()), near)
    return {count: _sides(trie, {slot: _other(values[slot]) for slot in slots}) for count, slots in changed.items()}


def _other(value: int) -> int:
    return value + 1 if value + 1 < 2**256 else 1


def _sides(old: Node, changes: Values) -> dict[str, Any]:
    new = old
    for slot, value in changes.items():
        new = put(new, keccak256(slot), storage_value(value))
    return {name: _side(trie, list(changes)) for name, trie in (("old", old), ("new", new))}


def _side(trie: Node, slots: list[bytes]) -> dict[str, Any]:
    proofs = {f"0x{slot.hex()}": [f"0x{node.hex()}" for node in _prove(trie, keccak256(slot))] for slot in slots}
    return {"root": f"0x{root_hash(trie).hex()}", "proofs": proofs}


def _prove(node: Node, key: bytes) -> list[bytes]:
    """Return the nodes on the way to a key that is there, as ``eth_getProof`` gives them."""
    path, nodes, depth = to_nibbles(key), [], 0
    while isinstance(node, (Leaf, Extension, Branch)):
        if not nodes or not is_embedded(node):
            nodes.append(encode(node))
        if isinstance(node, Branch):
            node, depth = node.children[path[depth]], depth + 1
        elif isinstance(node, Extension):
            node, depth = node.child, depth + len(node.path)
        else:
            break
    return nodes


def main() -> None:
    """Write the inputs of so many slots to a folder: ``values`` and, for each number of changes, ``proofs-N.json``."""
    count, folder, *changes = sys.argv[1:]
    values = make_values(int(count))
    write_values(values, Path(folder) / "values")
    for number, told in make_proofs(values, [int(one) for one in changes]).items():
        (Path(folder) / f"proofs-{number}.json").write_text(json.dumps(told))


if __name__ == "__main__":
    main()
