"""`explain` of real transactions: what they wrote is told as it was, and both roots are those of the chains."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from eth_account.signers.local import LocalAccount

from smartsync.contracts import encode_call
from smartsync.discovery.hints import Hints
from smartsync.errors import (
    InvalidProof,
    NodeError,
    NotATransition,
    TransactionPending,
    UnknownTransaction,
)
from smartsync.explaining import Explanation, Says, explain, svg
from smartsync.explaining.drawing import Left
from smartsync.keccak import keccak256
from smartsync.layout import parse_layout
from smartsync.replica import read_record
from smartsync.submit import Sender
from smartsync.sync import parts
from smartsync.testing import Node
from tests.http_node import Refusal
from tests.integration.stage import Stage, staged
from tests.integration.test_bad_input import creation
from tests.integration.world import World
from tests.lying_proxy import flipped, lying

PAGE = Path(__file__).parents[2] / "docs" / "explain" / "how-a-transition-is-proven.md"
"""With SMARTSYNC_DRAW_PAGE=1 the test of its example draws the picture beside it again."""

KEYS = 40
LAYOUT = {
    "storage": [
        {"label": "values", "offset": 0, "slot": "0", "type": "t_mapping(t_uint256,t_uint256)"},
        {"label": "count", "offset": 0, "slot": "1", "type": "t_uint256"},
        {"label": "name", "offset": 0, "slot": "2", "type": "t_string_storage"},
    ],
    "types": {
        "t_mapping(t_uint256,t_uint256)": {
            "encoding": "mapping",
            "key": "t_uint256",
            "value": "t_uint256",
            "numberOfBytes": "32",
        },
        "t_uint256": {"encoding": "inplace", "numberOfBytes": "32"},
        "t_string_storage": {"encoding": "bytes", "numberOfBytes": "32"},
    },
}
HINTS = Hints(parse_layout(json.dumps(LAYOUT), "Sample"))


@pytest.fixture(scope="module")
def stage(hardhat: Node, anvil: Node) -> Stage:
    return staged(hardhat, anvil, keys=KEYS)


@pytest.fixture
async def made(stage: Stage) -> AsyncIterator[World]:
    async with stage.world() as world:
        yield world


def digest(tx_hash: str) -> bytes:
    return bytes.fromhex(tx_hash[2:])


async def synced(made: World, replica: str, *writes: tuple[int, int]) -> bytes:
    """Write keys of the sample, sync, and return the transaction's hash."""
    for key, value in writes:
        await made.do("set(uint256,uint256)", key, value)
    await made.attest()
    (step,) = (await made.client.sync(replica)).steps
    return digest(step.tx_hash)


def sent(
    node: Node,
    account: LocalAccount,
    to: str | None,
    data: bytes,
    *,
    nonce: int = 0,
    gas: int = 3_000_000,
    mined: bool = True,
) -> str:
    """Send a transaction whatever comes of it, and return its hash."""
    transaction: Any = {
        "data": f"0x{data.hex()}",
        "gas": gas,
        "nonce": int(node.request("eth_getTransactionCount", [account.address, "latest"]), 16) + nonce,
        "chainId": node.chain_id,
        "value": 0,
        "maxFeePerGas": 10**11,
        "maxPriorityFeePerGas": 10**9,
        **({"to": to} if to else {}),
    }
    raw = account.sign_transaction(transaction).raw_transaction
    tx_hash: str = node.request("eth_sendRawTransaction", [f"0x{raw.hex()}"])
    if mined:
        node.wait_until(lambda: node.request("eth_getTransactionReceipt", [tx_hash]), "not mined", timeout_s=20)
    return tx_hash


def deploying(runtime: str) -> bytes:
    """Return the creation code of a contract with this runtime code (hex, below 256 bytes)."""
    return bytes.fromhex(f"60{len(runtime) // 2:02x}8060095f395ff3{runtime}")


def forwarder(hub: str) -> bytes:
    """Return the creation code of a contract that hands everything on to the hub, and fails where the hub does."""
    # CALLDATACOPY, CALL, JUMPI to the JUMPDEST at 0x26, REVERT
    return deploying(f"365f5f375f5f365f5f73{hub[2:]}5af16026575f5ffd5b00")


