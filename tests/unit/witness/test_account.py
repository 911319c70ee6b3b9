"""The compact account proof: what it leads to, and that nothing but the right one leads there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from smartsync.errors import InvalidProof, InvalidWitness, SmartSyncError
from smartsync.keccak import keccak256
from smartsync.trie.nibbles import to_nibbles
from smartsync.trie.proof import verify_account
from smartsync.witness import BranchItem, Item, LeafItem, OpaqueItem, WriteItem, decode_witness, encode_witness
from smartsync.witness.account import encode_account_proof, state_root_of
from tests.oracle import OracleTrie

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


# What is wrong is told, or the root is the one that a state of just this would have. The numbers in names are those of
# the faults that were found in other readers; `contracts/test/AccountCorpus.t.sol` has the same ones for the engine.

WIDE = next(case for case in PRESENT if len(_nodes(case)) > 3)


def _split(proof: bytes) -> tuple[bytes, list[BranchItem]]:
    """Return nonce and balance behind their length, and the branches, the lowest first."""
    size = 1 + proof[0]
    items = [item for item in decode_witness(proof[size:]) if isinstance(item, BranchItem)]
    return proof[:size], items


def _refusal(proof: bytes) -> str:
    with pytest.raises(InvalidWitness) as caught:
        _root(WIDE, proof)
    return caught.value.message


def test_state_root_of_1_cut_inside_nonce_and_balance_raises() -> None:
    front, _ = _split(_proof(WIDE))
    assert _refusal(b"") == "the account proof does not start with a nonce and a balance"
    for end in range(1, len(front)):
        assert _refusal(front[:end]) == "the account proof ends inside nonce and balance"


def test_state_root_of_1_cut_inside_a_branch_raises() -> None:
    front, branches = _split(_proof(WIDE))
    encoded = encode_witness(branches[:1])
    for end in range(1, len(encoded)):
        assert _refusal(front + encoded[:end]) == f"the witness ends at byte {end}, inside an item"


def test_state_root_of_1_cut_off_below_its_root_is_another_root() -> None:
    front, branches = _split(_proof(WIDE))
    roots = {_root(WIDE, front + encode_witness(branches[:count])) for count in range(len(branches) + 1)}
    assert len(roots) == len(branches) + 1
    assert _root(WIDE, front + encode_witness(branches[:-1])) != _bytes(WIDE["stateRoot"])
    key = keccak256(bytes.fromhex(WIDE["account"][2:]))
    alone = OracleTrie()
    words = (_bytes(WIDE["storageRoot"]), _bytes(WIDE["codeHash"]))
    alone.put(key, [WIDE["nonce"], int(WIDE["balance"]), *words])
    assert _root(WIDE, front) == alone.root


def test_state_root_of_3_item_that_is_no_branch_raises() -> None:
    surplus: list[Item] = [
        LeafItem(bytes(32), 1),
        WriteItem(bytes(31) + b"\1", 1),
        OpaqueItem(b"\1", bytes(31) + b"\1"),
    ]
    for item in surplus:
        assert _refusal(_proof(WIDE) + encode_witness([item])) == "an account proof has branches only"
    assert "no item starts with 0xff" in _refusal(_proof(WIDE) + b"\xff")


def test_state_root_of_7_long_nonce_and_balance_raise() -> None:
    assert _refusal(b"\x2b" + bytes(43)) == "the account proof does not start with a nonce and a balance"


@pytest.mark.parametrize("nonce", [b"\x82\x00\x01", b"\x81\x01", b"\xb8\x01\x01", b"\x00"])
def test_state_root_of_7_nonce_that_is_not_canonical_is_another_root(nonce: bytes) -> None:
    _, branches = _split(_proof(WIDE))
    forged = bytes((len(nonce) + 1,)) + nonce + b"\x80"
    assert _root(WIDE, forged + encode_witness(branches)) != _bytes(WIDE["stateRoot"])


def test_state_root_of_8_branches_out_of_order_raise() -> None:
    front, branches = _split(_proof(WIDE))
    turned = [branches[1], branches[0], *branches[2:]]
    assert _refusal(front + encode_witness(turned)) == (
        f"the branch at depth {branches[0].depth} does not lie above the one before"
    )


def test_state_root_of_8_branch_of_its_own_bit_raises() -> None:
    front, branches = _split(_proof(WIDE))
    low = branches[0]
    own = to_nibbles(keccak256(bytes.fromhex(WIDE["account"][2:])))[low.depth]
    twice = BranchItem(low.depth, {**low.opaque, own: bytes(31) + b"\1"})
    assert _refusal(front + encode_witness([twice])) == (
        f"the branch at depth {low.depth} has the account's child twice"
    )
    alone = encode_witness([BranchItem(low.depth, {})])
    assert _refusal(front + alone) == f"the branch at depth {low.depth} has one child only"


def test_state_root_of_9_branch_twice_raises() -> None:
    front, branches = _split(_proof(WIDE))
    for index, item in enumerate(branches):
        twice = [*branches[: index + 1], *branches[index:]]
        assert _refusal(front + encode_witness(twice)) == (
            f"the branch at depth {item.depth} does not lie above the one before"
        )


def _root_of_one(address: str, nonce: int, balance: int, storage_root: bytes, code_hash: bytes) -> bytes:
    """Return the root of a state in which there is this account alone."""
    trie = OracleTrie()
    trie.put(keccak256(bytes.fromhex(address[2:])), [nonce, balance, storage_root, code_hash])
    return trie.root


def test_state_root_of_2_forged_nonce_or_balance_is_the_root_with_it() -> None:
    words = _bytes(WIDE["storageRoot"]), _bytes(WIDE["codeHash"])
    for nonce, balance in ((5, 6), (6, 5), (5, 7)):
        front = bytes((2, nonce, balance))
        assert _root(WIDE, front) == _root_of_one(WIDE["account"], nonce, balance, *words)


def test_state_root_of_2_forged_hash_is_another_root() -> None:
    front, branches = _split(_proof(WIDE))
    for item in branches:
        for nibble, digest in item.opaque.items():
            forged = BranchItem(item.depth, {**item.opaque, nibble: keccak256(digest)})
            others = [forged if other is item else other for other in branches]
            assert _root(WIDE, front + encode_witness(others)) != _bytes(WIDE["stateRoot"])


def test_state_root_of_6_root_as_code_hash_is_the_root_with_them() -> None:
    root, code = _bytes(WIDE["storageRoot"]), _bytes(WIDE["codeHash"])
    assert state_root_of(WIDE["account"], code, root, b"\2\5\6") == _root_of_one(WIDE["account"], 5, 6, code, root)


def test_state_root_of_13_other_storage_root_is_the_root_with_it() -> None:
    other, code = keccak256(b"storage"), _bytes(WIDE["codeHash"])
    assert state_root_of(WIDE["account"], other, code, b"\2\5\6") == _root_of_one(WIDE["account"], 5, 6, other, code)


def test_state_root_of_14_another_account_is_the_root_with_it() -> None:
    root, code, other = _bytes(WIDE["storageRoot"]), _bytes(WIDE["codeHash"]), "0x" + "cd" * 20
    assert state_root_of(other, root, code, b"\2\5\6") == _root_of_one(other, 5, 6, root, code)
