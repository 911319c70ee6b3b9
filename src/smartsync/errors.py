"""Every error that SmartSync raises, one tree.

::

    SmartSyncError
    ├── ConfigError               what the user gave does not fit together            exit 2
    │   ├── KeyUnavailable        no key, a locked or unreadable keystore
    │   └── WrongChain            the node is on another chain than configured
    ├── NodeError                 a node does not do what is needed                   exit 3
    │   ├── NodeUnreachable       no answer, time-out (a retry can help)
    │   ├── RpcError              the node answered with a JSON-RPC error
    │   │   ├── MethodMissing     the node does not have this method
    │   │   └── RateLimited       asked more often than it lets              (a retry can help)
    │   ├── BlockUnavailable      the node does not serve this block (any more)
    │   ├── NonCanonicalTrie      the node's storage trie is not the one of the protocol
    │   └── NodesDisagree         nodes of one chain do not tell the same             (a retry can help)
    ├── ProofError                something does not verify                           exit 4
    │   ├── InvalidProof          a Merkle proof does not lead to its root
    │   ├── InvalidHeader         a header is not the preimage of its hash
    │   ├── InvalidRlp            bytes are not canonical RLP
    │   ├── InvalidWitness        a witness is malformed or does not fit
    │   ├── MissingNode           a proof lacks a node that is needed
    │   └── IncompleteSlots       the slots known do not cover the storage root
    ├── SourceError               the source cannot be replicated (as it is)          exit 5
    │   ├── NoCode, SourceDestroyed, SourceCodeChanged, SourceIsProxy, CodeNotDeployable
    ├── ReplicaError              the replica is not what was asked for               exit 6
    │   ├── UnknownReplica        not a replica of this hub
    │   ├── ReplicaMoved          somebody else synced it meanwhile                   (a retry can help)
    │   └── NotDeployed           no SmartSync contract at this address
    ├── TransactionError          a transaction could not be sent or failed           exit 7
    │   ├── InsufficientFunds
    │   ├── TransactionReverted   with the revert reason, decoded
    │   ├── TransactionTooLarge   more gas than one transaction may use (EIP-7825)
    │   ├── TransitionTooLarge    more writes than one transaction can perform
    │   ├── TransactionPending    sent, not seen in a block in time (a retry can help)
    │   ├── PoolFull              the target takes no more, or none of this price     (a retry can help)
    │   ├── NonceTaken            another transaction of the account took its place   (a retry can help)
    │   │   └── Cancelled         given up for what waited behind it              (a retry can help)
    │   ├── Overtaken             another worker sends for the same subject           (a retry can help)
    │   ├── FeeTooHigh            the chain asks more than may be paid                (a retry can help)
    │   ├── GasSpent              more gas than may be used                           (a retry can help)
    │   ├── UnknownTransaction    no transaction of this hash                       (a retry can help)
    │   └── NotATransition        a transaction that is no step of a replica
    └── AnchorError               the anchor does not accept what is needed           exit 8
        ├── AnchorMismatch        what was given does not fit it: the source's genesis block, its kind
        │   └── TooFewKeys        of fewer of its signers than it needs
        ├── BlockNotAccepted      (a retry can help: somebody may attest it later)
        ├── BlockNotProvable      nothing that can be had now proves the block to the anchor
        │   └── ValidatorsUnknown  too few of those who sealed it are known to the anchor
        ├── ForeignSignature      a signature of another statement, chain or anchor, or by no signer
        ├── TooFewSignatures      (a retry can help: attestors come back)
        ├── TooEarly              new signers, before the anchor's delay is over      (a retry can help)
        ├── AnchorPaused          stopped by its own rule                             (a retry can help)
        ├── AnchorExpired         its trust assumption holds no more
        ├── AnchorFrozen          it has seen two contradicting truths, or has too few signers left
        ├── FinalBlockDropped     the anchor holds a block for final that the source does not have
        ├── SourceReorganised     the block is not on the source's chain any more     (a retry can help)
        ├── NotAttestable         an attestor has nothing to sign here (yet)          (a retry can help)
        ├── AlreadySigned         an attestor has signed another hash of this height
        ├── AttestorStopped       an attestor saw the source drop a finalized block
        └── Equivocation          a signer signed two hashes of one height; with the evidence

Five more of the tree live where alone they are raised: ``Interrupted`` (exit 130) and ``UnexpectedError`` (exit 1) of
`smartsync.cli.command` and ``StateUnavailable`` (exit 3) of `smartsync.relayer.state` are `SmartSyncError`,
``NodeNotStarted`` of `smartsync.testing` is a `NodeError`, and its ``ToolMissing`` a `ConfigError`.

Each class knows the exit code of the command line (``exit_code``), whether the same call can succeed later with nothing
changed by hand (``retryable``), and each instance says what to do (``hint``).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR
from typing import ClassVar

from smartsync.amounts import duration, ether, gwei, moment

_TRIE_KEY_NIBBLES = 64


class SmartSyncError(Exception):
    """Base of all errors of this package.

    Parameters
    ----------
    message
        What happened, one sentence, no secret in it.
    hint
        What the user can do about it; empty where nothing is known to help.
    """

    exit_code: ClassVar[int] = 1
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    @property
    def in_full(self) -> str:
        """Message and hint in one sentence: for where a state is told, and nothing fails."""
        return f"{self.message}; {self.hint}" if self.hint else self.message

    def as_dict(self) -> dict[str, object]:
        """Return the error for ``--json``: class, message, hint, exit code, and its own public fields."""
        own = {
            name: "0x" + value.hex() if isinstance(value, bytes) else value
            for name, value in vars(self).items()
            if isinstance(value, (str, int, bytes, list, tuple, type(None))) and name not in ("message", "hint")
        }
        return {
            "error": type(self).__name__,
            "message": self.message,
            "hint": self.hint,
            "exit_code": self.exit_code,
            "retryable": self.retryable,
            **own,
        }


class ConfigError(SmartSyncError):
    """The configuration, the environment or the options do not fit together."""

    exit_code = 2


class KeyUnavailable(ConfigError):
    """No key was given, or it cannot be read or unlocked."""


class WrongChain(ConfigError):
    """A node is on another chain than the configuration or an anchor says."""

    def __init__(self, role: str, host: str, expected: int, actual: int) -> None:
        super().__init__(
            f"the {role} node {host} is on chain {actual}, expected chain {expected}",
            hint=f"check this node's url, and the {role} chain id and the anchor in the configuration",
        )
        self.role, self.host, self.expected, self.actual = role, host, expected, actual


class NodeError(SmartSyncError):
    """A node does not do what is needed of it."""

    exit_code = 3


class NodeUnreachable(NodeError):
    """No answer from a node: connection refused, time-out, or an HTTP status that may pass.

    ``timed_out`` where it took too long, which may be for what was asked; ``wait_s`` are the seconds that the node
    asked to be left alone for, 0 where it did not say; ``limited`` where it was asked more often than it lets.
    """

    retryable = True

    def __init__(
        self, message: str, *, hint: str = "", timed_out: bool = False, wait_s: float = 0.0, limited: bool = False
    ) -> None:
        super().__init__(message, hint=hint)
        self.timed_out, self.wait_s, self.limited = timed_out, wait_s, limited


class RpcError(NodeError):
    """A node answered with a JSON-RPC error.

    ``data`` is the error's data field as the node sent it (a revert's return data, where it is one); ``host`` is the
    node's.
    """

    def __init__(
        self, method: str, code: int, text: str, data: object = None, *, hint: str = "", host: str = ""
    ) -> None:
        told = f"JSON-RPC error {code} of {host}" if host else f"JSON-RPC error {code}"
        super().__init__(f"{method}: {text} ({told})", hint=hint)
        self.method, self.code, self.text, self.data, self.host = method, code, text, data, host


class MethodMissing(RpcError):
    """The node does not have a method that is needed."""


class RateLimited(RpcError):
    """A node was asked more often than it lets, or for more than is paid for."""

    retryable = True


class BlockUnavailable(NodeError):
    """The node does not serve a block, or its state, (any more)."""

    def __init__(self, block: str, detail: str, *, host: str = "") -> None:
        super().__init__(
            f"{host or 'the node'} does not serve block {block}: {detail}",
            hint="take a block that the node has: none above its newest, and for old ones a node that keeps their "
            "state (an archive node)",
        )
        self.block = block


class NonCanonicalTrie(NodeError):
    """The node's storage trie is not the one that the protocol defines, so nothing can be proven with it."""