async def test_explain_sync_of_every_kind_tells_what_was_written(made: World, stage: Stage) -> None:
    before = await read_record(made.client.target, stage.hub, stage.replica)
    found = await explain(
        made.client.target, await synced(made, stage.replica, (5, 0), (6, 66), (777, 2**200)), hints=HINTS
    )
    after = await read_record(made.client.target, stage.hub, stage.replica)
    assert found.drawing is not None
    assert (found.drawing.old_root, found.drawing.new_root) == (before.storage_root, after.storage_root)
    assert {(change.name, change.kind, change.old, change.new) for change in found.changes} == {
        ("values[5]", "delete", 1005, 0),
        ("values[6]", "update", 1006, 66),
        # 777 is not among the small numbers that are tried as keys.
        ("", "insert", 0, 2**200),
    }
    assert found.notes == ("1 of 3 slots have no name by this layout and these keys (--keys)",)
    assert [check.name for check in found.checks] == ["old root", "new root", "state root"] and found.ok
    assert (found.function, found.replica, found.source) == ("sync", stage.replica, made.sample)
    assert (found.source_block_number, found.source_block_hash) == (after.block_number, after.block_hash)
    cost = found.cost
    assert cost.writes_gas == 22_100 + 5_000 + 5_000 and cost.refund_gas == 4_800 and cost.rest_gas is not None
    whole = cost.transaction_gas + cost.calldata_gas + cost.writes_gas + cost.rest_gas - cost.refund_gas
    assert whole == cost.gas_used and cost.rest_gas > 30_000
    ElementTree.fromstring(svg(found))  # noqa: S314  # our own


async def test_explain_key_that_is_given_names_the_slot(made: World, stage: Stage) -> None:
    hints = Hints(HINTS.layout, ((888).to_bytes(32),))
    found = await explain(made.client.target, await synced(made, stage.replica, (888, 9)), hints=hints)
    (change,) = found.changes
    assert (change.name, change.says) == ("values[888]", (Says("", "0", "9"),)) and not found.notes


async def test_explain_sync_without_changes_says_so(made: World, stage: Stage) -> None:
    await made.do("nothing()")
    found = await explain(made.client.target, await synced(made, stage.replica))
    assert found.drawing is None and not found.changes and found.ok
    assert found.title == "no slot changed, a newer block"
    assert [check.name for check in found.checks] == ["new root", "state root"]


async def test_explain_fork_tells_fills_and_refuses_what_has_no_witness(made: World, stage: Stage) -> None:
    # By another creator it is another replica of the same source.
    made.client._sender = Sender(made.client.target, stage.target.accounts[6], poll_s=0.05)
    found, refused = [], []
    for step in (await made.client.fork(made.sample, anchor=made.anchor)).steps:
        try:
            found.append(await explain(made.client.target, digest(step.tx_hash)))
        except NotATransition as error:
            refused.append(error.message)
    assert [one.function for one in found] == ["fill"]
    assert found[0].ok and [check.name for check in found[0].checks] == ["old root", "new root"]
    assert {change.kind for change in found[0].changes} == {"insert"} and len(found[0].changes) > KEYS - 2
    assert found[0].source_block_hash is None and found[0].source == made.sample
    assert any("is the hub's activate, which has no witness" in message for message in refused)


async def test_explain_parts_and_commit(made: World, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "_PART_BYTES", 600)
    made.on_target.gas_cap = 400_000
    await made.do("setRange(uint256,uint256,uint256)", 0, KEYS, 50_000)
    await made.attest()
    steps = (await made.client.sync(stage.replica)).steps
    made.on_target.gas_cap = 16_000_000
    assert len(steps) > 2, steps
    found = [await explain(made.client.target, digest(step.tx_hash)) for step in steps]
    assert [one.function for one in found] == ["prepare"] * (len(steps) - 1) + ["commit"]
    *proven, commit = found
    assert all([check.name for check in one.checks] == ["part"] and one.ok for one in proven)
    assert any(isinstance(node, Left) for one in proven[1:] for node in _all(one))
    assert sum(len(one.changes) for one in proven) == len(commit.changes)
    assert commit.ok and {check.name for check in commit.checks} == {"old root", "new root", "state root"}
    assert {change.kind for change in commit.changes} <= {"update", "insert"}
    with lying(stage.target.url) as proxy:
        proxy.lies["eth_getStorageAt"] = lambda _, told: flipped(told)
        async with stage.world(target_url=proxy.url) as other:
            misled = await explain(other.client.target, proven[0].tx_hash)
    assert misled.notes and all(change.old is None for change in misled.changes)
    # Of what was only proven nothing was written.
    assert all(one.cost.writes_gas == 0 for one in proven) and commit.cost.writes_gas


