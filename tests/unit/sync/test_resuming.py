from __future__ import annotations

from typing import Any

import pytest

from smartsync.contracts import address_topic, event_topic
from smartsync.errors import BlockNotAccepted, BlockUnavailable, RpcError, SourceReorganised
from smartsync.sync.resuming import header_to_resume, unfinished_blocks
from tests.fake_anchor import FakeAnchor
from tests.unit.sync.records import REPLICA, record_at

HUB = "0x" + "11" * 20


def block_hash(number: int) -> bytes:
    return bytes([number]) * 32


def log(event: str, block: int) -> dict[str, Any]:
    topics = [event_topic("Hub", event), address_topic(REPLICA), block_hash(block)]
    data = bytes(32) if event == "TransitionPrepared" else bytes(64)
    return {
        "address": HUB,
        "topics": [f"0x{topic.hex()}" for topic in topics],
        "data": f"0x{data.hex()}",
        "blockNumber": "0x1",
        "transactionHash": "0x" + "44" * 32,
        "removed": False,
    }


PREPARED, SYNCED, ACTIVATED = "TransitionPrepared", "ReplicaSynced", "ReplicaActivated"


async def unfinished(fake: Any, *events: tuple[str, int]) -> list[bytes]:
    node = fake({})
    node.override["eth_getLogs"] = lambda query: [log(*event) for event in events]
    return await unfinished_blocks(node.chain, HUB, REPLICA)


@pytest.mark.parametrize(
    ("events", "blocks"),
    [
        ([], []),
        ([(ACTIVATED, 1)], []),
        ([(ACTIVATED, 1), (PREPARED, 2), (PREPARED, 2)], [2]),
        ([(ACTIVATED, 1), (PREPARED, 2), (SYNCED, 2)], []),
        ([(PREPARED, 2), (SYNCED, 2), (PREPARED, 3), (PREPARED, 4), (PREPARED, 3)], [3, 4]),
        ([(PREPARED, number) for number in range(2, 9)], [8, 7, 6]),
    ],
)
async def test_unfinished_blocks_are_those_prepared_since_the_last_move(
    fake: Any, events: list[tuple[str, int]], blocks: list[int]
) -> None:
    assert await unfinished(fake, *events) == [block_hash(number) for number in blocks]


async def test_unfinished_blocks_asks_for_this_replica_at_this_hub(fake: Any) -> None:
    node = fake({})
    node.override["eth_getLogs"] = lambda query: []
    await unfinished_blocks(node.chain, HUB, REPLICA)
    ((_, (query,)),) = node.calls
    assert (query["address"], query["topics"][1]) == (HUB, f"0x{address_topic(REPLICA).hex()}")


async def test_unfinished_blocks_of_a_node_that_does_not_tell_are_none(fake: Any) -> None:
    def refuse(query: Any) -> None:
        raise RpcError("eth_getLogs", -32005, "query returned more than 10000 results")

    node = fake({})
    node.override["eth_getLogs"] = refuse
    assert await unfinished_blocks(node.chain, HUB, REPLICA) == []


async def resume(node: Any, wanted: bytes, *, recorded: int = 5) -> int:
    return (await header_to_resume(node.chain, node.chain, record_at(node, recorded), wanted)).number


async def test_header_to_resume_of_a_newer_accepted_block_is_given(node: Any, anchor: FakeAnchor) -> None:
    assert await resume(node, node.header(7).hash) == 7


@pytest.mark.parametrize("recorded", [7, 8])
async def test_header_to_resume_not_newer_is_refused(node: Any, anchor: FakeAnchor, recorded: int) -> None:
    with pytest.raises(BlockNotAccepted):
        await resume(node, node.header(7).hash, recorded=recorded)


@pytest.mark.parametrize("level", ["pending", "revoked"])
async def test_header_to_resume_not_accepted_is_refused(node: Any, anchor: FakeAnchor, level: str) -> None:
    anchor.blocks[node.header(7).hash] = (7, level)
    with pytest.raises(BlockNotAccepted, match=level):
        await resume(node, node.header(7).hash)


async def test_header_to_resume_that_nobody_knows_is_refused(node: Any, anchor: FakeAnchor) -> None:
    with pytest.raises(BlockNotAccepted, match="unknown"):
        await resume(node, b"\x01" * 32)


async def test_header_to_resume_replaced_on_the_source_is_a_reorganisation(node: Any, anchor: FakeAnchor) -> None:
    anchor.blocks = {b"\x01" * 32: (7, "final")}
    with pytest.raises(SourceReorganised):
        await resume(node, b"\x01" * 32)


async def test_header_to_resume_ahead_of_the_source_is_unavailable(node: Any, anchor: FakeAnchor) -> None:
    anchor.blocks = {b"\x01" * 32: (11, "final")}
    with pytest.raises(BlockUnavailable):
        await resume(node, b"\x01" * 32)