class NodesDisagree(NodeError):
    """Nodes of one chain do not tell the same of it, or one of them is behind what was seen before."""

    retryable = True


class ProofError(SmartSyncError):
    """Something that a node or a caller supplied does not verify."""

    exit_code = 4


class InvalidProof(ProofError):
    """A Merkle proof does not lead from its root to what it claims."""


class InvalidHeader(ProofError):
    """A header is malformed or is not the preimage of its block hash."""


class InvalidRlp(ProofError):
    """Bytes are not canonical RLP."""


class InvalidWitness(ProofError):
    """A witness is malformed, or does not fit the trie that it is for."""


class MissingNode(ProofError):
    """A partial trie lacks the node at ``prefix`` (nibbles, one per byte)."""

    def __init__(self, prefix: bytes) -> None:
        super().__init__(f"the trie node at prefix {_nibbles(prefix)} is not known")
        self.prefix = prefix


class IncompleteSlots(ProofError):
    """The slots known do not cover the storage root.

    ``prefixes`` are the open subtries: trie-key prefixes in nibbles, one per byte, below which something is not known;
    one of 64 nibbles is the trie key of a slot that is missing. ``detail`` tells why it was not found; ``own_hint`` is
    the hint where it is not the usual one. ``slots`` is how many the storage holds in all, where each that is missing
    is told by its whole trie key; else None.
    """

    slots: int | None = None

    def __init__(self, prefixes: Sequence[bytes], detail: str = "", *, hint: str = "") -> None:
        self.prefixes, self.detail, self.own_hint = tuple(prefixes), detail, hint
        shown = ", ".join(map(_nibbles, self.prefixes[:8]))
        more = f" and {len(self.prefixes) - 8} more" if len(self.prefixes) > 8 else ""
        one = len(self.prefixes) == 1
        if all(len(prefix) == _TRIE_KEY_NIBBLES for prefix in self.prefixes):
            where = f"{'slot is' if one else 'slots are'} missing, of trie {'key' if one else 'keys'}"
        else:
            where = f"{'subtrie is' if one else 'subtries are'} open, at trie-key prefix"
        super().__init__(
            f"the known slots do not cover the storage root: {len(self.prefixes)} {where} {shown}{more}"
            + (f" ({detail})" if detail else ""),
            hint=hint
            or "help to name them with --layout FILE and --keys FILE (docs/how-to/name-the-slots.md), take a node with "
            "debug_storageRangeAt or prestateTracer, or give all slots with --slots FILE",
        )

    @property
    def in_full(self) -> str:
        """Message and hint in one sentence: for where a state is told, and nothing fails."""
        return f"{self.message}; {self.hint}" if self.hint else self.message

    def as_dict(self) -> dict[str, object]:
        """Return the error for ``--json``, the prefixes as hexadecimal nibbles."""
        return {**super().as_dict(), "prefixes": [_nibbles(prefix) for prefix in self.prefixes]}


