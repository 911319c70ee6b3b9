from __future__ import annotations

from typing import Any

from smartsync.chain import Chain
from smartsync.contracts import address_topic, encode_call, event_topic
from smartsync.replica import written_slots
from smartsync.rpc import Rpc
from smartsync.witness import WriteItem, encode_witness
from tests.http_node import Refusal, serving

HUB = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
REPLICA = "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512"
HEAD, CREATED, WINDOW = 100_000, 98_000, 1_000


async def test_written_slots_are_read_back_to_the_creation_only_by_a_node_of_few_blocks() -> None:
    slots = [number.to_bytes(32, "big") for number in (1, 2)]
    told = {
        CREATED: ("ReplicaCreated", b""),
        CREATED + 1: (
            "ReplicaFilled",
            encode_call("Hub", "fill", [REPLICA, bytes(32), encode_witness([WriteItem(slots[0], 5)])]),
        ),
        HEAD: (
            "ReplicaFilled",
            encode_call("Hub", "fill", [REPLICA, bytes(32), encode_witness([WriteItem(slots[1], 5)])]),
        ),
    }

    answered: list[int] = []

    def logs(params: list[Any]) -> Any:
        query = params[0]
        if query["fromBlock"] == "earliest" or int(query["toBlock"], 16) - int(query["fromBlock"], 16) >= WINDOW:
            return Refusal(-32600, "block range is too wide")
        blocks = range(int(query["fromBlock"], 16), int(query["toBlock"], 16) + 1)
        answered.append(blocks.start)
        wanted = [(number, event_topic("Hub", name)) for number, (name, _) in told.items() if number in blocks]
        return [
            {
                "address": HUB,
                "topics": [f"0x{topic.hex()}", f"0x{address_topic(REPLICA).hex()}"],
                "data": "0x",
                "blockNumber": hex(number),
                "transactionHash": f"0x{number:064x}",
            }
            for number, topic in wanted
            if f"0x{topic.hex()}" in query["topics"][0]
        ]

    with serving() as node:
        node.results["eth_blockNumber"] = hex(HEAD)
        node.results["eth_getLogs"] = logs
        node.results["eth_getTransactionByHash"] = lambda params: {
            "hash": params[0],
            "from": REPLICA,
            "to": HUB,
            "input": f"0x{told[int(params[0], 16)][1].hex()}",
            "blockNumber": hex(int(params[0], 16)),
        }
        async with Rpc(node.url) as rpc:
            found = [one async for one in written_slots(Chain(rpc, "target"), HUB, REPLICA)]
            assert set().union(*found) == set(slots)
        assert min(answered) > CREATED - 10 * WINDOW, "before the creation there is nothing"
