"""Calls of view functions of our own contracts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from smartsync.chain import Chain
from smartsync.chain.many import call_many
from smartsync.contracts import decode_result, encode_call
from smartsync.errors import NotDeployed, RpcError, TransactionReverted

_NAMES = {
    "Hub": ("hub", "or deploy one: smartsync deploy"),
    "IImplementations": ("book of implementations", "or deploy a hub of this version: smartsync deploy"),
    "QuorumAnchor": ("quorum anchor", "or deploy one: smartsync anchor deploy quorum"),
    "IL1Block": ("L1Block predeploy", "which has to be of an OP-stack rollup"),
}
"""What users call a contract, and what else they can do. All others that are asked here are anchors to them."""


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
    try:
        return decode_result(contract, function, answer)
    except NotDeployed as error:
        raise _nothing_there(chain, contract, address) from error


async def call_views(
    chain: Chain,
    contract: str,
    function: str,
    calls: Sequence[tuple[str, Sequence[object]]],
    *,
    block: int,
) -> list[tuple[Any, ...] | TransactionReverted | NotDeployed | RpcError]:
    """Return the decoded results of many calls of a view function, in as few requests as the node takes.

    Parameters
    ----------
    calls
        Each an address and the arguments.

    Returns
    -------
    list
        In the order of the calls; where one of them reverts, the node refuses it or nothing answers, that error
        takes its place.
    """
    outcomes: list[tuple[Any, ...] | TransactionReverted | NotDeployed | RpcError] = []
    messages = [(address, encode_call(contract, function, arguments)) for address, arguments in calls]
    answers = await call_many(chain, messages, block)
    for (address, _), answer in zip(messages, answers, strict=True):
        if isinstance(answer, RpcError) or (isinstance(answer, TransactionReverted) and answer.data):
            outcomes.append(answer)
            continue
        try:
            outcomes.append(decode_result(contract, function, answer if isinstance(answer, bytes) else b""))
        except NotDeployed:
            outcomes.append(_nothing_there(chain, contract, address))
    return outcomes


def _nothing_there(chain: Chain, contract: str, address: str) -> NotDeployed:
    what, way_out = _NAMES.get(contract, ("anchor", "or deploy one: smartsync anchor deploy"))
    return NotDeployed(
        f"there is no {what} at {address} on the {chain.role} chain",
        hint=f"check the address and the {chain.role} url, {way_out}",
    )
