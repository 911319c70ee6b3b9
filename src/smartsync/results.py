"""What the public operations return: frozen values, ready to be shown or written as JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from smartsync.types import SlotChange

Progress: TypeAlias = Callable[[str, int, int], None]
"""Told ``(phase, done, total)`` while long work goes on; ``total`` is 0 where it is not known.

What stands in parentheses at the end of a phase says what is counted, and what else there is to tell: it may change
while the phase goes on, as in ``walk (found of what changed, 3 still to look into)``.
"""


@dataclass(frozen=True, slots=True)
class Step:
    """One transaction on the target chain: ``calldata_bytes`` its length, ``gas_used`` as in the receipt."""

    what: str
    tx_hash: str
    gas_used: int
    calldata_bytes: int


@dataclass(frozen=True, slots=True)
class AcceptedBlock:
    """A source block that an anchor accepts now, its hash of 32 bytes; ``steps`` is empty where it did before.

    ``level`` is as what: ``safe``, which can be revoked, or ``final``.
    """

    block_number: int
    block_hash: bytes
    level: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class AnchorUpdate:
    """A source block that was shown to an anchor, its hash of 32 bytes.

    ``level`` is what it is there now, ``pending`` where it waits for a veto: until ``usable_from``, in seconds on the
    target's clock, else ``None``. ``steps`` is empty where it was known.
    """

    block_number: int
    block_hash: bytes
    level: str
    steps: tuple[Step, ...]
    usable_from: int | None = None


@dataclass(frozen=True, slots=True)
class KeptHash:
    """A block's 32-byte hash that an anchor has written down, so that its header can come at any time."""

    block_number: int
    block_hash: bytes
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class AnchorExtension:
    """Ancestors are accepted down to ``block_number``, its hash of 32 bytes; ``steps`` is empty where it was before."""

    block_number: int
    block_hash: bytes
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class SetSignature:
    """One signer's 65-byte signature of other signers, for the set with this epoch and nonce."""

    signer: str
    signature: bytes
    signers: tuple[str, ...]
    threshold: int
    set_epoch: int
    set_nonce: int


@dataclass(frozen=True, slots=True)
class SignerChange:
    """Signers of a quorum anchor on their way, or in force where ``effective_at`` is ``None``.

    ``effective_at`` in seconds on the target's clock: from then on the same call puts them in force. Of a recovery,
    ``head`` is the 32-byte hash of the last block that stands and is final then, zero where none does, and
    ``replaced_head`` that of the recovery whose place this one took; ``None`` where it is, or took the place of, none.
    """

    signers: tuple[str, ...]
    threshold: int
    set_epoch: int
    effective_at: int | None
    steps: tuple[Step, ...]
    head: bytes | None = None
    replaced_head: bytes | None = None


@dataclass(frozen=True, slots=True)
class VetoedBlock:
    """A block of a veto anchor that was set aside: it is pending again, until somebody offers it again.

    ``watcher`` is the member that contradicts it, by its block with ``watchers_hash``. Hashes 32 bytes.
    """

    number: int
    block_hash: bytes
    watcher: str
    watchers_hash: bytes


@dataclass(frozen=True, slots=True)
class MisbehaviourReport:
    """An anchor's status after it was shown a misbehaviour.

    Of a quorum anchor also who was ``removed`` (``None`` where nobody was), the ``signers`` that are left, checksummed,
    how many of them have to agree, and the ``guardian`` who could bring it back where it is frozen. Of another anchor
    these are ``None``, and ``signers`` is empty. ``vetoed`` is the block that a veto anchor set aside.
    """

    anchor_status: str
    steps: tuple[Step, ...]
    removed: str | None = None
    signers: tuple[str, ...] = ()
    threshold: int | None = None
    guardian: str | None = None
    vetoed: VetoedBlock | None = None


