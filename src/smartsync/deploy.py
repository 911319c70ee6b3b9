"""Deployment on a target chain: one hub for all, and an anchor for each source chain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from smartsync.anchors.deploying import QuorumCharter
from smartsync.contracts import encode_deployment
from smartsync.errors import SmartSyncError
from smartsync.replica import require_hub
from smartsync.results import Progress, Step
from smartsync.submit import Sender, create


@dataclass(frozen=True, slots=True)
class Deployed:
    """Addresses on the target chain, and the transactions that made them."""

    hub: str
    anchor: str
    steps: tuple[Step, ...]


@dataclass(slots=True)
class Deployment:
    """A deployment in the making. ``hub`` is one that is there already, or ``None`` for a new one."""

    sender: Sender
    on_progress: Progress | None = None
    hub: str | None = None
    steps: list[Step] = field(default_factory=list)

    async def run(
        self,
        *,
        source_chain_id: int,
        source_genesis_hash: bytes,
        signers: Sequence[str],
        threshold: int,
        max_drift_s: int,
        delay_s: int,
        guardian: str | None = None,
    ) -> Deployed:
        """Deploy a hub where there is none, and a quorum anchor.

        Parameters
        ----------
        source_genesis_hash
            32 bytes: tells apart chains that share a chain id.
        signers, threshold
            Who attests to source blocks, and how many must agree: more than half of them.
        max_drift_s
            Seconds that a source block's time may be ahead of the target's clock.
        delay_s
            Seconds until new signers are in force.
        guardian
            Who may name new signers while the anchor is frozen; nobody where ``None``.

        Raises
        ------
        ConfigError
            Signers or threshold do not make a quorum. Nothing is sent.
        InsufficientFunds
            The account cannot pay for hub and anchor. Nothing is sent.
        NotDeployed
            There is no hub at the address given.
        SmartSyncError
            A transaction failed. Where the hub stands by then, the hint tells its address and how to go on.
        """
        charter = QuorumCharter(signers, threshold, max_drift_s, delay_s, guardian)
        arguments = charter.of(source_chain_id, source_genesis_hash)
        total = 2 if self.hub is None else 1
        if self.hub is None:
            await self._require_funds(charter.contract, arguments)
            self.hub = await self._create("Hub", [], total)
        else:
            await require_hub(self.sender.chain, self.hub)
        try:
            anchor = await self._create(charter.contract, arguments, total)
        except SmartSyncError as error:
            if self.steps:
                stands = f"the hub stands already: add --hub {self.hub} --anchor-only, and no second one is paid for"
                error.hint = "; ".join(filter(None, (error.hint, stands)))
            raise
        if self.on_progress:
            self.on_progress("deployed", total, total)
        return Deployed(self.hub, anchor, tuple(self.steps))

    async def _require_funds(self, anchor: str, arguments: Sequence[object]) -> None:
        """Check that hub and anchor can both be paid for: a hub alone is of no use."""
        hub_gas = await self.sender.estimate(None, encode_deployment("Hub", []))
        anchor_gas = await self.sender.estimate(None, encode_deployment(anchor, arguments))
        # With the hub paid the anchor is refused unless a fifth more gas could be paid at a doubled base fee.
        await self.sender.require_funds(hub_gas + anchor_gas * 12 // 5, "the deployment")

    async def _create(self, name: str, arguments: Sequence[object], total: int) -> str:
        if self.on_progress:
            self.on_progress(f"deploy {name}", len(self.steps), total)
        address, step = await create(self.sender, name, arguments)
        self.steps.append(step)
        return address
