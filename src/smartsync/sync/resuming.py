"""Which source blocks somebody was on the way to, by parts of a transition that were never committed."""

from __future__ import annotations

import logging

from smartsync.anchors.block import accepted_block
from smartsync.chain import Chain
from smartsync.contracts import address_topic, decode_logs, event_topic
from smartsync.errors import BlockNotAccepted, NodeError, SourceReorganised
from smartsync.header import Header
from smartsync.replica import ReplicaRecord
from smartsync.sync.blocks import require_reachable

logger = logging.getLogger(__name__)

_BLOCKS = 3
"""How many are looked at. Anybody can name any block there, so somebody could make it many."""


async def unfinished_blocks(target: Chain, hub: str, replica: str) -> list[bytes]:
    """Return the source blocks (32-byte hashes) that parts were prepared for since the replica last moved.

    The newest first. It is the word of whoever sent the parts; a node that does not tell past events knows of none.
    """
    topics = [event_topic("Hub", name) for name in ("TransitionPrepared", "ReplicaActivated", "ReplicaSynced")]
    found: list[bytes] = []
    try:
        async for logs in target.logs_backwards(hub, [topics, address_topic(replica)]):
            for log in reversed(logs):
                told = decode_logs("Hub", [log], "TransitionPrepared")
                if not told or len(found) == _BLOCKS:
                    return found  # here it moved
                if told[0]["blockHash"] not in found:
                    found.append(told[0]["blockHash"])
    except NodeError as error:
        logger.info("whether a transition is under way is not known: %s", error.message)
        return []
    return found


async def header_to_resume(source: Chain, target: Chain, record: ReplicaRecord, block_hash: bytes) -> Header:
    """Return the header of such a block, where the replica can still go to it.

    Raises
    ------
    BlockNotAccepted
        The anchor does not accept it (any more), or it is not newer than the recorded one.
    SourceReorganised
        The source's node has another block of that number.
    BlockUnavailable
        It has none.
    """
    block = await accepted_block(target, record.key.anchor, block_hash)
    if not block.accepted:
        raise BlockNotAccepted(f"the anchor does not accept 0x{block_hash.hex()}: {block.level}")
    header = await source.header(block.number)
    if header.hash != block_hash:
        raise SourceReorganised(f"block {block.number} of the source is not 0x{block_hash.hex()}")
    await require_reachable(target, record, header)
    return header
