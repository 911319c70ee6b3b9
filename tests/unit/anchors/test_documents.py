"""Signed statements as JSON: what comes from a stranger is checked to the last field."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from eth_account import Account

from smartsync.anchors.attestation import BlockAttestation, Revocation, Signed, sign
from smartsync.anchors.documents import decode_attestation, decode_revocation, encode_signed
from smartsync.errors import ForeignSignature
from tests.fake_source import block, terms

ONE, OTHER = (Account.from_key("0x" + f"{number:02x}" * 32) for number in (1, 2))
TERMS = terms(ONE.address, OTHER.address, threshold=2)
BLOCK = BlockAttestation(90, block(90).hash, "final", 1, 0)
REVOCATION = Revocation(b"\x55" * 32, 1, 1, 1_800_000_000)


def document(statement: Any = BLOCK, signer: Any = ONE) -> dict[str, Any]:
    signed = encode_signed(TERMS, statement, sign(signer, TERMS, statement))
    return json.loads(json.dumps(signed))  # type: ignore[no-any-return]  # as it comes over the wire


def test_decode_attestation_what_was_encoded() -> None:
    assert decode_attestation(TERMS, document()) == (BLOCK, sign(ONE, TERMS, BLOCK))


def test_decode_revocation_what_was_encoded() -> None:
    assert decode_revocation(TERMS, document(REVOCATION)) == (REVOCATION, sign(ONE, TERMS, REVOCATION))


def test_decode_attestation_field_that_nobody_knows_passed_over() -> None:
    decode_attestation(TERMS, document() | {"more": 1})


@pytest.mark.parametrize("what", [None, 5, "text", [], [document()], {}])
def test_decode_what_is_no_document_refused(what: object) -> None:
    for decode in (decode_attestation, decode_revocation):
        with pytest.raises(ForeignSignature):
            decode(TERMS, what)


@pytest.mark.parametrize(("name", "value"), [
    ("kind", "revocation"),
    ("anchor", "0x" + "33" * 20),
    ("anchor", None),
    ("target_chain_id", 1),
    ("target_chain_id", "31337"),
    ("source_chain_id", 2),
    ("source_genesis_hash", "0x" + "02" * 32),
    ("statement", None),
    ("signer", None),
    ("signer", OTHER.address),
    ("signer", "0x" + "ee" * 20),
    ("signature", None),
    ("signature", "0x"),
    ("signature", "0x" + "00" * 65),
    ("signature", "0x" + "zz" * 65),
])  # fmt: skip
def test_decode_attestation_with_another_field_refused(name: str, value: object) -> None:
    with pytest.raises(ForeignSignature):
        decode_attestation(TERMS, document() | {name: value})


@pytest.mark.parametrize(("name", "value"), [
    ("number", 91), ("number", -1), ("number", 2**64), ("number", "90"), ("number", True), ("number", 90.0),
    ("block_hash", "0x" + "11" * 32), ("block_hash", "0x11"), ("block_hash", 1),
    ("level", "safe"), ("level", 3), ("level", "revoked"), ("level", ["final"]),
    ("set_epoch", 2), ("canonical_epoch", 1), ("canonical_epoch", None),
])  # fmt: skip
def test_decode_attestation_with_another_statement_refused(name: str, value: object) -> None:
    told = document()
    told["statement"][name] = value
    with pytest.raises(ForeignSignature):
        decode_attestation(TERMS, told)


@pytest.mark.parametrize("change", [
    lambda told: told["statement"].update(head="0x" + "66" * 32),
    lambda told: told["statement"].update(deadline=1_800_000_001),
    lambda told: told["statement"].pop("deadline"),
    lambda told: told["statement"].update(canonical_epoch=0),
    lambda told: told["statement"].update(set_epoch=0),
    lambda told: told.update(kind="block"),
    lambda told: told.update(signer=OTHER.address),
])  # fmt: skip
def test_decode_revocation_that_was_changed_refused(change: Callable[[Any], None]) -> None:
    told = document(REVOCATION)
    change(told)
    with pytest.raises(ForeignSignature):
        decode_revocation(TERMS, told)


def test_decode_attestation_of_epoch_that_is_over_refused_with_hint() -> None:
    with pytest.raises(ForeignSignature, match="canonical epoch 0 of the anchor, which should be 1 and 1") as caught:
        decode_attestation(replace(TERMS, canonical_epoch=1), document())
    assert "ask the attestor again" in caught.value.hint
    with pytest.raises(ForeignSignature) as caught:
        decode_attestation(replace(TERMS, set_epoch=2), document(), of_other_epochs="too late")
    assert caught.value.hint == "too late"


def test_decode_attestation_by_no_signer_refused() -> None:
    with pytest.raises(ForeignSignature, match="is no signer of the anchor"):
        decode_attestation(replace(TERMS, signers=(OTHER.address,)), document())


def test_decode_attestation_second_form_of_a_signature_refused() -> None:
    made = sign(ONE, TERMS, BLOCK)
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    high = (order - int.from_bytes(made.signature[32:64], "big")).to_bytes(32, "big")
    for signature in (
        made.signature[:64] + bytes((made.signature[64] - 27,)),
        made.signature[:32] + high + bytes((55 - made.signature[64],)),
    ):
        told = encode_signed(TERMS, BLOCK, Signed(ONE.address, signature))
        with pytest.raises(ForeignSignature):
            decode_attestation(TERMS, told)


def test_decode_attestation_message_holds_no_control_character() -> None:
    with pytest.raises(ForeignSignature) as caught:
        decode_attestation(TERMS, document() | {"anchor": "\x1b[31m" + "x" * 5000})
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 300
