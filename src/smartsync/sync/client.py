"""SmartSync's public face: one object for a pair of chains."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from types import TracebackType
from typing import Any

from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address

from smartsync.addresses import checked_address
from smartsync.analysis import Analysis, analyze
from smartsync.analysis.cost import empty_sync_gas
from smartsync.anchors.attestation import AttestedLevel
from smartsync.anchors.block import require_chain_id, require_same_genesis, way_in
from smartsync.anchors.collecting import RemoteSigners
from smartsync.anchors.composite import Tell
from smartsync.anchors.once import SignersOnce
from smartsync.anchors.quorum import LocalSigners, Signers
from smartsync.anchors.revoking import revoke_dropped
from smartsync.anchors.updating import require_enough_keys, require_without_signers
from smartsync.chain import Chain
from smartsync.contracts import event_topic
from smartsync.deploy import Deployed, Deployment
from smartsync.discovery.hints import NO_HINTS, Hints
from smartsync.errors import (
    BlockUnavailable,
    ConfigError,
    InvalidHeader,
    KeyUnavailable,
    ReplicaMoved,
    TransactionReverted,
    WrongChain,
)
from smartsync.failover import Failover, connect
from smartsync.header import Header
from smartsync.replica import ReplicaRecord, read_active, read_record, require_hub
from smartsync.results import (
    AnchorUpdate,
    CallComparison,
    ForkResult,
    Guard,
    Progress,
    ReplicaState,
    SyncResult,
    Verification,
)
from smartsync.submit import Sender
from smartsync.sync.anchoring import Anchoring
from smartsync.sync.blocks import accepted_header, require_not_dropped, require_reachable, require_still_canonical
from smartsync.sync.comparing import compare_call
from smartsync.sync.delegating import Delegating
from smartsync.sync.equivocations import Reporting
from smartsync.sync.forking import Fork
from smartsync.sync.guarding import deploy_guard
from smartsync.sync.halting import halt
from smartsync.sync.planning import Plan, plan_sync
from smartsync.sync.state import state_of
from smartsync.sync.submitting import Submission
from smartsync.sync.verifying import verify
from smartsync.sync.watching import Abilities, Event, Watching
from smartsync.types import SlotChange


@dataclass(frozen=True, slots=True)
class SyncPlan:
    """What a sync would write: ``changes`` in trie-key order; ``strategy`` says how the slots were found."""

    replica: str
    from_block: int
    to_block: int
    changes: tuple[SlotChange, ...]
    witness_bytes: int
    strategy: str


class SmartSync(Anchoring, Delegating):
    """A source chain, a target chain, and the hub on the target.

    Made by ``connect`` and used as an asynchronous context manager, so that connections are closed. ``account`` pays
    for transactions on the target chain; without one everything works that only reads.
    """

    def __init__(self, source: Chain, target: Chain, *, hub: str | None, account: LocalAccount | None) -> None:
        self.source = source
        self.target = target
        self.hub = None if hub is None else checked_address(hub, "the hub")
        # One for all calls: it gives each transaction its turn and its nonce.
        self._sender = None if account is None else Sender(target, account)
        self._expected: dict[str, int | None] = {}
        self._resolutions = {}

    @classmethod
    def connect(
        cls,
        source_url: str | Sequence[str],
        target_url: str | Sequence[str],
        *,
        hub: str | None = None,
        account: LocalAccount | None = None,
        timeout_s: float = 30.0,
        source_chain_id: int | None = None,
        target_chain_id: int | None = None,
    ) -> SmartSync:
        """Return a client for two nodes; nothing is sent before ``async with``.

        Parameters
        ----------
        source_url, target_url
            HTTP endpoints. Of several nodes of one chain the first is asked; another one where it does not answer, does
            not have what is asked for, or lies.
        hub
            Address of the hub on the target chain; not needed for ``deploy``.
        timeout_s
            Seconds to wait for one answer.
        source_chain_id, target_chain_id
            Where given, the nodes must be on these chains.
        """
        client = cls(
            Chain(connect(source_url, "source", timeout_s=timeout_s, chain_id=source_chain_id), "source"),
            Chain(connect(target_url, "target", timeout_s=timeout_s, chain_id=target_chain_id), "target"),
            hub=hub,
            account=account,
        )
        client._expected = {"source": source_chain_id, "target": target_chain_id}
        return client

    async def __aenter__(self) -> SmartSync:
        try:
            for chain in (self.source, self.target):
                if isinstance(chain.rpc, Failover):
                    await chain.rpc.agree()
                expected = self._expected.get(chain.role)
                if expected is not None and (actual := await chain.chain_id()) != expected:
                    raise WrongChain(chain.role, chain.rpc.host, expected, actual)
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close both connections."""
        await self.source.rpc.aclose()
        await self.target.rpc.aclose()

    # --- what sends ---

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
        fork = Fork(self.source, self.target, self._hub(), anchor, self._paying(), on_progress, hints)
        # Else it would be told of the hub's book, whose address nobody has given.
        await require_hub(self.target, self._hub())
        fork.supplying = self._supplying(anchor, on_progress)
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
            done = SyncResult(replica, record.block_number, header.number, header.hash, (), ready.steps, **ready.told())
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
        return SyncResult(
            replica, record.block_number, header.number, header.hash, changes, ready.followed_by(steps), **ready.told()
        )

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
        abilities = Abilities(partial(self.sync, replica, slots=chosen, hints=hints))
        if signers is not None or update:
            self._paying()  # a missing key is told at once, not when there is something to send

            async def have_accepted(anchor: str, tell: Tell) -> AnchorUpdate:
                return await self.update_anchor(anchor, signers=signers, tell=tell)

            abilities = replace(abilities, update=have_accepted)
        if attestors:
            given = [attestor.address for attestor in attestors]
            abilities = replace(abilities, check=partial(require_enough_keys, self.target, given=given))
        if signers is None and update:
            abilities = replace(abilities, check=partial(require_without_signers, self.target))
        if signers is not None:
            revoke = partial(revoke_dropped, self.source, self._paying(), signers=signers)
            abilities = replace(abilities, revoke=revoke)
        if isinstance(signers, RemoteSigners):
            abilities = replace(abilities, report=Reporting(self._paying(), signers).run)
        watching = Watching(self.source, self.target, hub, replica, abilities, every_blocks)
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

    # --- what only reads ---

    async def analyze(
        self,
        source: str,
        *,
        block: int | None = None,
        abi: Sequence[Mapping[str, Any]] = (),
        gas_prices_wei: Sequence[int] = (),
        on_progress: Progress | None = None,
    ) -> Analysis:
        """Return, before a fork, what of a contract will work on the target, what will not, and what it takes.

        ``block`` of the source, its newest where ``None``; ``abi`` names functions. Needs no hub. See
        ``smartsync.analysis.analyze`` for parameters and errors.
        """
        return await analyze(
            self.source,
            self.target,
            checked_address(source, "the source"),
            block=block,
            abi=abi,
            gas_prices_wei=gas_prices_wei,
            on_progress=on_progress,
        )

    async def diff(
        self,
        replica: str,
        *,
        block: int | None = None,
        slots: Iterable[bytes] | None = None,
        hints: Hints = NO_HINTS,
        on_progress: Progress | None = None,
    ) -> SyncPlan:
        """Return what a sync to a source block would write: to any block, accepted or not.

        Where ``block`` is ``None``, to the newest that the anchor accepts; what `sync` would refuse then is refused.
        """
        replica = checked_address(replica, "the replica")
        record = await self._activated(replica)
        if block is not None:
            header = await self.source.header(block)
        else:
            header = await accepted_header(self.source, self.target, record.key.anchor, None)
            if header.hash != record.block_hash or record.status != "active":
                await require_reachable(self.target, record, header)
        chosen = None if slots is None else set(slots)
        plan = await self._plan(replica, record, header, chosen, on_progress, hints)
        step = plan.transition
        return SyncPlan(replica, record.block_number, header.number, step.changes, len(step.witness), plan.strategy)

    async def status(self, replica: str) -> ReplicaState:
        """Return what hub and anchor say of a replica now."""
        return await state_of(self.source, self.target, self._hub(), checked_address(replica, "the replica"))

    async def replicas(self) -> list[str]:
        """Return the addresses of all replicas of the hub, the oldest first. ``NotDeployed`` where there is no hub."""
        await require_hub(self.target, self._hub())
        logs = await self.target.logs(self._hub(), [event_topic("Hub", "ReplicaCreated")])
        return [to_checksum_address(log.topics[1][-20:]) for log in logs]

    async def verify(self, replica: str, *, slots: Iterable[bytes] | None = None) -> Verification:
        """Check by RPC answers alone whether a replica is the source's exact image at the recorded block."""
        replica = checked_address(replica, "the replica")
        return await verify(self.source, self.target, self._hub(), replica, slots or ())

    async def call(
        self, replica: str, signature: str, args: Sequence[object] = (), *, sender: str | None = None
    ) -> CallComparison:
        """Call a view function on the source, at the recorded block, and on the replica, now.

        ``signature`` as in ``balanceOf(address)(uint256)``; ``sender`` is who calls, for views that ask.

        Raises
        ------
        SourceReorganised
            The source has dropped the recorded block, and its node does not answer for it.
        """
        replica = checked_address(replica, "the replica")
        sender = None if sender is None else checked_address(sender, "the sender")
        record = await self._activated(replica)
        try:
            return await compare_call(self.source, self.target, replica, record, signature, args, sender)
        except (BlockUnavailable, InvalidHeader) as error:
            # ganache answers for a block that it dropped with another one.
            await require_not_dropped(self.source, self.target, record, error)
            raise

    # --- parts ---

    async def _bring(self, replica: str, block: int, on_progress: Progress | None) -> SyncResult:
        return await self.sync(replica, block=block, on_progress=on_progress)

    async def _finished(self, done: SyncResult, anchor: str) -> SyncResult:
        """Return the result of a sync that had nothing to do, with what there is to do where the source is further."""
        newest = await self.source.block_number()
        if newest <= done.to_block:
            return done
        return replace(done, source_head=newest, hint=await way_in(self.target, anchor, "a newer one"))

    async def _plan(
        self,
        replica: str,
        record: ReplicaRecord,
        header: Header,
        slots: set[bytes] | None,
        on_progress: Progress | None = None,
        hints: Hints = NO_HINTS,
    ) -> Plan:
        await require_same_genesis(self.source, self.target, record.key.anchor)
        return await plan_sync(
            self.source, self.target, self._hub(), replica, record, header, slots, on_progress, hints
        )

    async def _require_unmoved(self, replica: str, record: ReplicaRecord, error: TransactionReverted) -> None:
        """Say so where the transaction reverts because somebody else was faster: then nothing is wrong."""
        moved = await read_record(self.target, self._hub(), replica)
        if (moved.storage_root, moved.block_hash) != (record.storage_root, record.block_hash):
            raise ReplicaMoved(
                f"somebody else brought the replica from block {record.block_number} to {moved.block_number} meanwhile",
                hint="nothing was written twice; sync again where a newer block is wanted",
            ) from error

    async def _activated(self, replica: str) -> ReplicaRecord:
        """Return the record of a replica that has been activated, and whose source's chain the source node is on."""
        record = await read_active(self.target, self._hub(), replica)
        await require_chain_id(self.source, record.key.source_chain_id)
        return record

    def _hub(self) -> str:
        if self.hub is None:
            raise ConfigError("no hub is given", hint="set hub in the configuration, or deploy one: smartsync deploy")
        return self.hub

    def _paying(self) -> Sender:
        if self._sender is None:
            raise KeyUnavailable(
                "no key to send transactions with", hint="give --keystore FILE or SMARTSYNC_PRIVATE_KEY"
            )
        return self._sender
