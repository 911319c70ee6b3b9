"""Random slots and values, made to be nasty: short ones, long ones, and slots whose trie keys share many nibbles."""

from __future__ import annotations

import functools
import json
import random
from pathlib import Path

MINED_SLOTS = Path(__file__).parents[1] / "vectors" / "mined_slots.json"


def slot(number: int) -> bytes:
    return number.to_bytes(32, "big")


@functools.cache
def mined_groups() -> list[list[bytes]]:
    """Groups of slots whose trie keys share 6 to 12 nibbles."""
    groups = json.loads(MINED_SLOTS.read_text())
    return [[slot(number) for number in group] for depth in groups.values() for group in depth]


def pool(rng: random.Random, size: int) -> list[bytes]:
    """Return about ``size`` slots: small numbers, words of any length, and groups whose keys share prefixes."""
    found: set[bytes] = set()
    mined = rng.random() < 0.4
    while len(found) < size:
        kind = rng.random()
        if mined and kind < 0.5 and len(found) < 200:
            group = rng.choice(mined_groups())
            found.update(rng.sample(group, min(len(group), size - len(found))))
        else:
            found.add(slot(rng.randrange(2 * size + 2)) if kind < 0.75 else word(rng))
    return sorted(found)


def word(rng: random.Random) -> bytes:
    """Return a random slot: mostly of 32 bytes, as a mapping's are, else shorter."""
    return rng.randbytes(rng.choice((32, 32, rng.randrange(33)))).rjust(32, b"\0")


def value(rng: random.Random) -> int:
    """Return a value of 1 to 32 bytes; often one at which an encoding changes, or a short one, which gets embedded."""
    kind = rng.random()
    if kind < 0.3:
        return rng.choice((1, 0x7F, 0x80, 0xFF, 0x100, 2**255, 2**256 - 1))
    if kind < 0.5:
        return rng.randrange(1, 256)
    size = rng.randrange(1, 33)
    return rng.randrange(256 ** (size - 1), 256**size)
