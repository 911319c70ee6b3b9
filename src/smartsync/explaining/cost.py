"""What a transition's gas went into: calldata and storage writes, by rule; what the rest is, by difference. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from smartsync.explaining.calls import HubCall
from smartsync.explaining.drawing import Written
from smartsync.gas import (
    CHANGE_GAS,
    CLEARED_REFUND_GAS,
    FLOOR_TOKEN_GAS,
    INSERT_GAS,
    REFUND_QUOTIENT,
    TOKEN_GAS,
    TRANSACTION_GAS,
    tokens,
)

_ARGUMENTS = (
    ("witness", "witness"),
    ("writes", "writes"),
    ("account proof", "accountProof"),
    ("what the part before left", "pending"),
)


@dataclass(frozen=True, slots=True)
class Calldata:
    """A part of the calldata: its bytes, and what they cost by the ordinary price of EIP-2028."""

    name: str
    size: int
    gas: int


@dataclass(frozen=True, slots=True)
class Cost:
    """A transaction's gas, and where it went.

    ``writes_gas`` is by EIP-2929, each slot touched for the first time, ``refund_gas`` by EIP-3529, and ``rest_gas``
    what is left: recomputing both roots, the account proof, the bookkeeping. They are ``None`` where they cannot be
    told, ``rest_gas`` also where the floor of EIP-7623 was paid (``is_floor``), which is for calldata alone.
    """

    gas_used: int
    transaction_gas: int
    calldata: tuple[Calldata, ...]
    writes_gas: int | None
    refund_gas: int | None
    rest_gas: int | None
    is_floor: bool

    @property
    def calldata_bytes(self) -> int:
        """Bytes of all calldata."""
        return sum(part.size for part in self.calldata)

    @property
    def calldata_gas(self) -> int:
        """Gas of all calldata."""
        return sum(part.gas for part in self.calldata)


def cost_of(gas_used: int, call: HubCall, written: Sequence[Written], *, is_whole: bool) -> Cost:
    """Return where a transaction's gas went.

    Parameters
    ----------
    gas_used
        As in the receipt.
    written
        What was written to storage; where nothing was, since it only proved or failed, nothing.
    is_whole
        Whether the call is the whole transaction; else only the bytes of its calldata can be told.
    """
    calldata = tuple(_calldata(call))
    cost = Cost(gas_used, TRANSACTION_GAS, calldata, None, None, None, False)
    if not is_whole:
        return cost
    if gas_used == TRANSACTION_GAS + FLOOR_TOKEN_GAS * tokens(call.data):
        return Cost(gas_used, TRANSACTION_GAS, calldata, None, None, None, True)
    if any(one.old is None for one in written):
        return cost
    writes = sum(CHANGE_GAS if one.old else INSERT_GAS for one in written)
    cleared = CLEARED_REFUND_GAS * sum(one.new == 0 for one in written)
    # A fifth of what was used before the refund is a quarter of what was used after it.
    refund = min(cleared, gas_used // (REFUND_QUOTIENT - 1))
    rest = gas_used + refund - TRANSACTION_GAS - cost.calldata_gas - writes
    # Less than nothing: another chain's prices.
    return Cost(gas_used, TRANSACTION_GAS, calldata, writes, refund, rest, False) if rest >= 0 else cost


def _calldata(call: HubCall) -> list[Calldata]:
    named = [(name, bytes(call.arguments[field])) for name, field in _ARGUMENTS if call.arguments.get(field)]
    parts = [Calldata(name, len(data), TOKEN_GAS * tokens(data)) for name, data in named]
    size = len(call.data) - sum(part.size for part in parts)
    gas = TOKEN_GAS * tokens(call.data) - sum(part.gas for part in parts)
    return [*parts, Calldata("everything else", size, gas)]
