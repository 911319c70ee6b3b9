"""What the public operations return: frozen values, ready to be shown or written as JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from smartsync.types import SlotChange

Progress: TypeAlias = Callable[[str, int, int], None]
"""Told ``(phase, done, total)`` while long work goes on; ``total`` is 0 where it is not known."""


@dataclass(frozen=True, slots=True)
class Step:
    """One transaction on the target chain: ``calldata_bytes`` its length, ``gas_used`` as in the receipt."""

    what: str
    tx_hash: str
    gas_used: int
    calldata_bytes: int


@dataclass(frozen=True, slots=True)
class ForkResult:
    """A replica that was created, or carried on with, until it was active.

    ``block_number`` and ``block_hash`` (32 bytes) are the source block it mirrors, ``slots`` how many slots it has, or
    ``None`` where it was active already and nothing was done.
    """

    replica: str
    source: str
    block_number: int
    block_hash: bytes
    slots: int | None
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class SyncResult:
    """A replica that was brought to a source block. ``steps`` is empty where it stood there already."""

    replica: str
    from_block: int
    to_block: int
    block_hash: bytes
    changes: tuple[SlotChange, ...]
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class ReplicaState:
    """What the hub and the anchor say of a replica now.

    ``status`` is one of ``filling``, ``active``, ``source_destroyed``, ``source_code_changed``; ``level`` one of
    ``unknown``, ``pending``, ``safe``, ``final``, ``revoked``; ``anchor_status`` one of ``active``, ``paused``,
    ``expired``, ``frozen``. ``halt_block`` is the source block at which its end was proven, ``source_timestamp`` in
    seconds on the source's clock, ``accepted_block`` the newest block that the anchor accepts, ``source_head`` the
    source's newest; ``None`` where there is none, or it is not known.
    """

    replica: str
    status: str
    source_chain_id: int
    source: str
    anchor: str
    creator: str
    logic: str
    block_number: int
    block_hash: bytes
    source_timestamp: int
    storage_root: bytes
    code_hash: bytes
    halt_block: int | None
    level: str
    anchor_status: str
    accepted_block: int | None
    source_head: int | None


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was compared or probed; ``detail`` says what was found."""

    name: str
    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Verification:
    """Whether a replica is exact, by RPC answers only, each checked against a header hash."""

    replica: str
    block_number: int
    exact: bool
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class CallOutcome:
    """What a view call gave: ``values`` decoded where ``ok``, else ``error`` with the revert reason."""

    ok: bool
    values: tuple[object, ...]
    error: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class CallComparison:
    """The same call on the source at the replica's recorded block and on the replica now."""

    signature: str
    block_number: int
    source: CallOutcome
    replica: CallOutcome

    @property
    def agree(self) -> bool:
        """Whether both gave the same bytes in the same way."""
        return self.source.ok == self.replica.ok and self.source.raw == self.replica.raw


@dataclass(frozen=True, slots=True)
class NodeReport:
    """What ``doctor`` found about one node. ``role`` is ``source`` or ``target``."""

    role: str
    host: str
    client: str
    chain_id: int
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether everything needed works."""
        return all(check.ok for check in self.checks)
