"""What can be done with this node? Every method that SmartSync uses is tried, and what does not work is told in words.

Nothing is sent and nothing is changed. A check may fail where the thing is not ``needed``: its detail says what it
would have been for.
"""

from __future__ import annotations

from typing import Literal

from smartsync import answers
from smartsync.chain import Chain
from smartsync.doctor.source import source_checks
from smartsync.doctor.target import target_checks
from smartsync.errors import NodeError, NodeUnreachable, SmartSyncError
from smartsync.header import Header
from smartsync.results import Check, NodeReport


async def examine(chain: Chain, role: Literal["source", "target"], address: str | None = None) -> NodeReport:
    """Return what a node can do for a role, check by check.

    Parameters
    ----------
    role
        Whether the chain is to be read from or to be written to: they need different things.
    address
        Of a contract on a source chain: then its code and its storage trie are checked, too, for up to a minute.

    Raises
    ------
    NodeUnreachable
        The node does not answer at all.
    """
    chain_id = await chain.chain_id()
    try:
        client = await chain.client_version()
    except NodeUnreachable:
        raise
    except NodeError:
        client = "unknown"
    header, header_check = await _header(chain)
    checks = [header_check, await _batches(chain)]
    if role == "source":
        checks += await source_checks(chain, header, address, client)
    else:
        checks += await target_checks(chain, header, client)
    return NodeReport(role, chain.rpc.host, client, chain_id, tuple(checks))


async def _header(chain: Chain) -> tuple[Header | None, Check]:
    try:
        header = await chain.header("latest")
    except SmartSyncError as error:
        return None, Check(
            "headers", False, f"{error.message}; without a header that has its hash nothing can be proven"
        )
    return header, Check("headers", True, f"block {header.number} is the preimage of its hash")


async def _batches(chain: Chain) -> Check:
    name = "batches (optional)"
    try:
        told = await chain.rpc.batch([("eth_chainId", []), ("eth_blockNumber", [])])
        answers.quantity(told[1], "block number")
    except NodeError as error:
        return Check(name, False, f"missing, so reading many slots is slow: {error.message}", needed=False)
    return Check(name, True, "answered (where a node refuses them, calls go one by one)")
