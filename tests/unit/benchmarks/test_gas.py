"""The published figures: the page says what the results say, and the sums behind them are right."""

import json

import pytest

from benchmarks.gas import prices, source
from benchmarks.gas.page import page, parts
from benchmarks.gas.workload import ROOT
from smartsync.keccak import keccak256
from smartsync.trie.node import root_hash
from smartsync.trie.proof import verify_account
from smartsync.trie.trie import build, put, storage_value
from smartsync.types import EMPTY_ROOT, SlotChange
from smartsync.witness import plan_transition, state_root_of

RESULTS = json.loads((ROOT / "benchmarks" / "results" / "gas.json").read_text("utf-8"))
CODE_HASH = keccak256(b"code")
SLOTS = [keccak256(bytes([i])) for i in range(40)]


def test_page_is_what_the_results_give():
    assert (ROOT / "docs" / "reference" / "gas.md").read_text("utf-8") == page(RESULTS), "python -m benchmarks.gas_page"


def test_results_every_operation_is_accepted_with_both_proofs():
    two, nine = ([(r["workload"], r["op_index"]) for r in RESULTS[shape]] for shape in ("two_nodes", "nine_nodes"))
    assert two == nine
    assert all(record["accepted"] for record in RESULTS["two_nodes"] + RESULTS["nine_nodes"])


def test_parts_of_every_sync_make_up_its_gas():
    for record in RESULTS["two_nodes"] + RESULTS["nine_nodes"]:
        found = parts(record)
        assert sum(found.values()) == record["gas"]
        assert found["floor"] >= 0 and (found["floor"] == 0 or record["gas"] == record["floor_gas"])


@pytest.mark.parametrize(("shape", "count", "size"), [(source.TWO_NODES, 2, 479), (source.NINE_NODES, 9, 4360)])
def test_source_block_proves_the_account(shape, count, size):
    block = source.source_block(source.FIRST_BLOCK, EMPTY_ROOT, CODE_HASH, shape)
    state_root, nodes = source._account_proof(EMPTY_ROOT, CODE_HASH, shape)
    account = verify_account(state_root, source.ADDRESS, nodes)
    assert account is not None and (account.storage_root, account.code_hash) == (EMPTY_ROOT, CODE_HASH)
    assert (len(nodes), block.node_bytes) == (count, size)
    assert state_root_of(source.ADDRESS, EMPTY_ROOT, CODE_HASH, block.account_proof) == state_root
    assert (block.header.state_root, block.header.number) == (state_root, source.FIRST_BLOCK)


def test_calldata_and_floor_count_zero_bytes():
    assert prices.calldata_gas(b"\0\0\x01") == 2 * 4 + 16
    assert prices.floor_gas(b"\0\0\x01") == 21_000 + 10 * (2 + 4)


def test_limit_of_many_rewrites_is_their_writes():
    changes = [SlotChange(b"\xff" * 32, 1, 2)] * 100
    assert prices.limit(changes, [], []) == 21_000 + 100 * 33 * 16 + 100 * 5_000


def test_limit_of_a_long_witness_is_the_floor():
    changes = [SlotChange(b"\xff" * 32, 1, 2)]
    assert prices.limit(changes, [b"\xff" * 32] * 30, []) == 21_000 + 40 * (33 + 30 * 32)


def test_limit_takes_off_refunds_up_to_a_fifth():
    changes = [SlotChange(b"\xff" * 32, 1, 0)] * 10
    before = 21_000 + 10 * 32 * 16 + 10 * 5_000
    assert prices.limit(changes, [], []) == before - before // 5


def test_references_of_a_witness_are_what_hangs_beside_the_changes():
    old = build((keccak256(slot), storage_value(1)) for slot in SLOTS)
    new = put(old, keccak256(SLOTS[0]), storage_value(2))
    opaque, leaves = prices.references(plan_transition(old, new, SLOTS[:1]).witness)
    siblings = {root_hash(child) for child in old.children if child is not None}
    assert len(siblings & set(opaque)) == len(siblings) - 1
    assert leaves == []
