"""Vectors as explanations: what the tests of the drawings have in common."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from eth_utils.address import to_checksum_address

from smartsync.explaining.cost import Calldata, Cost
from smartsync.explaining.drawing import Drawing, draw
from smartsync.explaining.explanation import Explanation
from smartsync.explaining.recomputing import change_of
from smartsync.results import Check

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[2] / "vectors" / "transitions.json").read_text())
REPLICA, HUB, SOURCE = (str(to_checksum_address(f"0x{digit * 40}")) for digit in "abc")


def word(text: str) -> bytes:
    return int(text, 16).to_bytes(32, "big")


def witness_of(vector: dict[str, Any]) -> bytes:
    return bytes.fromhex(vector["witness"][2:])


def old_of(vector: dict[str, Any]) -> dict[bytes, int]:
    return {word(slot): int(value, 16) for slot, value in vector["old"]}


def drawing_of(vector: dict[str, Any]) -> Drawing:
    return draw(witness_of(vector), old_of(vector))


def accepted(name: str) -> dict[str, Any]:
    (found,) = (vector for vector in VECTORS["accepted"] if vector["name"] == name)
    return dict(found)


def explanation(drawing: Drawing | None, **other: Any) -> Explanation:
    """Return a drawing with everything around it."""
    given: dict[str, Any] = {
        "tx_hash": b"\x11" * 32,
        "chain_id": 8453,
        "block_number": 77,
        "sender": SOURCE,
        "through": None,
        "call": 1,
        "calls": 1,
        "hub": HUB,
        "function": "sync",
        "replica": REPLICA,
        "source": SOURCE,
        "source_chain_id": 1,
        "source_block_number": 21_000_000,
        "source_block_hash": b"\x22" * 32,
        "drawing": drawing,
        "malformed": "",
        "changes": tuple(change_of(one, None) for one in drawing.writes) if drawing else (),
        "cost": Cost(100_000, 21_000, (Calldata("witness", 200, 3_000),), 27_100, 0, 48_900, False),
        "failure": None,
        "checks": (Check("old root", True, "as recorded"), Check("new root", True, "as recorded")),
        "notes": (),
    }
    return Explanation(**(given | other))
