"""Calls of view functions of our own contracts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from smartsync.chain import Chain
from smartsync.contracts import decode_result, encode_call
from smartsync.errors import NotDeployed, TransactionReverted


async def call_view(
    chain: Chain,
    contract: str,
    address: str,
    function: str,
    arguments: Sequence[object] = (),
    *,
    block: int | str = "latest",
) -> tuple[Any, ...]:
    """Return the decoded results of a view function.

    Parameters
    ----------
    contract
        Name of a shipped artifact, for its ABI.

    Raises
    ------
    NotDeployed
        Nothing, or something else, answers at this address.
    TransactionReverted
        The function reverts; the reason is decoded.
    """
    try:
        answer = await chain.call(address, encode_call(contract, function, arguments), block=block)
    except TransactionReverted as error:
        # Our contracts name their reasons; one that does not know the function has none.
        if error.data:
            raise
        answer = b""
    if not answer:
        raise NotDeployed(
            f"there is no {contract} at {address} on the {chain.role} chain",
            hint="check the address, or deploy: smartsync deploy",
        )
    return decode_result(contract, function, answer)
