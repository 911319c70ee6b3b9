"""A contract's code and what it delegates to, proven: for what is paid for, or written down for ever."""

from __future__ import annotations

from smartsync.chain import Chain
from smartsync.discovery.completeness import source_values
from smartsync.header import Header
from smartsync.source import proxy_by, proxy_slots, read_code, require_deployable
from smartsync.types import NO_ACCOUNT


async def look_at_proven(chain: Chain, address: str, header: Header) -> tuple[bytes, tuple[str, str] | None]:
    """Return what ``smartsync.source.look_at`` does, all of it proven against a verified header.

    Raises
    ------
    SmartSyncError
        As ``look_at`` and ``source_values``.
    """
    account = (await source_values(chain, header, address, [])).account
    code = await read_code(chain, address, header.number, account=account or NO_ACCOUNT)
    require_deployable(code, address)
    return code, await proxy_proven(chain, address, header, code)


async def proxy_proven(chain: Chain, address: str, header: Header, code: bytes) -> tuple[str, str] | None:
    """Return what ``smartsync.source.find_proxy`` does, by slots proven against a verified header.

    Raises
    ------
    SmartSyncError
        As ``source_values``.
    """
    proven = await source_values(chain, header, address, list(proxy_slots(address, code).values()))
    return proxy_by(address, code, proven.values)
