"""The kinds of anchors that this package knows, as they call themselves, and what sets them apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from smartsync.anchors.block import anchor_kind
from smartsync.bft import Protocol
from smartsync.chain import Chain
from smartsync.errors import AnchorMismatch

CompositeKind = Literal["k-of-n/1", "veto/1"]
KindName = Literal["quorum/2", "blockhash/1", "op-l1block/1", "qbft/1", "ibft2/1"] | CompositeKind


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of anchor.

    ``trusts`` says in words what whoever relies on it trusts. ``has_signers`` who attest, revoke and name their
    successors; ``protocol`` of the sealed headers that it takes; ``is_composite``: made of other anchors.
    """

    name: KindName
    trusts: str
    has_signers: bool = False
    protocol: Protocol | None = None
    is_composite: bool = False


_VALIDATORS = (
    "that fewer than a third of the source's validators are faulty, for the trusting period after they validated"
)

KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "quorum/2",
            "that fewer of its signers than the threshold are dishonest, or wrong: so many can have any block accepted",
            has_signers=True,
        ),
        Kind("blockhash/1", "nobody: it accepts blocks of the chain that it is on, by what that chain says of them"),
        Kind("op-l1block/1", "the rollup that it is on, and nobody else: its nodes derive the L1 block from L1 itself"),
        Kind("qbft/1", _VALIDATORS, protocol="qbft"),
        Kind("ibft2/1", _VALIDATORS, protocol="ibft2"),
        Kind("k-of-n/1", "that no threshold of its members is wrong about the same block at once", is_composite=True),
        Kind("veto/1", "its primary, as long as any one of its watchers is honest and awake", is_composite=True),
    )
}

WITH_SIGNERS: tuple[KindName, ...] = tuple(kind.name for kind in KINDS.values() if kind.has_signers)
SEALED: tuple[KindName, ...] = tuple(kind.name for kind in KINDS.values() if kind.protocol)
COMPOSITE: tuple[KindName, ...] = tuple(kind.name for kind in KINDS.values() if kind.is_composite)


async def kind_of(target: Chain, anchor: str) -> Kind | None:
    """Return the anchor's kind; ``None`` where this package does not know it.

    Raises
    ------
    NotDeployed
        There is no anchor at this address.
    """
    return KINDS.get(await anchor_kind(target, anchor))


async def require_known_kind(target: Chain, anchor: str, *kinds: KindName) -> Kind:
    """Return the anchor's kind, which has to be one of these; one of all that are known where none are given.

    Raises
    ------
    NotDeployed
        There is no anchor at this address.
    AnchorMismatch
        It is of another kind.
    """
    name = await anchor_kind(target, anchor)
    if name not in (kinds or KINDS):
        hint = f"the anchor has to be of the kind {' or '.join(kinds)}" if kinds else f"known kinds: {', '.join(KINDS)}"
        raise AnchorMismatch(f"the anchor {anchor} is of the kind {name!r}", hint=hint)
    return KINDS[name]
