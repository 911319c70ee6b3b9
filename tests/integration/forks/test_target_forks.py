"""T11: the target chain reorganises. What was sent is undone, hub and anchor and replica alike, and is sent anew."""

from __future__ import annotations

from typing import Any

import pytest

from smartsync.contracts import event_topic
from smartsync.errors import SmartSyncError, UnknownReplica
from smartsync.results import Recovered, SyncResult
from smartsync.submit import Receipt, Sender
from tests.integration.forks.scene import Scene


def target_block(here: Scene) -> int:
    return int(here.target.request("eth_blockNumber"), 16)


def undo(here: Scene, since: int) -> None:
    """Have the target replace all blocks after this one by empty ones."""
    here.target.request("anvil_reorg", [target_block(here) - since, []])


async def test_t11_target_that_drops_a_sync_has_the_old_state_and_takes_it_again(here: Scene) -> None:
    await here.set((1, 111), (5, 5))
    await here.attest()
    before, stood = await here.record(), target_block(here)
    first = await here.sync()
    undo(here, stood)
    now = await here.record()
    assert (now.block_hash, now.storage_root) == (before.block_hash, before.storage_root)
    assert (await here.block(first.block_hash)).level == "safe"
    assert await here.value(here.replica, 1) == 1001
    again = await here.sync()
    assert (again.changes, again.block_hash) == (first.changes, first.block_hash)
    assert again.steps, "it is sent once more"
    await here.assert_exact()


async def test_t11_target_that_drops_a_sync_and_its_attestation(here: Scene) -> None:
    before, stood = await here.record(), target_block(here)
    header = await here.set((1, 111))
    await here.attest()
    await here.sync()
    undo(here, stood)
    assert (await here.block(header.hash)).level == "unknown"
    assert (await here.record()).block_hash == before.block_hash
    assert not (await here.sync()).steps, "the newest accepted block is the recorded one again"
    await here.attest()
    await here.sync()
    await here.assert_exact()


async def test_t11_watch_is_idempotent_over_reorganisations_of_the_target(here: Scene) -> None:
    await here.sync()
    async with here.watch() as watch:
        for value in range(3):
            stood = target_block(here)
            header = await here.set((1, 7000 + value))
            synced = await watch.until(SyncResult)
            assert synced.block_hash == header.hash
            undo(here, stood)
            again = await watch.until(SyncResult)
            assert (again.from_block, again.block_hash) == (synced.from_block, synced.block_hash)
            assert again.steps
        sent = await here.client.target.nonce(here.owner.address)
        await watch.quiet()
        assert await here.client.target.nonce(here.owner.address) == sent, "it has nothing more to do"
    await here.assert_exact()


async def test_t11_target_that_drops_a_revocation_and_the_recovery(here: Scene) -> None:
    mark = here.mark()
    await here.set((1, 111), (5, 5))
    await here.attest()
    await here.sync()
    here.drop(mark)
    stood = target_block(here)
    canonical = await here.set((1, 222), (6, 6))
    async with here.watch() as watch:
        await watch.until(Recovered)
        undo(here, stood)
        assert await here.level() in ("safe", "revoked")
        again = await watch.until(Recovered)
        assert again.block_hash == canonical.hash
    await here.assert_exact()
    await here.assert_as_forked_anew()


async def test_t11_target_that_loses_the_replica_itself_is_waited_for(here: Scene) -> None:
    """A watcher that knew the replica waits, and goes on once its transactions are in blocks again."""
    await here.sync()
    (created,) = await here.client.target.logs(here.client.hub or "", [event_topic("Hub", "ReplicaCreated")])
    before = created.block_number - 1
    async with here.watch() as watch:
        header = await here.set((1, 5))
        assert (await watch.until(SyncResult)).block_hash == header.hash
        lost = raw_transactions(here, before + 1)
        here.target.request("anvil_rollback", [target_block(here) - before])
        assert isinstance(await watch.until(SmartSyncError), UnknownReplica)
        for raw in lost:
            here.target.request("eth_sendRawTransaction", [raw])
        header = await here.set((1, 6))
        synced = await watch.until(SyncResult)
        while synced.block_hash != header.hash:
            synced = await watch.until(SyncResult)
    await here.assert_exact()


def raw_transactions(here: Scene, first: int) -> list[str]:
    """Return all transactions of the target from a block on, signed as they were sent."""
    blocks = [
        here.target.request("eth_getBlockByNumber", [hex(n), False]) for n in range(first, target_block(here) + 1)
    ]
    hashes = [tx for block in blocks for tx in block["transactions"]]
    return [here.target.request("eth_getRawTransactionByHash", [tx]) for tx in hashes]


async def test_t11_receipt_that_vanishes_is_not_taken_for_a_sync(here: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The node tells of a receipt and then drops its block: what counts is the record, which is read again."""
    await here.set((1, 111))
    await here.attest()
    stood = target_block(here)
    send = Sender.send

    async def send_and_drop(self: Sender, to: str | None, data: bytes, *, what: str, **more: Any) -> Receipt:
        receipt = await send(self, to, data, what=what, **more)
        undo(here, stood)
        return receipt

    with monkeypatch.context() as patched:
        patched.setattr(Sender, "send", send_and_drop)
        result = await here.sync()
    assert result.steps
    assert here.target.request("eth_getTransactionReceipt", [result.steps[0].tx_hash]) is None
    assert (await here.sync()).steps
    await here.assert_exact()
