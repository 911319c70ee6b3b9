"""Transactions that do not just land: stuck, dropped, outbid, reorganised away, sent by a process that died."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence

import pytest
from eth_account.signers.local import LocalAccount

from smartsync.answers import Receipt
from smartsync.chain import Chain
from smartsync.errors import FeeTooHigh, NonceTaken, TransactionPending
from smartsync.rpc import Rpc
from smartsync.submit import Sender
from smartsync.submit.journal import Memory, Signed
from smartsync.testing import Node, anvil_node

GWEI = 10**9


class Remembered(Memory):
    """A journal that survives its sender, as a table does."""

    def __init__(self, before: Sequence[Signed] = ()) -> None:
        super().__init__()
        self.written: list[Signed] = []
        self.open = {one.nonce: one for one in before}
        self.why: list[str] = []

    async def taken(self) -> frozenset[int]:
        return frozenset(self.open)

    async def write(self, signed: Signed) -> None:
        self.written.append(signed)
        self.open[signed.nonce] = signed

    async def unfinished(self) -> Sequence[Signed]:
        return list(self.open.values())

    async def included(self, signed: Signed, receipt: Receipt) -> None:
        self.open.pop(signed.nonce, None)

    async def dropped(self, signed: Signed, why: str) -> None:
        self.why.append(why)
        self.open.pop(signed.nonce, None)

    async def left(self, signed: Signed) -> None:
        pass


@pytest.fixture(scope="module")
def stalling() -> Iterator[Node]:
    with anvil_node(chain_id=31341) as node:
        yield node


@pytest.fixture
async def chain(stalling: Node) -> AsyncIterator[Chain]:
    """Give a chain that makes no block by itself."""
    stalling.request("evm_setAutomine", [False])
    stalling.request("anvil_setNextBlockBaseFeePerGas", [hex(GWEI)])
    stalling.request("evm_mine")
    async with Rpc(stalling.url) as rpc:
        yield Chain(rpc, "target")
    stalling.request("anvil_dropAllTransactions")


@pytest.fixture
def account(stalling: Node) -> LocalAccount:
    return stalling.accounts[0]


def sender(chain: Chain, account: LocalAccount, journal: Memory | None = None, **more: object) -> Sender:
    options = {"timeout_s": 20.0, "poll_s": 0.05, "stuck_s": 0.3} | more
    return Sender(chain, account, journal=journal, **options)  # type: ignore[arg-type]


async def until(happened: Callable[[], object], timeout_s: float = 15.0) -> None:
    end = time.monotonic() + timeout_s
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        await asyncio.sleep(0.02)


def waiting(node: Node) -> list[dict[str, str]]:
    """Return what is in the pool, whoever sent it."""
    pool = node.request("txpool_content")["pending"]
    return [one for of_sender in pool.values() for one in of_sender.values()]


async def test_send_stuck_below_the_base_fee_is_outbid_with_its_nonce(
    stalling: Node, chain: Chain, account: LocalAccount
) -> None:
    journal = Remembered()
    sending = asyncio.create_task(sender(chain, account, journal).send(account.address, b"\x01", what="sync"))
    await until(lambda: journal.written)
    asked = journal.written[0].newest.fees.max_fee_wei * 3
    stalling.request("anvil_setNextBlockBaseFeePerGas", [hex(asked)])
    stalling.request("evm_mine")
    await until(lambda: len(journal.written) > 1)
    await until(lambda: [one["hash"] for one in waiting(stalling)] == ["0x" + journal.written[-1].newest.tx_hash.hex()])
    stalling.request("anvil_setNextBlockBaseFeePerGas", [hex(asked)])
    stalling.request("evm_mine")
    receipt = await sending
    assert {one.nonce for one in journal.written} == {journal.written[0].nonce}
    assert receipt.tx_hash == journal.written[-1].newest.tx_hash
    assert not journal.open


async def test_send_dropped_by_the_pool_is_sent_again_as_it_was(
    stalling: Node, chain: Chain, account: LocalAccount
) -> None:
    journal = Remembered()
    sending = asyncio.create_task(sender(chain, account, journal).send(account.address, b"\x02", what="sync"))
    await until(lambda: waiting(stalling))
    stalling.request("anvil_dropAllTransactions")
    assert not waiting(stalling)
    await until(lambda: waiting(stalling))
    stalling.request("evm_mine")
    assert (await sending).tx_hash == journal.written[0].newest.tx_hash
    assert len(journal.written) == 1


async def test_finish_follows_what_a_dead_process_signed_and_never_sent(
    stalling: Node, chain: Chain, account: LocalAccount
) -> None:
    journal = Remembered()

    async def killed(signed: Signed) -> None:
        await Remembered.write(journal, signed)
        raise asyncio.CancelledError

    journal.write = killed  # type: ignore[method-assign]
    with pytest.raises(asyncio.CancelledError):
        await sender(chain, account, journal).send(account.address, b"\x03", what="sync")
    assert not waiting(stalling)
    heir = Remembered(journal.written)
    finishing = asyncio.create_task(sender(chain, account, heir, stuck_s=10.0).finish())
    await until(lambda: waiting(stalling), timeout_s=5.0)
    stalling.request("evm_mine")
    assert [one.tx_hash for one in await finishing] == [journal.written[0].newest.tx_hash]
    assert not heir.open


async def test_finish_of_what_landed_sends_nothing(stalling: Node, chain: Chain, account: LocalAccount) -> None:
    journal = Remembered()
    sending = asyncio.create_task(sender(chain, account, journal).send(account.address, b"\x04", what="sync"))
    await until(lambda: waiting(stalling))
    stalling.request("evm_mine")
    landed = await sending
    heir = Remembered(journal.written)
    before = await chain.nonce(account.address)
    assert [one.tx_hash for one in await sender(chain, account, heir).finish()] == [landed.tx_hash]
    assert await chain.nonce(account.address) == before and not waiting(stalling)


async def test_send_nonce_used_by_a_stranger_is_told(stalling: Node, chain: Chain, account: LocalAccount) -> None:
    journal = Remembered()
    ours = sender(chain, account, journal, stuck_s=1.0)
    sending = asyncio.create_task(ours.send(account.address, b"\x05", what="sync"))
    await until(lambda: waiting(stalling))
    stalling.request("anvil_dropAllTransactions")
    stranger = asyncio.create_task(sender(chain, account).send(account.address, b"\x06", what="a wallet"))
    await until(lambda: waiting(stalling))
    stalling.request("evm_mine")
    assert (await stranger).success
    with pytest.raises(NonceTaken) as caught:
        await sending
    assert caught.value.retryable and caught.value.nonce == journal.written[0].nonce
    assert journal.why == ["another transaction has its nonce"] and not journal.open


async def test_send_skips_nonces_that_were_signed_and_not_seen(
    stalling: Node, chain: Chain, account: LocalAccount
) -> None:
    journal = Remembered()
    nonce = await chain.nonce(account.address)
    journal.open = {
        nonce: Signed("of a worker about to send it", account.address, nonce, account.address, b"", 21_000, ())
    }
    sending = asyncio.create_task(sender(chain, account, journal).send(account.address, b"\x07", what="sync"))
    await until(lambda: journal.written)
    assert journal.written[0].nonce == nonce + 1
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)


async def test_send_above_the_fee_cap_sends_nothing(stalling: Node, chain: Chain, account: LocalAccount) -> None:
    with pytest.raises(FeeTooHigh, match=r"0\.000000001 may be paid") as caught:
        await sender(chain, account, fee_cap_wei=1).send(account.address, b"\x08", what="sync")
    assert caught.value.retryable and not waiting(stalling)


async def test_send_stuck_is_not_outbid_above_the_fee_cap(stalling: Node, chain: Chain, account: LocalAccount) -> None:
    journal = Remembered()
    cap = (await chain.fees()).max_fee_wei
    one = sender(chain, account, journal, fee_cap_wei=cap, timeout_s=2.5)
    sending = asyncio.create_task(one.send(account.address, b"\x09", what="sync"))
    await until(lambda: journal.written)
    stalling.request("anvil_setNextBlockBaseFeePerGas", [hex(cap * 3)])
    stalling.request("evm_mine")
    with pytest.raises(TransactionPending):
        await sending
    assert len(journal.written) == 1 and journal.open


async def test_finish_after_a_reorganisation_sends_it_again(
    stalling: Node, chain: Chain, account: LocalAccount
) -> None:
    journal = Remembered()
    sending = asyncio.create_task(sender(chain, account, journal).send(account.address, b"\x0a", what="sync"))
    await until(lambda: waiting(stalling))
    stalling.request("evm_mine")
    landed = await sending
    stalling.request("anvil_reorg", [1, []])
    stalling.request("anvil_dropAllTransactions")
    assert await chain.receipt(landed.tx_hash) is None
    finishing = asyncio.create_task(sender(chain, account, Remembered(journal.written)).finish())
    await until(lambda: waiting(stalling))
    stalling.request("evm_mine")
    (again,) = await finishing
    assert again.tx_hash == landed.tx_hash and again.block_hash != landed.block_hash
