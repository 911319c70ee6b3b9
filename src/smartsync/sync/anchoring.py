"""What `SmartSync` does with anchors: those that are there, and new ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from eth_account.signers.local import LocalAccount

from smartsync.addresses import checked_address
from smartsync.anchors.ancestors import extend_ancestors
from smartsync.anchors.block import accepted_block, usable_from
from smartsync.anchors.composite import Tell
from smartsync.anchors.deploying import Charter, deploy_anchor
from smartsync.anchors.describing import describe_anchor
from smartsync.anchors.kinds import WITH_SIGNERS, kind_of, require_known_kind
from smartsync.anchors.misbehaviour import (
    contradiction_evidence,
    double_signing_evidence,
    fork_evidence,
    report,
)
from smartsync.anchors.native import keep_blockhash, keep_l1block
from smartsync.anchors.quorum import LocalSigners, Signers, guardian_of, quorum_terms, update_quorum
from smartsync.anchors.revoking import revoke_at
from smartsync.anchors.rotating import recover_anchor, rotate, sign_set
from smartsync.anchors.updating import require_own_signers, update_anchor
from smartsync.errors import ConfigError
from smartsync.results import (
    AcceptedBlock,
    AnchorExtension,
    AnchorReport,
    AnchorUpdate,
    DeployedAnchor,
    KeptHash,
    MisbehaviourReport,
    Progress,
    Revoked,
    SetSignature,
    SignerChange,
)
from smartsync.sync.connection import Connection


class Anchoring(Connection):
    """A source chain, a target chain, and the anchors on the target."""

    async def deploy_anchor(self, charter: Charter) -> DeployedAnchor:
        """Deploy an anchor for the source on the target chain, of the kind that the charter is of.

        See ``smartsync.anchors.deploying`` for charters and errors.
        """
        return await deploy_anchor(self.source, self._paying(), charter)

    async def describe_anchor(self, anchor: str) -> AnchorReport:
        """Return what an anchor says of itself, and which of the blocks that it accepts the source has dropped."""
        return await describe_anchor(self.source, self.target, checked_address(anchor, "the anchor"))

    async def attest(
        self, anchor: str, attestors: Sequence[LocalAccount], *, block: int | str | None = None
    ) -> AcceptedBlock:
        """Sign a source block (the newest where ``None``) with each attestor and submit it to a quorum anchor.

        ``block`` is a number, or ``finalized`` or ``safe`` where the source's node knows these.

        Warning: a signer signs only what is final on the source chain.

        See ``smartsync.anchors.quorum.update_quorum`` for errors; of an anchor without signers: AnchorMismatch.
        """
        anchor = checked_address(anchor, "the anchor")
        await require_own_signers(self.target, anchor)
        signers = LocalSigners(attestors)
        header, steps = await update_quorum(self.source, self._paying(), anchor, signers, block=block)
        level = (await accepted_block(self.target, anchor, header.hash)).level
        return AcceptedBlock(header.number, header.hash, level, tuple(steps))

    async def update_anchor(
        self,
        anchor: str,
        *,
        signers: Signers | None = None,
        block: int | str | None = None,
        tell: Tell | None = None,
    ) -> AnchorUpdate:
        """Have a source block accepted by an anchor of any kind: the newest that can be proven where ``None``.

        Parameters
        ----------
        signers
            Where a quorum anchor's signatures come from; no other kind needs any.
        block
            A number, or ``finalized`` or ``safe`` where the source's node knows these.
        tell
            Where it is told which member of a composite stays behind, and why.

        See ``smartsync.anchors.updating`` for errors.
        """
        anchor = checked_address(anchor, "the anchor")
        work = update_anchor(self.source, self._paying(), anchor, signers=signers, block=block, tell=tell)
        header, steps = await work
        found = await accepted_block(self.target, anchor, header.hash)
        waits_until = await usable_from(self.target, anchor, found)
        return AnchorUpdate(header.number, header.hash, found.level, tuple(steps), waits_until)

    async def keep_hash(self, anchor: str, *, block: int | None = None) -> KeptHash:
        """Have an anchor write down a hash that the target chain knows: the newest, or a block's of its own chain.

        See ``smartsync.anchors.native`` for errors.
        """
        anchor = checked_address(anchor, "the anchor")
        kind = await require_known_kind(self.target, anchor, "blockhash/1", "op-l1block/1")
        if kind.name == "blockhash/1":
            number, block_hash, step = await keep_blockhash(self._paying(), anchor, block)
        elif block is not None:
            raise ConfigError(
                "a rollup tells of its newest L1 block only", hint="leave out --block: whichever it is will be kept"
            )
        else:
            number, block_hash, step = await keep_l1block(self._paying(), anchor)
        return KeptHash(number, block_hash, (step,))

    async def extend_ancestors(
        self, anchor: str, down_to: int, *, on_progress: Progress | None = None
    ) -> AnchorExtension:
        """Have the ancestors of an accepted block accepted, down to a number. See ``smartsync.anchors.ancestors``."""
        anchor = checked_address(anchor, "the anchor")
        steps = await extend_ancestors(self.source, self._paying(), anchor, down_to, on_progress=on_progress)
        return AnchorExtension(down_to, (await self.source.header(down_to)).hash, tuple(steps))

    async def revoke(self, anchor: str, signers: Signers) -> Revoked:
        """Have a quorum anchor revoke what the source has dropped. See ``smartsync.anchors.quorum`` for errors."""
        anchor = checked_address(anchor, "the anchor")
        await require_known_kind(self.target, anchor, *WITH_SIGNERS)
        return await revoke_at(self.source, self._paying(), anchor, signers)

    async def sign_set(
        self, anchor: str, signers: Sequence[str], threshold: int, accounts: Sequence[LocalAccount]
    ) -> list[SetSignature]:
        """Sign other signers of a quorum anchor, for whoever collects a quorum's signatures. Nothing is sent."""
        return await sign_set(
            self.target, checked_address(anchor, "the anchor"), _checked(signers), threshold, accounts
        )

    async def rotate(
        self,
        anchor: str,
        signers: Sequence[str],
        threshold: int,
        *,
        accounts: Sequence[LocalAccount] = (),
        signatures: Sequence[bytes] = (),
    ) -> SignerChange:
        """Schedule other signers of a quorum anchor, or put them in force. See ``smartsync.anchors.rotating``."""
        anchor = checked_address(anchor, "the anchor")
        work = rotate(self._paying(), anchor, _checked(signers), threshold, accounts=accounts, signatures=signatures)
        return await work

    async def recover_anchor(self, anchor: str, signers: Sequence[str], threshold: int, head: bytes) -> SignerChange:
        """As the guardian of a frozen quorum anchor, schedule its recovery, or put it in force."""
        anchor = checked_address(anchor, "the anchor")
        return await recover_anchor(self._paying(), anchor, _checked(signers), threshold, head)

    async def report_misbehaviour(self, anchor: str, evidence: bytes) -> MisbehaviourReport:
        """Show an anchor evidence, in the encoding that its interface documents."""
        sender, anchor = self._paying(), checked_address(anchor, "the anchor")
        kind = await kind_of(self.target, anchor)
        told = await report(sender, anchor, evidence)
        if kind is None or not kind.has_signers:
            return told
        after = await quorum_terms(self.target, anchor)
        return replace(
            told,
            signers=after.signers,
            threshold=after.threshold,
            guardian=await guardian_of(self.target, anchor),
        )

    async def report_contradiction(self, anchor: str, number: int) -> MisbehaviourReport:
        """Show a composite anchor that its members contradict each other at a number."""
        anchor = checked_address(anchor, "the anchor")
        return await self.report_misbehaviour(anchor, await contradiction_evidence(self.target, anchor, number))

    async def report_fork(self, anchor: str, header: bytes) -> MisbehaviourReport:
        """Show a BFT anchor a sealed header, in RLP, that contradicts an accepted one."""
        anchor = checked_address(anchor, "the anchor")
        return await self.report_misbehaviour(anchor, await fork_evidence(self.source, self.target, anchor, header))

    async def report_double_signing(self, anchor: str, one: object, other: object) -> MisbehaviourReport:
        """Show a quorum anchor two contradicting attestations of one signer: the documents that attestors serve."""
        anchor = checked_address(anchor, "the anchor")
        return await self.report_misbehaviour(anchor, await double_signing_evidence(self.target, anchor, one, other))


def _checked(signers: Sequence[str]) -> list[str]:
    return [checked_address(signer, "the signer") for signer in signers]
