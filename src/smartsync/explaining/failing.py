"""Why a transaction to a hub failed: it is tried again on the state before its block, and the revert decoded."""

from __future__ import annotations

from smartsync.answers import Receipt, Transaction
from smartsync.chain import Chain
from smartsync.errors import NodeError, TransactionReverted
from smartsync.explaining.explanation import Failure

_MEANS = {
    "OldRootMismatch": "the replica stood at another state than the witness starts from: somebody else was faster, or "
    "the plan was old; sync again, which plans anew",
    "UnexpectedRoot": "this chunk was filled in before, or another one was not; the same smartsync fork goes on from "
    "where the replica stands",
    "StateRootMismatch": "the witness does not end at the source's storage root at that block: it leaves out a change, "
    "or is of another block; sync again, which plans anew",
    "BlockNotNewer": "the replica stood at that block or a newer one: somebody else was faster, nothing is left to do",
    "BlockTooOld": "the replica mirrors no block before its first one; take a newer block",
    "BlockNotAccepted": "the anchor has to accept the source block first: smartsync anchor update, or attest",
    "AnchorNotActive": "the anchor is stopped; smartsync anchor show says what it waits for",
    "PartNotProven": "parts of the transition are not proven; the same smartsync sync proves what is missing",
    "NotCreator": "only the replica's creator may fill it",
    "WrongStatus": "smartsync status says where in its life the replica is",
    "UnknownReplica": "the hub has no such replica; smartsync status lists all",
    "OutOfGas": "it was given too little gas",
}
"""What to do about the errors that a hub's steps end with; others say it themselves."""

_OUT_OF_GAS = Failure(
    "", "it used all the gas that it was given", "give it more gas: smartsync sync estimates what it needs"
)


async def failure_of(chain: Chain, tx: Transaction, receipt: Receipt) -> Failure:
    """Return why a transaction failed, as far as the node can tell."""
    if tx.gas and receipt.gas_used >= tx.gas:
        return _OUT_OF_GAS
    before = receipt.block_number - 1
    try:
        await chain.call(tx.to or "", tx.data, block=before, sender=tx.sender, gas=tx.gas or None)
    except TransactionReverted as error:
        return Failure(error.name, error.reason, _MEANS.get(error.name, ""))
    except NodeError as error:
        return Failure(
            "",
            f"the node cannot try it again at block {before}: {error.message}",
            "take a node that keeps the state of that block (an archive node)",
        )
    return Failure(
        "",
        f"with the state of block {before} it succeeds: a transaction before it in block {receipt.block_number} stood "
        "in its way",
        "smartsync status says where the replica stands now",
    )
