"""What the signers of a quorum anchor sign (EIP-712), and what the anchor takes of it; nothing in here asks a node.

Only a hash is signed; state root, number and time are read out of the header that has this hash.

Source: ``contracts/src/interfaces/IQuorumAnchor.sol``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_account.signers.local import LocalAccount
from eth_keys.exceptions import BadSignature
from eth_utils.exceptions import ValidationError

from smartsync.addresses import as_number
from smartsync.anchors.block import LEVELS
from smartsync.errors import ForeignSignature
from smartsync.header import Header
from smartsync.types import MAX_S

AttestedLevel = Literal["safe", "final"]
"""As what a block is attested: a revocation may undo ``safe``, none undoes ``final``."""

NOTHING = bytes(32)
"""The head of a revocation that lets no block stand."""

REVOCATION_S = 3600
"""A revocation is good for so many seconds at least, and for less than twice as many: until a full hour (of UTC), so
that signers who do not talk to each other sign the same."""

_TYPES = {
    "BlockAttestation": (
        ("sourceChainId", "uint256"),
        ("sourceGenesisHash", "bytes32"),
        ("blockNumber", "uint64"),
        ("blockHash", "bytes32"),
        ("level", "uint8"),
        ("setEpoch", "uint64"),
        ("canonicalEpoch", "uint64"),
    ),
    "Revocation": (("head", "bytes32"), ("setEpoch", "uint64"), ("canonicalEpoch", "uint64"), ("deadline", "uint64")),
    "SetUpdate": (("signers", "address[]"), ("threshold", "uint256"), ("setEpoch", "uint64"), ("nonce", "uint64")),
}


@dataclass(frozen=True, slots=True)
class QuorumTerms:
    """What an anchor's signers sign for, and how many of them must.

    ``source_genesis_hash`` 32 bytes; ``signers`` checksummed; ``threshold`` is m of m-of-n. What was signed in another
    ``set_epoch`` or ``canonical_epoch`` is worth nothing; ``set_nonce`` counts the sets that were scheduled.
    """

    anchor: str
    target_chain_id: int
    source_chain_id: int
    source_genesis_hash: bytes
    set_epoch: int
    set_nonce: int
    canonical_epoch: int
    signers: tuple[str, ...]
    threshold: int


@dataclass(frozen=True, slots=True)
class BlockAttestation:
    """That the source's block ``number`` is the one with this 32-byte hash, under the terms of these epochs."""

    number: int
    block_hash: bytes
    level: AttestedLevel
    set_epoch: int
    canonical_epoch: int

    def message(self, terms: QuorumTerms) -> dict[str, Any]:
        """Return it as EIP-712 typed data."""
        data = {
            "sourceChainId": terms.source_chain_id,
            "sourceGenesisHash": terms.source_genesis_hash,
            "blockNumber": self.number,
            "blockHash": self.block_hash,
            "level": LEVELS.index(self.level),
            "setEpoch": self.set_epoch,
            "canonicalEpoch": self.canonical_epoch,
        }
        return _typed(terms, "BlockAttestation", data)


@dataclass(frozen=True, slots=True)
class Revocation:
    """That the source has dropped what is above the block with the hash ``head``: everything, where that is zero.

    ``canonical_epoch`` is the one that it begins, ``deadline`` until when it can be sent (seconds, target's clock).
    """

    head: bytes
    set_epoch: int
    canonical_epoch: int
    deadline: int

    def message(self, terms: QuorumTerms) -> dict[str, Any]:
        """Return it as EIP-712 typed data."""
        data = {
            "head": self.head,
            "setEpoch": self.set_epoch,
            "canonicalEpoch": self.canonical_epoch,
            "deadline": self.deadline,
        }
        return _typed(terms, "Revocation", data)


@dataclass(frozen=True, slots=True)
class SetUpdate:
    """That these are the anchor's signers from epoch ``set_epoch`` on: checksummed, in the order of their addresses."""

    signers: tuple[str, ...]
    threshold: int
    set_epoch: int
    nonce: int

    def message(self, terms: QuorumTerms) -> dict[str, Any]:
        """Return it as EIP-712 typed data."""
        data = {
            "signers": list(self.signers),
            "threshold": self.threshold,
            "setEpoch": self.set_epoch,
            "nonce": self.nonce,
        }
        return _typed(terms, "SetUpdate", data)


Statement = BlockAttestation | Revocation | SetUpdate
"""What can be signed."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A statement's 65-byte signature (r, s, v), and whose it is: checksummed."""

    signer: str
    signature: bytes


