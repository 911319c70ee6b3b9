"""SmartSync's public face: one object for a pair of chains. Here is what sends; what it tells is in `sync.reading`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial

from eth_account.signers.local import LocalAccount

from smartsync.addresses import checked_address
from smartsync.analysis.cost import empty_sync_gas
from smartsync.anchors.attestation import AttestedLevel
from smartsync.anchors.block import way_in
from smartsync.anchors.once import SignersOnce
from smartsync.anchors.quorum import LocalSigners, Signers
from smartsync.anchors.updating import require_enough_keys
from smartsync.deploy import Deployed, Deployment
from smartsync.discovery.hints import NO_HINTS, Hints
from smartsync.errors import ReplicaMoved, TransactionReverted
from smartsync.replica import ReplicaRecord, read_active, read_record, require_hub
from smartsync.results import ForkResult, Guard, Progress, SyncResult
from smartsync.sync.anchoring import Anchoring
from smartsync.sync.blocks import accepted_header, require_reachable, require_still_canonical
from smartsync.sync.care import Care, care_by
from smartsync.sync.delegating import Delegating
from smartsync.sync.forking import Fork
from smartsync.sync.guarding import deploy_guard
from smartsync.sync.halting import halt
from smartsync.sync.reading import Reading
from smartsync.sync.submitting import Submission
from smartsync.sync.watching import Event, Watching


class SmartSync(Reading, Anchoring, Delegating):
    """A source chain, a target chain, and the hub on the target.

    Made by ``connect`` and used as an asynchronous context manager, so that connections are closed. ``account`` pays
    for transactions on the target chain; without one everything works that only reads.
    """

    async def deploy(
        self,
        *,
        signers: Sequence[str],
        threshold: int,
        max_drift_s: int = 900,
        delay_s: int = 2 * 86_400,
        guardian: str | None = None,
        anchor_only: bool = False,
        on_progress: Progress | None = None,
    ) -> Deployed:
        """Deploy hub and a quorum anchor for the source on the target chain, and use this hub from now on.

        With ``anchor_only`` the hub is the one that there is: for another source chain, or other signers.
        See ``smartsync.deploy.Deployment.run`` for parameters and errors.
        """
        deployment = Deployment(self._paying(), on_progress, self._hub() if anchor_only else None)
        try:
            return await deployment.run(
                source_chain_id=await self.source.chain_id(),
                source_genesis_hash=await self.source.genesis_hash(),
                signers=[checked_address(signer, "the signer") for signer in signers],
                threshold=threshold,
                max_drift_s=max_drift_s,
                delay_s=delay_s,
                guardian=None if guardian is None else checked_address(guardian, "the guardian"),
            )
        finally:
            # Also where the anchor failed: the hub stands, and the next try goes on with it.
            self.hub = deployment.hub or self.hub

    async def fork(
        self,
        source: str,
        *,
        anchor: str,
        block: int | None = None,
        slots: Iterable[bytes] | None = None,
        hints: Hints = NO_HINTS,
        on_progress: Progress | None = None,
    ) -> ForkResult:
        """Create a replica of a contract, or carry on with one that was interrupted, until it is active.

        Parameters
        ----------
        source
            The contract on the source chain.
        anchor
            The anchor that decides over its blocks, for life.
        block
            Source block to mirror first; the newest that the anchor accepts where ``None``.
        slots
            All slots of the contract that are not zero, 32 bytes each; found by asking the node where ``None``.
        hints
            What you know of the contract, by which slots are found that the node cannot tell: `smartsync.read_hints`.

        Of a proxy the replica delegates to a proven copy of the implementation, which is supplied too; a beacon is
        replicated as well.

        Raises
        ------
        SourceIsProxy
            It is a proxy that cannot be replicated; tells why.
        """
        anchor = checked_address(anchor, "the anchor")
        hub, sender = self._hub(), self._paying()
        # Else it would be told of the hub's book, whose address nobody has given.
        await require_hub(self.target, hub)
        supplying = self._supplying(anchor, on_progress)
        fork = Fork(self.source, self.target, hub, anchor, sender, on_progress, hints, supplying=supplying)
        return await fork.run(checked_address(source, "the source"), block, None if slots is None else set(slots))

    async def sync(
        self,
        replica: str,
        *,
        block: int | None = None,
        slots: Iterable[bytes] | None = None,
        hints: Hints = NO_HINTS,
        on_progress: Progress | None = None,
    ) -> SyncResult:
        """Bring a replica to a source block that its anchor accepts: the newest where ``None``.

        ``slots`` are the slots that may have changed, 32 bytes each; found by asking the node where ``None``, and by
        ``hints``, as in `fork`. Nothing is sent where the replica stands at that block already; the result says where
        the source is further.

        What is too large for one transaction is proven in parts, and lands at once by a last one. After an interruption
        the same call skips the parts that are proven; without a ``block`` it finishes what was begun, although a newer
        block may be accepted by then.

        Where the source is a proxy, the implementation that it has at that block is supplied first, and a beacon's
        replica brought there; so an upgrade leaves no moment at which the replica cannot be read. What cannot be copied
        does not keep the replica from going on: the result tells that reads are refused, and why.

        Raises
        ------
        TransitionTooLarge
            Not even in parts: it has more writes than one transaction can perform. Nothing is sent.
        ReplicaMoved
            Somebody else was faster.
        """
        sender = self._paying()
        replica = checked_address(replica, "the replica")
        chosen = None if slots is None else set(slots)
        record = await self._activated(replica)
        header = await accepted_header(self.source, self.target, record.key.anchor, block)
        if header.hash == record.block_hash and record.status == "active":
            ready = await self._make_ready(replica, record, header, on_progress)
            ready = await self._told(replica, record, ready)
            done = ready.told_in(SyncResult(replica, record.block_number, header.number, header.hash, (), ready.steps))
            return done if block is not None else await self._finished(done, record.key.anchor)
        await require_reachable(self.target, record, header)
        # Planning may take long: an account that has nothing is told of before.
        await sender.require_funds(empty_sync_gas(0), "the sync")
        if on_progress:
            on_progress("plan", 0, 0)
        plan = await self._plan(replica, record, header, chosen, on_progress, hints)
        await require_still_canonical(self.source, header)
        submission = Submission(self.source, sender, self._hub(), replica, chosen, on_progress, hints)
        await submission.require_funds(plan)
        ready = await self._make_ready(replica, record, header, on_progress)
        try:
            sent, steps = await submission.run(plan, may_resume=block is None)
        except TransactionReverted as error:
            await self._require_unmoved(replica, record, error)
            raise
        header, changes = sent.header, sent.transition.changes
        ready = await self._told(replica, record, ready)
        all_steps = ready.followed_by(steps)
        return ready.told_in(SyncResult(replica, record.block_number, header.number, header.hash, changes, all_steps))

    async def watch(
        self,
        replica: str,
        *,
        interval_s: float = 12.0,
        every_blocks: int = 1,
        attestors: Sequence[LocalAccount] = (),
        signers: Signers | None = None,
        update: bool = False,
        slots: Iterable[bytes] | None = None,
        hints: Hints = NO_HINTS,
    ) -> AsyncIterator[Event]:
        """Keep a replica in sync until cancelled, through forks of both chains, and yield what happens.

        A block that the source has dropped is left for the newest that is accepted and canonical, also of a lower
        number, as soon as the anchor lets it. An error among the events is one that a later try may not meet; what
        stays as it is is told once.

        Parameters
        ----------
        interval_s
            Seconds between two looks at the chains.
        every_blocks
            Sync only when this many source blocks have passed since the recorded one.
        attestors
            Keys of the anchor's signers, who then attest the source's newest block first, and revoke what the source
            has dropped. Warning: they remember what they signed only as long as this runs; for a source that
            reorganises often, run attestors (`smartsync attestor`).
        signers
            Instead of ``attestors``: where signatures come from. Who is seen to have signed two hashes of one number is
            reported to the anchor.
        update
            Have the source's newest block accepted first, by an anchor that needs no signatures.

        Raises
        ------
        AnchorMismatch
            With ``update`` alone, of an anchor that takes blocks by the word of signers only. With ``attestors`` who
            are too few of its signers: TooFewKeys.
        SmartSyncError
            One that no later try can mend.
        """
        chosen = None if slots is None else set(slots)
        replica, hub = checked_address(replica, "the replica"), self._hub()
        if signers is None and attestors:
            signers = SignersOnce(LocalSigners(attestors), self.target)
        care = Care()
        if signers is not None or update:
            # A missing key is told at once, not when there is something to send.
            care = care_by(self, self._paying(), signers=signers, update=update)
        if attestors:
            given = [attestor.address for attestor in attestors]
            care = replace(care, check=partial(require_enough_keys, self.target, given=given))
        sync = partial(self.sync, replica, slots=chosen, hints=hints)
        with self._remembering(replica) as attempts:
            watching = Watching(self.source, self.target, hub, replica, sync, care, attempts.news, every_blocks)
            async with aclosing(watching.run(interval_s)) as events:
                async for event in events:
                    yield event

    async def halt(self, replica: str, *, block: int | None = None) -> SyncResult:
        """Record on chain that the source was destroyed or has other code at an accepted block.

        The replica keeps its state, and ``status`` tells. ``sync`` with a ``block`` from before the end still works,
        and the end stays recorded. Should the source come back with the same code, it syncs again.
        """
        replica = checked_address(replica, "the replica")
        record = await self._activated(replica)
        header = await accepted_header(self.source, self.target, record.key.anchor, block)
        return await halt(self.source, self._paying(), self._hub(), replica, record, header)

    async def guard(self, replica: str, *, max_age_s: int, level: AttestedLevel = "final") -> Guard:
        """Deploy a guard for readers that cannot be changed: it answers as the replica does, while that is fresh.

        ``max_age_s`` seconds that the mirrored block may be old by the target's clock, ``level`` the lowest that will
        do. See ``smartsync.sync.guarding.deploy_guard`` for errors.
        """
        replica = checked_address(replica, "the replica")
        await read_active(self.target, self._hub(), replica)
        return await deploy_guard(self._paying(), self._hub(), replica, max_age_s, level)

    # --- parts ---

    async def _bring(self, replica: str, block: int, on_progress: Progress | None) -> SyncResult:
        return await self.sync(replica, block=block, on_progress=on_progress)

    async def _finished(self, done: SyncResult, anchor: str) -> SyncResult:
        """Return the result of a sync that had nothing to do, with what there is to do where the source is further."""
        newest = await self.source.block_number()
        if newest <= done.to_block:
            return done
        return replace(done, source_head=newest, hint=await way_in(self.target, anchor, "a newer one"))

    async def _require_unmoved(self, replica: str, record: ReplicaRecord, error: TransactionReverted) -> None:
        """Say so where the transaction reverts because somebody else was faster: then nothing is wrong."""
        moved = await read_record(self.target, self._hub(), replica)
        if (moved.storage_root, moved.block_hash) != (record.storage_root, record.block_hash):
            raise ReplicaMoved(
                f"somebody else brought the replica from block {record.block_number} to {moved.block_number} meanwhile",
                hint="nothing was written twice; sync again where a newer block is wanted",
            ) from error
