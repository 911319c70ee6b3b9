"""What froze an anchor, out of the evidence that its interface documents."""

from __future__ import annotations

from typing import Any

import pytest
from eth_abi.abi import encode

from smartsync.anchors.stopping import frozen_by
from smartsync.contracts import event_topic
from smartsync.errors import RpcError

ANCHOR = "0x" + "22" * 20
ONE, TWO = b"\x01" * 32, b"\x02" * 32
FROZEN, ACTIVE = 3, 0
NUMBERED = encode(["uint64", "bytes32", "bytes32"], [7, ONE, TWO])
BOTH = f"0x{ONE.hex()}, 0x{TWO.hex()}"


def log(status: int, evidence: bytes) -> dict[str, Any]:
    return {
        "address": ANCHOR,
        "topics": [f"0x{event_topic('IAnchor', 'StatusChanged').hex()}"],
        "data": f"0x{encode(['uint8', 'bytes'], [status, evidence]).hex()}",
        "blockNumber": "0x5",
        "logIndex": "0x0",
        "transactionHash": f"0x{ONE.hex()}",
    }


@pytest.mark.parametrize(
    ("kind", "evidence", "words"),
    [
        ("quorum/2", NUMBERED, f"two blocks of number 7, both final: {BOTH}"),
        ("k-of-n/1", NUMBERED, f"two blocks of number 7, both final: {BOTH}"),
        ("veto/1", NUMBERED, f"two blocks of number 7, both final: {BOTH}"),
        ("qbft/1", NUMBERED, f"two sealed headers that contradict each other, at block 7: {BOTH}"),
        (
            "veto/1",
            encode(["bytes32", "uint256", "bytes32"], [ONE, 2, TWO]),
            f"its primary holds 0x{ONE.hex()} for final, and watcher 2 0x{TWO.hex()}, which contradicts it",
        ),
        (
            "quorum/2",
            (7).to_bytes(8, "big") + ONE + b"\x03" + bytes(65) + TWO + b"\x03" + bytes(65),
            f"too few signers are left: one of them was removed, who had signed two hashes of block 7: {BOTH}",
        ),
        ("of tomorrow/1", b"\x07", ""),
    ],
)
async def test_frozen_by_reads_the_evidence_of_each_kind(fake: Any, kind: str, evidence: bytes, words: str) -> None:
    node = fake({})
    # It was brought back once, and froze again: the last time counts.
    told = [log(ACTIVE, b""), log(FROZEN, b"\x09"), log(ACTIVE, b""), log(FROZEN, evidence)]
    node.override["eth_getLogs"] = lambda query: told
    assert await frozen_by(node.chain, ANCHOR, kind) == words


async def test_frozen_by_node_without_past_events_is_empty(fake: Any) -> None:
    def refuse(query: object) -> None:
        raise RpcError("eth_getLogs", -32000, "too many blocks")

    node = fake({})
    node.override["eth_getLogs"] = refuse
    assert await frozen_by(node.chain, ANCHOR, "quorum/2") == ""
