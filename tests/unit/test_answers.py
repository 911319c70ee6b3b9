from __future__ import annotations

from typing import Any

import pytest

from smartsync.answers import account_proof, address, data, log, quantity, receipt, transaction
from smartsync.errors import NodeError
from smartsync.types import EMPTY_ROOT

ACCOUNT = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
GARBAGE = [None, 7, True, "", "7", "zz", "0xzz", "0x-1", " 0x1", "0x1 ", [], {}, ["0x1"], 1.5, "0x" + "f" * 65]
LOG = {
    "address": ACCOUNT.lower(),
    "topics": ["0x" + "11" * 32],
    "data": "0x1234",
    "blockNumber": "0x7",
    "transactionHash": "0x" + "22" * 32,
    "blockHash": "0x" + "33" * 32,
}
RECEIPT = {
    "transactionHash": "0x" + "22" * 32,
    "blockNumber": "0x7",
    "blockHash": "0x" + "33" * 32,
    "status": "0x1",
    "gasUsed": "0x5208",
    "contractAddress": None,
    "logs": [LOG],
}
TRANSACTION = {
    "hash": "0x" + "22" * 32,
    "from": ACCOUNT.lower(),
    "to": ACCOUNT.lower(),
    "input": "0xabcd",
    "blockNumber": "0x7",
}
SLOTS = [bytes(32), b"\x00" * 31 + b"\x05", b"\xff" * 32]
PROOF = {
    "address": ACCOUNT.lower(),
    "storageHash": "0x" + "44" * 32,
    "codeHash": "0x" + "55" * 32,
    "accountProof": ["0xc0", "0xc180"],
    "storageProof": [
        {"key": "0x0", "value": "0x0", "proof": []},
        {"key": "0x" + "0" * 63 + "5", "value": "0x1f", "proof": ["0xc0"]},
        {"key": "0x" + "ff" * 32, "value": "0x" + "ff" * 32, "proof": ["0xc0", "0xc1c0"]},
    ],
}


@pytest.mark.parametrize(("value", "number"), [("0x", 0), ("0x0", 0), ("0x00", 0), ("0x7f", 127), ("0xABC", 2748)])
def test_quantity_hex_is_read(value: str, number: int) -> None:
    assert quantity(value, "number") == number


@pytest.mark.parametrize("value", GARBAGE)
def test_quantity_garbage_is_refused(value: object) -> None:
    with pytest.raises(NodeError, match="fancy number"):
        quantity(value, "fancy number")


def test_quantity_too_many_bits_is_refused() -> None:
    assert quantity("0xffffffffffffffff", "number", 64) == 2**64 - 1
    with pytest.raises(NodeError, match="more than 64 bits"):
        quantity("0x10000000000000000", "number", 64)


@pytest.mark.parametrize("value", [*GARBAGE, "0x123"])
def test_data_garbage_is_refused(value: object) -> None:
    with pytest.raises(NodeError, match="fancy bytes"):
        data(value, "fancy bytes")


@pytest.mark.parametrize("value", ["0x", "0x12", "0x" + "11" * 31, "0x" + "11" * 33])
def test_data_of_another_size_is_refused(value: str) -> None:
    with pytest.raises(NodeError, match="32 bytes expected"):
        data(value, "hash", 32)


def test_address_lower_case_is_checksummed() -> None:
    assert address(ACCOUNT.lower(), "address") == ACCOUNT


def test_account_proof_of_every_spelling_is_read() -> None:
    proof = account_proof(PROOF, ACCOUNT, SLOTS)
    assert proof.address == ACCOUNT
    assert (proof.storage_root, proof.code_hash) == (b"\x44" * 32, b"\x55" * 32)
    assert proof.account_nodes == (b"\xc0", b"\xc1\x80")
    assert [(one.slot, one.value, len(one.nodes)) for one in proof.storage] == [
        (SLOTS[0], 0, 0),
        (SLOTS[1], 31, 1),
        (SLOTS[2], 2**256 - 1, 2),
    ]


def without(told: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in told.items() if key != name}


@pytest.mark.parametrize("name", ["storageHash", "codeHash", "accountProof", "storageProof"])
@pytest.mark.parametrize("value", [*GARBAGE, [None], [["0x"]], {"a": 1}])
def test_account_proof_malformed_is_refused(name: str, value: object) -> None:
    if (name, value) == ("accountProof", []):
        return  # no nodes: a lie of the right shape, which the proof's verification finds
    for told in ({**PROOF, name: value}, without(PROOF, name)):
        with pytest.raises(NodeError):
            account_proof(told, ACCOUNT, SLOTS)


