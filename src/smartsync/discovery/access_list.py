"""Discovery by ``eth_createAccessList``: the slots that recent calls use now.

The transactions that called the contract are made again, as calls at the newest block; the node tells which slots each
would use. What a call used then and does not use now is not found: it is one source among others. Measured:

============== =========================================================================================
geth 1.17      serves it, also for a call that reverts; the caller must be able to pay for the gas
anvil 1.7      serves it; not for a call that reverts
hardhat 2.29,  do not have the method
ganache 7.9.2
============== =========================================================================================

Source: EIP-2930; go-ethereum, ``eth_createAccessList``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from smartsync import answers
from smartsync.answers import Transaction
from smartsync.chain import Chain
from smartsync.discovery.candidates import Candidates
from smartsync.discovery.seen_keys import look
from smartsync.errors import MethodMissing, NodeError, RpcError
from smartsync.results import Progress
from smartsync.rpc import Call

METHOD = "eth_createAccessList"

MAX_CALLS = 500
"""Calls that are made again, the newest ones that differ."""

GAS = 1_000_000
"""Gas that a call may use."""

_AT_ONCE = 50


async def candidates(
    chain: Chain, address: str, from_block: int | None, to_block: int, on_progress: Progress | None = None
) -> Candidates:
    """Return the slots that the calls of a range of blocks would use now.

    Parameters
    ----------
    from_block, to_block
        Block numbers, in any order; None for the beginning of the chain.

    Raises
    ------
    MethodMissing
        The node does not have ``eth_createAccessList``.
    NodeError
        Its answer is malformed.
    """
    gaps: list[str] = []
    await _require_method(chain, address)
    _, calls = await look(chain, address, from_block, to_block, gaps.append)
    found = await used_by(chain, address, calls, on_progress)
    return Candidates(found.slots, (*gaps, *found.gaps))


async def used_by(
    chain: Chain, address: str, calls: Sequence[Transaction], on_progress: Progress | None = None
) -> Candidates:
    """Return the slots that some calls would use now. Errors as of ``candidates``."""
    gaps: list[str] = []
    await _require_method(chain, address)
    different = list({(call.sender, call.to, call.data): call for call in calls if call.to}.values())
    if len(different) > MAX_CALLS:
        gaps.append(f"of {len(different)} calls the newest {MAX_CALLS} were made again")
        different = different[-MAX_CALLS:]
    slots: set[bytes] = set()
    for done in range(0, len(different), _AT_ONCE):
        chunk = different[done : done + _AT_ONCE]
        wanted: list[Call] = [(METHOD, [_message(call), "latest"]) for call in chunk]
        for told in await chain.rpc.batch(wanted, return_errors=True):
            # A call that is refused now (a balance that is gone) tells nothing, and hinders nothing.
            if not isinstance(told, RpcError):
                slots |= used_slots(answers.mapping(told, "access list"), address)
        if on_progress:
            on_progress("discover (calls made again)", done + len(chunk), len(different))
    return Candidates(slots, tuple(gaps))


def used_slots(told: Mapping[str, Any], address: str) -> set[bytes]:
    """Return the slots (32 bytes each) of a contract that an answer lists.

    Raises
    ------
    NodeError
        The answer is malformed.
    """
    return {
        answers.data(key, "storage key", 32)
        for entry in answers.sequence(told.get("accessList"), "access list entries")
        if answers.address(answers.mapping(entry, "access list entry").get("address"), "listed address") == address
        for key in answers.sequence(entry.get("storageKeys") or [], "storage keys")
    }


async def _require_method(chain: Chain, address: str) -> None:
    """Raise ``MethodMissing`` where the node does not have the method, before the calls are looked for."""
    try:
        await chain.rpc.call(METHOD, [{"to": address, "data": "0x"}, "latest"])
    except MethodMissing:
        raise
    except NodeError:
        return  # it refuses this call, of which nobody knows what it does


def _message(call: Transaction) -> dict[str, Any]:
    # geth asks whether the caller could pay for all the gas, by default more than most accounts can.
    message = {"from": call.sender, "to": call.to, "data": f"0x{call.data.hex()}", "gas": hex(GAS)}
    return message | ({"value": hex(call.value_wei)} if call.value_wei else {})
