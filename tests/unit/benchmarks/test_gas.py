"""The published figures: the page says what the results say, and the sums behind them are right."""

import json

import pytest

from benchmarks.gas import anchors_page, prices, sealed, source
from benchmarks.gas.model import model
from benchmarks.gas.page import page, parts
from benchmarks.gas.text import met
from benchmarks.gas.workload import ROOT
from smartsync.anchors.bft import encode_proof
from smartsync.bft import PROTOCOLS, quorum_of, read_extra, sealers
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


def test_measured_figures_of_analyze_are_what_the_results_give():
    file = ROOT / "src" / "smartsync" / "analysis" / "measured.json"
    assert json.loads(file.read_text("utf-8")) == model(RESULTS), "python -m benchmarks.gas_page"


def test_results_every_operation_is_accepted_with_both_proofs():
    two, nine = ([(r["workload"], r["op_index"]) for r in RESULTS[shape]] for shape in ("two_nodes", "nine_nodes"))
    assert two == nine
    assert all(record["accepted"] for record in RESULTS["two_nodes"] + RESULTS["nine_nodes"])


def test_parts_of_every_sync_make_up_its_gas():
    for record in RESULTS["two_nodes"] + RESULTS["nine_nodes"]:
        found = parts(record)
        assert sum(found.values()) == record["gas"]
        assert found["floor"] >= 0 and (found["floor"] == 0 or record["gas"] == record["floor_gas"])


def test_results_every_kind_of_anchor_is_deployed_updated_and_asked():
    kinds = ["quorum", "blockhash", "op-l1block", "qbft", "ibft2", "k-of-n", "veto"]
    for call in ("deployment", "update", "step"):
        assert list(dict.fromkeys(r["kind"] for r in RESULTS["anchors"] if r["call"] == call)) == kinds


def test_results_of_anchors_are_each_there_once_and_above_what_a_transaction_costs():
    sent = [record for record in RESULTS["anchors"] if record["transactions"]]
    assert [record["call"] for record in RESULTS["anchors"] if record not in sent] == ["step"] * 8
    assert all(record["gas"] > prices.INTRINSIC + 4 * record["calldata_bytes"] for record in sent)
    names = [(record["kind"], record["call"], record["case"]) for record in RESULTS["anchors"]]
    assert len(set(names)) == len(names)


def test_results_have_every_target_and_trial_of_an_anchor():
    updates = {(record["kind"], record["case"]) for record in RESULTS["anchors"] if record["call"] == "update"}
    assert updates >= anchors_page.TARGETS.keys() | anchors_page.TRIALS.keys()


@pytest.mark.parametrize(
    ("gas", "verdict"), [(99, "yes"), (100, "yes"), (101, "no, 1 % over"), (1_000, "no, 900 % over")]
)
def test_met_says_by_how_much_a_target_is_missed(gas, verdict):
    assert met(gas, 100, None) == ["100", verdict]


def test_met_just_above_a_target_is_not_0_percent():
    assert met(140_079, 140_000, None) == ["140,000", "no, 0.06 % over"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("count", [4, 21])
def test_sealed_header_is_sealed_by_a_quorum_of_its_validators(protocol, count):
    keys = sealed.validators(count)
    header = sealed.sealed_header(protocol, sealed.FIRST_BLOCK, keys)
    assert len(header.fields) == 15 and not any(header.fields[6])
    assert sealers(protocol, header.fields) == sealed.addresses(keys)[: quorum_of(count)]
    assert read_extra(header.extra_data).validators == tuple(sealed.addresses(keys))
    full = sealed.sealed_header(protocol, sealed.FIRST_BLOCK, keys, full=True)
    assert len(full.fields) == 21 and full.fields[6].count(0) < 8


def test_sealed_header_of_other_validators_has_one_new_one():
    known = sealed.addresses(sealed.validators(4))
    others = [sealed.addresses(sealed.validators(4, new=new)) for new in (1, 2)]
    assert [len(set(other) - set(known)) for other in others] == [1, 1]
    assert others[0] != others[1]
    header = sealed.sealed_header("qbft", sealed.FIRST_BLOCK, sealed.validators(4, new=1))
    assert len(encode_proof("qbft", header, known)) > len(encode_proof("qbft", header, others[0]))


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
