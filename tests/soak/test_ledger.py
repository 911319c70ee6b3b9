"""The check of what was paid finds what it is there for: each kind of double payment, made up and on a real chain."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from smartsync import SmartSync
from smartsync.errors import TransactionReverted
from smartsync.fees import Fees
from smartsync.submit import Sender
from smartsync.submit.journal import Signed
from smartsync.submit.signing import sign
from smartsync.testing import Node
from tests.soak.ground import ground
from tests.soak.ledger import Entry, Payment, complaints, paid_in_vain, read_payments

KEY, OTHER = "0x" + "0a" * 20, "0x" + "0b" * 20


def payment(nonce: int, replica: str = "r", to: str = "", *, sender: str = KEY, success: bool = True) -> Payment:
    number = nonce + (100 if sender == OTHER else 0)
    root = number.to_bytes(32) if success else None
    return Payment(number, sender, nonce, number.to_bytes(32), ("sync", replica, to or str(number)), success, 9, root)


def entry(paid: Payment, **changes: object) -> Entry:
    plain = Entry("r", paid.sender, paid.nonce, "included", frozenset({paid.tx_hash}), paid.tx_hash, paid.success)
    return replace(plain, **changes)  # type: ignore[arg-type]


GOOD = [payment(0), payment(1), payment(2, "another"), payment(0, "yet another", sender=OTHER)]
BOOK = [entry(one) for one in GOOD]


def test_complaints_of_what_was_paid_once_are_none() -> None:
    assert complaints(GOOD, BOOK, kills=0) == []


def test_complaints_two_that_both_succeeded_for_one_step_are_told_whatever_was_killed() -> None:
    twice = [*GOOD, payment(1, to="1", sender=OTHER)]
    (told,) = complaints(twice, [*BOOK, entry(twice[-1])], kills=9)
    assert told == "2 successful transactions paid for sync r 1"


@pytest.mark.parametrize("kills", [0, 1])
def test_complaints_in_vain_are_as_many_as_were_killed_at_most(kills: int) -> None:
    reverted = payment(1, to="1", sender=OTHER, success=False)
    told = complaints([*GOOD, reverted], [*BOOK, entry(reverted)], kills=kills)
    assert [one[:21] for one in told] == ([] if kills else ["1 were paid in vain, "])


def test_complaints_a_success_that_changed_nothing_was_in_vain() -> None:
    again = replace(payment(1, sender=OTHER), root=GOOD[1].root)
    assert paid_in_vain([*GOOD, again]) == [again]
    assert complaints([*GOOD, again], [*BOOK, entry(again)], kills=0)
    elsewhere = replace(again, step=("sync", "a third", "101"))
    assert paid_in_vain([*GOOD, elsewhere]) == []


def test_complaints_gap_and_double_use_of_nonces() -> None:
    following = payment(3)
    assert complaints([*GOOD, following], [*BOOK, entry(following)], kills=0) == []
    for nonce in (4, 2):
        one = replace(payment(3), nonce=nonce)
        (told,) = complaints([*GOOD, one], [*BOOK, entry(one)], kills=0)
        assert told.startswith(f"{KEY} used nonces")
    later = [replace(one, nonce=one.nonce + 7) for one in GOOD]
    book = [entry(one) for one in later]
    assert complaints(later, book, kills=0, first_nonces={KEY.upper().replace("X", "x"): 7, OTHER: 7}) == []
    assert len(complaints(later, book, kills=0)) == 2


def test_complaints_journal_that_is_not_what_the_chain_has() -> None:
    assert complaints(GOOD, BOOK[1:], kills=0) == [f"the journal does not know {GOOD[0]}"]
    for changes, text in (
        ({"state": "signed"}, "the journal has signed"),
        ({"state": "dropped"}, "the journal has dropped"),
        ({"success": False}, "(success: False)"),
        ({"tx_hash": b"\7" * 32}, "the journal has included"),
    ):
        told = complaints(GOOD, [entry(GOOD[0], **changes), *BOOK[1:]], kills=0)
        assert text in told[0], changes
    never = entry(payment(9))
    assert complaints(GOOD, [*BOOK, never], kills=0) == [
        f"the journal has nonce 9 of {KEY} in a block, and the chain does not"
    ]
    left = replace(never, state="signed")
    assert complaints(GOOD, [*BOOK, left], kills=0) == [f"nonce 9 of {KEY} for r is left over"]
    assert complaints(GOOD, [*BOOK, replace(never, state="dropped")], kills=0) == []


async def test_read_payments_double_payment_on_a_real_chain_is_found(hardhat: Node, anvil: Node) -> None:
    async with ground(hardhat, anvil, replicas=2, sources=1, keys=1) as made:
        (key,) = made.keys.values()
        target = made.client.target
        first_nonces = {key.address: await target.nonce(key.address)}
        since_block = await target.block_number() + 1
        (contract,) = made.values
        await made.on_source.send(contract, (2).to_bytes(32) + (77).to_bytes(32), what="change")
        await made.accept()
        async with SmartSync.connect(hardhat.url, anvil.url, hub=made.hub, account=key) as client:
            client._sender = Sender(client.target, key, poll_s=0.05)
            for replica in made.replicas:
                await client.sync(replica)
            paid = await read_payments(target, made.hub, [key.address], since_block)
            assert [one.step[0] for one in paid] == ["sync", "sync"] and all(one.root for one in paid)
            assert {one.replica for one in paid} == {one.lower() for one in made.replicas}
            book = [entry(one) for one in paid]
            assert complaints(paid, book, kills=0, first_nonces=first_nonces) == []

            last = (await target.transactions([paid[-1].tx_hash]))[0]
            assert last is not None and last.to == made.hub
            with pytest.raises(TransactionReverted):
                await client._sender.send(last.to, last.data, what="the same again")
            nonce = await target.nonce(key.address)
            signed = Signed("the same again", key.address, nonce, last.to, last.data, 2_000_000, ())
            signed = sign(key, anvil.chain_id, signed, Fees(10**11, 10**9))
            await target.rpc.call("eth_sendRawTransaction", [f"0x{signed.newest.raw.hex()}"])
            async with asyncio.timeout(30):
                while await target.receipt(signed.newest.tx_hash) is None:  # noqa: ASYNC110  # its block comes a moment later
                    await asyncio.sleep(0.05)
        found = await read_payments(target, made.hub, [key.address], since_block)
        assert [one.success for one in found] == [True, True, False] and found[2].step == found[1].step
        assert paid_in_vain(found) == [found[2]]
        told = complaints(found, [*book, entry(found[2])], kills=0, first_nonces=first_nonces)
        assert len(told) == 1 and "1 were paid in vain, and 0 workers were killed" in told[0]
        assert complaints(found, book, kills=1, first_nonces=first_nonces) == [f"the journal does not know {found[2]}"]
