"""What `SmartSync` tells of contracts and replicas. Nothing is sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eth_utils.address import to_checksum_address

from smartsync.addresses import checked_address
from smartsync.analysis import Analysis, analyze
from smartsync.anchors.block import require_same_genesis
from smartsync.contracts import event_topic
from smartsync.discovery.hints import NO_HINTS, Hints
from smartsync.errors import BlockUnavailable, InvalidHeader
from smartsync.header import Header
from smartsync.replica import ReplicaRecord, require_hub
from smartsync.results import CallComparison, Progress, ReplicaState, Verification
from smartsync.sync.blocks import accepted_header, require_not_dropped, require_reachable
from smartsync.sync.comparing import compare_call
from smartsync.sync.connection import Connection
from smartsync.sync.planning import Plan, plan_sync
from smartsync.sync.state import state_of
from smartsync.sync.verifying import verify
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


class Reading(Connection):
    """A source chain, a target chain, and what can be seen there without a key."""

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
