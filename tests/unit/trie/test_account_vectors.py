"""Python's verifier on the account proofs that ``contracts/test/libraries/AccountProof.t.sol`` reads too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from smartsync.errors import InvalidProof
from smartsync.trie.proof import verify_account

VECTORS = Path(__file__).parents[2] / "vectors" / "account_proof.json"
CASES: list[dict[str, Any]] = json.loads(VECTORS.read_text())["cases"]
VALID = [case for case in CASES if not case["refusedBy"]]
# Python is given nodes, Solidity the bytes of all of them: where no nodes can be told apart there is nothing to give.
SPOILED = [case for case in CASES if case["refusedBy"] and (case["nodes"] or case["proof"] == "0x")]


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def test_vectors_both_kinds_are_many() -> None:
    assert len(VALID) > 70
    assert len(SPOILED) > 70


@pytest.mark.parametrize("case", VALID, ids=lambda case: case["name"])
def test_verify_account_valid_vector_proves_what_it_says(case: dict[str, Any]) -> None:
    account = verify_account(_bytes(case["stateRoot"]), case["account"], [_bytes(node) for node in case["nodes"]])
    if not case["exists"]:
        assert account is None
        return
    assert account is not None
    assert account.nonce == case["nonce"]
    assert account.balance_wei == int(case["balance"])
    assert account.storage_root == _bytes(case["storageRoot"])
    assert account.code_hash == _bytes(case["codeHash"])


@pytest.mark.parametrize("case", SPOILED, ids=lambda case: case["name"])
def test_verify_account_spoiled_vector_is_refused(case: dict[str, Any]) -> None:
    with pytest.raises(InvalidProof):
        verify_account(_bytes(case["stateRoot"]), case["account"], [_bytes(node) for node in case["nodes"]])
