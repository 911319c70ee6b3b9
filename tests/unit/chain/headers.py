from __future__ import annotations

from typing import Any

import rlp as independent
from eth_utils import keccak

from tests.header_fields import FIELDS

SIZES = [32, 32, 20, 32, 32, 32, 256, 0, 0, 0, 0, 0, 0, 32, 8]


def header_of(number: int, *surplus: Any) -> tuple[dict[str, Any], bytes]:
    """Return a block as a node tells it, and its header's RLP."""
    values: list[Any] = [bytes(size) for size in SIZES]
    values[8], values[9] = number.to_bytes(8, "big").lstrip(b"\0"), b"\x01\xc9\xc3\x80"
    raw = independent.encode([*values, *surplus])
    told = {name: f"0x{value.hex()}" for name, value in zip(FIELDS, values, strict=True)}
    return {**told, "hash": f"0x{keccak(raw).hex()}"}, raw
