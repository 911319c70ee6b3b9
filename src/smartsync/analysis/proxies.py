"""Which kind of proxy a contract is, and whether a replica of it can answer."""

from __future__ import annotations

from eth_utils.address import to_checksum_address

from smartsync.analysis.report import ProxyReport
from smartsync.chain import Chain
from smartsync.errors import NodeError, NodeUnreachable, TransactionReverted
from smartsync.implementations import unsupported
from smartsync.source import BEACON_KIND, find_proxy

_IMPLEMENTATION = bytes.fromhex("5c60da1b")
"""Selector of ``implementation()``, which a beacon answers."""


async def proxy_of(chain: Chain, address: str, block: int, code: bytes) -> ProxyReport | None:
    """Return what kind of proxy a contract with this code is at a block; None where it is none that is known.

    Nothing proves what the node says of the slots and of the beacon.
    """
    found = await find_proxy(chain, address, block, code)
    if found is None:
        return None
    kind, to = found
    refusal = unsupported(code, kind, to)
    if kind != BEACON_KIND:
        return ProxyReport(kind, to, None, refusal)
    return ProxyReport(kind, await _of_beacon(chain, to, block), to, refusal)


async def _of_beacon(chain: Chain, beacon: str, block: int) -> str | None:
    try:
        answer = await chain.call(beacon, _IMPLEMENTATION, block=block)
    except NodeUnreachable:
        raise
    except (NodeError, TransactionReverted):
        return None  # what is called a beacon may be anything
    return to_checksum_address(answer[12:]) if len(answer) == 32 and not any(answer[:12]) else None