def _all(found: Explanation) -> list[object]:
    waiting: list[object] = list(found.drawing.subtries if found.drawing else ())
    seen = []
    while waiting:
        node = waiting.pop()
        seen.append(node)
        waiting += getattr(node, "children", ())
    return seen


async def test_explain_failed_transaction_says_why(made: World, stage: Stage) -> None:
    target = made.client.target
    tx = await target.transaction(await synced(made, stage.replica, (7, 70)))
    assert tx is not None
    again = await explain(target, digest(sent(stage.target, stage.target.accounts[7], tx.to, tx.data)))
    assert again.failure is not None and again.failure.name == "BlockNotNewer" and not again.ok
    assert "somebody else was faster" in again.failure.hint
    assert again.title == "failed: 1 slot, none written"


async def test_explain_transaction_with_too_little_gas_says_so(made: World, stage: Stage) -> None:
    target = made.client.target
    snapshot = stage.target.request("evm_snapshot")
    tx_hash = await synced(made, stage.replica, (20, 2020))
    tx, receipt = await target.transaction(tx_hash), await target.receipt(tx_hash)
    assert tx is not None and receipt is not None
    stage.target.request("evm_revert", [snapshot])
    await made.attest()
    short = sent(stage.target, stage.target.accounts[7], tx.to, tx.data, gas=receipt.gas_used - 3_000)
    found = await explain(target, digest(short))
    assert found.failure is not None and "all the gas" in found.failure.reason, found.failure
    # What it was to write is told all the same, and from which root to which.
    assert found.drawing is not None and found.drawing.new_root and [c.new for c in found.changes] == [2020]
    assert "old root" in [check.name for check in found.checks]


async def test_explain_failed_transaction_with_a_hostile_witness_tells_what_is_wrong(made: World, stage: Stage) -> None:
    await made.do("set(uint256,uint256)", 8, 80)
    await made.attest()
    header = await made.client.source.header("latest")
    for witness, name in ((b"\xff", "UnknownItem"), (bytes.fromhex("c2080207"), "WitnessTruncated")):
        data = encode_call("Hub", "sync", [stage.replica, header.hash, b"", witness])
        found = await explain(made.client.target, digest(sent(stage.target, stage.target.accounts[7], stage.hub, data)))
        assert found.failure is not None and found.failure.name == name
        assert found.malformed and found.drawing is None
        ElementTree.fromstring(svg(found))  # noqa: S314  # our own


async def test_explain_of_what_is_not_smartsyncs_is_refused(made: World, stage: Stage) -> None:
    target, account = made.client.target, stage.target.accounts[7]
    plain = sent(stage.target, account, account.address, b"")
    with pytest.raises(NotATransition, match="not one of SmartSync's"):
        await explain(target, digest(plain))
    with pytest.raises(NotATransition, match="creates a contract"):
        await explain(target, digest(sent(stage.target, account, None, forwarder(stage.hub))))
    # Calldata of a hub's sync, at an address where there is none.
    tx = await target.transaction(await synced(made, stage.replica, (9, 90)))
    assert tx is not None
    with pytest.raises(NotATransition, match="not one of SmartSync's"):
        await explain(target, digest(sent(stage.target, account, account.address, tx.data)))
    with pytest.raises(UnknownTransaction, match="knows no transaction"):
        await explain(target, b"\x11" * 32)
    with pytest.raises(NotATransition, match="made 1 call of a hub"):
        await explain(target, tx.tx_hash, call=2)