class SourceError(SmartSyncError):
    """The source cannot be replicated, or not as it is now."""

    exit_code = 5


class NoCode(SourceError):
    """There is no contract at the source address."""


class SourceDestroyed(SourceError):
    """The source existed and does not any more."""


class SourceCodeChanged(SourceError):
    """The source's code is not the one that was replicated."""


class SourceIsProxy(SourceError):
    """A contract delegates to another one in a way that a replica cannot. ``kind`` and ``implementation`` tell how.

    ``why`` says what stands in the way where the kind as such is supported. ``through`` is, of a proxy of a proxy, the
    inner one in words: "its implementation 0x…"; kind and implementation are that one's then.
    """

    def __init__(self, kind: str, implementation: str, why: str = "", *, through: str = "") -> None:
        if through:
            message = (
                f"the source is a proxy of a proxy: {through} is itself a proxy ({kind}), of {implementation}, and "
                "that cannot be replicated"
            )
            hint = (
                "a replica answers by a copy of what its source delegates to, and this copy would go on to "
                f"{implementation} on the target chain, where anybody may have put anything. Only who governs the "
                "source can change it: have it delegate to a contract that answers by itself, and run the same command "
                "again. More: docs/explain/proxies.md"
            )
        else:
            message = f"the source is a proxy ({kind}) of {implementation}" + (f", and {why}" if why else "")
            hint = (
                "its code alone would not answer on the target chain; which proxies can be replicated, and how: "
                "docs/explain/proxies.md"
            )
        super().__init__(message, hint=hint)
        self.kind, self.implementation = kind, implementation


