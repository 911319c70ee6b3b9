"""What any anchor (``IAnchor.sol``) says of source blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from smartsync.chain import Chain
from smartsync.contracts import decode_logs, event_topic
from smartsync.errors import (
    AnchorError,
    AnchorExpired,
    AnchorFrozen,
    AnchorMismatch,
    AnchorPaused,
    BlockNotAccepted,
    WrongChain,
)
from smartsync.header import Header
from smartsync.views import call_view

LEVELS = ("unknown", "pending", "safe", "final", "revoked")
STATUSES = ("active", "paused", "expired", "frozen")

REVOKE_FIRST = (
    "have it revoked first (smartsync anchor revoke, with keys of the anchor's signers, or with --from URL of their "
    "attestors; of an anchor made of anchors, at its members)"
)
"""What helps where an anchor still accepts a block that the source has dropped."""

_STOPPED: dict[str, tuple[type[AnchorError], str]] = {
    "paused": (AnchorPaused, "it resumes by itself once its members do; nothing is lost meanwhile"),
    "expired": (
        AnchorExpired,
        "it had no proof within its trusting period; deploy a new anchor with a checkpoint of today, and fork again",
    ),
    "frozen": (
        AnchorFrozen,
        "it has seen two contradicting blocks, or has too few signers left, and accepts nothing any more; replicas "
        "keep the state that they have. A guardian can bring it back (smartsync anchor recover) where smartsync "
        "anchor show names one; otherwise deploy a new anchor, and fork again",
    ),
}


@dataclass(frozen=True, slots=True)
class AnchoredBlock:
    """An anchor's word on a block: hash of 32 bytes, ``timestamp`` in seconds on the source's clock."""

    block_hash: bytes
    number: int
    timestamp: int
    level: str

    @property
    def accepted(self) -> bool:
        """Whether the hub would take this block."""
        return self.level in ("safe", "final")

    def contradicts(self, other: AnchoredBlock) -> bool:
        """Whether the two cannot be of one chain: of one number, or the later number at an earlier time."""
        if self.number == other.number:
            return self.block_hash != other.block_hash
        lower, higher = sorted((self, other), key=lambda block: block.number)
        return lower.timestamp > higher.timestamp


@dataclass(frozen=True, slots=True)
class AnchorState:
    """Whether an anchor can be used: one of ``STATUSES``; ``since`` in seconds on the target's clock.

    ``canonical_epoch`` counts how often it learnt that the source dropped blocks.
    """

    status: str
    since: int
    canonical_epoch: int


async def source_of(target: Chain, anchor: str) -> tuple[int, bytes]:
    """Return chain id and 32-byte genesis hash of the chain that the anchor speaks of.

    Raises
    ------
    NotDeployed
        There is no anchor at this address.
    """
    chain_id, genesis_hash = await call_view(target, "IAnchor", anchor, "source")
    return chain_id, genesis_hash


async def require_same_source(source: Chain, target: Chain, anchor: str) -> None:
    """Check that the anchor speaks of the chain that the source node is on: chain id and genesis block.

    Raises
    ------
    WrongChain
        Another chain id.
    AnchorMismatch
        The same chain id, and yet another genesis block.
    """
    await require_chain(source, *await source_of(target, anchor))


async def require_chain(source: Chain, chain_id: int, genesis_hash: bytes) -> None:
    """Check that the source node is on the chain with this id and 32-byte genesis hash.

    Raises
    ------
    WrongChain, AnchorMismatch
        As `require_same_source`.
    """
    await require_chain_id(source, chain_id)
    await _require_genesis(source, chain_id, genesis_hash)


async def require_chain_id(source: Chain, chain_id: int) -> None:
    """Check that the source node is on the chain with this id: what another one says of a block means nothing.

    Raises
    ------
    WrongChain
        It is on another one.
    """
    actual = await source.chain_id()
    if actual != chain_id:
        raise WrongChain("source", source.rpc.host, chain_id, actual)


async def require_same_genesis(source: Chain, target: Chain, anchor: str) -> None:
    """As `require_same_source`, where the chain id has been looked at."""
    await _require_genesis(source, *await source_of(target, anchor))


async def _require_genesis(source: Chain, chain_id: int, genesis_hash: bytes) -> None:
    async def ask(one: Chain) -> None:
        if await one.genesis_hash() != genesis_hash:
            raise AnchorMismatch(
                f"the chain {chain_id} of the source node {one.rpc.host} has another genesis block than the anchor's",
                hint="take a node of the chain that the anchor was deployed for, or deploy an anchor for this one",
            )

    await source.verified(ask)


async def anchor_kind(target: Chain, anchor: str) -> str:
    """Return the anchor's trust model and its version, for instance ``quorum/2``.

    Raises
    ------
    NotDeployed
        There is no anchor at this address.
    """
    (kind,) = await call_view(target, "IAnchor", anchor, "kind")
    return bytes(kind).rstrip(b"\0").decode("ascii", "replace")


async def anchor_state(target: Chain, anchor: str) -> AnchorState:
    """Return whether the anchor can be used."""
    status, since, canonical_epoch = await call_view(target, "IAnchor", anchor, "status")
    return AnchorState(_named(STATUSES, status, "status"), since, canonical_epoch)


async def require_active(target: Chain, anchor: str) -> None:
    """Check that the anchor can be used at all.

    Raises
    ------
    AnchorPaused, AnchorExpired, AnchorFrozen
        It cannot.
    """
    state = await anchor_state(target, anchor)
    if state.status == "active":
        return
    kind, hint = _STOPPED[state.status]
    raise kind(f"the anchor {anchor} is {state.status}", hint=hint)


def way_on(status: str) -> str:
    """Return, as a hint, what becomes of an anchor of this status, which is not ``active``, and what to do."""
    return _STOPPED[status][1]


async def accepted_block(target: Chain, anchor: str, block_hash: bytes) -> AnchoredBlock:
    """Return what the anchor knows of the block with this 32-byte hash."""
    (answer,) = await call_view(target, "IAnchor", anchor, "blockByHash", [block_hash])
    return _block(answer)


async def head_of(target: Chain, anchor: str, level: Literal["safe", "final"] = "safe") -> AnchoredBlock | None:
    """Return the newest block that the anchor accepts at this level or a higher one, whatever its status is."""
    (answer,) = await call_view(target, "IAnchor", anchor, "head", [LEVELS.index(level)])
    head = _block(answer)
    return head if head.accepted else None


async def pending_head(target: Chain, anchor: str) -> AnchoredBlock | None:
    """Return the newest block of the anchor where it cannot be used yet, ``None`` where it can, or there is none."""
    (answer,) = await call_view(target, "IAnchor", anchor, "head", [LEVELS.index("pending")])
    head = _block(answer)
    return head if head.level == "pending" else None


async def usable_from(target: Chain, anchor: str, block: AnchoredBlock) -> int | None:
    """Return from when on, in seconds on the target's clock, a block can be used that waits for a veto.

    ``None`` where it does not wait: it is not pending, was set aside, or the anchor lets nobody veto.
    """
    if block.level != "pending" or await anchor_kind(target, anchor) != "veto/1":
        return None
    (time,) = await call_view(target, "VetoAnchor", anchor, "usableFrom", [block.block_hash])
    return int(time) or None


async def canonical_at(target: Chain, anchor: str, number: int) -> AnchoredBlock | None:
    """Return the block of this number that stands at the anchor, whether it can be used by now or not."""
    (answer,) = await call_view(target, "IAnchor", anchor, "canonicalAt", [number])
    block = _block(answer)
    return None if block.level == "unknown" else block


async def ever_accepted(target: Chain, anchor: str) -> list[AnchoredBlock]:
    """Return the blocks that the anchor has told to have accepted, in that order, each as it was told then.

    A block comes again where it was accepted again, or at a higher level. Whether it still is, `accepted_block` tells.
    """
    logs = await target.logs(anchor, [event_topic("IAnchor", "BlockAccepted")])
    return [
        AnchoredBlock(event["blockHash"], event["number"], event["timestamp"], LEVELS[event["level"]])
        for event in decode_logs("IAnchor", logs, "BlockAccepted", emitter=anchor)
    ]


async def newest_accepted(target: Chain, anchor: str) -> AnchoredBlock:
    """Return the newest block that the anchor accepts.

    Raises
    ------
    AnchorPaused, AnchorExpired, AnchorFrozen
        The anchor is not active.
    BlockNotAccepted
        It has not accepted any block yet.
    """
    await require_active(target, anchor)
    head = await head_of(target, anchor)
    if head is None:
        raise BlockNotAccepted(
            f"the anchor {anchor} has not accepted any source block yet",
            hint=await way_in(target, anchor, "one"),
        )
    return head


async def way_in(target: Chain, anchor: str, what: str, number: int | None = None) -> str:
    """Return, as a hint, how a source block comes to be accepted by an anchor of this kind.

    Parameters
    ----------
    what
        The block, in the middle of a sentence: "one", "it", "a newer one".
    number
        Its number, where it has to be this one.
    """
    block = "" if number is None else f" --block {number}"
    match await anchor_kind(target, anchor):
        case "quorum/2":
            return (
                f"have {what} signed: with keys of the anchor's signers by smartsync attest{block}, with their "
                f"attestors' signatures by smartsync anchor update{block} --from URL"
            )
        case "veto/1":
            return (
                f"have {what} accepted: smartsync anchor update{block}; then wait until the delay for a veto is over "
                "(smartsync anchor show tells it)"
            )
        case _:
            return f"have {what} accepted: smartsync anchor update{block}"


async def require_accepted(target: Chain, anchor: str, number: int, block_hash: bytes) -> None:
    """Check that the anchor accepts this block of the source.

    Raises
    ------
    AnchorPaused, AnchorExpired, AnchorFrozen
        The anchor is not active, so that even blocks that it accepted are of no use.
    BlockNotAccepted
        It does not (yet).
    """
    await require_active(target, anchor)
    found = await accepted_block(target, anchor, block_hash)
    if found.accepted:
        return
    standing = await canonical_at(target, anchor, number)
    if standing is not None and standing.block_hash != block_hash:
        hint = f"it accepts 0x{standing.block_hash.hex()} as this block, which the source has dropped: {REVOKE_FIRST}"
    elif found.level == "pending" and await anchor_kind(target, anchor) == "veto/1":
        left_s = (await usable_from(target, anchor, found) or 0) - await target.clock()
        hint = (
            f"it waits for a veto for another {left_s:,} s: try again then"
            if left_s > 0
            else "it was vetoed, or taken back by a member, and waits no more; offer it again, where it stands: "
            f"smartsync anchor update --block {number}"
        )
    else:
        hint = await way_in(target, anchor, "it", number)
    raise BlockNotAccepted(
        f"the anchor {anchor} does not accept source block {number} (0x{block_hash.hex()}): {found.level}", hint=hint
    )


def way_back(level: str) -> str:
    """Return, as a hint, what becomes of a block of this level, and of replicas there, that the source has dropped."""
    match level:
        case "revoked":
            return "the anchor has revoked it: smartsync sync brings the replica to a block that stands"
        case "final":
            return (
                "the anchor holds it for final, and no revocation undoes that: ask another node of the source; if the "
                "chain has indeed dropped it, what the anchor trusts is broken"
            )
        case _:
            return (
                f"{REVOKE_FIRST}, or wait until the anchor hears of it; then smartsync sync brings the replica to a "
                "block that stands"
            )


def offered_block(header: Header) -> AnchoredBlock:
    """Return a block that an anchor may never have heard of, as its header tells it."""
    return AnchoredBlock(header.hash, header.number, header.timestamp, "unknown")


def _block(answer: tuple[bytes, bytes, int, int, int, int]) -> AnchoredBlock:
    block_hash, _, number, timestamp, _, level = answer
    return AnchoredBlock(block_hash, number, timestamp, _named(LEVELS, level, "level"))


def _named(names: tuple[str, ...], number: int, what: str) -> str:
    """Return the name of an enum's value: an anchor may be any contract, and answer any number."""
    if number >= len(names):
        raise AnchorError(f"the anchor answers {what} {number}, which there is not: it is no anchor of this version")
    return names[number]
