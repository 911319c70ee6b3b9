from __future__ import annotations

from dataclasses import replace

import pytest
from eth_account import Account
from eth_account.messages import _hash_eip191_message, encode_typed_data
from eth_account.signers.local import LocalAccount

from smartsync.anchors.attestation import (
    BlockAttestation,
    QuorumTerms,
    Revocation,
    SetUpdate,
    Signed,
    Statement,
    attestation_of,
    encode_evidence,
    encode_proof,
    join_signatures,
    require_signers,
    revocation_of,
    set_update_of,
    sign,
    signer_of,
)
from smartsync.errors import ForeignSignature
from smartsync.header import Header

KEYS: list[LocalAccount] = [Account.from_key(bytes([number]) * 32) for number in (1, 2, 3)]
MEMBERS = tuple(sorted((key.address for key in KEYS), key=lambda address: int(address, 16)))
TERMS = QuorumTerms(
    anchor="0x00000000000000000000000000000000000A0001",
    target_chain_id=31337,
    source_chain_id=1,
    source_genesis_hash=(0x11).to_bytes(32, "big"),
    set_epoch=1,
    set_nonce=0,
    canonical_epoch=0,
    signers=MEMBERS,
    threshold=2,
)
HEADER = Header(b"\xc0raw", (0x22).to_bytes(32, "big"), bytes(32), bytes(32), 25_326_305, 0, b"", ())
ATTESTATION = attestation_of(TERMS, HEADER, "final")


def digest(statement: Statement) -> str:
    return _hash_eip191_message(encode_typed_data(full_message=statement.message(TERMS))).hex()


def test_attestation_of_known_vector_has_the_contracts_digest() -> None:
    # The same vector stands in contracts/test/anchors/QuorumAnchor.t.sol.
    assert digest(ATTESTATION) == "0138f542fde996f7beb220c13be5d281f671631281070ea22b1a886f58bcf264"


def test_revocation_of_is_for_the_epoch_that_it_begins_and_until_a_full_hour() -> None:
    told = revocation_of(TERMS, HEADER.hash, 7200)
    assert told == Revocation(HEADER.hash, set_epoch=1, canonical_epoch=1, deadline=14_400)
    assert revocation_of(TERMS, HEADER.hash, 10_799) == told
    assert revocation_of(TERMS, HEADER.hash, 10_800).deadline == 18_000


def test_set_update_of_sorts_the_signers_and_counts_on() -> None:
    assert set_update_of(TERMS, reversed(MEMBERS), 2) == SetUpdate(MEMBERS, 2, set_epoch=2, nonce=1)


@pytest.mark.parametrize(
    "statement", [ATTESTATION, revocation_of(TERMS, HEADER.hash, 0), set_update_of(TERMS, MEMBERS, 2)], ids=type
)
def test_sign_any_statement_is_its_signers(statement: Statement) -> None:
    signed = sign(KEYS[0], TERMS, statement)
    assert signed.signer == KEYS[0].address and len(signed.signature) == 65
    assert signer_of(TERMS, statement, signed.signature) == KEYS[0].address
    require_signers(TERMS, statement, signed)


def test_sign_twice_is_the_same() -> None:
    assert sign(KEYS[0], TERMS, ATTESTATION) == sign(KEYS[0], TERMS, ATTESTATION)


@pytest.mark.parametrize(
    ("terms", "statement"),
    [
        (replace(TERMS, anchor="0x00000000000000000000000000000000000A0002"), ATTESTATION),
        (replace(TERMS, target_chain_id=1), ATTESTATION),
        (replace(TERMS, source_chain_id=2), ATTESTATION),
        (replace(TERMS, source_genesis_hash=bytes(32)), ATTESTATION),
        (TERMS, replace(ATTESTATION, number=1)),
        (TERMS, replace(ATTESTATION, block_hash=bytes(32))),
        (TERMS, replace(ATTESTATION, level="safe")),
        (TERMS, replace(ATTESTATION, set_epoch=2)),
        (TERMS, replace(ATTESTATION, canonical_epoch=1)),
        (TERMS, revocation_of(TERMS, HEADER.hash, 0)),
    ],
    ids=["anchor", "target", "source", "genesis", "number", "hash", "level", "set", "epoch", "statement"],
)
def test_require_signers_signed_for_something_else_is_foreign(terms: QuorumTerms, statement: Statement) -> None:
    signed = sign(KEYS[0], terms, statement)
    with pytest.raises(ForeignSignature, match=f"not by {KEYS[0].address} for this statement"):
        require_signers(TERMS, ATTESTATION, signed)


def test_require_signers_by_a_stranger_names_the_signers() -> None:
    stranger = Account.from_key(b"\x09" * 32)
    with pytest.raises(ForeignSignature, match=f"{stranger.address} is no signer") as caught:
        require_signers(TERMS, ATTESTATION, sign(stranger, TERMS, ATTESTATION))
    assert all(member in caught.value.hint for member in MEMBERS)


@pytest.mark.parametrize(
    "signature",
    [b"", bytes(64), bytes(66), bytes(64) + b"\x1b", b"\xff" * 64 + b"\x1b"],
    ids=["none", "short", "long", "zero", "beyond the group"],
)
def test_signer_of_no_signature_is_named(signature: bytes) -> None:
    with pytest.raises(ForeignSignature):
        signer_of(TERMS, ATTESTATION, signature)


@pytest.mark.parametrize("v", [0, 1, 29, 37])
def test_signer_of_another_recovery_id_is_refused_as_on_chain(v: int) -> None:
    signature = sign(KEYS[0], TERMS, ATTESTATION).signature[:64] + bytes((v,))
    with pytest.raises(ForeignSignature, match="v is 27 or 28"):
        signer_of(TERMS, ATTESTATION, signature)


def test_signer_of_the_upper_s_is_refused_as_on_chain() -> None:
    signature = sign(KEYS[0], TERMS, ATTESTATION).signature
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    upper = order - int.from_bytes(signature[32:64], "big")
    turned = signature[:32] + upper.to_bytes(32, "big") + bytes((55 - signature[64],))
    with pytest.raises(ForeignSignature):
        signer_of(TERMS, ATTESTATION, turned)


def test_encode_proof_is_level_header_and_signatures_by_address() -> None:
    signed = [Signed(member, bytes([place]) * 65) for place, member in enumerate(MEMBERS)]
    assert join_signatures(reversed(signed)) == b"\0" * 65 + b"\1" * 65 + b"\2" * 65
    assert encode_proof(HEADER, "safe", reversed(signed)) == b"\x02" + HEADER.raw + join_signatures(signed)


def test_encode_evidence_is_as_long_as_the_anchor_wants() -> None:
    other = BlockAttestation(ATTESTATION.number, bytes(32), "safe", 1, 0)
    evidence = encode_evidence(ATTESTATION, b"\x01" * 65, other, b"\x02" * 65)
    assert len(evidence) == 204
    assert evidence[:8] == ATTESTATION.number.to_bytes(8, "big")
    assert evidence[8:41] == ATTESTATION.block_hash + b"\x03"
    assert evidence[106:139] == bytes(32) + b"\x02"
