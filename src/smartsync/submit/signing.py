"""Signatures of transactions, and what a version has to offer that takes the place of another."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from eth_account.signers.local import LocalAccount

from smartsync.fees import Fees
from smartsync.keccak import keccak256
from smartsync.submit.journal import Attempt, Signed

_BUMP = 9, 8
"""By how much more a version offers than the one whose place it takes: nodes ask for a tenth more (geth's and reth's
``pricebump``, which count the priority fee too), and an eighth is above their roundings."""


def sign(account: LocalAccount, chain_id: int, signed: Signed, fees: Fees) -> Signed:
    """Return a transaction with one more version, which offers ``fees``."""
    transaction: dict[str, Any] = {
        "chainId": chain_id,
        "nonce": signed.nonce,
        "gas": signed.gas,
        "value": 0,
        "data": signed.data,
    }
    if signed.to is not None:
        transaction["to"] = signed.to
    if fees.priority_fee_wei is None:
        transaction["gasPrice"] = fees.max_fee_wei
    else:
        transaction |= {"maxFeePerGas": fees.max_fee_wei, "maxPriorityFeePerGas": fees.priority_fee_wei, "type": 2}
    raw = bytes(account.sign_transaction(transaction).raw_transaction)
    return replace(signed, attempts=(*signed.attempts, Attempt(keccak256(raw), raw, fees)))


def is_by(account: LocalAccount, chain_id: int, signed: Signed) -> bool:
    """Whether all versions of a transaction are what this account signs for it.

    A journal may be written by others. What they put there must not be signed anew.

    Source: signatures are deterministic (RFC 6979).
    """
    unsigned = replace(signed, attempts=())
    return all(sign(account, chain_id, unsigned, one.fees).newest == one for one in signed.attempts)


def outbid(before: Fees, offer: Fees) -> Fees | None:
    """Return what a version has to offer to take the place of one that offers ``before``, where that helps.

    Parameters
    ----------
    offer
        What is asked for now.

    Returns
    -------
    Fees | None
        ``None`` where no more is asked for than was offered: then the price is not why it waits.
    """
    is_legacy = before.priority_fee_wei is None
    tip, asked_tip = before.priority_fee_wei or 0, offer.priority_fee_wei or 0
    if offer.max_fee_wei <= before.max_fee_wei and (is_legacy or asked_tip <= tip):
        return None
    max_fee_wei = max(offer.max_fee_wei, _more(before.max_fee_wei))
    return Fees(max_fee_wei, None if is_legacy else min(max(asked_tip, _more(tip)), max_fee_wei))


def _more(fee_wei: int) -> int:
    times, parts = _BUMP
    return -(-fee_wei * times // parts) + (fee_wei == 0)
