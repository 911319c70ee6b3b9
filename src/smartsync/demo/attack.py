"""Forged updates, sent all the same: what refuses them, and that they change nothing."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

from smartsync.anchors.attestation import attestation_of, encode_proof, sign
from smartsync.anchors.quorum import quorum_terms
from smartsync.contracts import encode_call
from smartsync.demo.stage import Stage, account, attestors
from smartsync.errors import RpcError, SmartSyncError, TransactionReverted
from smartsync.header import Header, decode_header
from smartsync.keccak import keccak256
from smartsync.replica import read_record, replica_trie
from smartsync.rlp import encode
from smartsync.sync.planning import Plan, plan_sync
from smartsync.trie.trie import put, storage_value
from smartsync.witness import plan_transition

_GAS = 2_000_000


@dataclass(frozen=True, slots=True)
class Refusal:
    """A forged transaction and the error that it ended with: ``error`` its name, ``reason`` with its arguments."""

    forgery: str
    refused: bool
    error: str
    reason: str
    tx_hash: str
    gas_used: int


async def honest_plan(stage: Stage, replica: str, block: int) -> Plan:
    """Return what an honest relayer would send for this source block."""
    hub = str(stage.client.hub)
    record = await read_record(stage.target, hub, replica)
    header = await stage.source.header(block)
    return await plan_sync(stage.source, stage.target, hub, replica, record, header, None)


async def write_false_owner(stage: Stage, replica: str, plan: Plan, owner: str) -> Refusal:
    """Send the honest update with one value altered: the new owner is mallory instead of ``owner``."""
    honest, forged = (bytes.fromhex(account(role).address[2:]) for role in (owner, "mallory"))
    witness = plan.transition.witness.replace(honest, forged)
    return await _sync(stage, replica, plan, witness, f"mallory as the owner instead of {owner}")


async def leave_out_a_change(stage: Stage, replica: str, plan: Plan) -> Refusal:
    """Send an update that is well-formed and true in every value, but keeps quiet about one of the changes."""
    kept = plan.transition.changes[1:]
    slots = [change.slot for change in plan.transition.changes]
    old = await replica_trie(stage.target, str(stage.client.hub), replica, plan.record, slots)
    new = old
    for change in kept:
        new = put(new, keccak256(change.slot), storage_value(change.new) if change.new else None)
    witness = plan_transition(old, new, slots).witness
    return await _sync(stage, replica, plan, witness, "one of the changes left out")


async def invent_a_block(stage: Stage, anchor: str, header: Header) -> Refusal:
    """Offer the anchor a block that does not exist, with a state root of mallory's. One of three attestors signs it."""
    fields = [*header.fields]
    fields[3] = keccak256(b"a state in which everything is mallory's")
    invented = decode_header(encode(fields))
    terms = await quorum_terms(stage.target, anchor)
    signed = sign(attestors()[0], terms, attestation_of(terms, invented, "final"))
    data = encode_call("QuorumAnchor", "update", [encode_proof(invented, "final", [signed])])
    return await _send(stage, anchor, data, "an invented block, signed by 1 of 3")


async def _sync(stage: Stage, replica: str, plan: Plan, witness: bytes, forgery: str) -> Refusal:
    if witness == plan.transition.witness:
        raise ValueError("the forged witness is the honest one")
    arguments = [replica, plan.header.hash, plan.account_proof, witness]
    return await _send(stage, str(stage.client.hub), encode_call("Hub", "sync", arguments), forgery)


async def _send(stage: Stage, to: str, data: bytes, forgery: str) -> Refusal:
    """Send it as mallory, without the estimation that would hold an honest sender back, and see what the chain says."""
    mallory, target = account("mallory"), stage.target
    fees = await target.fees()
    transaction: dict[str, Any] = {
        "chainId": await target.chain_id(),
        "nonce": await target.nonce(mallory.address),
        "to": to,
        "data": data,
        "gas": _GAS,
        "maxFeePerGas": fees.max_fee_wei,
        "maxPriorityFeePerGas": fees.priority_fee_wei or 0,
        "type": 2,
    }
    signed = mallory.sign_transaction(transaction)
    tx_hash = bytes(signed.hash)
    # hardhat puts a transaction that reverts into a block, and answers with the revert all the same.
    with contextlib.suppress(RpcError):
        await target.rpc.call("eth_sendRawTransaction", [f"0x{bytes(signed.raw_transaction).hex()}"])
    receipt = await target.receipt(tx_hash)
    if receipt is None:
        raise SmartSyncError(f"the node did not put the forged transaction 0x{tx_hash.hex()} into a block")
    error, reason = ("", "it was accepted")
    try:
        await target.call(to, data, block=receipt.block_number - 1, sender=mallory.address)
    except TransactionReverted as revert:
        error, reason = revert.name, revert.reason
    return Refusal(forgery, not receipt.success, error, reason, f"0x{tx_hash.hex()}", receipt.gas_used)
