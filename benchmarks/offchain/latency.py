"""From a new source block to the transaction of the sync, between two real nodes on loopback.

Both are anvils that make a block for each transaction: so nothing waits for a block, and what is left is the work of
the nodes and ours. The clock starts when the source answers with the receipt of the transaction that made the block.
Then its hash is signed and the anchor updated (`attest`), then the replica is synced: the changed slots are found (a
trace of the block), proven on both sides, planned, estimated, priced, signed. It stops when `eth_sendRawTransaction`
goes out.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Sequence
from statistics import median
from typing import Any

from benchmarks.offchain.inputs import Values, make_values
from smartsync import SmartSync
from smartsync.submit import Sender
from smartsync.testing import Node, anvil_node

SLOTS = 1_000
CHANGES = (1, 10, 100)
ROUNDS = 20

# Through calldata in steps of 64: SSTORE(first word, second word).
STORE = bytes.fromhex("60198060093d393df3" + "5f5b368110600a5700005b8060200135813555604001600156")
"""Creation code of a contract that stores its calldata: a slot and its value, 32 bytes each, as often as they come."""


def measure() -> dict[str, Any]:
    """Return seconds for each number of changes: medians of all rounds, and the longest."""
    with anvil_node(chain_id=31_401, hardfork="prague", tx_gas_limit=False) as source, anvil_node() as target:
        return asyncio.run(_measure(source, target))


async def _measure(source: Node, target: Node) -> dict[str, Any]:
    owner = target.accounts[1]
    async with SmartSync.connect(source.url, target.url, account=owner) as client:
        sending = Sender(client.source, source.accounts[1], gas_cap=None)
        contract = (await sending.send(None, STORE, what="deploy")).contract_address or ""
        values = make_values(SLOTS)
        await sending.send(contract, _stored(values), what="fill")
        anchor = (await client.deploy(signers=[owner.address], threshold=1, max_drift_s=86_400)).anchor
        await client.attest(anchor, [owner])
        replica = (await client.fork(contract, anchor=anchor)).replica
        sent = _SendTimes(client)
        records, fresh = [], itertools.count(2**200)
        for count in CHANGES:
            rounds = []
            for _ in range(ROUNDS):
                changed = {slot: next(fresh) for slot in list(values)[:count]}
                await sending.send(contract, _stored(changed), what="change")
                start = time.perf_counter()
                await client.attest(anchor, [owner])
                attested = time.perf_counter()
                result = await client.sync(replica)
                if len(result.changes) != count or len(result.steps) != 1:
                    raise SystemExit(f"the sync is not what it must be: {result}")
                rounds.append((sent.times[-1] - start, sent.times[-1] - attested))
            records.append({"changes": count, **_told(rounds)})
        versions = [await chain.client_version() for chain in (client.source, client.target)]
        if not (await client.verify(replica)).exact:
            raise SystemExit("the replica is not exact")
    return {"slots": SLOTS, "rounds": ROUNDS, "source": versions[0], "target": versions[1], "records": records}


def _told(rounds: Sequence[tuple[float, float]]) -> dict[str, float]:
    whole, after = zip(*rounds, strict=True)
    return {
        "from_block_s": round(median(whole), 4),
        "from_block_most_s": round(max(whole), 4),
        "from_accepted_s": round(median(after), 4),
    }


def _stored(values: Values) -> bytes:
    return b"".join(slot + value.to_bytes(32, "big") for slot, value in values.items())


class _SendTimes:
    """When transactions went out to the target's node."""

    def __init__(self, client: SmartSync) -> None:
        self.times: list[float] = []
        rpc: Any = client.target.rpc
        call = rpc.call

        async def timed(method: str, *arguments: Any, **options: Any) -> Any:
            if method == "eth_sendRawTransaction":
                self.times.append(time.perf_counter())
            return await call(method, *arguments, **options)

        rpc.call = timed
