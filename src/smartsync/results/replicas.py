"""What operations on replicas return."""

from __future__ import annotations

from dataclasses import dataclass

from smartsync.results.checks import Check
from smartsync.results.steps import Step
from smartsync.types import SlotChange


@dataclass(frozen=True, slots=True)
class ForkResult:
    """A replica that was created, or carried on with, until it was active.

    ``block_number`` and ``block_hash`` (32 bytes) are the source block it mirrors, ``slots`` how many slots it has, or
    ``None`` where it was active already and nothing was done. ``implementation`` is what a proxy delegates to, on the
    source chain.
    """

    replica: str
    source: str
    block_number: int
    block_hash: bytes
    slots: int | None
    steps: tuple[Step, ...]
    implementation: str | None = None


@dataclass(frozen=True, slots=True)
class SyncResult:
    """A replica that was brought to a source block. ``steps`` is empty where it stood there already.

    Where it did although the source is further, ``source_head`` is the source's newest block, and ``hint`` says how a
    newer one comes to be accepted; else ``None`` and empty. Of a proxy: ``implementation`` is what it delegates to at
    that block, on the source chain, and ``unreadable`` says why reads are refused, or answered by something else than
    the source's code; empty where neither is so.
    """

    replica: str
    from_block: int
    to_block: int
    block_hash: bytes
    changes: tuple[SlotChange, ...]
    steps: tuple[Step, ...]
    source_head: int | None = None
    hint: str = ""
    implementation: str | None = None
    unreadable: str = ""


@dataclass(frozen=True, slots=True)
class Supplied:
    """What a proxy's replica delegates to. ``steps`` is empty where all was there already.

    ``implementation`` is an address on the source chain, ``copy`` the one of its proven copy on the target chain.
    """

    replica: str
    kind: str
    implementation: str
    copy: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Recovered:
    """A replica that stood at a block which the source has dropped, and is exact again at one that it has.

    ``orphan_block`` and ``orphan_hash`` (32 bytes) are the dropped one; ``to_block`` may be the lower number.
    """

    replica: str
    orphan_block: int
    orphan_hash: bytes
    to_block: int
    block_hash: bytes
    changes: tuple[SlotChange, ...]
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class ReplicaState:
    """What the hub, the anchor and the source say of a replica now.

    ``status`` is one of ``filling``, ``active``, ``source_destroyed``, ``source_code_changed``; ``level`` one of
    ``unknown``, ``pending``, ``safe``, ``final``, ``revoked``; ``anchor_status`` one of ``active``, ``paused``,
    ``expired``, ``frozen``, since ``anchor_since`` in seconds on the target's clock; ``canonical_epoch`` counts how
    often it learnt that the source dropped blocks. ``halt_block`` is the source block at which its end was proven,
    ``source_timestamp`` in seconds on the source's clock, ``behind_s`` by how many of them the source's newest block
    is later (``None`` where the node has nothing later, or not the newest accepted block), ``accepted_block``
    the newest block that the anchor accepts, ``source_head`` the source's newest, ``dropped_for`` the 32-byte hash that
    the source has at ``block_number`` where that is another one: it has dropped the block that the replica mirrors.
    ``None`` where there is none, or it is not known. Of a proxy's replica: ``proxy`` is its kind, ``implementation``
    what it delegates to, on the source chain, ``copy`` the proven copy of that, and ``unreadable`` why it refuses to be
    read, or answers by something else than its source; empty where neither is so.
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
    anchor_since: int
    canonical_epoch: int
    accepted_block: int | None
    source_head: int | None
    behind_s: int | None
    dropped_for: bytes | None
    proxy: str | None = None
    implementation: str | None = None
    copy: str | None = None
    unreadable: str = ""


@dataclass(frozen=True, slots=True)
class Verification:
    """Whether a replica is exact, by RPC answers only, each checked against a header hash."""

    replica: str
    block_number: int
    exact: bool
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class Guard:
    """A guard for a replica's readers, and its policy.

    It reverts where the mirrored block is older than ``max_age_s`` seconds, or of a lower ``level``.
    """

    guard: str
    replica: str
    max_age_s: int
    level: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class CallOutcome:
    """What a view call gave: ``values`` decoded where ``ok``, else ``error``.

    That is the reason where it ``reverted``; else the answer is not of the types that the signature promises.
    """

    ok: bool
    values: tuple[object, ...]
    error: str
    raw: bytes
    reverted: bool = False


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
