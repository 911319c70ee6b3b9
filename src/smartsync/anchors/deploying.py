"""Deployment of an anchor of any kind. What its constructor takes is checked here first, before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from smartsync.addresses import ZERO_ADDRESS, as_number
from smartsync.anchors.bft import is_sealed_by
from smartsync.anchors.block import require_same_source
from smartsync.anchors.native import L1_BLOCK, l1_block
from smartsync.bft import Protocol as BftProtocol
from smartsync.bft import read_extra
from smartsync.chain import Block, Chain
from smartsync.errors import BlockUnavailable, ConfigError, InvalidHeader, NotDeployed, SmartSyncError
from smartsync.header import Header
from smartsync.results import DeployedAnchor
from smartsync.submit import Sender, create

MAX_SIGNERS = 255
"""Signers that a ``QuorumAnchor`` takes."""

MAX_VALIDATORS = 255
"""Validators that a BFT anchor takes."""

MAX_SECONDS = 2**32
"""For periods and delays, 136 years. Much longer ones would overflow where the contracts add them to the time."""


class Charter(Protocol):
    """What an anchor is to be: which contract, and how."""

    @property
    def contract(self) -> str:
        """Name of the artifact."""

    async def arguments(self, source: Chain, target: Chain) -> list[object]:
        """Return what the constructor takes, checked. Raises ``ConfigError``, or what its own check says."""


@dataclass(frozen=True, slots=True)
class QuorumCharter:
    """``threshold`` of the ``signers`` attest. See `smartsync.anchors.quorum`.

    ``max_drift_s`` seconds that a block's time may be ahead of the target's clock; ``delay_s`` until new signers are in
    force; ``guardian`` names new ones while the anchor is frozen, nobody where ``None``.
    """

    contract: ClassVar[str] = "QuorumAnchor"

    signers: Sequence[str]
    threshold: int
    max_drift_s: int = 900
    delay_s: int = 2 * 86_400
    guardian: str | None = None

    async def arguments(self, source: Chain, target: Chain) -> list[object]:
        """Return what the constructor takes."""
        return self.of(await source.chain_id(), await source.genesis_hash())

    def of(self, source_chain_id: int, source_genesis_hash: bytes) -> list[object]:
        """Return what the constructor takes for a source of which this is known."""
        ordered = ordered_quorum(self.signers, self.threshold)
        _require_seconds("--max-drift", self.max_drift_s)
        _require_seconds("--delay", self.delay_s)
        guardian = self.guardian or ZERO_ADDRESS
        return [source_chain_id, source_genesis_hash, ordered, self.threshold, self.max_drift_s, self.delay_s, guardian]


@dataclass(frozen=True, slots=True)
class BlockhashCharter:
    """The target's own chain. See `smartsync.anchors.native`."""

    contract: ClassVar[str] = "BlockhashAnchor"

    async def arguments(self, source: Chain, target: Chain) -> list[object]:
        """Return what the constructor takes."""
        chain_ids = await source.chain_id(), await target.chain_id()
        genesis_hashes = await source.genesis_hash(), await target.genesis_hash()
        if len(set(chain_ids)) > 1 or len(set(genesis_hashes)) > 1:
            raise ConfigError(
                f"a blockhash anchor is for replicas on the source's own chain: the source is chain {chain_ids[0]}, "
                f"the target chain {chain_ids[1]}",
                hint="give both nodes of one chain, or take another kind of anchor",
            )
        return [genesis_hashes[0]]


@dataclass(frozen=True, slots=True)
class L1BlockCharter:
    """The L1 of the rollup that is the target. See `smartsync.anchors.native`."""

    contract: ClassVar[str] = "L1BlockAnchor"

    async def arguments(self, source: Chain, target: Chain) -> list[object]:
        """Return what the constructor takes."""
        if not await target.code(L1_BLOCK):
            raise ConfigError(
                f"the target chain has no L1Block predeploy at {L1_BLOCK}: it is no OP-stack rollup",
                hint="check the target url, or take another kind of anchor",
            )
        number, block_hash = await l1_block(target)
        try:
            await source.header(block_hash)
        except BlockUnavailable as error:
            raise ConfigError(
                f"the source's node does not know 0x{block_hash.hex()}, which the rollup calls its L1's block {number}",
                hint="give a node of the rollup's L1 as the source, and one that is in sync",
            ) from error
        return [await source.chain_id(), await source.genesis_hash()]


