"""Transactions: estimated, priced, signed, written down, sent, and followed until they are in a block."""

from __future__ import annotations

from collections.abc import Sequence

from smartsync.answers import Receipt
from smartsync.contracts import encode_deployment
from smartsync.errors import NodeError
from smartsync.results import Step
from smartsync.submit.sender import Sender
from smartsync.types import TX_BYTES_CAP

__all__ = ["Receipt", "Sender", "create", "fits_pools", "step_of"]

_ENVELOPE = 512
"""Bytes of a signed transaction besides its calldata: some 120, and some to spare."""


def fits_pools(data: bytes) -> bool:
    """Whether every node takes a transaction with this calldata into its pool."""
    return len(data) + _ENVELOPE <= TX_BYTES_CAP


def step_of(what: str, receipt: Receipt) -> Step:
    """Return what is told of a transaction that is in a block."""
    return Step(what, f"0x{receipt.tx_hash.hex()}", receipt.gas_used, receipt.calldata_bytes, receipt.cost_wei)


async def create(sender: Sender, name: str, arguments: Sequence[object]) -> tuple[str, Step]:
    """Deploy an artifact; returns its address and the transaction.

    Raises
    ------
    NodeError
        The node tells no address. For what sending raises see `Sender.send`.
    """
    what = f"deploy {name}"
    receipt = await sender.send(None, encode_deployment(name, arguments), what=what)
    if receipt.contract_address is None:
        raise NodeError(f"{sender.chain.rpc.host} tells no address in the receipt of {what}")
    return receipt.contract_address, step_of(what, receipt)
