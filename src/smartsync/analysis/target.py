"""What the target chain has for some code: opcodes, contracts at the addresses that it calls, a gas price."""

from __future__ import annotations

from collections.abc import Iterable

from smartsync.analysis.opcodes import PROBES
from smartsync.chain import Chain
from smartsync.doctor.probing import failure_of_code
from smartsync.errors import NodeError, NodeUnreachable

_STOP = "0x00"
_ENGINE = "0x5f5f5f5e5f5c5000"
"""PUSH0, MCOPY and TLOAD: what SmartSync's own contracts need (Cancun)."""

_MOST_ADDRESSES = 32


async def lacking_opcodes(chain: Chain, used: Iterable[str]) -> tuple[str, ...] | None:
    """Return which of these opcodes the target does not run; None where its node runs no creation code to ask by."""
    if await failure_of_code(chain, _STOP):
        return None
    failed = [name for name in PROBES if name in set(used) and await failure_of_code(chain, f"0x{PROBES[name]}")]
    # A node that has had enough of us fails at anything.
    return None if failed and await failure_of_code(chain, _STOP) else tuple(failed)


async def cannot_run(chain: Chain) -> str:
    """Return why SmartSync's own contracts do not run there, empty where they do."""
    return await failure_of_code(chain, _ENGINE)


async def codes_at(chain: Chain, addresses: Iterable[str]) -> dict[str, bool | None]:
    """Return whether there is a contract at each of a few addresses; None where the node does not tell."""
    found: dict[str, bool | None] = {}
    for address in list(dict.fromkeys(addresses))[:_MOST_ADDRESSES]:
        try:
            found[address] = bool(await chain.code(address))
        except NodeUnreachable:
            raise
        except NodeError:
            found[address] = None
    return found


async def gas_price_wei(chain: Chain) -> int:
    """Return what a transaction pays per gas now, in wei: base fee and priority fee, or the gas price.

    Raises
    ------
    NodeError
        The node tells no fees.
    """
    fees = await chain.fees()
    if fees.priority_fee_wei is None:
        return fees.max_fee_wei
    # What is offered is twice the base fee and the priority fee.
    return (fees.max_fee_wei - fees.priority_fee_wei) // 2 + fees.priority_fee_wei