@pytest.mark.parametrize("value", [*GARBAGE, {}, {"key": "0x0"}, {"key": "0x1", "value": "0x0", "proof": []}])
def test_account_proof_malformed_slot_is_refused(value: object) -> None:
    for told in ([value, *PROOF["storageProof"][1:]], PROOF["storageProof"][1:], [*PROOF["storageProof"], value]):
        with pytest.raises(NodeError):
            account_proof({**PROOF, "storageProof": told}, ACCOUNT, SLOTS)


def test_account_proof_of_an_account_that_is_not_there_may_lack_its_slots() -> None:
    """So answers @ethereumjs/client 0.10.5; geth and the others prove each slot with no nodes."""
    proof = account_proof({**PROOF, "storageHash": f"0x{EMPTY_ROOT.hex()}", "storageProof": []}, ACCOUNT, SLOTS)
    assert [(one.slot, one.value, one.nodes) for one in proof.storage] == [(slot, 0, ()) for slot in SLOTS]


def test_account_proof_of_a_storage_that_is_not_empty_without_its_slots_is_refused() -> None:
    for told in ([], PROOF["storageProof"][:1]):
        with pytest.raises(NodeError, match="asked for 3"):
            account_proof({**PROOF, "storageProof": told}, ACCOUNT, SLOTS)


def test_account_proof_of_slots_in_another_order_is_refused() -> None:
    with pytest.raises(NodeError, match="another slot"):
        account_proof({**PROOF, "storageProof": PROOF["storageProof"][::-1]}, ACCOUNT, SLOTS)


def test_receipt_and_log_are_read() -> None:
    read = receipt(RECEIPT)
    assert (read.success, read.block_number, read.gas_used, read.contract_address) == (True, 7, 21000, None)
    assert read.logs == (log(LOG),)
    assert (read.logs[0].address, read.logs[0].topics, read.logs[0].data) == (ACCOUNT, (b"\x11" * 32,), b"\x12\x34")
    assert receipt({**RECEIPT, "status": "0x0", "contractAddress": ACCOUNT.lower()}).contract_address == ACCOUNT
    assert not receipt({**RECEIPT, "status": "0x0"}).success


def test_receipt_tells_what_it_cost() -> None:
    assert receipt(RECEIPT).cost_wei is None, "before London a node may not tell"
    assert receipt({**RECEIPT, "effectiveGasPrice": "0x7"}).cost_wei == 21_000 * 7
    of_rollup = receipt({**RECEIPT, "effectiveGasPrice": "0x7", "l1Fee": "0x64"})
    assert (of_rollup.l1_fee_wei, of_rollup.cost_wei) == (100, 21_000 * 7 + 100)
    assert receipt({**RECEIPT, "effectiveGasPrice": "0x7", "l1Fee": None}).cost_wei == 21_000 * 7


@pytest.mark.parametrize("name", ["effectiveGasPrice", "l1Fee"])
@pytest.mark.parametrize("value", [value for value in GARBAGE if value is not None])
def test_receipt_cost_that_is_no_number_is_refused(name: str, value: object) -> None:
    with pytest.raises(NodeError):
        receipt({**RECEIPT, "effectiveGasPrice": "0x7", name: value})


@pytest.mark.parametrize("name", ["transactionHash", "blockNumber", "blockHash", "status", "gasUsed", "logs"])
def test_receipt_malformed_is_refused(name: str) -> None:
    for told in (without(RECEIPT, name), {**RECEIPT, name: "x"}, {**RECEIPT, name: {}}, {**RECEIPT, name: [{}]}):
        with pytest.raises(NodeError):
            receipt(told)


@pytest.mark.parametrize("name", ["address", "topics", "data", "transactionHash", "blockNumber"])
def test_log_malformed_is_refused(name: str) -> None:
    for told in (without(LOG, name), {**LOG, name: "0x1"}, {**LOG, name: ["x"]}, {**LOG, name: 1}):
        if told.get(name) == "0x1" and name == "blockNumber":
            continue
        with pytest.raises(NodeError):
            log(told)


def test_transaction_waiting_or_creating_is_read() -> None:
    assert transaction(TRANSACTION).block_number == 7
    waiting = transaction({**TRANSACTION, "to": None, "blockNumber": None})
    assert (waiting.to, waiting.block_number, waiting.sender, waiting.data) == (None, None, ACCOUNT, b"\xab\xcd")


@pytest.mark.parametrize("name", ["hash", "from", "input"])
def test_transaction_malformed_is_refused(name: str) -> None:
    for told in (without(TRANSACTION, name), {**TRANSACTION, name: "0x1"}, {**TRANSACTION, name: 5}, [], None, "x"):
        with pytest.raises(NodeError):
            transaction(told)
