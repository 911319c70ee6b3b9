"""How a check is made: something is tried, and its failure is told in words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from smartsync.chain import Chain
from smartsync.errors import NodeError, NodeUnreachable, SmartSyncError
from smartsync.header import Header
from smartsync.results import Check
from smartsync.trie.proof import verify_account

NOBODY = "0x0000000000000000000000000000000000000001"
"""An address that every chain has a proof for, be it one of exclusion."""

DEPLOY_GAS = 10_000_000
"""Gas that a block must allow: above the largest deployment, and enough for a fill of some hundred slots."""


async def failure_of(call: Callable[[], Awaitable[object]]) -> str:
    """Return why a call does not work on this node, empty where it does."""
    try:
        await call()
    except NodeError as error:
        return f"does not work: {error.message}"
    return ""


async def failure_of_code(chain: Chain, code: str) -> str:
    """Return why some creation code does not run on the newest state, empty where it does."""
    try:
        await chain.rpc.call("eth_call", [{"data": code, "gas": hex(DEPLOY_GAS)}, "latest"])
    except NodeUnreachable:
        raise
    except NodeError as error:
        return error.message
    return ""


async def proof_check(chain: Chain, header: Header, address: str | None, *, needed: bool) -> Check:
    """Check that an account proof (of any address where none is given) leads to the header's state root."""
    name = "eth_getProof" if needed else "eth_getProof (optional)"
    use = (
        "fork and sync need it"
        if needed
        else "verify cannot prove the replica's storage with it, and recomputes the root"
    )
    try:
        proof = await chain.proof(address or NOBODY, [], header.number)
        verify_account(header.state_root, proof.address, proof.account_nodes)
    except SmartSyncError as error:
        # anvil's block 0 has a wrong state root, its later ones have not.
        later = "" if header.number else "; of block 0 only, perhaps: ask again when there is another block"
        return Check(name, False, f"{error.message}; {use}{later}", needed)
    return Check(name, True, f"proves accounts against the state root of block {header.number}", needed)