class CodeNotDeployable(SourceError):
    """The source's code cannot be deployed on the target chain (EIP-170, EIP-3541)."""


class ReplicaError(SmartSyncError):
    """A replica is not what was asked for."""

    exit_code = 6


class UnknownReplica(ReplicaError):
    """An address is not a replica of this hub."""


class ReplicaMoved(ReplicaError):
    """Somebody else brought the replica to another state between plan and transaction."""

    retryable = True


class NotDeployed(ReplicaError):
    """There is no SmartSync contract, or one of another version, at an address."""


class TransactionError(SmartSyncError):
    """A transaction could not be sent, or failed."""

    exit_code = 7


class InsufficientFunds(TransactionError):
    """The sending account cannot pay for ``what``. Amounts in wei; what is needed is an upper estimate."""

    def __init__(self, address: str, balance_wei: int, needed_wei: int, *, what: str = "the transaction") -> None:
        # Rounded apart, so that what is there never looks like what is needed.
        has, needed = ether(balance_wei, ROUND_FLOOR), ether(needed_wei, ROUND_CEILING)
        missing = ether(needed_wei - balance_wei, ROUND_CEILING)
        super().__init__(
            f"account {address} has {has} ether on the target chain, and {what} may cost up to {needed} ether",
            hint=f"fund {address} on the target chain with {missing} ether or more, and run the same command again",
        )
        self.address, self.balance_wei, self.needed_wei = address, balance_wei, needed_wei


class TransactionReverted(TransactionError):
    """A transaction, its estimation or a call reverted.

    ``reason`` is decoded by ABI, ``name`` the error's name where known, ``data`` what the EVM returned.
    """

    def __init__(self, reason: str, *, name: str = "", tx_hash: str = "", data: bytes = b"", hint: str = "") -> None:
        super().__init__(f"the transaction reverts: {reason}", hint=hint)
        self.reason, self.name, self.tx_hash, self.data = reason, name, tx_hash, data


class TransactionTooLarge(TransactionError):
    """A transaction needs more gas than the target chain allows for one.

    ``gas`` is what it needs, None where no more is known than that ``cap`` does not suffice; ``what`` it would have
    done.
    """

    def __init__(self, gas: int | None, cap: int, *, what: str = "the transaction") -> None:
        needed = f"more than the {cap} gas" if gas is None else f"{gas} gas, more than the {cap}"
        super().__init__(
            f"{what} needs {needed} that one transaction may use",
            hint="do less at once (sync more often), or take a target chain that lets one transaction use more gas",
        )
        self.gas, self.cap, self.what = gas, cap, what


class TransitionTooLarge(TransactionError):
    """A transition has more writes than one transaction can perform. Proven in parts it could be; it lands at once.

    ``writes`` is how many it has, ``needs`` in words what is too much: their gas or their calldata.
    """

    def __init__(self, what: str, writes: int, needs: str, *, hint: str) -> None:
        super().__init__(f"{what} has {writes} writes, too many for one transaction: {needs}", hint=hint)
        self.what, self.writes, self.needs = what, writes, needs


class TransactionPending(TransactionError):
    """A transaction was sent and has not been seen in a block in time."""

    retryable = True


class PoolFull(TransactionError):
    """The target's node takes no transaction of this price now: its pool is full, or others pay more. None is sent."""

    retryable = True

    def __init__(self, what: str, host: str, text: str) -> None:
        super().__init__(
            f"{what}: {host} takes no transaction at this price now: {text}",
            hint="the target chain is full; it is offered again, for what the chain asks then, as far as may be paid",
        )
        self.what, self.host, self.text = what, host, text


