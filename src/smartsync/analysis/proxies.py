"""Which kind of proxy a contract is, and whether a replica of it can answer."""

from __future__ import annotations

from smartsync.analysis.report import ProxyReport
from smartsync.chain import Chain
from smartsync.implementations import implementation_by, unsupported
from smartsync.source import BEACON_KIND, find_proxy


async def proxy_of(chain: Chain, address: str, block: int, code: bytes) -> ProxyReport | None:
    """Return what kind of proxy a contract with this code is at a block; None where it is none that is known.

    Nothing proves what the node says of the slots and of the beacon.
    """
    found = await find_proxy(chain, address, block, code)
    if found is None:
        return None
    kind, to = found
    refusal = unsupported(code, kind, to)
    implementation = await implementation_by(chain, kind, to, block)
    return ProxyReport(kind, implementation, to if kind == BEACON_KIND else None, refusal)
