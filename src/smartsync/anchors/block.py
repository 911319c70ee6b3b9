"""What any anchor (``IAnchor.sol``) says of source blocks."""

from __future__ import annotations

from dataclasses import dataclass

from smartsync.chain import Chain
from smartsync.errors import AnchorError, AnchorFrozen, BlockNotAccepted, WrongChain
from smartsync.views import call_view

LEVELS = ("unknown", "pending", "safe", "final", "revoked")
STATUSES = ("active", "paused", "expired", "frozen")
_SAFE = LEVELS.index("safe")


@dataclass(frozen=True, slots=True)
class AnchoredBlock:
    """An anchor's word on a block: hash and state root 32 bytes, ``timestamp`` in seconds on the source's clock."""

    block_hash: bytes
    state_root: bytes
    number: int
    timestamp: int
    level: str

    @property
    def accepted(self) -> bool:
        """Whether the hub would take this block."""
        return self.level in ("safe", "final")


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
    AnchorError
        The same chain id, and yet another genesis block: no later try will mend that.
    """
    chain_id, genesis_hash = await source_of(target, anchor)
    actual = await source.chain_id()
    if actual != chain_id:
        raise WrongChain("source", chain_id, actual)
    if await source.genesis_hash() != genesis_hash:
        raise AnchorError(
            f"the source node's chain {chain_id} has another genesis block than the anchor's",
            hint="take a node of the chain that the anchor was deployed for, or deploy an anchor for this one",
        )


async def anchor_status(target: Chain, anchor: str) -> str:
    """Return one of ``STATUSES``."""
    status, _ = await call_view(target, "IAnchor", anchor, "status")
    return STATUSES[status]


async def require_active(target: Chain, anchor: str) -> None:
    """Check that the anchor can be used at all.

    Raises
    ------
    AnchorFrozen
        It is paused, expired or frozen.
    """
    status = await anchor_status(target, anchor)
    if status != "active":
        raise AnchorFrozen(f"the anchor {anchor} is {status}", hint="its source blocks cannot be used any more")


async def accepted_block(target: Chain, anchor: str, block_hash: bytes) -> AnchoredBlock:
    """Return what the anchor knows of the block with this 32-byte hash."""
    (answer,) = await call_view(target, "IAnchor", anchor, "blockByHash", [block_hash])
    return _block(answer)


async def newest_accepted(target: Chain, anchor: str) -> AnchoredBlock:
    """Return the newest block that the anchor accepts.

    Raises
    ------
    AnchorFrozen
        The anchor is not active.
    BlockNotAccepted
        It has not accepted any block yet.
    """
    await require_active(target, anchor)
    (answer,) = await call_view(target, "IAnchor", anchor, "head", [_SAFE])
    head = _block(answer)
    if not head.accepted:
        raise BlockNotAccepted(
            f"the anchor {anchor} has not accepted any source block yet", hint="have one accepted: smartsync attest"
        )
    return head


async def require_accepted(target: Chain, anchor: str, number: int, block_hash: bytes) -> None:
    """Check that the anchor accepts this block of the source.

    Raises
    ------
    AnchorFrozen
        The anchor is not active, so that even blocks that it accepted are of no use.
    BlockNotAccepted
        It does not (yet).
    """
    await require_active(target, anchor)
    found = await accepted_block(target, anchor, block_hash)
    if not found.accepted:
        raise BlockNotAccepted(
            f"the anchor {anchor} does not accept source block {number} (0x{block_hash.hex()}): {found.level}",
            hint=f"have it accepted: smartsync attest --block {number}",
        )


def _block(answer: tuple[bytes, bytes, int, int, int, int]) -> AnchoredBlock:
    block_hash, state_root, number, timestamp, _, level = answer
    return AnchoredBlock(block_hash, state_root, number, timestamp, LEVELS[level])