@dataclass(frozen=True, slots=True)
class DeployedAnchor:
    """An anchor on the target chain: the name of its contract, and its address."""

    contract: str
    anchor: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class AnchorHead:
    """The newest block that an anchor accepts at a level; hash 32 bytes, times in seconds on the source's clock.

    ``age_s`` is how far its time is behind the target's clock, see `Chain.clock`.
    """

    number: int
    block_hash: bytes
    timestamp: int
    age_s: int


@dataclass(frozen=True, slots=True)
class PendingBlock:
    """The newest block that an anchor was offered and that cannot be used yet; its hash of 32 bytes.

    ``timestamp`` in seconds on the source's clock. ``usable_from`` in seconds on the target's clock: until then it
    waits for a veto; ``None`` where it does not wait, since it was set aside, or too few members accept it any more.
    """

    number: int
    block_hash: bytes
    timestamp: int
    usable_from: int | None


@dataclass(frozen=True, slots=True)
class DroppedBlock:
    """A block that an anchor accepts at a ``level``, and that the source has dropped; its hash of 32 bytes."""

    number: int
    block_hash: bytes
    level: str


@dataclass(frozen=True, slots=True)
class AnchorReport:
    """What an anchor says of itself. ``status`` as in `ReplicaState`, ``since`` in seconds on the target's clock.

    ``cause`` says in words what froze it, empty where it is not frozen or that is not known. ``trusts`` says in
    words what its kind trusts, empty for a kind that is not known. ``terms`` are those of its kind, by name.
    ``dropped`` are the blocks that it accepts and the source has dropped, the lowest first; ``not_compared`` says
    why they could not be looked for, and is empty where they were. ``members`` are the reports of the anchors that
    it is made of.
    """

    anchor: str
    kind: str
    trusts: str
    source_chain_id: int
    source_genesis_hash: bytes
    status: str
    since: int
    cause: str
    canonical_epoch: int
    safe: AnchorHead | None
    final: AnchorHead | None
    pending: PendingBlock | None
    terms: dict[str, object]
    dropped: tuple[DroppedBlock, ...]
    not_compared: str
    members: tuple[AnchorReport, ...]


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
    that block, on the source chain, and ``unreadable`` says why no copy of it could be supplied, so that reads are
    refused.
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
class ReorganisationSeen:
    """The source has dropped a block that the anchor accepted; ``source_hash`` is what it has at this number now.

    ``level`` is what the anchor says of the dropped block: ``revoked``, or still something else. ``revoking`` tells
    whether the watcher has signers, who can revoke it at this anchor, and does. Hashes 32 bytes.
    """

    replica: str
    anchor: str
    block_number: int
    block_hash: bytes
    source_hash: bytes
    level: str
    revoking: bool


@dataclass(frozen=True, slots=True)
class Revoked:
    """An anchor that was told which blocks the source has dropped: all above ``head_number``.

    ``head_hash`` is zero where none is left; ``dropped`` counts the accepted blocks that are revoked so.
    """

    anchor: str
    head_number: int
    head_hash: bytes
    dropped: int
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class EquivocationReported:
    """A signer of ``anchor`` signed two hashes of block ``number``, and was reported to it with the ``evidence``.

    ``anchor_status`` is the anchor's status afterwards: frozen where too few signers are left.
    """

    anchor: str
    signer: str
    number: int
    evidence: bytes
    anchor_status: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class AnchorStopped:
    """An anchor that can not be used now: ``status`` is ``paused``, ``expired`` or ``frozen``.

    ``since`` in seconds on the target's clock.
    """

    anchor: str
    status: str
    since: int


@dataclass(frozen=True, slots=True)
class AnchorResumed:
    """An anchor that can be used again.

    ``canonical_epoch`` counts how often it learnt that the source dropped blocks.
    """

    anchor: str
    since: int
    canonical_epoch: int


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
    read, empty where it does not.
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
class Check:
    """One thing that was compared or probed; ``detail`` says what was found. What is not ``needed`` may fail."""

    name: str
    ok: bool
    detail: str
    needed: bool = True


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
        return all(check.ok or not check.needed for check in self.checks)
