"""An attestor: one signer of one quorum anchor, which signs what its nodes agree on and what its record allows."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from eth_account.signers.local import LocalAccount

from smartsync.addresses import checked_address
from smartsync.anchors.attestation import (
    BlockAttestation,
    QuorumTerms,
    Signed,
    attestation_of,
    revocation_of,
    sign,
)
from smartsync.anchors.block import anchor_kind, require_active, require_chain, source_of
from smartsync.anchors.documents import Attestable
from smartsync.anchors.kinds import WITH_SIGNERS
from smartsync.anchors.parting import find_parting
from smartsync.anchors.quorum import quorum_terms
from smartsync.attestor.following import Follow, Following
from smartsync.attestor.record import Record
from smartsync.chain import Chain
from smartsync.errors import (
    AnchorMismatch,
    AttestorStopped,
    ConfigError,
    ForeignSignature,
    NodesDisagree,
    NotAttestable,
    SmartSyncError,
    WrongChain,
)
from smartsync.header import Header

logger = logging.getLogger(__name__)

State = Literal["ok", "waiting", "stopped"]


@dataclass(frozen=True, slots=True)
class Attested:
    """A statement that was signed, and under which terms."""

    terms: QuorumTerms
    statement: Attestable
    signed: Signed


@dataclass(frozen=True, slots=True)
class Look:
    """How an attestor stands: ``ok``, ``waiting`` for what may pass by itself, ``stopped`` until somebody resumes it.

    ``number`` and ``block_hash`` are of the newest block that it would attest now; ``hint`` is for its operator.
    """

    state: State
    reason: str = ""
    number: int | None = None
    block_hash: bytes | None = None
    hint: str = ""


class Attestor:
    """The signer ``account`` of the quorum anchor at ``anchor``. Made by `open`."""

    def __init__(
        self, target: Chain, target_chain_id: int, anchor: str, account: LocalAccount, following: Following
    ) -> None:
        self.target, self.target_chain_id, self.anchor, self.following = target, target_chain_id, anchor, following
        self.signer = str(account.address)
        self._account = account

    @classmethod
    async def open(
        cls,
        target: Chain,
        anchor: str,
        account: LocalAccount,
        *,
        nodes: Sequence[Chain],
        follow: Follow,
        record: Record,
    ) -> Attestor:
        """Return an attestor for an anchor, whose nodes are on the anchor's source chain.

        Raises
        ------
        ConfigError
            The anchor is of another kind, and knows no signers.
        NotDeployed
            There is no anchor.
        WrongChain
            A node is on another chain than the anchor speaks of. Of another genesis block: AnchorMismatch.
        NodeError
            A node does not answer.
        """
        # Written one way: the record goes by it.
        anchor = checked_address(anchor, "the anchor")
        kind = await anchor_kind(target, anchor)
        if kind not in WITH_SIGNERS:
            raise ConfigError(
                f"the anchor {anchor} is of the kind {kind}: it has no signers that could attest",
                hint=f"an attestor is for a quorum anchor ({', '.join(WITH_SIGNERS)})",
            )
        following = Following(nodes, follow, await source_of(target, anchor), record)
        attestor = cls(target, await target.chain_id(), anchor, account, following)
        await attestor._require_source()
        # What no waiting mends is told at once, as a node that knows of no finalized block.
        with suppress(NotAttestable, NodesDisagree, AttestorStopped):
            await following.header()
        return attestor

    async def look(self) -> Look:
        """Return how it stands, without signing anything."""
        try:
            terms = await self._ready()
            header = await self.following.header()
            self.following.record.require_free(terms, self.signer, self._statement(terms, header))
        except AttestorStopped as error:
            return Look("stopped", error.message, hint=error.hint)
        except SmartSyncError as error:
            return Look("waiting", error.message, hint=error.hint)
        return Look("ok", "", header.number, header.hash)

    async def attest(self, number: int | None = None) -> Attested:
        """Sign a source block, the newest that may be where ``None``.

        It is remembered before it is signed. The same block can be asked for again at any time.

        Raises
        ------
        NotAttestable, NodesDisagree, AttestorStopped
            See `Following.header`.
        AlreadySigned
            It has signed another hash of this height before.
        ForeignSignature
            Its signature would not count: it is no signer of the anchor.
        AnchorPaused, AnchorExpired, AnchorFrozen
            The anchor accepts nothing.
        """
        terms = await self._ready()
        header = await self.following.header(number)
        statement = self._statement(terms, header)
        self.following.record.remember(terms, self.signer, statement)
        logger.info("signing block %d (0x%s) as %s", header.number, header.hash.hex(), statement.level)
        return Attested(terms, statement, sign(self._account, terms, statement))

    async def revocation(self) -> Attested:
        """Sign that the source has dropped accepted blocks, where every node says so and the same.

        Raises
        ------
        NotAttestable
            It has dropped none: there is nothing to revoke.
        FinalBlockDropped
            Among them is one that the anchor holds for final.
        NodesDisagree, AttestorStopped, ForeignSignature, AnchorPaused, AnchorExpired, AnchorFrozen
            As in `attest`.
        """
        terms = await self._ready()
        await self.following.require_standing()
        nodes = self.following.nodes
        partings = await asyncio.gather(*(find_parting(node, self.target, self.anchor) for node in nodes))
        parting = partings[0]
        if any(other != parting for other in partings):
            told = "; ".join(
                f"{node.rpc.host} {'none' if one is None else f'{len(one.dropped)} above block {one.head_number}'}"
                for node, one in zip(nodes, partings, strict=True)
            )
            raise NodesDisagree(
                f"the source's nodes differ in which of the anchor's blocks are dropped: {told}",
                hint="nothing is signed until they agree; one of them lies, is behind, or is on another branch",
            )
        if parting is None:
            raise NotAttestable("the source has dropped none of the anchor's blocks, there is nothing to revoke")
        parting.require_revocable()
        statement = revocation_of(terms, parting.head, await self.target.clock())
        logger.warning(
            "signing a revocation of all above block %d: accepted blocks that the source has dropped: %d",
            parting.head_number,
            len(parting.dropped),
        )
        return Attested(terms, statement, sign(self._account, terms, statement))

    def _statement(self, terms: QuorumTerms, header: Header) -> BlockAttestation:
        return attestation_of(terms, header, self.following.level)

    async def _ready(self) -> QuorumTerms:
        """Return the anchor's terms as they are now, under which this signer's signature counts."""
        await self._require_source()
        terms = await quorum_terms(self.target, self.anchor)
        # What it was opened for stays: a target's node that is exchanged, or lies, must not have it sign for another
        # chain, whose anchor may well have the same address.
        if terms.target_chain_id != self.target_chain_id:
            raise WrongChain("target", self.target.rpc.host, self.target_chain_id, terms.target_chain_id)
        if (terms.source_chain_id, terms.source_genesis_hash) != self.following.source:
            raise AnchorMismatch(
                f"the target node {self.target.rpc.host} says that the anchor {self.anchor} is of another source chain "
                "than it said at the start",
                hint="nothing is signed meanwhile; no anchor changes its source: find out what is wrong with the node",
            )
        await require_active(self.target, self.anchor)
        if self.signer not in terms.signers:
            raise ForeignSignature(
                f"{self.signer} is no signer of the anchor {self.anchor}",
                hint=f"its signers are {', '.join(terms.signers)}; the key or the anchor is the wrong one, or the "
                "signer was removed",
            )
        return terms

    async def _require_source(self) -> None:
        for node in self.following.nodes:
            await require_chain(node, *self.following.source)
