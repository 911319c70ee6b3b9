"""What an activation takes by the size of the code that it deploys: the benchmark's own source is very small."""

from __future__ import annotations

from typing import Any

from benchmarks.gas import hub, source
from benchmarks.gas.samples import Samples
from benchmarks.gas.target import Target
from smartsync.chain import Chain
from smartsync.keccak import keccak256
from smartsync.rpc import Rpc
from smartsync.testing import anvil_node
from smartsync.types import EMPTY_ROOT, MAX_CODE_SIZE

Record = dict[str, Any]


async def measure(samples: Samples) -> list[Record]:
    """Activate replicas without any slot, of sources whose code is small, of half the limit's size, and of all of it.

    Raises
    ------
    TransactionReverted
        One is refused.
    """
    with anvil_node(hardfork="osaka", tx_gas_limit=True) as node:
        async with Rpc(node.url) as rpc:
            chain = Chain(rpc, "target")
            contracts = await hub.deploy(chain, node.accounts)
            target = Target(chain, node.accounts[0].address)
            sizes = (MAX_CODE_SIZE // 2, MAX_CODE_SIZE)
            codes = [samples.source_code, *map(code_without_zeros, sizes), bytes(MAX_CODE_SIZE)]
            # Each block has a number of its own: an anchor takes no second one.
            return [await _activate(target, contracts, code, place) for place, code in enumerate(codes)]


async def _activate(target: Target, contracts: hub.Contracts, code: bytes, place: int) -> Record:
    replica = await hub.Replica.of(target.chain, contracts, target.account, code)
    number = source.FIRST_BLOCK + place
    block = source.source_block(number, EMPTY_ROOT, replica.code_hash, source.TWO_NODES)
    update = await hub.update_data(target.chain, contracts, block.header)
    await target.must(contracts.anchor, update, "update")
    await target.must(contracts.hub, replica.create_data(number), "create")
    data = replica.activate_data(block)
    gas = (await target.must(contracts.hub, data, "activate")).gas
    return {"code_bytes": len(code), "zero_bytes": code.count(0), "calldata_bytes": len(data), "gas": gas}


def code_without_zeros(size: int) -> bytes:
    """Return bytes that look like code to whoever pays for them; the first one is STOP."""
    made = b"".join(keccak256(number.to_bytes(4, "big")) for number in range(size // 32 + 1))
    return b"\x00" + made.replace(b"\x00", b"\x01")[1:size]
