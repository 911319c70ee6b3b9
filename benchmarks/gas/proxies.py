"""What a proxy's replica takes besides: its activation, which deploys a resolver, and the copies of implementations."""

from __future__ import annotations

from typing import Any

from benchmarks.gas import hub, source
from benchmarks.gas.activation import code_without_zeros
from benchmarks.gas.samples import Samples
from benchmarks.gas.target import Target
from smartsync.chain import Chain
from smartsync.contracts import encode_call
from smartsync.implementations import book_of, resolver_hash
from smartsync.keccak import keccak256
from smartsync.rpc import Rpc
from smartsync.source import PROXY_SLOTS
from smartsync.testing import anvil_node
from smartsync.types import EMPTY_ROOT, MAX_CODE_SIZE
from smartsync.views import call_view

Record = dict[str, Any]

_KIND = "EIP-1967"
_NAMED = "0x" + "11" * 20
_PROXY_SIZES = (256, 2_048)
"""Bytes of a proxy's code: about the smallest and the largest of OpenZeppelin's."""


async def measure(samples: Samples) -> dict[str, list[Record]]:
    """Supply copies of the codes of `activation.measure`, and activate replicas of proxies without any slot.

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
            codes = [samples.source_code, *map(code_without_zeros, (MAX_CODE_SIZE // 2, MAX_CODE_SIZE))]
            copies = [*codes, bytes(MAX_CODE_SIZE)]
            return {
                "supply": [await _supply(target, contracts, code) for code in copies],
                "resolver": [await _activate(target, contracts, _proxy(size)) for size in _PROXY_SIZES],
            }


async def _supply(target: Target, contracts: hub.Contracts, code: bytes) -> Record:
    """Measure the first supply of a code; afterwards all is as before."""
    snapshot = await target.snapshot()
    header, nodes = source.proven_block(source.FIRST_BLOCK, EMPTY_ROOT, keccak256(code), source.TWO_NODES)
    await target.must(contracts.anchor, await hub.update_data(target.chain, contracts, header), "update")
    arguments = [contracts.anchor, header.hash, source.ADDRESS, b"".join(nodes), code]
    data = encode_call("IImplementations", "supply", arguments)
    gas = (await target.must(book_of(contracts.hub), data, "supply")).gas
    await target.restore(snapshot)
    return {"code_bytes": len(code), "zero_bytes": code.count(0), "calldata_bytes": len(data), "gas": gas}


async def _activate(target: Target, contracts: hub.Contracts, code: bytes) -> Record:
    snapshot = await target.snapshot()
    logic_hash = await resolver_hash(target.chain, contracts.hub, contracts.anchor, code, _KIND, _NAMED)
    key = (source.CHAIN_ID, source.ADDRESS, contracts.anchor, target.account, keccak256(code), logic_hash)
    (address,) = await call_view(target.chain, "Hub", contracts.hub, "replicaOf", [key])
    replica = hub.Replica(address, key, code)
    block = source.source_block(source.FIRST_BLOCK, EMPTY_ROOT, replica.code_hash, source.TWO_NODES)
    await target.must(contracts.anchor, await hub.update_data(target.chain, contracts, block.header), "update")
    await target.must(contracts.hub, replica.create_data(source.FIRST_BLOCK), "create")
    data = replica.activate_data(block)
    gas = (await target.must(contracts.hub, data, "activate")).gas
    await target.restore(snapshot)
    return {"code_bytes": len(code), "zero_bytes": code.count(0), "calldata_bytes": len(data), "gas": gas}


def _proxy(size: int) -> bytes:
    """Return what has the slot of its kind written in it and can delegate, of this size."""
    beginning = b"\x7f" + PROXY_SLOTS[_KIND] + b"\x54\xf4"
    return beginning + code_without_zeros(size)[len(beginning) :]