@dataclass(frozen=True, slots=True)
class BftCharter:
    """A chain of QBFT or IBFT 2.0. See `smartsync.anchors.bft`.

    ``checkpoint`` is the block whose validators are trusted as they are: number, 32-byte hash or word;
    ``trusting_period_s`` how many seconds after a header its validators are; ``max_drift_s`` seconds that a block's
    time may be ahead of the target's clock.
    """

    protocol: BftProtocol
    checkpoint: Block = "latest"
    trusting_period_s: int = 14 * 86_400
    max_drift_s: int = 900

    @property
    def contract(self) -> str:
        """Name of the artifact."""
        return "QbftAnchor" if self.protocol == "qbft" else "Ibft2Anchor"

    async def arguments(self, source: Chain, target: Chain) -> list[object]:
        """Return what the constructor takes."""
        _require_seconds("--trusting-period", self.trusting_period_s, least=1)
        _require_seconds("--max-drift", self.max_drift_s)
        header = await source.header(self.checkpoint)
        newest = await source.header("latest")
        self._require_protocol(header)
        self._require_protocol(newest)
        _require_validators(header)
        now = (await target.header("latest")).timestamp
        if now > header.timestamp + self.trusting_period_s:
            raise ConfigError(
                f"the checkpoint, block {header.number}, is {now - header.timestamp} s old on the target's clock, more "
                f"than the trusting period of {self.trusting_period_s} s: the anchor would be born expired",
                hint="take a newer --checkpoint, or a longer --trusting-period",
            )
        identity = [await source.chain_id(), await source.genesis_hash()]
        return [*identity, header.hash, self.trusting_period_s, self.max_drift_s]

    def _require_protocol(self, header: Header) -> None:
        if not is_sealed_by(self.protocol, header):
            found = "not of a BFT chain" if header.hash_rule == "keccak" else f"of {header.hash_rule}"
            raise ConfigError(
                f"the source's block {header.number} is {found}, the anchor is for {self.protocol}",
                hint="check the source url, or take another kind of anchor",
            )


@dataclass(frozen=True, slots=True)
class KofNCharter:
    """``threshold`` of the ``members`` accept a block. See `smartsync.anchors.composite`."""

    contract: ClassVar[str] = "KofNAnchor"

    members: Sequence[str]
    threshold: int

    async def arguments(self, source: Chain, target: Chain) -> list[object]:
        """Return what the constructor takes."""
        await _require_members(source, target, dict.fromkeys(self.members, "--member"), len(self.members))
        if not 1 <= self.threshold <= len(self.members):
            raise ConfigError(
                f"--threshold: {self.threshold} of {len(self.members)} members cannot be asked for",
                hint=_threshold_hint(1, len(self.members)),
            )
        return [list(self.members), self.threshold]


@dataclass(frozen=True, slots=True)
class VetoCharter:
    """What ``primary`` accepts, unless one of the ``watchers`` contradicts it within ``delay_s`` seconds.

    ``max_drift_s`` seconds that a block's time may be ahead of the target's clock; the delay has to be longer.
    """

    contract: ClassVar[str] = "VetoAnchor"

    primary: str
    watchers: Sequence[str]
    delay_s: int
    max_drift_s: int = 900

    async def arguments(self, source: Chain, target: Chain) -> list[object]:
        """Return what the constructor takes."""
        if not self.watchers:
            raise ConfigError("a veto anchor needs somebody to watch", hint="give --watcher ADDRESS, at least once")
        _require_seconds("--max-drift", self.max_drift_s)
        above = f", more than --max-drift, which is {self.max_drift_s}"
        _require_seconds("--delay", self.delay_s, least=self.max_drift_s + 1, why=above)
        members = [self.primary, *self.watchers]
        options = dict.fromkeys(self.watchers, "--watcher") | {self.primary: "--primary"}
        await _require_members(source, target, options, len(members))
        return [members, self.delay_s, self.max_drift_s]


