"""Which kind of proxy a contract is, and whether a replica of it can answer."""

from __future__ import annotations

from eth_utils.address import to_checksum_address

from smartsync.analysis.report import ProxyReport
from smartsync.chain import Chain
from smartsync.errors import NodeError, NodeUnreachable, TransactionReverted
from smartsync.source import find_proxy

BEACON = "EIP-1967 beacon"
_IMPLEMENTATION = bytes.fromhex("5c60da1b")
"""Selector of ``implementation()``, which a beacon answers."""

SUPPORTED = {
    "EIP-1967": False,
    BEACON: False,
    "EIP-1822": False,
    "OpenZeppelin before EIP-1967": False,
    "EIP-1167 minimal proxy": False,
    "minimal proxy by 0age": False,
    "minimal proxy with PUSH0 (EIP-7511)": False,
    "minimal proxy with PUSH0 (Solady)": False,
    "Vyper minimal proxy": False,
    "Vyper minimal proxy (beta)": False,
    "minimal proxy": False,
    "Safe proxy": False,
    "Sequence wallet": False,
}
"""Kind of proxy, in the words of `smartsync.source` -> whether ``fork`` replicates it with its implementation.

This is the one place that says so; what ``fork`` does is up to `smartsync.source.inspect`.
"""


async def proxy_of(chain: Chain, address: str, block: int, code: bytes) -> ProxyReport | None:
    """Return what kind of proxy a contract with this code is at a block; None where it is none that is known.

    Nothing proves what the node says of the slots and of the beacon.
    """
    found = await find_proxy(chain, address, block, code)
    if found is None:
        return None
    kind, to = found
    supported = SUPPORTED.get(kind, False)
    if kind != BEACON:
        return ProxyReport(kind, to, None, supported)
    return ProxyReport(kind, await _of_beacon(chain, to, block), to, supported)


async def _of_beacon(chain: Chain, beacon: str, block: int) -> str | None:
    try:
        answer = await chain.call(beacon, _IMPLEMENTATION, block=block)
    except NodeUnreachable:
        raise
    except (NodeError, TransactionReverted):
        return None  # what is called a beacon may be anything
    return to_checksum_address(answer[12:]) if len(answer) == 32 and not any(answer[:12]) else None
