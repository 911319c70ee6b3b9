"""Mine storage slots whose trie keys share many leading nibbles, and write ``mined_slots.json``.

A birthday search: among n hashes the closest pair shares about 2*log2(n) bits. Groups of slots that share k nibbles
make tries that are k levels deep, whose lowest leaves are shorter than 32 bytes and so embedded in their parent.

Usage: python tests/vectors/mine_slots.py (2 GB; three minutes on two cores)
"""

from __future__ import annotations

import json
from multiprocessing import Pool
from pathlib import Path

import numpy as np

from smartsync.keccak import keccak256

SEARCHES = ((24, range(6, 12)), (26, range(12, 13)))
"""log2 of how many slots are hashed, 1, 2, 3 and so on, and how many nibbles are looked for among them."""

GROUPS = 6
"""Of each depth the largest groups, and few of them: this is a test vector."""

CHUNK = 1 << 20


def trie_keys(start: int) -> bytes:
    """Return the first 8 bytes of the trie keys of the slots from ``start`` to the next chunk."""
    return b"".join(keccak256(n.to_bytes(32, "big"))[:8] for n in range(start, start + CHUNK))


def groups(keys: np.ndarray, order: np.ndarray, nibbles: int) -> list[list[int]]:
    """Return the largest groups of slots that share so many nibbles; ``order`` sorts ``keys``."""
    shared = keys[order] >> np.uint64(64 - 4 * nibbles)
    starts = np.flatnonzero(np.concatenate(([True], shared[1:] != shared[:-1])))
    sizes = np.diff(starts, append=len(shared))
    largest = np.argsort(-sizes, kind="stable")[:GROUPS]
    return [(order[starts[i] : starts[i] + sizes[i]] + 1).tolist() for i in largest if sizes[i] > 1]


def main() -> None:
    most = 1 << SEARCHES[-1][0]
    with Pool() as pool:
        hashed = b"".join(pool.imap(trie_keys, range(1, most, CHUNK)))
    found: dict[int, list[list[int]]] = {}
    for bits, depths in SEARCHES:
        keys = np.frombuffer(hashed, ">u8", (1 << bits) - 1).astype(np.uint64)
        order = np.argsort(keys, kind="stable")
        found |= {nibbles: groups(keys, order, nibbles) for nibbles in depths}
    for nibbles, mined in found.items():
        print(nibbles, [len(group) for group in mined], flush=True)
    path = Path(__file__).with_name("mined_slots.json")
    path.write_text(json.dumps({str(k): v for k, v in found.items()}, indent=None, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
