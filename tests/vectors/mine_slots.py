"""Mine storage slots whose trie keys share many leading nibbles, and write ``mined_slots.json``.

A birthday search: among n hashes the closest pair shares about 2*log2(n) bits. Groups of slots that share k nibbles
make tries that are k levels deep, whose lowest leaves are shorter than 32 bytes and so embedded in their parent.

Usage: python tests/vectors/mine_slots.py [log2 of the number of hashes, 24 unless told, 1.6 GB and some minutes]
"""

import json
import sys
from pathlib import Path

from smartsync.keccak import keccak256


def main() -> None:
    bits = int(sys.argv[1]) if len(sys.argv) > 1 else 24
    keyed = sorted(int.from_bytes(keccak256(n.to_bytes(32, "big"))[:12], "big") << 32 | n for n in range(1, 1 << bits))
    groups: dict[int, list[list[int]]] = {}
    for nibbles in range(6, 24):
        shift = 32 + 96 - 4 * nibbles
        run: list[int] = []
        found: list[list[int]] = []
        for entry in keyed:
            if run and entry >> shift == run[-1] >> shift:
                run.append(entry)
                continue
            if len(run) > 1:
                found.append([e & 0xFFFFFFFF for e in run])
            run = [entry]
        if len(run) > 1:
            found.append([e & 0xFFFFFFFF for e in run])
        if not found:
            break
        # The largest groups of each depth, and few of them: this is a test vector.
        groups[nibbles] = sorted(found, key=len, reverse=True)[:6]
        print(nibbles, len(found), len(groups[nibbles][0]), flush=True)
    path = Path(__file__).with_name("mined_slots.json")
    path.write_text(json.dumps({str(k): v for k, v in groups.items()}, indent=None, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
