from __future__ import annotations

import random
from dataclasses import replace

import pytest
from eth_account import Account
from eth_account.typed_transactions import TypedTransaction
from eth_utils import keccak
from hexbytes import HexBytes

from smartsync.fees import Fees
from smartsync.submit.journal import Signed
from smartsync.submit.signing import capped, is_by, outbid, sign

ACCOUNT = Account.from_key("0x" + "11" * 32)
TO = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
UNSIGNED = Signed("sync", ACCOUNT.address, 7, TO, b"\xab", 100_000, ())


def test_sign_versions_are_of_one_nonce_and_differ_in_what_they_offer() -> None:
    first = sign(ACCOUNT, 31337, UNSIGNED, Fees(200, 3))
    second = sign(ACCOUNT, 31337, first, Fees(400, 6))
    assert second.attempts[0] == first.newest
    told = [TypedTransaction.from_bytes(HexBytes(one.raw)).as_dict() for one in second.attempts]
    assert [one["nonce"] for one in told] == [7, 7]
    assert [(one["maxFeePerGas"], one["maxPriorityFeePerGas"]) for one in told] == [(200, 3), (400, 6)]
    assert second.newest.tx_hash == keccak(second.newest.raw) != first.newest.tx_hash


def test_sign_chain_before_london_offers_a_gas_price() -> None:
    legacy = sign(ACCOUNT, 31337, UNSIGNED, Fees(200, None))
    assert legacy.newest.raw[0] >= 0xC0, "a list: no typed transaction"
    assert Account.recover_transaction(legacy.newest.raw) == ACCOUNT.address


@pytest.mark.parametrize(
    ("before", "offer", "expected"),
    [
        (Fees(100, 10), Fees(100, 10), None),
        (Fees(100, 10), Fees(50, 10), None),
        (Fees(100, 10), Fees(101, 10), Fees(113, 12)),
        (Fees(100, 10), Fees(500, 40), Fees(500, 40)),
        (Fees(100, 0), Fees(101, 0), Fees(113, 1)),
        (Fees(100, 10), Fees(90, 11), Fees(113, 12)),
        (Fees(100, None), Fees(100, None), None),
        (Fees(100, None), Fees(101, None), Fees(113, None)),
    ],
)
def test_outbid_offers_an_eighth_more_where_more_is_asked_for(before: Fees, offer: Fees, expected: Fees | None) -> None:
    assert outbid(before, offer) == expected


def test_outbid_is_what_nodes_take_for_any_fees() -> None:
    """A tenth more in both, strictly more, and never a priority fee above the whole."""
    rng = random.Random(6)
    for _ in range(2_000):
        tip = rng.choice([0, 1, rng.randrange(10**11)])
        before = Fees(tip + rng.randrange(10**12), tip)
        asked = rng.choice([0, rng.randrange(10**12)])
        fees = outbid(before, Fees(asked + rng.randrange(10**13), asked))
        if fees is None:
            continue
        assert fees.priority_fee_wei is not None
        assert fees.max_fee_wei * 10 >= before.max_fee_wei * 11
        assert fees.priority_fee_wei * 10 >= tip * 11
        assert fees.max_fee_wei > before.max_fee_wei
        assert tip < fees.priority_fee_wei <= fees.max_fee_wei


def test_is_by_the_account_that_signed_it_and_only_as_it_was_signed() -> None:
    """Who can write to a journal must not have a key sign another call, by putting it where a signed one stands."""
    signed = sign(ACCOUNT, 31337, sign(ACCOUNT, 31337, UNSIGNED, Fees(200, 3)), Fees(400, 6))
    assert is_by(ACCOUNT, 31337, signed)
    assert not is_by(Account.from_key("0x" + "22" * 32), 31337, signed)
    assert not is_by(ACCOUNT, 31338, signed)
    other = "0x" + "33" * 20
    for forged in ({"to": other}, {"to": None}, {"data": b"\xac"}, {"gas": 100_001}, {"nonce": 8}):
        assert not is_by(ACCOUNT, 31337, replace(signed, **forged))
    half = replace(signed.newest, raw=b"\x00")
    assert not is_by(ACCOUNT, 31337, replace(signed, attempts=(signed.attempts[0], half)))


@pytest.mark.parametrize(
    ("cap_wei", "offered"),
    [
        (None, Fees(300, 20)),
        (300, Fees(300, 20)),
        (299, Fees(299, 20)),
        (160, Fees(160, 20)),
        (159, None),
        (0, None),
    ],
)
def test_capped_offers_the_cap_where_that_still_takes_the_place(cap_wei: int | None, offered: Fees | None) -> None:
    """160 is what the chain asks for now; an eighth more than 100 would do."""
    assert capped(Fees(300, 20), Fees(100, 10), Fees(300, 20), cap_wei) == offered


def test_capped_below_what_nodes_ask_of_a_replacement_is_none() -> None:
    assert capped(Fees(300, 20), Fees(200, 10), Fees(300, 20), 224) is None
    assert capped(Fees(300, 20), Fees(200, 10), Fees(300, 20), 225) == Fees(225, 20)


def test_sign_a_version_that_cancels_pays_nobody_and_does_nothing() -> None:
    one = sign(ACCOUNT, 31337, Signed("sync", ACCOUNT.address, 5, TO, b"\x01", 90_000, ()), Fees(203, 3))
    both = sign(ACCOUNT, 31337, one, Fees(406, 6), cancels=True)
    told = TypedTransaction.from_bytes(HexBytes(both.newest.raw)).as_dict()
    assert (told["nonce"], told["gas"], told["value"], told["data"]) == (5, 90_000, 0, b"")
    assert told["to"].hex() == ACCOUNT.address[2:].lower()
    assert both.is_cancelled_by(both.newest.tx_hash) and not both.is_cancelled_by(one.newest.tx_hash)
    assert is_by(ACCOUNT, 31337, both)
    assert not is_by(ACCOUNT, 31337, replace(both, attempts=tuple(replace(a, cancels=False) for a in both.attempts)))


def test_sign_a_version_that_cancels_fits_a_block_that_has_no_room_for_the_others() -> None:
    one = sign(ACCOUNT, 31337, Signed("sync", ACCOUNT.address, 5, TO, b"\x01", 16_777_216, ()), Fees(203, 3))
    both = sign(ACCOUNT, 31337, one, Fees(406, 6), cancels=True)
    assert TypedTransaction.from_bytes(HexBytes(both.newest.raw)).as_dict()["gas"] == 2_000_000
    assert is_by(ACCOUNT, 31337, both)
