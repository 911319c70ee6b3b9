from __future__ import annotations

from typing import Any

import pytest

from smartsync.discovery import missing
from smartsync.discovery.completeness import source_values
from smartsync.discovery.missing import missing_positions
from smartsync.errors import NodeUnreachable, RpcError
from smartsync.keccak import keccak256
from smartsync.trie.nibbles import to_nibbles

ADDRESS = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
VALUES = {number: 2**200 + number for number in range(300)}


def slot(number: int) -> bytes:
    return number.to_bytes(32, "big")


async def missing_of(node: Any, known: list[int]) -> list[bytes]:
    state = await source_values(node.chain, node.header(7), ADDRESS, [slot(number) for number in known])
    return await missing_positions(node.chain, node.header(7), ADDRESS, state)


async def test_missing_positions_are_the_whole_trie_keys(fake: Any) -> None:
    found = await missing_of(fake(VALUES), [number for number in VALUES if number not in (17, 230)])
    assert found == sorted(to_nibbles(keccak256(slot(number))) for number in (17, 230))


async def test_missing_positions_of_all_known_are_none(fake: Any) -> None:
    assert await missing_of(fake(VALUES), list(VALUES)) == []


async def test_missing_positions_of_very_many_are_prefixes(fake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(missing, "AT_MOST", 20)
    found = await missing_of(fake(VALUES), [])
    assert 20 < len(found) < 40 and min(map(len, found)) == 1, "it stops where it sees how many there are"


@pytest.mark.parametrize("error", [NodeUnreachable("away"), RpcError("eth_getProof", -32000, "no")])
async def test_missing_positions_a_node_that_refuses_is_no_error(fake: Any, error: Exception) -> None:
    node = fake(VALUES)
    state = await source_values(node.chain, node.header(7), ADDRESS, [slot(1)])

    def refuse(*_: object) -> None:
        raise error

    node.override["eth_getProof"] = refuse
    assert await missing_positions(node.chain, node.header(7), ADDRESS, state) == []
