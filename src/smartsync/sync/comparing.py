"""The same view call on source and replica, side by side."""

from __future__ import annotations

from collections.abc import Sequence

from smartsync.addresses import ZERO_ADDRESS
from smartsync.chain import Chain
from smartsync.contracts import FunctionSignature, parse_signature
from smartsync.errors import ConfigError, TransactionReverted
from smartsync.replica import ReplicaRecord
from smartsync.results import CallComparison, CallOutcome


async def compare_call(
    source: Chain,
    target: Chain,
    replica: str,
    record: ReplicaRecord,
    signature: str,
    arguments: Sequence[object],
    sender: str | None,
) -> CallComparison:
    """Call the source at the recorded block and the replica now. ``sender`` is who calls, for views that ask.

    Raises
    ------
    ConfigError
        Neither answer is of the types that the signature promises.
    """
    function = parse_signature(signature)
    # Nodes choose different callers where none is named, and then a view that asks answers differently.
    sender = sender or ZERO_ADDRESS
    data = function.encode(arguments)
    original = await _call(source, record.key.source, function, data, record.block_hash, sender)
    copy = await _call(target, replica, function, data, "latest", sender)
    if not any(outcome.ok or outcome.reverted for outcome in (original, copy)):
        function.decode(original.raw)
    return CallComparison(signature, record.block_number, original, copy)


async def _call(
    chain: Chain, to: str, function: FunctionSignature, data: bytes, block: bytes | str, sender: str | None
) -> CallOutcome:
    try:
        raw = await chain.call(to, data, block=block, sender=sender)
    except TransactionReverted as error:
        return CallOutcome(False, (), error.reason, error.data, reverted=True)
    try:
        return CallOutcome(True, function.decode(raw), "", raw)
    except ConfigError as error:
        # One side may have nothing to say (a source that was destroyed): that is an answer, too.
        return CallOutcome(False, (), error.message, raw)
