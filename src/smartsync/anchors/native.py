"""Anchors that take block hashes from the target chain itself (``BlockhashAnchor.sol``, ``L1BlockAnchor.sol``).

Their proof is the header alone. It can come too late: the chain remembers its own hashes for 256 blocks, or 8,191 with
EIP-2935, and a rollup only that of the newest L1 block. A block whose hash was kept in time can be proven at any time.
"""

from __future__ import annotations

from smartsync.anchors.block import accepted_block, require_active, require_same_source
from smartsync.chain import Chain
from smartsync.contracts import decode_logs, encode_call
from smartsync.errors import BlockNotProvable, BlockUnavailable, NodeError, TransactionReverted
from smartsync.header import Header
from smartsync.results import Step
from smartsync.submit import Sender, step_of
from smartsync.views import call_view

HISTORY = "0x0000F90827F1C53a10cb7A02335B175320002935"
"""The contract of EIP-2935, which remembers the hashes of `HISTORY_BLOCKS` blocks."""

HISTORY_BLOCKS = 8_191
BLOCKHASH_BLOCKS = 256

L1_BLOCK = "0x4200000000000000000000000000000000000015"
"""The predeploy of OP-stack chains (`IL1Block.sol`)."""


async def update_blockhash(
    source: Chain, sender: Sender, anchor: str, *, block: int | str | None = None
) -> tuple[Header, list[Step]]:
    """Have a block of the target's own chain accepted; no step where it is already.

    Parameters
    ----------
    block
        Its number, or ``finalized`` or ``safe``; the newest whose hash the chain knows where ``None``.

    Raises
    ------
    BlockNotProvable
        The chain does not know its hash, not yet or not any more, and nobody kept it.
    WrongChain, AnchorMismatch
        The anchor speaks of another chain than the source node.
    AnchorPaused, AnchorExpired, AnchorFrozen
        The anchor is not active.
    """
    target = sender.chain
    await require_same_source(source, target, anchor)
    await require_active(target, anchor)
    newest = await target.block_number()
    if block is None:
        # A block's own hash is known from the next one on, and the source's node may be behind.
        block = max(0, min(newest - 1, (await source.header("latest")).number))
    header = await source.header(block)
    if (await accepted_block(target, anchor, header.hash)).accepted:
        return header, []
    if not await _is_kept(target, anchor, header.hash):
        _require_remembered(header.number, newest, await _memory(target, newest))
    return header, [await _send_header(sender, anchor, header)]


async def keep_blockhash(sender: Sender, anchor: str, block: int | None = None) -> tuple[int, bytes, Step]:
    """Have the hash of a block of the target's own chain written down: then its header can come at any time.

    Returns
    -------
    tuple[int, bytes, Step]
        The block's number, its hash, and the transaction.

    Raises
    ------
    BlockNotProvable
        The chain does not know the hash.
    """
    newest = await sender.chain.block_number()
    number = max(0, newest - 1) if block is None else block
    _require_remembered(number, newest, await _memory(sender.chain, newest))
    return await _keep(sender, anchor, encode_call("BlockhashAnchor", "keep", [number]))


async def update_l1block(
    source: Chain, sender: Sender, anchor: str, *, block: int | str | None = None
) -> tuple[Header, list[Step]]:
    """Have an L1 block accepted on a rollup: the newest that the rollup knows, or one whose hash was kept.

    It knows one for some 12 seconds. So its hash is kept first, by a transaction that names none; which it was is read
    in the receipt, and the header follows.

    Parameters
    ----------
    block
        Its number on L1, or ``finalized`` or ``safe``; the newest that the rollup knows where ``None``.

    Raises
    ------
    BlockNotProvable
        The rollup does not know this block's hash, not yet or not any more, and nobody kept it.
    BlockUnavailable
        The L1 node does not have the block whose hash was kept.
    NotDeployed
        The target chain is no OP-stack rollup.
    WrongChain, AnchorMismatch
        The anchor speaks of another chain than the source node.
    AnchorPaused, AnchorExpired, AnchorFrozen
        The anchor is not active.
    """
    target = sender.chain
    await require_same_source(source, target, anchor)
    await require_active(target, anchor)
    newest, newest_hash = await l1_block(target)
    if block is not None:
        header = await source.header(block)
        if (await accepted_block(target, anchor, header.hash)).accepted:
            return header, []
        if await _is_kept(target, anchor, header.hash):
            return header, [await _send_header(sender, anchor, header)]
        if header.hash != newest_hash:
            raise _not_the_newest(header.number, newest)
    elif (await accepted_block(target, anchor, newest_hash)).accepted:
        return await source.header(newest_hash), []
    elif await _is_kept(target, anchor, newest_hash):
        header = await _kept_header(source, newest, newest_hash)
        return header, [await _send_header(sender, anchor, header)]
    kept_number, kept_hash, kept = await keep_l1block(sender, anchor)
    header = await _kept_header(source, kept_number, kept_hash)
    return header, [kept, await _send_header(sender, anchor, header)]


