"""What operations on anchors return, and what is seen of them while watching."""

from __future__ import annotations

from dataclasses import dataclass

from smartsync.results.steps import Step


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
class ReorganisationSeen:
    """The source has dropped a block that the anchor accepted; ``source_hash`` is what it has at this number now.

    ``level`` is what the anchor says of the dropped block: ``revoked``, or still something else. ``revoking`` tells
    whether the watcher has signers, who can revoke it at this anchor, and does. ``replica`` is the one under watch,
    ``None`` where the anchor alone is minded. Hashes 32 bytes.
    """

    replica: str | None
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