class NonceTaken(TransactionError):
    """Another transaction of the account, sent by somebody else who has its key, is in a block with this nonce."""

    retryable = True

    def __init__(self, what: str, sender: str, nonce: int) -> None:
        super().__init__(
            f"{what}: another transaction of {sender} took its nonce {nonce}",
            hint="give the account to nobody else; what has landed is read from the chain: run the same command again",
        )
        self.what, self.sender, self.nonce = what, sender, nonce


class Cancelled(NonceTaken):
    """A transaction was given up: its nonce is that of one that does nothing, for others that waited behind it."""

    def __init__(self, what: str, sender: str, nonce: int) -> None:
        TransactionError.__init__(
            self,
            f"{what}: cancelled, since the chain asked for more than may be paid for it, and others of {sender} waited "
            f"behind its nonce {nonce}",
            hint="it is tried again once the chain asks for less, or allow more (max_fee_gwei); a key of its own holds "
            "up no others",
        )
        self.what, self.sender, self.nonce = what, sender, nonce


class Overtaken(TransactionError):
    """Somebody else who shares the journal has sent for the same ``subject`` meanwhile. Nothing is sent."""

    retryable = True

    def __init__(self, subject: str) -> None:
        super().__init__(f"another worker has sent a transaction for {subject} meanwhile", hint="nothing was sent")
        self.subject = subject


class FeeTooHigh(TransactionError):
    """The target chain asks for ``asked_wei`` per gas, more than the ``cap_wei`` that may be paid. Nothing is sent."""

    retryable = True

    def __init__(self, asked_wei: int, cap_wei: int, *, what: str) -> None:
        super().__init__(
            f"{what}: the target chain asks for {gwei(asked_wei)} gwei per gas, as its node says, and "
            f"{gwei(cap_wei)} may be paid",
            hint="compare with another node of the chain; wait until it asks for less, or allow more (max_fee_gwei, "
            "--max-fee)",
        )
        self.asked_wei, self.cap_wei, self.what = asked_wei, cap_wei, what


class GasSpent(TransactionError):
    """A transaction may use more gas than is ``left`` of what was allowed. Nothing is sent."""

    retryable = True

    def __init__(self, gas: int, left: int, *, what: str) -> None:
        super().__init__(
            f"{what} may use {gas} gas, and {left} are left of what is allowed",
            hint="wait until gas is allowed again, or allow more",
        )
        self.gas, self.left, self.what = gas, left, what


class UnknownTransaction(TransactionError):
    """The node knows no transaction of this hash: not (yet), not any more, or it is another chain's."""

    retryable = True


class NotATransition(TransactionError):
    """A transaction is no step of a replica: not one of SmartSync's, or one without a witness."""


class AnchorError(SmartSyncError):
    """The anchor does not accept what is needed."""

    exit_code = 8


class AnchorMismatch(AnchorError):
    """What was given does not fit the anchor: another genesis block, another kind, too few of its signers' keys."""


class TooFewKeys(AnchorMismatch):
    """Keys of fewer of an anchor's signers are at hand than it needs, and no later try finds more.

    ``needed`` and ``found`` count them.
    """

    def __init__(self, needed: int, signers: Sequence[str], given: Sequence[str]) -> None:
        found = len(set(given) & set(signers))
        strangers = [address for address in dict.fromkeys(given) if address not in signers]
        verb = "is not a signer" if len(strangers) == 1 else "are not signers"
        super().__init__(
            f"the anchor needs {needed} of its {len(signers)} signers, {found} of them "
            f"{'is' if found == 1 else 'are'} given" + (f": {', '.join(strangers)} {verb}" if strangers else ""),
            hint="fetch their attestors' signatures (--from URL; in place of smartsync attest: smartsync anchor update "
            f"--from URL), or give keys of {needed} of its signers: {', '.join(signers)}",
        )
        self.needed, self.found = needed, found


class BlockNotAccepted(AnchorError):
    """The anchor does not accept this source block (yet)."""

    retryable = True


