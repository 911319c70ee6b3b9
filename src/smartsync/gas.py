"""What the EVM charges for a transaction's calldata and for its writes to storage.

Source: EIP-7623 for the calldata, EIP-2929 and EIP-2200 for the writes, EIP-3529 for what is given back.
"""

from __future__ import annotations

TRANSACTION_GAS = 21_000
"""Of any transaction."""

TOKEN_GAS, FLOOR_TOKEN_GAS = 4, 10
"""Of a token of calldata; the latter where that alone comes to more than all that the transaction does."""

INSERT_GAS, CHANGE_GAS = 22_100, 5_000
"""Of a write to a slot that was zero, and to another; each slot is cold."""

CLEARED_REFUND_GAS, REFUND_QUOTIENT = 4_800, 5
"""Given back for a slot that becomes zero: together at most one part in so many of what the transaction used."""

_TOKENS_NOT_ZERO = 4


def tokens(data: bytes) -> int:
    """Return the tokens of calldata: a zero byte is one, any other four."""
    zeros = data.count(0)
    return zeros + _TOKENS_NOT_ZERO * (len(data) - zeros)
