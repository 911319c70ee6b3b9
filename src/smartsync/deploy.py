"""Deployment on a target chain: one hub for all, and an anchor for each source chain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from smartsync.contracts import encode_deployment
from smartsync.errors import ConfigError, NodeError, SmartSyncError
from smartsync.results import Progress, Step
from smartsync.submit import Sender, step_of
from smartsync.views import call_view

MAX_SIGNERS = 255
"""Signers that a ``QuorumAnchor`` takes."""


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

        Raises
        ------
        ConfigError
            Signers or threshold do not make a quorum. Nothing is sent.
        NotDeployed
            There is no hub at the address given.
        SmartSyncError
            A transaction failed. Where the hub stands by then, the hint tells its address and how to go on.
        """
        ordered = _quorum(signers, threshold)
        total = 2 if self.hub is None else 1
        if self.hub is None:
            self.hub = await self._create("Hub", [], total)
        else:
            # Any question that a hub answers without a replica.
            await call_view(self.sender.chain, "Hub", self.hub, "logicHashOf", [b""])
        try:
            arguments = [source_chain_id, source_genesis_hash, ordered, threshold, max_drift_s]
            anchor = await self._create("QuorumAnchor", arguments, total)
        except SmartSyncError as error:
            if self.steps:
                error.hint += f"; the hub stands at {self.hub}: go on with --hub {self.hub} --anchor-only"
            raise
        if self.on_progress:
            self.on_progress("deployed", total, total)
        return Deployed(self.hub, anchor, tuple(self.steps))

    async def _create(self, name: str, arguments: Sequence[object], total: int) -> str:
        what = f"deploy {name}"
        if self.on_progress:
            self.on_progress(what, len(self.steps), total)
        receipt = await self.sender.send(None, encode_deployment(name, arguments), what=what)
        if receipt.contract_address is None:
            raise NodeError(f"{self.sender.chain.rpc.host} tells no address in the receipt of {what}")
        self.steps.append(step_of(what, receipt))
        return receipt.contract_address


def _quorum(signers: Sequence[str], threshold: int) -> list[str]:
    """Return the signers in the order that the contract wants."""
    ordered = sorted(set(signers), key=lambda address: int(address, 16))
    if not ordered or len(ordered) != len(signers):
        raise ConfigError("the anchor needs signers, each once", hint="give --signer ADDRESS for each of them")
    if int(ordered[0], 16) == 0:
        raise ConfigError("the zero address cannot sign", hint="check the --signer addresses")
    if len(ordered) > MAX_SIGNERS:
        raise ConfigError(
            f"{len(ordered)} signers are too many, an anchor takes at most {MAX_SIGNERS}", hint="name fewer signers"
        )
    if not len(ordered) < 2 * threshold <= 2 * len(ordered):
        raise ConfigError(
            f"{threshold} of {len(ordered)} is not a quorum",
            hint=f"give a --threshold from {len(ordered) // 2 + 1} to {len(ordered)}",
        )
    return ordered
