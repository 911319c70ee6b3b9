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


_CANCEL_GAS = 2_000_000
"""Gas limit of a version that cancels, at most: rollups ask for more than the 21,000 of a transfer, for what their L1
takes. And less than any block's limit, below which that of the version before may not be any more."""


def gas_of(signed: Signed, *, cancels: bool) -> int:
    """Return the gas limit of a version of a transaction."""
    return min(signed.gas, _CANCEL_GAS) if cancels else signed.gas


def sign(account: LocalAccount, chain_id: int, signed: Signed, fees: Fees, *, cancels: bool = False) -> Signed:
    """Return a transaction with one more version, which offers ``fees``.

    Parameters
    ----------
    cancels
        Whether it is one that does nothing but take the nonce.
    """
    to, data = (signed.sender, b"") if cancels else (signed.to, signed.data)
    transaction: dict[str, Any] = {
        "chainId": chain_id,
        "nonce": signed.nonce,
        "gas": gas_of(signed, cancels=cancels),
        "value": 0,
        "data": data,
    }
    if to is not None:
        transaction["to"] = to
    if fees.priority_fee_wei is None:
        transaction["gasPrice"] = fees.max_fee_wei
    else:
        transaction |= {"maxFeePerGas": fees.max_fee_wei, "maxPriorityFeePerGas": fees.priority_fee_wei, "type": 2}
    raw = bytes(account.sign_transaction(transaction).raw_transaction)
    return replace(signed, attempts=(*signed.attempts, Attempt(keccak256(raw), raw, fees, cancels)))


def is_by(account: LocalAccount, chain_id: int, signed: Signed) -> bool:
    """Whether all versions of a transaction are what this account signs for it.

    A journal may be written by others. What they put there must not be signed anew.

    Source: signatures are deterministic (RFC 6979).
    """
    unsigned = replace(signed, attempts=())
    versions = [sign(account, chain_id, unsigned, one.fees, cancels=one.cancels).newest for one in signed.attempts]
    return tuple(versions) == signed.attempts


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


def least(before: Fees) -> Fees:
    """Return the least that takes the place of a version that offers ``before``."""
    tip = before.priority_fee_wei
    return Fees(_more(before.max_fee_wei), None if tip is None else _more(tip))


def capped(fees: Fees, before: Fees, asked: Fees, cap_wei: int | None) -> Fees | None:
    """Return an offer that takes the place of ``before`` within a cap; ``None`` where the cap is too low for that.

    Parameters
    ----------
    fees
        What would be offered without a cap, as `outbid` says.
    asked
        What the chain asks for now.
    """
    if cap_wei is None or fees.max_fee_wei <= cap_wei:
        return fees
    if cap_wei < max(_more(before.max_fee_wei), asked.present_wei):
        return None
    tip = fees.priority_fee_wei
    return Fees(cap_wei, None if tip is None else min(tip, cap_wei))


def _more(fee_wei: int) -> int:
    times, parts = _BUMP
    return -(-fee_wei * times // parts) + (fee_wei == 0)
