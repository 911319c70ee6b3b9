"""A fork of many slots by the command line, killed at random: it goes on from what has landed, and ends exact."""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from smartsync.contracts import address_topic, decode_call, event_topic
from smartsync.replica import read_record
from smartsync.testing import Node, find_geth, geth_node, hardhat_node
from smartsync.witness import WriteItem, decode_witness
from tests.integration.world import World, sample_slots, world

SET = "setRange(uint256,uint256,uint256)"
SLOTS = int(os.environ.get("SMARTSYNC_LARGE_FORK", "2500"))
"""Slots of the fork that is killed; `make test-large` has 100,000, which take minutes."""

KILLS = 5 if SLOTS > 10_000 else 2

KEYS_AT_ONCE = 600
"""Keys that one transaction of the source writes: what the protocol's cap allows."""


@pytest.fixture(scope="module")
def source() -> Iterator[Node]:
    """Give a node with canonical tries: geth where it is there, which proves many slots in no time; else hardhat."""
    with geth_node() if find_geth() else hardhat_node(chain_id=31342, hardfork="prague") as node:
        yield node


async def test_fork_begun_again_with_a_transaction_under_way_waits_for_it(source: Node, anvil: Node) -> None:
    async with world(source, anvil) as made:
        await made.do(SET, 0, 30, 7)
        await made.attest()
        slots = sample_slots(range(30))
        for sent in ("creation", "fill", "activation"):
            before = await made.client.target.nonce(made.owner.address)
            anvil.request("evm_setAutomine", [False])
            try:
                begun = asyncio.create_task(made.client.fork(made.sample, anchor=made.anchor, slots=slots))
                while await made.client.target.nonce(made.owner.address) == before:
                    assert not begun.done(), (sent, begun)
                    await asyncio.sleep(0.02)
                begun.cancel()
                again = asyncio.create_task(made.client.fork(made.sample, anchor=made.anchor, slots=slots))
                await asyncio.sleep(2)
                assert not again.done()
                again.cancel()
                assert await made.client.target.nonce(made.owner.address) == before + 1, sent
            finally:
                anvil.request("evm_setAutomine", [True])
                anvil.request("evm_mine")
        result = await made.client.fork(made.sample, anchor=made.anchor, slots=slots)
        assert result.steps == ()
        assert (await made.client.verify(result.replica, slots=slots)).exact


@pytest.mark.timeout(540 + SLOTS // 20)
async def test_fork_killed_at_random_writes_each_slot_once(source: Node, anvil: Node, tmp_path: Path) -> None:
    async with world(source, anvil) as made:
        fork = await Killed.prepare(made, source, anvil, SLOTS, tmp_path)
        await fork.run(random.Random(SLOTS), kills=KILLS)
        replica = await fork.assert_exact()
        assert (await made.client.verify(replica, slots=fork.slots)).exact


class Killed:
    """`smartsync fork` of a `Sample` with many keys, in processes of their own; all but the last are killed."""

    def __init__(self, made: World, source: Node, target: Node, keys: int, folder: Path) -> None:
        self.made, self.keys, self.first_nonce = made, keys, 0
        self.slots = sample_slots(range(keys))
        file = folder / "slots.json"
        file.write_text(json.dumps([f"0x{slot.hex()}" for slot in self.slots]))
        urls = ["--source-url", source.url, "--target-url", target.url]
        hub = ["--hub", str(made.client.hub), "--anchor", made.anchor]
        self.command = ["-m", "smartsync", "fork", made.sample, "--json", "--slots", str(file), *hub, *urls]
        self.environ = {**os.environ, "SMARTSYNC_PRIVATE_KEY": "0x" + made.owner.key.hex()}

    @classmethod
    async def prepare(cls, made: World, source: Node, target: Node, keys: int, folder: Path) -> Killed:
        """Write the keys on the source, and have the block accepted."""
        for first in range(0, keys, KEYS_AT_ONCE):
            await made.do(SET, first, min(KEYS_AT_ONCE, keys - first), 10**6)
        await made.attest()
        fork = cls(made, source, target, keys, folder)
        fork.first_nonce = await fork.nonce()
        return fork

    async def nonce(self) -> int:
        """Return how many transactions the creator has sent, those under way too."""
        return await self.made.client.target.nonce(self.made.owner.address)

    def start(self) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        return subprocess.Popen([sys.executable, *self.command], stdout=pipe, stderr=pipe, text=True, env=self.environ)

    async def run(self, chance: random.Random, kills: int) -> None:
        """Kill the fork as often as said, each time some transactions further and some time later; then let it end."""
        fills = len(self.slots) // 436
        moments = sorted(chance.sample(range(1, fills - 1), kills))
        for transactions in moments:
            process = self.start()
            while await self.nonce() < self.first_nonce + transactions:
                assert process.poll() is None, process.communicate()
                await asyncio.sleep(0.02)
            await asyncio.sleep(chance.random() / 3)
            assert process.poll() is None, process.communicate()
            process.kill()
            process.communicate()
        out, told = await asyncio.to_thread(self.start().communicate)
        assert out, told
        assert 0 < len(json.loads(out)["steps"]) < fills + 2

    async def assert_exact(self) -> str:
        """Check the replica against the source, and that nothing was paid for twice; return its address."""
        client = self.made.client
        hub = client.hub or ""
        (replica,) = await client.replicas()
        record = await read_record(client.target, hub, replica)
        assert record.status == "active"
        proof = await client.source.proof(self.made.sample, [], record.block_number)
        assert record.storage_root == proof.storage_root
        some = sorted(self.slots)[:: max(1, self.keys // 500)]
        there = await client.source.storage_at(self.made.sample, some)
        assert await client.target.storage_at(replica, some) == there

        logs = await client.target.logs(hub, [event_topic("Hub", "ReplicaFilled"), address_topic(replica)])
        written: Counter[bytes] = Counter()
        for transaction in await client.target.transactions([log.tx_hash for log in logs]):
            assert transaction is not None
            call = decode_call("Hub", transaction.data)
            assert call is not None and call.name == "fill"
            written.update(i.slot for i in decode_witness(call.arguments["witness"]) if isinstance(i, WriteItem))
        assert written == dict.fromkeys(self.slots, 1)
        # Each transaction of the creator did its work: creation, these, activation, and none in vain.
        assert await self.nonce() == self.first_nonce + len(logs) + 2
        return replica