class BlockNotProvable(AnchorError):
    """There is no proof of this source block that the anchor would take, not now or not any more."""


class ValidatorsUnknown(BlockNotProvable):
    """Too few of the validators that an anchor knows have sealed block ``number``: ``found`` of the ``needed``."""

    def __init__(self, number: int, needed: int, found: int) -> None:
        super().__init__(
            f"block {number} is sealed by {found} of the validators that the anchor knows, it needs {needed}",
            hint="the validators were exchanged too fast to be followed: deploy a new anchor with a newer checkpoint "
            "(smartsync anchor deploy), and fork again",
        )
        self.number, self.needed, self.found = number, needed, found


class ForeignSignature(AnchorError):
    """A signature is not the one that is needed: of another statement, chain or anchor, or by no signer."""


class TooFewSignatures(AnchorError):
    """Fewer of an anchor's signers signed the same thing than it needs. ``needed`` and ``found`` count them."""

    retryable = True

    def __init__(self, what: str, needed: int, found: int, *, hint: str) -> None:
        super().__init__(f"{what} needs the signatures of {needed} of the anchor's signers, and has {found}", hint=hint)
        self.needed, self.found = needed, found


class TooEarly(AnchorError):
    """New signers of an anchor cannot be in force yet. ``effective_at`` in seconds on the target's clock."""

    retryable = True

    def __init__(self, what: str, effective_at: int, now: int) -> None:
        when = f"{what} is not in force yet: it can be from {moment(effective_at)} on"
        if effective_at > now:
            super().__init__(f"{when}, in {duration(effective_at - now)}", hint="run the same command again then")
        else:
            super().__init__(
                f"{when}, and the target's node still judges by a block from before",
                hint="run the same command again once the target chain has another block",
            )
        self.effective_at = effective_at


class AnchorPaused(AnchorError):
    """The anchor is stopped by its own rule, and may resume."""

    retryable = True


class AnchorExpired(AnchorError):
    """The anchor had no proof for too long: what it trusts is not to be trusted any more."""


class AnchorFrozen(AnchorError):
    """The anchor accepts nothing any more: it has seen two contradicting truths, or has too few signers left.

    Only the guardian of a quorum anchor, where it has one, can bring it back.
    """


class FinalBlockDropped(AnchorError):
    """The anchor holds a block for final that the source does not have: its trust assumption is broken, or the node."""


class SourceReorganised(AnchorError):
    """A source block that was worked with is not on the source's chain any more."""

    retryable = True


class NotAttestable(AnchorError):
    """There is nothing that an attestor could sign: a block that is not final or deep enough yet, or none dropped."""

    retryable = True


class AlreadySigned(AnchorError):
    """An attestor has signed another hash of this height. ``number``; ``signed`` and ``refused`` are 32-byte hashes."""

    def __init__(self, number: int, signed: bytes, refused: bytes, *, hint: str) -> None:
        super().__init__(
            f"this attestor has signed block {number} as 0x{signed.hex()} before, and does not sign 0x{refused.hex()}",
            hint=hint,
        )
        self.number, self.signed, self.refused = number, signed, refused


class AttestorStopped(AnchorError):
    """An attestor signs nothing any more: a block that was finalized is not on the source's chain any longer."""


class Equivocation(AnchorError):
    """A signer has signed two hashes of one height. ``evidence`` is what the anchor's ``reportMisbehaviour`` takes.

    ``besides``, for the hint, is what else went wrong.
    """

    def __init__(self, signer: str, number: int, evidence: bytes, *, besides: str = "") -> None:
        super().__init__(
            f"the anchor's signer {signer} has signed two hashes of block {number}",
            hint=f"hand the evidence to the anchor, which removes the signer: smartsync anchor report --evidence "
            f"0x{evidence.hex()}" + (f"; {besides}" if besides else ""),
        )
        self.signer, self.number, self.evidence = signer, number, evidence


def _nibbles(prefix: bytes) -> str:
    """Return a trie-key prefix, one nibble per byte, as hexadecimal."""
    return "0x" + "".join(f"{nibble:x}" for nibble in prefix)
