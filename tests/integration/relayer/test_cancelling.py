"""What is stuck below its owner's fee is given up for what waits behind it: for a transfer's gas, and never twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import replace

import pytest
from eth_account.signers.local import LocalAccount
from sqlalchemy import text

from smartsync.chain import Chain
from smartsync.errors import TransactionPending
from smartsync.fees import Fees
from smartsync.relayer import settling
from smartsync.relayer.settling import follow
from smartsync.relayer.state.costs import Costs
from smartsync.relayer.state.database import Database
from smartsync.relayer.state.journal import StateJournal
from smartsync.rpc import Rpc
from smartsync.submit import Sender
from smartsync.submit.journal import Attempt
from smartsync.submit.signing import sign
from smartsync.testing import Node
from tests.integration.relayer.test_journal import signed, write

GWEI = 10**9
STUCK, BEHIND = "replica 1", "replica 2"
TO = "0x" + "42" * 20


@pytest.fixture
async def target(anvil: Node) -> AsyncIterator[Chain]:
    async with Rpc(anvil.url) as rpc:
        await rpc.call("evm_setAutomine", [False])
        try:
            yield Chain(rpc, "target")
        finally:
            await rpc.call("evm_setAutomine", [True])
            await rpc.call("anvil_mine", ["0x2"])


@pytest.fixture
def account(anvil: Node) -> LocalAccount:
    return anvil.accounts[4]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(settling, "CANCEL_AFTER_S", 0.0)
    monkeypatch.setattr(Sender.__init__, "__kwdefaults__", {**(Sender.__init__.__kwdefaults__ or {}), "stuck_s": 0.4})
    yield


async def mine(target: Chain, base_fee_wei: int) -> None:
    await target.rpc.call("anvil_setNextBlockBaseFeePerGas", [hex(base_fee_wei)])
    await target.rpc.call("evm_mine", [])


async def dear(target: Chain, *, blocks: int = 40) -> None:
    """Have blocks made in which gas costs a hundred gwei."""
    for _ in range(blocks):
        await asyncio.sleep(0.1)
        await mine(target, 100 * GWEI)


async def left(target: Chain, account: LocalAccount, database: Database, subject: str, cap_wei: int | None) -> None:
    """Send something for a subject, and have nobody follow it."""
    journal = await StateJournal.of(database, subject, "a-b")
    sender = Sender(target, account, journal=journal, fee_cap_wei=cap_wei, timeout_s=0.3, poll_s=0.05)
    with suppress(TransactionPending):
        await sender.send(TO, b"", what=f"sync of {subject}")


async def attempts(database: Database) -> list[tuple[int, bool]]:
    wanted = (
        "SELECT nonce, cancels FROM attempts JOIN transactions ON transactions.id = transaction_id ORDER BY 1, place"
    )
    async with database.transaction() as connection:
        return [(nonce, bool(cancels)) for nonce, cancels in await connection.execute(text(wanted))]


async def test_stuck_below_its_owners_fee_is_cancelled_for_what_waits_behind_it(
    target: Chain, account: LocalAccount, database: Database
) -> None:
    await mine(target, GWEI)
    nonce, before_wei = await target.nonce(account.address, "latest"), await target.balance(account.address)
    await left(target, account, database, STUCK, 2 * GWEI)
    await mine(target, 100 * GWEI)
    await left(target, account, database, BEHIND, None)
    await mine(target, 100 * GWEI)
    assert await target.nonce(account.address, "latest") == nonce, "the second one waits behind the first"
    mining = asyncio.create_task(dear(target))
    await follow(database, target, account, STUCK, cancel_for_wei=500 * GWEI)
    await follow(database, target, account, BEHIND, cancel_for_wei=500 * GWEI)
    await mining
    assert await target.nonce(account.address, "latest") == nonce + 2
    async with database.transaction() as connection:
        rows = (await connection.execute(text("SELECT subject, state, why, tx_hash, gas_used FROM transactions"))).all()
    found = {row.subject: row for row in rows}
    assert (found[STUCK].state, found[STUCK].why, found[STUCK].gas_used) == ("included", "cancelled", 21_000)
    assert (found[BEHIND].state, found[BEHIND].why) == ("included", "")
    cancel = await target.transaction(found[STUCK].tx_hash)
    assert cancel is not None and (cancel.to, cancel.data, cancel.value_wei) == (account.address, b"", 0)
    paid_wei = before_wei - await target.balance(account.address)
    assert paid_wei == (await Costs(database).total(0.0)).cost_wei, "nothing else was paid"
    assert (await Costs(database).total(0.0, subject=STUCK)).cost_wei <= 21_000 * 500 * GWEI
    journal = await StateJournal.of(database, STUCK)
    assert await journal.unfinished() == []


@pytest.mark.parametrize("why", ["nobody waits", "the chain's cap is lower", "it is too young", "nothing may be paid"])
async def test_stuck_is_not_cancelled_where(
    target: Chain, account: LocalAccount, database: Database, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await mine(target, GWEI)
    await left(target, account, database, STUCK, 2 * GWEI)
    await mine(target, 100 * GWEI)
    if why != "nobody waits":
        await left(target, account, database, BEHIND, None)
    if why == "it is too young":
        monkeypatch.setattr(settling, "CANCEL_AFTER_S", 600.0)
    cap_wei = {"the chain's cap is lower": 50 * GWEI, "nothing may be paid": 0}.get(why, 500 * GWEI)
    mining = asyncio.create_task(dear(target, blocks=20))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1.5):
            await follow(database, target, account, STUCK, cancel_for_wei=cap_wei)
    assert not any(cancels for _, cancels in await attempts(database))
    await mining
    await target.rpc.call("anvil_dropAllTransactions", [])


async def test_what_waits_itself_behind_another_is_not_cancelled(
    target: Chain, account: LocalAccount, database: Database
) -> None:
    await mine(target, GWEI)
    await left(target, account, database, "replica 0", 2 * GWEI)
    await left(target, account, database, STUCK, 2 * GWEI)
    await mine(target, 100 * GWEI)
    await left(target, account, database, BEHIND, None)
    mining = asyncio.create_task(dear(target, blocks=20))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1.5):
            await follow(database, target, account, STUCK, cancel_for_wei=500 * GWEI)
    assert not any(cancels for _, cancels in await attempts(database))
    await mining
    await target.rpc.call("anvil_dropAllTransactions", [])


async def test_a_row_that_another_wrote_has_nothing_cancelled(
    target: Chain, account: LocalAccount, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """Who may write to the database must not have anything signed, not even what does nothing."""
    await mine(target, 100 * GWEI)
    nonce = await target.nonce(account.address, "latest")
    forged = replace(signed(nonce), sender=account.address)
    good = sign(account, 31338, replace(forged, attempts=()), Fees(GWEI, GWEI))
    as_cancel = replace(good, attempts=(replace(good.newest, cancels=True),))
    assert isinstance(good.newest, Attempt)
    for number, one in enumerate((forged, as_cancel)):
        subject = f"forged {number}"
        await write(await StateJournal.of(database, subject), replace(one, nonce=nonce + 2 * number))
        await write(
            await StateJournal.of(database, f"behind {number}"),
            replace(signed(nonce + 9 + number), sender=account.address),
        )
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.6):
                await follow(database, target, account, subject, cancel_for_wei=500 * GWEI)
    assert len([one for one in caplog.messages if "is not what" in one]) >= 2
    assert len([one for one in await attempts(database) if one[1]]) == 1, "the forged one alone"
