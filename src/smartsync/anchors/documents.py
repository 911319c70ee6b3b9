"""Signed statements as JSON documents: what an attestor serves, and what a relayer makes of it without trusting it."""

from __future__ import annotations

from collections.abc import Mapping

from smartsync.anchors.attestation import (
    AttestedLevel,
    BlockAttestation,
    QuorumTerms,
    Revocation,
    Signed,
    require_signers,
)
from smartsync.document import to_json
from smartsync.errors import ForeignSignature

Attestable = BlockAttestation | Revocation
"""What an attestor signs by itself: a set of signers is not changed by a service."""

_KINDS: dict[type[Attestable], str] = {BlockAttestation: "block", Revocation: "revocation"}
_MAX_NUMBER = 2**64
_ASK_AGAIN = "ask the attestor again: its view of the anchor is old, or ahead"


def encode_signed(terms: QuorumTerms, statement: Attestable, signed: Signed) -> dict[str, object]:
    """Return everything that was signed, by whom, and the signature: enough to check it without asking the attestor."""
    document = {
        "kind": _KINDS[type(statement)],
        "anchor": terms.anchor,
        "target_chain_id": terms.target_chain_id,
        "source_chain_id": terms.source_chain_id,
        "source_genesis_hash": terms.source_genesis_hash,
        "statement": statement,
        "signer": signed.signer,
        "signature": signed.signature,
    }
    told = to_json(document)
    assert isinstance(told, dict)  # noqa: S101  # for mypy: a dict is an object in JSON
    return told


def decode_attestation(
    terms: QuorumTerms, document: object, *, of_other_epochs: str = _ASK_AGAIN
) -> tuple[BlockAttestation, Signed]:
    """Read a block's attestation from anybody, and check that it counts for the anchor as its terms are now.

    Parameters
    ----------
    of_other_epochs
        What can be done where it was signed in other epochs than the anchor's, as a hint.

    Raises
    ------
    ForeignSignature
        It is malformed, for another anchor, chain or epoch, or not signed by the signer of the anchor that it names.
    """
    told = _opened(terms, document, "block")
    statement = BlockAttestation(
        number=_number(told, "number"),
        block_hash=_bytes(told, "block_hash", 32),
        level=_level(told),
        set_epoch=_number(told, "set_epoch"),
        canonical_epoch=_number(told, "canonical_epoch"),
    )
    _require_epochs(statement, terms.set_epoch, terms.canonical_epoch, of_other_epochs)
    return statement, _signed(terms, statement, document)


def decode_revocation(terms: QuorumTerms, document: object) -> tuple[Revocation, Signed]:
    """Likewise of a revocation.

    Raises
    ------
    ForeignSignature
        As in `decode_attestation`.
    """
    told = _opened(terms, document, "revocation")
    statement = Revocation(
        head=_bytes(told, "head", 32),
        set_epoch=_number(told, "set_epoch"),
        canonical_epoch=_number(told, "canonical_epoch"),
        deadline=_number(told, "deadline"),
    )
    _require_epochs(statement, terms.set_epoch, terms.canonical_epoch + 1, _ASK_AGAIN)
    return statement, _signed(terms, statement, document)


def _opened(terms: QuorumTerms, document: object, kind: str) -> Mapping[str, object]:
    """Check what surrounds a statement, and return the statement."""
    told = _mapping(document, "the answer")
    expected = {
        "kind": kind,
        "anchor": terms.anchor,
        "target_chain_id": terms.target_chain_id,
        "source_chain_id": terms.source_chain_id,
        "source_genesis_hash": "0x" + terms.source_genesis_hash.hex(),
    }
    for name, value in expected.items():
        if told.get(name) != value:
            raise ForeignSignature(f"its {name} is {_shown(told.get(name))}, and should be {value}")
    return _mapping(told.get("statement"), "the statement")


def _signed(terms: QuorumTerms, statement: Attestable, document: object) -> Signed:
    told = _mapping(document, "the answer")
    signer = told.get("signer")
    if not isinstance(signer, str):
        raise ForeignSignature(f"its signer is {_shown(signer)}")
    signed = Signed(signer, _bytes(told, "signature", 65))
    require_signers(terms, statement, signed)
    return signed


def _require_epochs(statement: Attestable, set_epoch: int, canonical_epoch: int, hint: str) -> None:
    if (statement.set_epoch, statement.canonical_epoch) != (set_epoch, canonical_epoch):
        raise ForeignSignature(
            f"it is for set epoch {statement.set_epoch} and canonical epoch {statement.canonical_epoch} of the anchor, "
            f"which should be {set_epoch} and {canonical_epoch}",
            hint=hint,
        )


def _mapping(value: object, what: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise ForeignSignature(f"{what} is no JSON object, but {_shown(value)}")
    return value


def _number(told: Mapping[str, object], name: str) -> int:
    value = told.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _MAX_NUMBER:
        raise ForeignSignature(f"its {name} is {_shown(value)}, no number of 64 bits")
    return value


def _bytes(told: Mapping[str, object], name: str, size: int) -> bytes:
    value = told.get(name)
    try:
        if isinstance(value, str) and value.startswith("0x") and len(value) == 2 + 2 * size:
            return bytes.fromhex(value[2:])
    except ValueError:
        pass
    raise ForeignSignature(f"its {name} is {_shown(value)}, no 0x and {2 * size} hex digits")


def _level(told: Mapping[str, object]) -> AttestedLevel:
    level = told.get("level")
    if level == "safe":
        return "safe"
    if level == "final":
        return "final"
    raise ForeignSignature(f"its level is {_shown(level)}, neither safe nor final")


def _shown(value: object) -> str:
    """Return the beginning of what a stranger sent: as Python writes it, so that no control character is in it."""
    return ascii(value)[:80]