def attestation_of(terms: QuorumTerms, header: Header, level: AttestedLevel) -> BlockAttestation:
    """Return what is to be signed today for a block to be accepted."""
    return BlockAttestation(header.number, header.hash, level, terms.set_epoch, terms.canonical_epoch)


def revocation_of(terms: QuorumTerms, head: bytes, now_s: int) -> Revocation:
    """Return what is to be signed at this time on the target's clock for everything above a block to be revoked."""
    deadline = (now_s // REVOCATION_S + 2) * REVOCATION_S
    return Revocation(head, terms.set_epoch, terms.canonical_epoch + 1, deadline)


def set_update_of(terms: QuorumTerms, signers: Iterable[str], threshold: int) -> SetUpdate:
    """Return what is to be signed today for other signers to be scheduled."""
    return SetUpdate(tuple(sorted(signers, key=as_number)), threshold, terms.set_epoch + 1, terms.set_nonce + 1)


def sign(account: LocalAccount, terms: QuorumTerms, statement: Statement) -> Signed:
    """Sign a statement.

    Warning: sign as ``final`` only what is final on the source chain, and never two hashes of one number in one
    canonical epoch: two such signatures remove the signer. `smartsync.attestor` keeps the record that this needs.
    """
    signed = account.sign_message(encode_typed_data(full_message=statement.message(terms)))
    return Signed(account.address, bytes(signed.signature))


def signer_of(terms: QuorumTerms, statement: Statement, signature: bytes) -> str:
    """Return whose signature of a statement this is, checksummed.

    Raises
    ------
    ForeignSignature
        It is nobody's, or not in the form that the anchor takes.
    """
    # The anchor takes one form only, and the library others too.
    if len(signature) != 65 or signature[64] not in (27, 28) or int.from_bytes(signature[32:64], "big") > MAX_S:
        raise ForeignSignature("a signature has 65 bytes (r, s, v), s is in the lower half and v is 27 or 28")
    try:
        message = encode_typed_data(full_message=statement.message(terms))
        return str(Account.recover_message(message, signature=signature))
    except (BadSignature, ValidationError, ValueError) as error:
        raise ForeignSignature("the signature is nobody's") from error


def require_signers(terms: QuorumTerms, statement: Statement, signed: Signed) -> None:
    """Check that a signature is what it says, and counts.

    Raises
    ------
    ForeignSignature
        It is of another statement, chain or anchor, or by somebody who is no signer of this one.
    """
    actual = signer_of(terms, statement, signed.signature)
    if actual != signed.signer:
        raise ForeignSignature(
            f"the signature is not by {signed.signer} for this statement, on this chain, for this anchor: it would be "
            f"{actual}'s",
            hint="the attestor works for another anchor or chain, or for an epoch that is over",
        )
    if actual not in terms.signers:
        raise ForeignSignature(
            f"{actual} is no signer of the anchor {terms.anchor}", hint=f"its signers are {', '.join(terms.signers)}"
        )


def join_signatures(signed: Iterable[Signed]) -> bytes:
    """Return the signatures in the order that the anchor wants, one after the other."""
    return b"".join(item.signature for item in sorted(signed, key=lambda item: as_number(item.signer)))


def encode_proof(header: Header, level: AttestedLevel, signed: Iterable[Signed]) -> bytes:
    """Return the proof for ``update``: level, header, signatures."""
    return bytes((LEVELS.index(level),)) + header.raw + join_signatures(signed)


def encode_evidence(one: BlockAttestation, first: bytes, other: BlockAttestation, second: bytes) -> bytes:
    """Return the evidence for ``reportMisbehaviour``: two attestations of one number with a signature each."""
    parts = [one.number.to_bytes(8, "big")]
    for attestation, signature in ((one, first), (other, second)):
        parts += [attestation.block_hash, bytes((LEVELS.index(attestation.level),)), signature]
    return b"".join(parts)


def _typed(terms: QuorumTerms, name: str, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "types": {
            "EIP712Domain": _members(
                (("name", "string"), ("version", "string"), ("chainId", "uint256"), ("verifyingContract", "address"))
            ),
            name: _members(_TYPES[name]),
        },
        "primaryType": name,
        "domain": {
            "name": "SmartSync QuorumAnchor",
            "version": "2",
            "chainId": terms.target_chain_id,
            "verifyingContract": terms.anchor,
        },
        "message": data,
    }


def _members(types: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": name, "type": kind} for name, kind in types]
