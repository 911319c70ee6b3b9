"""The compact account proof: what it leads to, and that nothing but the right one leads there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from smartsync.errors import InvalidProof, InvalidWitness, SmartSyncError
from smartsync.trie.proof import verify_account
from smartsync.witness.account import encode_account_proof, state_root_of

VECTORS = Path(__file__).parents[2] / "vectors" / "account_proof.json"
CASES: list[dict[str, Any]] = [case for case in json.loads(VECTORS.read_text())["cases"] if not case["refusedBy"]]
# Beside some of the deep ones hangs a node under 32 bytes, to test readers of nodes; no account is so short.
SHORT = [case for case in CASES if case["exists"] and case["name"].startswith("inclusion, sibling at depth")]
SHORT = [case for case in SHORT if int(case["name"].split()[-1]) > 8]
PRESENT = [case for case in CASES if case["exists"] and case not in SHORT]
ABSENT = [case for case in CASES if not case["exists"]]


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def _nodes(case: dict[str, Any]) -> list[bytes]:
    return [_bytes(node) for node in case["nodes"]]


def _proof(case: dict[str, Any]) -> bytes:
    return encode_account_proof(_bytes(case["stateRoot"]), case["account"], _nodes(case))


def _root(case: dict[str, Any], proof: bytes) -> bytes:
    return state_root_of(case["account"], _bytes(case["storageRoot"]), _bytes(case["codeHash"]), proof)


def test_vectors_ofBothKinds() -> None:
    assert len(PRESENT) > 12
    assert len(ABSENT) > 5


@pytest.mark.parametrize("case", PRESENT, ids=lambda case: case["name"])
def test_state_root_of_rightProof_isTheStateRoot(case: dict[str, Any]) -> None:
    assert _root(case, _proof(case)) == _bytes(case["stateRoot"])


@pytest.mark.parametrize("case", PRESENT, ids=lambda case: case["name"])
def test_encode_account_proof_isShorterThanTheNodes(case: dict[str, Any]) -> None:
    assert len(_proof(case)) <= sum(map(len, _nodes(case))) - 64  # the two hashes that are not in it


@pytest.mark.parametrize("case", PRESENT[:12], ids=lambda case: case["name"])
def test_state_root_of_anyByteChanged_isAnotherRoot(case: dict[str, Any]) -> None:
    proof = _proof(case)
    for position in range(len(proof)):
        for bit in (0x01, 0x80):
            spoiled = bytearray(proof)
            spoiled[position] ^= bit
            try:
                assert _root(case, bytes(spoiled)) != _bytes(case["stateRoot"])
            except InvalidWitness:
                continue


@pytest.mark.parametrize("case", PRESENT[:12], ids=lambda case: case["name"])
def test_state_root_of_cutOrSurplus_isRefusedOrAnotherRoot(case: dict[str, Any]) -> None:
    proof = _proof(case)
    for spoiled in (*(proof[:end] for end in range(len(proof))), proof + b"\0", proof + proof[-35:]):
        try:
            assert _root(case, spoiled) != _bytes(case["stateRoot"])
        except InvalidWitness:
            continue


def test_state_root_of_otherFacts_isAnotherRoot() -> None:
    case = PRESENT[0]
    root, code, proof = _bytes(case["storageRoot"]), _bytes(case["codeHash"]), _proof(case)
    other = bytes(31) + b"\1"
    assert state_root_of(case["account"], other, code, proof) != _bytes(case["stateRoot"])
    assert state_root_of(case["account"], root, other, proof) != _bytes(case["stateRoot"])
    for account in {case["account"] for case in PRESENT[1:4]} - {case["account"]}:
        try:
            assert state_root_of(account, root, code, proof) != _bytes(case["stateRoot"])
        except InvalidWitness:
            continue


@pytest.mark.parametrize("case", ABSENT, ids=lambda case: case["name"])
def test_encode_account_proof_noAccount_isRefused(case: dict[str, Any]) -> None:
    assert verify_account(_bytes(case["stateRoot"]), case["account"], _nodes(case)) is None
    with pytest.raises(InvalidProof, match="no account"):
        _proof(case)


@pytest.mark.parametrize("case", SHORT, ids=lambda case: case["name"])
def test_encode_account_proof_nodeUnder32Bytes_isRefused(case: dict[str, Any]) -> None:
    with pytest.raises(InvalidProof, match="under 32 bytes"):
        _proof(case)


def test_encode_account_proof_otherNodes_areRefused() -> None:
    with pytest.raises(SmartSyncError):
        encode_account_proof(bytes(32), PRESENT[0]["account"], _nodes(PRESENT[0]))


def test_state_root_of_noNonceAndBalance_isRefused() -> None:
    for proof in (b"", b"\x2b" + bytes(43), b"\x03\x01\x02"):
        with pytest.raises(InvalidWitness):
            _root(PRESENT[0], proof)
