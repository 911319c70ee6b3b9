"""Which source block to work with, and that it still is what it was."""

from __future__ import annotations

from smartsync.anchors.block import (
    REVOKE_FIRST,
    AnchoredBlock,
    accepted_block,
    head_of,
    newest_accepted,
    require_accepted,
    way_back,
    way_in,
)
from smartsync.chain import Chain
from smartsync.contracts import address_topic, decode_logs, event_topic
from smartsync.errors import BlockNotAccepted, SmartSyncError, SourceReorganised
from smartsync.header import Header
from smartsync.replica import ReplicaRecord


async def accepted_header(source: Chain, target: Chain, anchor: str, block: int | None) -> Header:
    """Return the source's header of a block that the anchor accepts: the newest such where ``block`` is ``None``.

    Raises
    ------
    BlockNotAccepted
        The anchor does not accept it (yet).
    SourceReorganised
        The anchor accepts a block of this number which the source node does not have.
    """
    if block is None:
        newest = await newest_accepted(target, anchor)
        return await source.verified(lambda one: _header_of(one, newest))

    async def accepted(one: Chain) -> Header:
        header = await one.header(block)
        await require_accepted(target, anchor, header.number, header.hash)
        return header

    return await source.verified(accepted)


async def _header_of(source: Chain, accepted: AnchoredBlock) -> Header:
    header = await source.header(accepted.number)
    if header.hash != accepted.block_hash:
        raise SourceReorganised(
            f"the anchor accepts 0x{accepted.block_hash.hex()} as block {accepted.number}, "
            f"the source node {source.rpc.host} has 0x{header.hash.hex()}",
            hint=f"where the source has dropped it, {REVOKE_FIRST}, or a newer one accepted; else the node is on "
            "another fork: ask another one",
        )
    return header


async def require_reachable(target: Chain, record: ReplicaRecord, header: Header) -> None:
    """Check that the replica can go from its recorded block to this accepted one, by the rule of ``Hub.sync``.

    Raises
    ------
    BlockNotAccepted
        It is not newer, and the recorded one has not been revoked; nor is it the recorded one after an end of the
        source that is over. Or it is older than the first block that the replica may mirror.
    """
    if header.number > record.block_number:
        return
    anchor = record.key.anchor
    if header.number < record.first_block:
        raise BlockNotAccepted(
            f"the replica mirrors no source block before {record.first_block}, and this is {header.number}",
            hint=await way_in(target, anchor, "a newer one"),
        )
    if (await accepted_block(target, anchor, record.block_hash)).level == "revoked":
        return
    if any(record.halt_hash) and header.hash == record.block_hash:
        end = await accepted_block(target, anchor, record.halt_hash)
        if end.level == "revoked" or end.number < header.number:
            return
    raise BlockNotAccepted(
        f"the replica stands at source block {record.block_number}, block {header.number} is not newer",
        hint=await _way_on(target, record),
    )


async def _way_on(target: Chain, record: ReplicaRecord) -> str:
    """Return, as a hint, how the replica comes to a newer block: perhaps the anchor accepts one already."""
    head = await head_of(target, record.key.anchor)
    if head is not None and head.number > record.block_number:
        return f"leave --block out, or name a newer one: the anchor accepts block {head.number}"
    return await way_in(target, record.key.anchor, "a newer one")


async def require_not_dropped(source: Chain, target: Chain, record: ReplicaRecord, unavailable: SmartSyncError) -> None:
    """Say so where the source's node does not serve the recorded block, because its chain has dropped it.

    Raises
    ------
    SourceReorganised
        It has: the anchor says so, or the node has another block of this number.
    """
    level = (await accepted_block(target, record.key.anchor, record.block_hash)).level
    if level == "revoked" or await source.hash_at(record.block_number) not in (None, record.block_hash):
        raise SourceReorganised(
            f"the replica stands at block {record.block_number} (0x{record.block_hash.hex()}), which the source has "
            "dropped",
            hint=way_back(level),
        ) from unavailable


async def last_common_block(source: Chain, target: Chain, hub: str, replica: str, record: ReplicaRecord) -> int | None:
    """Return the number of the newest block that the replica mirrored and the source still has.

    What changed since then on either branch is what a way back from an orphaned block has to rewrite. ``None`` where
    there is no such block. It is a hint where to look for slots, and may be too high after several reorganisations:
    whether all slots were found is checked against the roots.
    """
    if await source.hash_at(record.block_number) == record.block_hash:
        return record.block_number
    names = ("ReplicaActivated", "ReplicaSynced")
    events = [event_topic("Hub", name) for name in (*names, "ReplicaCreated")]
    async for logs in target.logs_backwards(hub, [events, address_topic(replica)]):
        for log in reversed(logs):
            told = next((found[0] for name in names if (found := decode_logs("Hub", [log], name))), None)
            if told is None:
                return None  # the replica's creation: before it there is nothing
            if await source.hash_at(told["number"]) == told["blockHash"]:
                return int(told["number"])
    return None


async def require_still_canonical(source: Chain, header: Header) -> None:
    """Check, right before something is sent, that the source's block of this number is still this one.

    Raises
    ------
    SourceReorganised
        It is not.
    """

    async def ask(one: Chain) -> None:
        standing = await one.header(header.number)
        if standing.hash != header.hash:
            raise SourceReorganised(
                f"the source chain reorganised: block {header.number} was 0x{header.hash.hex()}, is "
                f"0x{standing.hash.hex()}",
                hint="nothing was sent; try again with a block that is final",
            )

    await source.verified(ask)
