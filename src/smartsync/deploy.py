"""Deployment on a target chain: one engine and one hub for all, and an anchor for each source chain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from smartsync.contracts import encode_deployment
from smartsync.errors import ConfigError
from smartsync.results import Progress, Step
from smartsync.submit import Sender, step_of
from smartsync.views import call_view


@dataclass(frozen=True, slots=True)
class Deployed:
    """Addresses on the target chain, and the transactions that made them."""

    engine: str
    hub: str
    anchor: str
    steps: tuple[Step, ...]


async def deploy(
    sender: Sender,
    *,
    source_chain_id: int,
    source_genesis_hash: bytes,
    signers: Sequence[str],
    threshold: int,
    max_drift_s: int,
    hub: str | None = None,
    on_progress: Progress | None = None,
) -> Deployed:
    """Deploy engine, hub and a quorum anchor; only the anchor where a hub is given.

    Parameters
    ----------
    source_genesis_hash
        32 bytes: tells apart chains that share a chain id.
    signers, threshold
        Who attests to source blocks, and how many must agree: more than half of them.
    max_drift_s
        Seconds that a source block's time may be ahead of the target's clock.
    hub
        A hub that is there already: one serves all source chains.

    Raises
    ------
    ConfigError
        Signers or threshold do not make a quorum.
    NotDeployed
        There is no hub at the address given.
    """
    ordered = sorted(set(signers), key=lambda address: int(address, 16))
    if not ordered or len(ordered) != len(signers):
        raise ConfigError("the anchor needs signers, each once", hint="give --signer ADDRESS for each of them")
    if not len(ordered) < 2 * threshold <= 2 * len(ordered):
        raise ConfigError(
            f"{threshold} of {len(ordered)} is not a quorum",
            hint=f"give a --threshold from {len(ordered) // 2 + 1} to {len(ordered)}",
        )
    steps: list[Step] = []
    total = 3 if hub is None else 1

    async def create(name: str, arguments: Sequence[object]) -> str:
        what = f"deploy {name}"
        if on_progress:
            on_progress(what, len(steps), total)
        receipt = await sender.send(None, encode_deployment(name, arguments), what=what)
        steps.append(step_of(what, receipt))
        return receipt.contract_address or ""

    if hub is None:
        engine = await create("TransitionEngine", [])
        hub = await create("Hub", [engine])
    else:
        (engine,) = await call_view(sender.chain, "Hub", hub, "engine")
    anchor = await create("QuorumAnchor", [source_chain_id, source_genesis_hash, ordered, threshold, max_drift_s])
    if on_progress:
        on_progress("deployed", total, total)
    return Deployed(engine, hub, anchor, tuple(steps))
