"""`SmartSync.watch` with anchors that need no signatures, composites, and attestors whose keys it does not have."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from smartsync import SmartSync
from smartsync.anchors.collecting import RemoteSigners
from smartsync.anchors.deploying import BlockhashCharter, KofNCharter, QuorumCharter
from smartsync.anchors.quorum import LocalSigners
from smartsync.results import Recovered, ReorganisationSeen, Revoked, SyncResult
from smartsync.submit import Sender
from smartsync.testing import Node
from tests.integration.forks.scene import Scene, Snapshots, scene
from tests.integration.forks.test_target_forks import target_block, undo
from tests.integration.test_attestor import Stage
from tests.integration.world import World, creation_code
from tests.lying_proxy import lying


async def test_watch_update_of_a_replica_on_the_same_chain_survives_its_reorganisations(target: Node) -> None:
    """Source and target are one chain, which drops both sides at once; no signature is needed."""
    owner = target.accounts[1]
    with lying(target.url) as proxy:
        async with SmartSync.connect(proxy.url, target.url, account=owner) as client:
            client._sender = on_target = Sender(client.target, owner, poll_s=0.05)
            await client.deploy(signers=[owner.address], threshold=1)
            anchor = (await client.deploy_anchor(BlockhashCharter())).anchor
            on_source = Sender(client.source, target.accounts[2], poll_s=0.05)
            sample = (await on_source.send(None, creation_code("Sample"), what="sample")).contract_address or ""
            made = World(client, owner, on_source, on_target, anchor, sample)
            here = Scene(made, target, target, proxy, Snapshots(target))
            await here.set((1, 5))
            await client.update_anchor(anchor)
            here.replica = (await client.fork(sample, anchor=anchor, slots=here.slots)).replica
            # Each sync makes blocks of the source, too: so it is not to follow each of them.
            async with here.watch(update=True, every_blocks=10) as watch:
                for turn in range(3):
                    stood = target_block(here)
                    await here.set(*((1, 100 * turn + count) for count in range(10)))
                    await watch.until(SyncResult)
                    undo(here, stood + 5)
                    await here.set(*((1, 100 * turn + count) for count in range(50, 62)))
                    while await here.value(here.replica, 1) != 100 * turn + 61:
                        await watch.until(SyncResult)
                        await here.set(*((2, count) for count in range(10)))
            await here.assert_exact()


async def test_watch_of_a_composite_revokes_by_its_members_and_recovers(forking: Node, target: Node) -> None:
    async with scene(forking, target, forked=False) as here:
        signers = here.target.accounts[6:8]
        members = [
            (await here.client.deploy_anchor(QuorumCharter([one.address], 1, max_drift_s=10 * 86_400))).anchor
            for one in signers
        ]
        here.made.anchor = (await here.client.deploy_anchor(KofNCharter(members, 2))).anchor
        # The watcher has the keys of both: each signs for its own anchor.
        await here.client.update_anchor(here.anchor, signers=LocalSigners(signers))
        fork = await here.client.fork(here.made.sample, anchor=here.anchor, slots=here.slots)
        here.replica = fork.replica
        async with here.watch(attestors=signers) as watch:
            mark = here.mark()
            orphan = await here.set((1, 111), (5, 5))
            while (await watch.until(SyncResult)).block_hash != orphan.hash:
                pass
            here.drop(mark)
            canonical = await here.set((1, 222), (6, 6))
            seen = await watch.until(ReorganisationSeen)
            assert seen.anchor == here.anchor and seen.block_hash == orphan.hash
            assert (await watch.until(Revoked)).anchor in members
            at = (await watch.until(Recovered)).block_hash
            while at != canonical.hash:
                at = (await watch.until(SyncResult)).block_hash
        await here.assert_exact()
        await here.assert_as_forked_anew()


@pytest.mark.timeout(120)
async def test_watch_from_attestors_that_follow_a_depth_revokes_and_recovers(
    forking: Node, target: Node, tmp_path: Path
) -> None:
    """The watcher has no signer's key; two of three attestors are up, each with a record of its own."""
    with ExitStack() as stack:
        async with scene(forking, target, forked=False) as here:
            addresses = [account.address for account in here.target.accounts[3:6]]
            charter = QuorumCharter(addresses, 2, max_drift_s=10 * 86_400)
            here.made.anchor = (await here.client.deploy_anchor(charter)).anchor
            await here.set((1, 1), (1, 2))
            stage = Stage(forking, target, here.anchor, tmp_path, stack)
            attestors = [stage.attestor(place, "--follow", "1", source_url=here.proxy.url) for place in range(2)]
            remote = RemoteSigners([attestor.url for attestor in attestors])
            await here.client.update_anchor(here.anchor, signers=remote)
            fork = await here.client.fork(here.made.sample, anchor=here.anchor, slots=here.slots)
            here.replica = fork.replica
            async with here.watch(signers=remote) as watch:
                mark = here.mark()
                orphan = await here.set((1, 111), (5, 5))
                await here.set((2, 1))
                while (await watch.until(SyncResult)).block_hash != orphan.hash:
                    pass
                here.drop(mark)
                canonical = await here.set((1, 222), (6, 6), (7, 7))
                await here.set((2, 2))
                revoked = await watch.until(Revoked)
                assert revoked.anchor == here.anchor and revoked.dropped >= 1
                at = (await watch.until(Recovered)).block_hash
                while at != canonical.hash:
                    at = (await watch.until(SyncResult)).block_hash
            await here.assert_exact()
            await here.assert_as_forked_anew()
            assert (await here.client.status(here.replica)).anchor_status == "active"
