"""What the protocol charges whatever the contracts do, and the limit that follows for an operation.

Source: EIP-2028 (calldata), EIP-2929 and EIP-3529 (storage and refunds), EIP-7623 (floor).
"""

from __future__ import annotations

from collections.abc import Sequence

from smartsync.rlp import encode_int
from smartsync.types import SlotChange
from smartsync.witness import BranchItem, LeafItem, OpaqueItem, decode_witness

INTRINSIC = 21_000
"""Gas of a transaction that does nothing."""

_ZERO_BYTE, _OTHER_BYTE = 4, 16
_FLOOR_PER_TOKEN = 10  # a token: a zero byte, or a quarter of another one
_INSERT, _REWRITE = 22_100, 5_000
_CLEAR_REFUND = 4_800
_MAX_REFUND_SHARE = 5


def calldata_gas(data: bytes) -> int:
    """Return what calldata costs beside the intrinsic gas, as long as the floor does not bind."""
    zeros = data.count(0)
    return _ZERO_BYTE * zeros + _OTHER_BYTE * (len(data) - zeros)


def floor_gas(data: bytes) -> int:
    """Return the least that a transaction with this calldata costs, intrinsic gas included."""
    zeros = data.count(0)
    return INTRINSIC + _FLOOR_PER_TOKEN * (zeros + 4 * (len(data) - zeros))


def sstore_gas(changes: Sequence[SlotChange]) -> int:
    """Return what writing the slots costs, each of them touched for the first time, before refunds."""
    return sum(_REWRITE if change.old else _INSERT for change in changes)


def refund(changes: Sequence[SlotChange], gas: int) -> int:
    """Return what is given back for deleted slots, of a transaction that costs ``gas`` before that."""
    deleted = sum(1 for change in changes if not change.new)
    return min(_CLEAR_REFUND * deleted, gas // _MAX_REFUND_SHARE)


def limit(changes: Sequence[SlotChange], opaque: Sequence[bytes], leaves: Sequence[bytes]) -> int:
    """Return the gas below which nothing that is built so can get an operation done.

    The larger of (a) intrinsic gas, the calldata gas of the least bytes that say what is changed, and the storage
    writes, less the refund; and (b) the floor of these bytes. The least bytes: each slot and each opaque reference 32,
    each new value its own; an unchanged leaf in the open counts as a slot with a value.

    Parameters
    ----------
    changes
        What the operation writes.
    opaque
        The 32-byte references that its witness gives.
    leaves
        For each unchanged leaf that its witness gives, its 32-byte key and its value's bytes in one.
    """
    writes = [change.slot + encode_int(change.new) for change in changes]
    least = b"".join([*writes, *opaque, *leaves])
    unrefunded = INTRINSIC + calldata_gas(least) + sstore_gas(changes)
    return max(unrefunded - refund(changes, unrefunded), floor_gas(least))


def references(witness: bytes) -> tuple[list[bytes], list[bytes]]:
    """Return what a witness gives beside the writes: opaque references, and leaves, as ``limit`` takes them."""
    opaque: list[bytes] = []
    leaves: list[bytes] = []
    for item in decode_witness(witness):
        if isinstance(item, BranchItem):
            opaque.extend(item.opaque.values())
        elif isinstance(item, OpaqueItem):
            opaque.append(item.hash)
        elif isinstance(item, LeafItem):
            leaves.append(item.key + encode_int(item.value))
    return opaque, leaves
