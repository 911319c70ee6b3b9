"""Why an anchor is frozen, as it told when it froze."""

from __future__ import annotations

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from smartsync.anchors.block import STATUSES
from smartsync.chain import Chain
from smartsync.contracts import decode_logs, event_topic
from smartsync.errors import NodeError

_DOUBLE_SIGNING = 8 + 2 * (32 + 1 + 65)
"""Bytes of the evidence that removes a signer, see ``IQuorumAnchor.sol``."""


async def frozen_by(target: Chain, anchor: str, kind: str) -> str:
    """Return, in words, what froze an anchor of this kind; empty where its node does not tell, or the kind is unknown.

    Source: ``StatusChanged`` of ``IAnchor``, with the evidence that ``IQuorumAnchor``, ``IBftAnchor``, ``IKofNAnchor``
    and ``IVetoAnchor`` document.
    """
    frozen = STATUSES.index("frozen")
    try:
        async for logs in target.logs_backwards(anchor, [event_topic("IAnchor", "StatusChanged")]):
            told = decode_logs("IAnchor", logs, "StatusChanged", emitter=anchor)
            if evidence := [event["evidence"] for event in told if event["status"] == frozen]:
                return _cause(kind, evidence[-1])
    except NodeError:
        pass
    return ""


def _cause(kind: str, evidence: bytes) -> str:
    if kind == "quorum/2" and len(evidence) == _DOUBLE_SIGNING:
        number, one, other = int.from_bytes(evidence[:8], "big"), evidence[8:40], evidence[106:138]
        return (
            "too few signers are left: one of them was removed, who had signed two hashes of block "
            f"{number}: 0x{one.hex()}, 0x{other.hex()}"
        )
    try:
        first, second, third = decode(["uint256", "bytes32", "bytes32"], evidence)
    except DecodingError:
        return ""
    if kind == "veto/1" and first >> 64:
        # A block's hash, a watcher's place, and what that one holds; elsewhere it begins with a number.
        return (
            f"its primary holds 0x{first:064x} for final, and watcher {int.from_bytes(second, 'big')} "
            f"0x{third.hex()}, which contradicts it"
        )
    if kind in ("qbft/1", "ibft2/1"):
        return f"two sealed headers that contradict each other, at block {first}: 0x{second.hex()}, 0x{third.hex()}"
    return f"two blocks of number {first}, both final: 0x{second.hex()}, 0x{third.hex()}"