async def test_explain_pending_transaction_asks_to_wait(made: World, stage: Stage) -> None:
    account = stage.target.accounts[7]
    stage.target.request("evm_setAutomine", [False])
    try:
        waiting = sent(stage.target, account, account.address, b"", mined=False)
        with pytest.raises(TransactionPending, match="in no block yet"):
            await explain(made.client.target, digest(waiting))
        stage.target.request("evm_mine")
    finally:
        stage.target.request("evm_setAutomine", [True])


async def through_forwarder(made: World, stage: Stage, key: int) -> str:
    """Sync by way of another contract, and return the transaction's hash."""
    account = stage.target.accounts[7]
    receipt = await made.client.target.receipt(digest(sent(stage.target, account, None, forwarder(stage.hub))))
    assert receipt is not None
    snapshot = stage.target.request("evm_snapshot")
    tx = await made.client.target.transaction(await synced(made, stage.replica, (key, key)))
    assert tx is not None
    stage.target.request("evm_revert", [snapshot])
    await made.attest()
    return sent(stage.target, account, receipt.contract_address, tx.data)


async def test_explain_call_through_another_contract_is_found_in_the_trace(made: World, stage: Stage) -> None:
    found = await explain(made.client.target, digest(await through_forwarder(made, stage, 31)))
    assert found.through is not None and found.hub == stage.hub and found.ok
    assert [(change.kind, change.new) for change in found.changes] == [("update", 31)]
    assert found.cost.rest_gas is None and found.cost.writes_gas is None


async def test_explain_call_through_another_contract_without_traces_is_refused(made: World, stage: Stage) -> None:
    tx_hash = digest(await through_forwarder(made, stage, 32))
    with lying(stage.target.url) as proxy:
        proxy.missing = {"debug_traceTransaction"}
        async with stage.world(target_url=proxy.url) as other:
            with pytest.raises(NodeError, match="does not tell with what calldata") as caught:
                await explain(other.client.target, tx_hash)
    assert "callTracer" in caught.value.hint


async def test_explain_node_without_old_state_tells_only_new_values(made: World, stage: Stage) -> None:
    tx_hash = await synced(made, stage.replica, (11, 0), (12, 1212))
    with lying(stage.target.url) as proxy:
        gone = Refusal(-32000, "missing trie node")
        proxy.lies["eth_getStorageAt"] = lambda *_: gone
        proxy.lies["eth_call"] = lambda params, told: told if params[1] == "latest" else gone
        async with stage.world(target_url=proxy.url) as other:
            found = await explain(other.client.target, tx_hash)
    assert found.ok and found.drawing is not None and found.drawing.old_root is None
    assert {(change.kind, change.old, change.new) for change in found.changes} == {
        ("delete", None, 0),
        ("write", None, 1212),
    }
    assert any("the old values are not known" in note for note in found.notes)
    assert [check.name for check in found.checks] == ["new root", "state root"] and found.source == made.sample


async def test_explain_node_that_lies_of_old_values_is_not_believed(made: World, stage: Stage) -> None:
    tx_hash = await synced(made, stage.replica, (13, 1313))
    with lying(stage.target.url) as proxy:
        proxy.lies["eth_getStorageAt"] = lambda _, told: flipped(told)
        async with stage.world(target_url=proxy.url) as other:
            found = await explain(other.client.target, tx_hash)
    assert [change.old for change in found.changes] == [None]
    assert "do not make up what the hub recorded" in found.notes[0]


async def test_explain_node_that_lies_of_calldata_is_refused_and_another_one_asked(made: World, stage: Stage) -> None:
    tx_hash = await synced(made, stage.replica, (14, 1414))

    slot = keccak256((14).to_bytes(32) + bytes(32)).hex()

    def other_value(_: object, told: dict[str, str]) -> dict[str, str]:
        assert f"{slot}0586" in told["input"]
        return told | {"input": told["input"].replace(f"{slot}0586", f"{slot}0587")}

    with lying(stage.target.url) as proxy:
        proxy.lies["eth_getTransactionByHash"] = other_value
        async with stage.world(target_url=proxy.url) as other:
            with pytest.raises(InvalidProof, match="does not fit together: new root"):
                await explain(other.client.target, tx_hash)
        async with stage.world(target_url=[proxy.url, stage.target.url]) as other:
            assert (await explain(other.client.target, tx_hash)).changes[0].new == 1414


