"""Layouts against real storage: ganache tells all slots of a contract (debug_storageRangeAt); each has to be named."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from eth_utils.address import to_checksum_address

from smartsync.discovery import preimages, storage_range
from smartsync.discovery.hints import Hints
from smartsync.keccak import keccak256
from smartsync.layout import parse_layout
from smartsync.testing import Node
from tests.integration.test_discovery import connected, transact
from tests.integration.world import encode

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "vectors" / "layouts.json").read_text())
A, B = "0x" + "a1" * 20, "0x" + "b2" * 20
WORD = keccak256(b"a name's hash")
TEXT = "a text that is longer than thirty-two bytes"
ARGUMENTS = {
    "Namespaced": (A, B),
    **dict.fromkeys(("Variables", "VyperVariables", "OlderVyperVariables"), (A, B, 77_777, WORD, -70_000, TEXT)),
}


def deployed(node: Node, name: str) -> tuple[str, int]:
    """Deploy a contract and have it filled; return its address and the block."""
    told = VECTORS[name]
    receipt = transact(node, None, bytes.fromhex(told["creation"]))
    address = to_checksum_address(receipt["contractAddress"])
    if told["fill"]:
        receipt = transact(node, address, encode(told["fill"], *ARGUMENTS[name]), gas=12_000_000)
    return address, int(receipt["blockNumber"], 16)


def hints(name: str) -> Hints:
    return Hints(parse_layout(json.dumps(VECTORS[name]["layout"]), name))


async def named(
    node: Node, address: str, block: int, given: Hints, wanted: Iterable[bytes], most: int
) -> dict[bytes, str]:
    """Return the names of the slots that are found among the first places, at most so many."""
    left, found = set(wanted), dict[bytes, str]()
    async with connected(node) as chain:
        count = 0
        async for place in preimages.preimages(chain, address, block - 1, block, given):
            count += 1
            if place.slot in left:
                left.remove(place.slot)
                found[place.slot] = place.label
            if not left or count == most:
                break
    return found


async def all_slots(node: Node, address: str, block: int) -> set[bytes]:
    async with connected(node) as chain:
        found = await storage_range.candidates(chain, address, None, block)
        assert found.gaps == ()
        return found.slots


@pytest.mark.parametrize("name", ["Variables", "VyperVariables", "OlderVyperVariables"])
async def test_preimages_every_slot_of_a_layout_is_named(ganache: Node, name: str) -> None:
    address, block = deployed(ganache, name)
    slots = await all_slots(ganache, address, block)
    found = await named(ganache, address, block, hints(name), slots, most=200_000)
    assert len(slots) > 30
    assert found.keys() == slots, [slot.hex() for slot in slots - found.keys()]
    assert not [label for label in found.values() if label.startswith("slot") or "recent call" in label]
