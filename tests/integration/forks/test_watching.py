"""`SmartSync.watch` over a source that forks: nobody is there, and the replica is exact again every time."""

from __future__ import annotations

import asyncio

import pytest

from smartsync.anchors.once import SignersOnce
from smartsync.anchors.quorum import LocalSigners, quorum_terms
from smartsync.errors import (
    BlockNotAccepted,
    FinalBlockDropped,
    InsufficientFunds,
    NodeUnreachable,
    SmartSyncError,
    SourceDestroyed,
    SourceReorganised,
    TooFewSignatures,
    UnknownReplica,
    WrongChain,
)
from smartsync.results import Recovered, ReorganisationSeen, Revoked, SyncResult
from smartsync.sync.watching import Event
from tests.integration.forks.scene import Scene, Watch

pytestmark = pytest.mark.parametrize("source", ["forking", "geth_shanghai"], indirect=True)


def names(told: list[Event]) -> list[str]:
    return [type(event).__name__ for event in told]


async def test_watch_with_signers_revokes_and_recovers_by_itself(here: Scene) -> None:
    mark = here.mark()
    async with here.watch() as watch:
        orphan = await here.set((1, 111), (5, 5))
        while (await watch.until(SyncResult)).block_hash != orphan.hash:
            pass
        watch.told.clear()
        here.drop(mark)
        canonical = await here.set((1, 222), (6, 6))
        recovered = await watch.until(Recovered)
        assert names(watch.told)[-4:] == ["ReorganisationSeen", "Revoked", "AnchorUpdate", "Recovered"]
        seen, revoked = watch.told[-4:-2]
    assert isinstance(seen, ReorganisationSeen) and isinstance(revoked, Revoked)
    assert (seen.block_hash, seen.source_hash, seen.level, seen.revoking) == (
        orphan.hash,
        canonical.hash,
        "safe",
        True,
    )
    assert revoked.dropped >= 1 and revoked.head_number < orphan.number and revoked.steps
    assert (recovered.orphan_hash, recovered.orphan_block) == (orphan.hash, orphan.number)
    assert (recovered.block_hash, recovered.to_block) == (canonical.hash, canonical.number)
    await here.assert_exact()
    await here.assert_as_forked_anew()


async def test_watch_without_signers_waits_for_the_revocation_and_goes_to_a_lower_number(here: Scene) -> None:
    lower = await here.set((4, 4))
    await here.attest()
    mark = here.mark()
    orphan = await here.set((1, 111), (5, 5), (1, 112))
    await here.attest()
    await here.sync()
    here.drop(mark)
    await here.set((2, 1), (2, 2), (2, 3))
    async with here.watch(every_blocks=1000) as watch:
        seen = await watch.until(ReorganisationSeen)
        assert (seen.block_hash, seen.revoking) == (orphan.hash, False)
        await watch.quiet()
        await here.revoke()
        recovered = await watch.until(Recovered)
    assert names(watch.told) == ["ReorganisationSeen", "ReorganisationSeen", "Recovered"]
    assert (recovered.block_hash, recovered.to_block) == (lower.hash, lower.number)
    assert recovered.to_block < recovered.orphan_block
    await here.assert_exact()
    await here.assert_as_forked_anew()


async def test_watch_recovers_to_a_newer_accepted_block_without_any_revocation(here: Scene) -> None:
    mark = here.mark()
    orphan = await here.set((1, 111))
    await here.attest()
    await here.sync()
    here.drop(mark)
    await here.set((5, 5), (1, 3))
    await here.attest()
    async with here.watch(every_blocks=1000) as watch:
        recovered = await watch.until(Recovered)
    assert (recovered.orphan_hash, recovered.to_block) == (orphan.hash, orphan.number + 1)
    await here.assert_exact()


async def test_watch_over_one_reorganisation_after_the_other_ends_exact(here: Scene) -> None:
    async with here.watch() as watch:
        for turn in range(5):
            mark = here.mark()
            orphan = await here.set((turn, 111), (5 + turn, turn + 1))
            while True:
                event = await watch.until(object)
                if isinstance(event, SyncResult | Recovered) and event.block_hash == orphan.hash:
                    break
            here.drop(mark)
            canonical = await here.set((turn, 222), (6 + turn, 6))
            while (await watch.until(Recovered)).block_hash != canonical.hash:
                pass
    # What was signed was never contradicted.
    assert (await here.client.status(here.replica)).anchor_status == "active"
    await here.assert_exact()
    await here.assert_as_forked_anew()