async def deploy_anchor(source: Chain, sender: Sender, charter: Charter) -> DeployedAnchor:
    """Deploy an anchor for the source's chain on the target.

    Raises
    ------
    ConfigError
        The charter does not fit together, or not the chains. Nothing is sent.
    NotDeployed, WrongChain, AnchorMismatch
        A member is no anchor, or one of another chain. Nothing is sent.
    """
    arguments = await charter.arguments(source, sender.chain)
    address, step = await create(sender, charter.contract, arguments)
    return DeployedAnchor(charter.contract, address, (step,))


def ordered_quorum(signers: Sequence[str], threshold: int) -> list[str]:
    """Return the signers in the order that the contract wants.

    Raises
    ------
    ConfigError
        Signers and threshold do not make a quorum.
    """
    ordered = sorted(set(signers), key=as_number)
    if not ordered or len(ordered) != len(signers):
        raise ConfigError("the anchor needs signers, each once", hint="give --signer ADDRESS for each of them")
    if as_number(ordered[0]) == 0:
        raise ConfigError("the zero address cannot sign", hint="check the --signer addresses")
    if len(ordered) > MAX_SIGNERS:
        raise ConfigError(
            f"{len(ordered)} signers are too many, an anchor takes at most {MAX_SIGNERS}", hint="name fewer signers"
        )
    if not len(ordered) < 2 * threshold <= 2 * len(ordered):
        raise ConfigError(
            f"--threshold: {threshold} of {len(ordered)} is not a quorum",
            hint=_threshold_hint(len(ordered) // 2 + 1, len(ordered)),
        )
    return ordered


def _threshold_hint(least: int, most: int) -> str:
    return f"give --threshold {most}" if least == most else f"give a --threshold from {least} to {most}"


def _require_seconds(option: str, value: int, *, least: int = 0, why: str = "") -> None:
    if not least <= value < MAX_SECONDS:
        raise ConfigError(
            f"{option}: {value} seconds is out of range",
            hint=f"give a number of seconds from {least} to {MAX_SECONDS - 1}{why}",
        )


def _require_validators(checkpoint: Header) -> None:
    try:
        validators = read_extra(checkpoint.extra_data).validators
    except InvalidHeader as error:
        raise ConfigError(
            f"block {checkpoint.number} cannot be a checkpoint: {error.message}",
            hint="check the source url, or take another --checkpoint",
        ) from error
    if not validators:
        raise ConfigError(
            f"block {checkpoint.number} lists no validators: a contract names them, which is not supported",
            hint="take a quorum anchor's kind of trust for this chain, or have its validators voted for",
        )
    if len(validators) > MAX_VALIDATORS or list(validators) != sorted(set(validators)):
        raise ConfigError(
            f"block {checkpoint.number} lists {len(validators)} validators, or lists them in no order",
            hint=f"an anchor takes up to {MAX_VALIDATORS}, in the order of their addresses",
        )


async def _require_members(source: Chain, target: Chain, options: Mapping[str, str], count: int) -> None:
    """Check the members, each given with the option that named it; ``count`` is how many were named."""
    if not options or len(options) != count:
        raise ConfigError("the anchor needs members, each once", hint="name each of them by one option")
    for member, option in options.items():
        try:
            await require_same_source(source, target, member)
        except NotDeployed as error:
            error.hint = (
                f"{option} takes the address of an anchor that stands: deploy it first, smartsync anchor deploy"
            )
            raise
        except SmartSyncError as error:
            error.hint = f"{option} {member} cannot be taken: check its address and the source url"
            raise