async def keep_l1block(sender: Sender, anchor: str) -> tuple[int, bytes, Step]:
    """Have the hash of the newest L1 block written down; returns its number, its hash, and the transaction."""
    return await _keep(sender, anchor, encode_call("L1BlockAnchor", "keep"))


async def l1_block(target: Chain) -> tuple[int, bytes]:
    """Return number and 32-byte hash of the newest L1 block that a rollup knows.

    Raises
    ------
    NotDeployed
        The chain is no OP-stack rollup.
    """
    (number,) = await call_view(target, "IL1Block", L1_BLOCK, "number")
    (block_hash,) = await call_view(target, "IL1Block", L1_BLOCK, "hash")
    return number, block_hash


async def _keep(sender: Sender, anchor: str, data: bytes) -> tuple[int, bytes, Step]:
    receipt = await sender.send(anchor, data, what="keep a block hash")
    events = decode_logs("INativeAnchor", receipt, "HashKept", emitter=anchor)
    if not events:
        raise NodeError(f"{sender.chain.rpc.host} tells no HashKept in the receipt of 0x{receipt.tx_hash.hex()}")
    number, block_hash = events[0]["number"], events[0]["blockHash"]
    return number, block_hash, step_of(f"keep the hash of block {number}", receipt)


async def _send_header(sender: Sender, anchor: str, header: Header) -> Step:
    what = f"prove block {header.number}"
    data = encode_call("INativeAnchor", "update", [header.raw])
    try:
        return step_of(what, await sender.send(anchor, data, what=what))
    except TransactionReverted as error:
        if error.name != "NotNative":
            raise
        raise BlockNotProvable(
            f"the target chain does not know 0x{header.hash.hex()} as the hash of block {header.number}",
            hint="the source's node is on another fork than the target's, or behind it: ask another one",
        ) from error


async def _kept_header(source: Chain, number: int, block_hash: bytes) -> Header:
    try:
        header = await source.header(block_hash)
    except BlockUnavailable as error:
        error.hint = f"the hash of block {number} is kept: go on with --block {number} once the L1 node has the block"
        raise
    if header.number != number:
        raise BlockNotProvable(
            f"the rollup tells of 0x{block_hash.hex()} as L1 block {number}, it is block {header.number}",
            hint="the rollup's predeploy is not what it should be: do not rely on this chain",
        )
    return header


async def _is_kept(target: Chain, anchor: str, block_hash: bytes) -> bool:
    (kept,) = await call_view(target, "INativeAnchor", anchor, "isKept", [block_hash])
    return bool(kept)


async def _memory(target: Chain, newest: int) -> int:
    """Return how many blocks back the chain knows its hashes."""
    # That there is code does not say that it works: hardhat 2.29 has a contract there which says that it does not.
    try:
        answer = await target.call(HISTORY, max(0, newest - 1).to_bytes(32, "big"))
    except TransactionReverted:
        answer = b""
    return HISTORY_BLOCKS if len(answer) == 32 and any(answer) else BLOCKHASH_BLOCKS


def _require_remembered(number: int, newest: int, memory: int) -> None:
    if number >= newest:
        raise BlockNotProvable(
            f"the chain's newest block is {newest}, and it knows the hash of block {number} only from the next one on",
            hint=f"wait until block {number + 1} is there",
        )
    # The transaction is in the next block, at the earliest.
    oldest = newest + 1 - memory
    if number < oldest:
        raise BlockNotProvable(
            f"block {number} is too old: the chain knows the hashes of its last {memory} blocks, {oldest} and later",
            hint="have a newer one accepted (smartsync anchor update), and go down from there: "
            f"smartsync anchor extend --down-to {number}",
        )


def _not_the_newest(number: int, newest: int) -> BlockNotProvable:
    told = f"the rollup knows L1 block {newest} only, and not block {number}"
    if number > newest:
        return BlockNotProvable(told, hint="wait until the rollup was derived from it, some minutes at most")
    return BlockNotProvable(
        told,
        hint="have the newest accepted (smartsync anchor update without --block), and go down from there: "
        f"smartsync anchor extend --down-to {number}",
    )