async def test_watch_two_watchers_at_once_do_each_other_no_harm(here: Scene) -> None:
    mark = here.mark()
    one, two = here.watch(), here.watch()
    async with one, two:

        async def drain(watch: Watch) -> None:
            async for event in watch.events:
                watch.told.append(event)

        tasks = [asyncio.ensure_future(drain(watch)) for watch in (one, two)]
        for turn in range(3):
            await here.set((turn, 111), (8, turn + 1))
            await asyncio.sleep(0.3)
            here.drop(mark)
            mark = here.mark()
            canonical = await here.set((turn, 222), (9, turn + 6))
            async with asyncio.timeout(30):
                while (await here.record()).block_hash != canonical.hash:  # noqa: ASYNC110  # the chain has no event
                    await asyncio.sleep(0.1)
        assert not [task for task in tasks if task.done()], "each of them goes on"
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert (await here.client.status(here.replica)).anchor_status == "active"
    await here.assert_exact()


async def test_watch_source_destroyed_on_a_branch_that_is_dropped_survives_it(here: Scene) -> None:
    await here.sync()
    mark = here.mark()
    async with here.watch() as watch:
        await here.made.do("destroy()")
        told = await watch.until(SourceDestroyed)
        assert "smartsync halt" in told.hint
        await watch.quiet()
        here.drop(mark)
        canonical = await here.set((1, 7))
        while (await watch.until(SyncResult)).block_hash != canonical.hash:
            pass
    await here.assert_exact()


async def test_watch_halted_replica_comes_back_when_the_end_is_revoked(here: Scene) -> None:
    await here.sync()
    recorded = await here.record()
    mark = here.mark()
    await here.made.do("destroy()")
    await here.attest()
    await here.client.halt(here.replica)
    here.drop(mark)
    await here.set((1, 7))
    async with here.watch() as watch:
        result = await watch.until(Recovered)
    assert result.orphan_hash == recorded.block_hash
    assert (await here.record()).status == "active"
    await here.assert_exact()


async def test_watch_dropped_block_that_is_final_is_told_once_and_nothing_is_signed_above_it(here: Scene) -> None:
    mark = here.mark()
    orphan = await here.set((1, 111))
    await here.update(await here.attested(orphan, "final", here.owner))
    await here.sync()
    here.drop(mark)
    canonical = await here.set((1, 222), (2, 222))
    async with here.watch() as watch:
        assert isinstance(await watch.until(SmartSyncError), FinalBlockDropped)
        assert names(watch.told) == ["ReorganisationSeen", "FinalBlockDropped"]
        await watch.quiet()
        assert (await here.block(canonical.hash)).level == "unknown"
        assert (await here.record()).block_hash == orphan.hash
        # Should others have a block above accepted, that is a way out all the same.
        await here.attest()
        recovered = await watch.until(Recovered)
        assert recovered.block_hash == canonical.hash
    await here.assert_exact()