async def two_syncs(made: World, stage: Stage, key: int) -> list[bytes]:
    """Return the calldata of two syncs, one after the other, neither of which has happened."""
    await made.do("set(uint256,uint256)", key, 1)
    first = await made.attest()
    await made.do("set(uint256,uint256)", key, 2)
    await made.attest()
    snapshot = stage.target.request("evm_snapshot")
    steps = (await made.client.sync(stage.replica, block=first)).steps + (await made.client.sync(stage.replica)).steps
    txs = await made.client.target.transactions([digest(step.tx_hash) for step in steps])
    stage.target.request("evm_revert", [snapshot])
    return [tx.data for tx in txs if tx]


def assert_one_after_the_other(found: list[Explanation]) -> None:
    (first,), (second,) = (one.changes for one in found)
    assert first.new == 1 and first.old not in (None, 1)
    assert (second.old, second.new) == (1, 2)
    assert all(one.ok and "new root" in [check.name for check in one.checks] for one in found)


async def test_explain_two_syncs_of_one_block_tells_what_each_found(made: World, stage: Stage) -> None:
    account, calldata = stage.target.accounts[7], await two_syncs(made, stage, 15)
    stage.target.request("evm_setAutomine", [False])
    try:
        hashes = [sent(stage.target, account, stage.hub, data, nonce=n, mined=False) for n, data in enumerate(calldata)]
        stage.target.request("evm_mine")
    finally:
        stage.target.request("evm_setAutomine", [True])
    found = [await explain(made.client.target, digest(tx_hash)) for tx_hash in hashes]
    assert found[0].block_number == found[1].block_number
    assert_one_after_the_other(found)
    assert all("old root" in [check.name for check in one.checks] for one in found)


async def test_explain_two_syncs_of_one_transaction_tells_each(made: World, stage: Stage) -> None:
    account, (first, second) = stage.target.accounts[7], await two_syncs(made, stage, 16)
    hub, sizes = stage.hub[2:], (f"{len(first):04x}", f"{len(second):04x}")
    # CALLDATACOPY of everything; a CALL of the hub with the first part of it, and one with the rest.
    runtime = f"365f5f375f5f61{sizes[0]}5f5f73{hub}5af1505f5f61{sizes[1]}61{sizes[0]}5f73{hub}5af15000"
    made_at = await made.client.target.receipt(digest(sent(stage.target, account, None, deploying(runtime))))
    assert made_at is not None
    tx_hash = digest(sent(stage.target, account, made_at.contract_address, first + second))
    found = [await explain(made.client.target, tx_hash, call=number) for number in (1, 2)]
    assert [(one.call, one.calls) for one in found] == [(1, 2), (2, 2)]
    assert_one_after_the_other(found)


async def test_explain_example_of_the_page_is_as_it_says(made: World, stage: Stage) -> None:
    # Slots 0, 6 and 8 hold 100, 200 and 300; any call deletes slot 8: PUSH0, PUSH1 8, SSTORE, STOP.
    storage = {number.to_bytes(32): value for number, value in ((0, 100), (6, 200), (8, 300))}
    receipt = await made.on_source.send(None, creation(bytes.fromhex("5f60085500"), storage), what="deploy the example")
    await made.attest()
    replica = (await made.client.fork(receipt.contract_address or "", anchor=made.anchor)).replica
    await made.on_source.send(receipt.contract_address, b"", what="delete slot 8")
    await made.attest()
    (step,) = (await made.client.sync(replica)).steps
    found = await explain(made.client.target, digest(step.tx_hash))
    assert found.ok and found.drawing is not None
    for root in (found.drawing.old_root, found.drawing.new_root):
        assert root is not None and f"{root.hex()[:12]}…" in PAGE.read_text("utf-8")
    assert found.cost.calldata[0].size == 75
    picture = svg(found)
    if os.environ.get("SMARTSYNC_DRAW_PAGE"):
        PAGE.with_name("transition.svg").write_text(picture, "utf-8")
    ElementTree.fromstring(picture)  # noqa: S314  # our own