async def test_watch_that_cannot_revoke_goes_on_to_a_newer_block(here: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    async def nobody(*_: object) -> object:
        raise TooFewSignatures("the revocation", 1, 0, hint="")

    mark = here.mark()
    orphan = await here.set((1, 111))
    await here.attest()
    await here.sync()
    here.drop(mark)
    canonical = await here.set((1, 222), (2, 222))
    monkeypatch.setattr(SignersOnce, "revoke", nobody)
    async with here.watch() as watch:
        assert isinstance(await watch.until(SmartSyncError), TooFewSignatures)
        assert (await watch.until(Recovered)).block_hash == canonical.hash
        # The orphan matters to nobody who watches this replica any more.
        await watch.quiet()
    assert (await here.block(orphan.hash)).level == "safe"
    await here.assert_exact()


async def test_watch_block_that_a_final_one_displaced_is_left_at_once(here: Scene) -> None:
    mark = here.mark()
    orphan = await here.set((1, 111))
    await here.attest()
    await here.sync()
    here.drop(mark)
    canonical = await here.set((1, 222))
    final = await here.set((2, 222))
    await here.update(await here.attested(final, "final", here.owner))
    await here.extend(final, canonical)
    assert (await here.block(orphan.hash)).level == "revoked"
    async with here.watch(every_blocks=1000) as watch:
        recovered = await watch.until(Recovered)
    assert (recovered.orphan_hash, recovered.block_hash) == (orphan.hash, final.hash)
    await here.assert_exact()
    await here.assert_as_forked_anew()


async def test_signers_once_sign_no_other_block_of_a_number_before_it_is_revoked(here: Scene) -> None:
    signers = SignersOnce(LocalSigners([here.owner]), here.client.target)
    source, terms = here.client.source, await quorum_terms(here.client.target, here.anchor)
    mark = here.mark()
    one = await here.set((1, 111))
    # Signed, and never sent: a target that drops the transaction leaves no trace of it either.
    assert (await signers.attest(source, terms, None))[0].hash == one.hash
    assert (await signers.attest(source, terms, None))[0].hash == one.hash
    here.drop(mark)
    other = await here.set((1, 222))
    with pytest.raises(SourceReorganised, match=f"0x{one.hash.hex()} has been signed"):
        await signers.attest(source, terms, None)
    after = await here.set((1, 333))
    assert (await signers.attest(source, terms, None))[0].hash == after.hash
    with pytest.raises(SourceReorganised):
        await signers.attest(source, terms, other.number)


async def test_signers_once_sign_no_other_block_than_the_accepted_one(here: Scene) -> None:
    terms = await quorum_terms(here.client.target, here.anchor)
    mark = here.mark()
    await here.set((1, 111))
    await here.attest()  # by an earlier process, say
    here.drop(mark)
    await here.set((1, 222))
    signers = SignersOnce(LocalSigners([here.owner]), here.client.target)
    with pytest.raises(SourceReorganised) as caught:
        await signers.attest(here.client.source, terms, None)
    assert "once the other is revoked" in caught.value.hint
    await here.revoke()
    now = await quorum_terms(here.client.target, here.anchor)
    assert (await signers.attest(here.client.source, now, None))[2]


# --- what it survives, and what it does not ---


async def test_watch_unknown_replica_ends_it(here: Scene) -> None:
    here.replica = here.target.accounts[0].address
    with pytest.raises(UnknownReplica):
        async with here.watch() as watch:
            await watch.until(object)


async def test_watch_source_of_another_chain_ends_it(here: Scene) -> None:
    await here.set((1, 5))
    await here.attest()
    here.proxy.lies["eth_chainId"] = lambda params, result: "0x1"
    with pytest.raises(WrongChain):
        async with here.watch(every_blocks=1) as watch:
            await watch.until(object)


async def test_watch_without_funds_is_told_and_goes_on_when_there_are(here: Scene) -> None:
    header = await here.set((1, 5))
    await here.attest()
    balance = here.target.request("eth_getBalance", [here.owner.address, "latest"])
    here.target.request("anvil_setBalance", [here.owner.address, "0x1"])
    try:
        async with here.watch(every_blocks=1) as watch:
            assert isinstance(await watch.until(SmartSyncError), InsufficientFunds)
            await watch.quiet()
            here.target.request("anvil_setBalance", [here.owner.address, balance])
            assert (await watch.until(SyncResult)).block_hash == header.hash
    finally:
        here.target.request("anvil_setBalance", [here.owner.address, balance])
    await here.assert_exact()


async def test_watch_source_that_lags_behind_the_anchor_is_waited_for(here: Scene) -> None:
    header = await here.set((1, 5))
    await here.attest()
    stale = here.source.request("eth_getBlockByNumber", [hex(header.number - 1), False])

    def behind(params: list[object], block: object) -> object:
        return stale if params[0] == "latest" else None if params[0] == hex(header.number) else block

    here.proxy.lies["eth_getBlockByNumber"] = behind
    async with here.watch(every_blocks=1) as watch:
        told = await watch.until(object)
        assert isinstance(told, SmartSyncError) and type(told).__name__ == "BlockUnavailable", told
        await watch.quiet()
        del here.proxy.lies["eth_getBlockByNumber"]
        assert (await watch.until(SyncResult)).block_hash == header.hash
    await here.assert_exact()


async def test_watch_outage_in_the_middle_of_a_recovery_is_survived(here: Scene) -> None:
    mark = here.mark()
    await here.set((1, 111), (5, 5))
    await here.attest()
    await here.sync()
    here.drop(mark)
    canonical = await here.set((1, 222), (6, 6))
    here.client.source.rpc._retries = 0
    async with here.watch() as watch:
        await watch.until(Revoked)
        here.proxy.away = True
        assert isinstance(await watch.until(SmartSyncError), NodeUnreachable)
        here.proxy.away = False
        # To the block below the fork perhaps, as long as no other is accepted, and then on.
        at = (await watch.until(Recovered)).block_hash
        while at != canonical.hash:
            at = (await watch.until(SyncResult)).block_hash
    await here.assert_exact()


async def test_watch_nothing_accepted_after_a_revocation_is_waited_for(here: Scene) -> None:
    mark = here.mark()
    await here.set((1, 111))
    await here.attest()
    await here.sync()
    here.drop(mark)
    canonical = await here.set((1, 222))
    await here.revoke_above(bytes(32))
    async with here.watch(every_blocks=1) as watch:
        assert isinstance(await watch.until(SmartSyncError), BlockNotAccepted)
        await here.attest()
        assert (await watch.until(Recovered)).block_hash == canonical.hash
    await here.assert_exact()
