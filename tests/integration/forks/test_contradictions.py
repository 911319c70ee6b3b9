"""T10: signers who contradict themselves. Nothing is overwritten, readers are told, the guardian has the last word."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest
from eth_account.signers.local import LocalAccount

from smartsync.anchors.attestation import BlockAttestation, QuorumTerms, attestation_of, encode_evidence, sign
from smartsync.anchors.quorum import quorum_terms, recover, schedule_recovery
from smartsync.contracts import encode_call
from smartsync.errors import AnchorFrozen, TransactionReverted
from smartsync.header import Header
from smartsync.results import AnchorResumed, AnchorStopped, Recovered, SyncResult
from smartsync.testing import Node
from tests.integration.forks.scene import Scene, scene

DELAY_S = 3_600


@pytest.fixture
async def quorum(forking: Node, target: Node) -> AsyncIterator[Scene]:
    """Give a scene whose anchor has three signers, two of which decide, and a guardian: the owner."""
    async with scene(forking, target, forked=False) as here:
        members = here.target.accounts[6:9]
        deployed = await here.client.deploy(
            signers=[member.address for member in members],
            threshold=2,
            max_drift_s=10 * 86_400,
            delay_s=DELAY_S,
            guardian=here.owner.address,
            anchor_only=True,
        )
        here.made.anchor = deployed.anchor
        await here.update(await here.attested(await here.latest(), "safe", *members))
        fork = await here.client.fork(here.made.sample, anchor=deployed.anchor, slots=here.slots)
        here.replica = fork.replica
        yield here


def members(here: Scene) -> Sequence[LocalAccount]:
    return here.target.accounts[6:9]


async def two_hashes(here: Scene) -> tuple[Header, Header]:
    """Have the source make two blocks of one number, and return the one that it dropped first."""
    mark = here.mark()
    one = await here.set((1, 111))
    here.drop(mark)
    return one, await here.set((1, 222))


async def assert_frozen(here: Scene, guard: str) -> None:
    status = await here.client.status(here.replica)
    assert status.anchor_status == "frozen"
    with pytest.raises(TransactionReverted) as caught:
        await here.value(guard, 1)
    assert caught.value.name == "AnchorDown", caught.value
    with pytest.raises(AnchorFrozen):
        await here.sync()


async def pass_time(here: Scene, seconds: int) -> None:
    here.target.request("evm_increaseTime", [seconds])
    here.target.request("evm_mine")


async def test_t10_two_quorums_for_one_number_freeze_until_the_guardian_recovers(quorum: Scene) -> None:
    here, signers = quorum, members(quorum)
    guard = await here.guard(max_age_s=10 * 86_400)
    before = await here.record()
    stands = before.block_hash
    one, other = await two_hashes(here)
    await here.update(await here.attested(one, "final", *signers[:2]))
    await here.update(await here.attested(other, "final", *signers[1:]))
    await assert_frozen(here, guard)
    # I8: the conflict did not overwrite.
    assert (await here.block(one.hash)).level == "final"
    assert (await here.block(other.hash)).level == "unknown"

    fresh = [here.target.accounts[9].address]
    async with here.watch(every_blocks=1) as watch:
        stopped = await watch.until(AnchorStopped)
        assert stopped.status == "frozen" and stopped.anchor == here.anchor
        await schedule_recovery(here.made.on_target, here.anchor, fresh, 1, stands)
        with pytest.raises(TransactionReverted):
            await recover(here.made.on_target, here.anchor, fresh, 1, stands)
        await pass_time(here, DELAY_S)
        await recover(here.made.on_target, here.anchor, fresh, 1, stands)
        resumed = await watch.until(AnchorResumed)
        assert resumed.canonical_epoch == 1
        assert (await here.block(one.hash)).level == "revoked"
        await here.update(await here.attested(other, "safe", here.target.accounts[9]))
        synced = await watch.until(SyncResult)
        assert synced.block_hash == other.hash
    assert await here.value(guard, 1) == 222
    await here.assert_exact()


async def test_t10_recovery_revokes_what_the_replica_mirrors_and_the_watch_comes_back(quorum: Scene) -> None:
    here, signers = quorum, members(quorum)
    stands = (await here.record()).block_hash
    one, other = await two_hashes(here)
    # The replica mirrors one of the two; which one was right is the guardian's to say, who lets neither stand.
    await here.update(await here.attested(other, "final", *signers[:2]))
    await here.sync()
    await here.update(await here.attested(one, "final", *signers[:2]))
    fresh = [here.target.accounts[9].address]
    async with here.watch(every_blocks=1) as watch:
        await watch.until(AnchorStopped)
        await schedule_recovery(here.made.on_target, here.anchor, fresh, 1, stands)
        await pass_time(here, DELAY_S)
        await recover(here.made.on_target, here.anchor, fresh, 1, stands)
        recovered = await watch.until(Recovered)
        assert (recovered.orphan_hash, recovered.block_hash) == (other.hash, stands)
        assert recovered.to_block < recovered.orphan_block
    await here.assert_exact()
    await here.assert_as_forked_anew()


async def test_t10_ancestors_of_a_safe_block_do_not_freeze_over_an_orphan(quorum: Scene) -> None:
    """Signers may attest above an orphan that still stands: no stranger can make a contradiction of it."""
    here, signers = quorum, members(quorum)
    mark = here.mark()
    orphan = await here.set((1, 111))
    await here.update(await here.attested(orphan, "safe", *signers[:2]))
    here.drop(mark)
    other = await here.set((1, 222))
    above = await here.set((2, 333))
    await here.update(await here.attested(above, "safe", *signers[:2]))
    with pytest.raises(TransactionReverted) as caught:
        await here.extend(above, other)
    assert caught.value.name == "Contradiction"
    assert (await here.client.status(here.replica)).anchor_status == "active"
    assert (await here.block(orphan.hash)).level == "safe"


async def test_t10_two_safe_blocks_of_one_number_do_not_freeze(quorum: Scene) -> None:
    """The first one stands, until the signers revoke it or one of the two is final; who signed both can be reported."""
    here, signers = quorum, members(quorum)
    one, other = await two_hashes(here)
    await here.update(await here.attested(one, "safe", *signers[:2]))
    with pytest.raises(TransactionReverted) as caught:
        await here.update(await here.attested(other, "safe", *signers[1:]))
    assert caught.value.name == "Contradiction"
    assert (await here.client.status(here.replica)).anchor_status == "active"
    await here.update(await here.attested(other, "final", *signers[1:]))
    assert [(await here.block(header.hash)).level for header in (one, other)] == ["revoked", "final"]
    await here.sync()
    await here.assert_exact()


async def test_t10_ancestors_of_two_final_blocks_that_contradict_freeze(quorum: Scene) -> None:
    here, signers = quorum, members(quorum)
    guard = await here.guard(max_age_s=10 * 86_400)
    mark = here.mark()
    orphan = await here.set((1, 111))
    await here.update(await here.attested(orphan, "final", *signers[:2]))
    here.drop(mark)
    other = await here.set((1, 222))
    above = await here.set((2, 333))
    await here.update(await here.attested(above, "final", *signers[:2]))
    await here.extend(above, other)
    await assert_frozen(here, guard)
    assert (await here.block(orphan.hash)).level == "final"
    assert (await here.block(other.hash)).level == "unknown"


async def test_t10_one_signer_of_two_hashes_is_removed_and_the_anchor_goes_on(quorum: Scene) -> None:
    here, signers = quorum, members(quorum)
    one, other = await two_hashes(here)
    await report(here, signers[0], one, other)
    terms = await quorum_terms(here.client.target, here.anchor)
    assert terms.signers == tuple(sorted((s.address for s in signers[1:]), key=lambda a: int(a, 16)))
    with pytest.raises(TransactionReverted) as caught:
        await here.update(await here.attested(other, "safe", *signers[:2]))
    assert caught.value.name == "NotSigner"
    await here.update(await here.attested(other, "safe", *signers[1:]))
    await here.sync()
    await here.assert_exact()


async def test_t10_evidence_against_more_than_the_quorum_can_spare_freezes(quorum: Scene) -> None:
    here, signers = quorum, members(quorum)
    guard = await here.guard(max_age_s=10 * 86_400)
    one, other = await two_hashes(here)
    await report(here, signers[0], one, other)
    assert (await here.client.status(here.replica)).anchor_status == "active"
    await report(here, signers[1], one, other)
    await assert_frozen(here, guard)


async def test_t10_honest_signatures_are_no_evidence(quorum: Scene) -> None:
    here, signers = quorum, members(quorum)
    one, other = await two_hashes(here)
    with pytest.raises(TransactionReverted) as caught:
        await report(here, signers[0], one, one)
    assert caught.value.name == "NoMisbehaviour"
    with pytest.raises(TransactionReverted) as caught:
        await report(here, signers[0], one, other, accomplice=signers[1])
    assert caught.value.name == "NotSigner"
    # What was signed before a revocation says nothing after it: a signer may see the chain change.
    terms = await quorum_terms(here.client.target, here.anchor)
    later = replace(terms, canonical_epoch=terms.canonical_epoch + 1)
    with pytest.raises(TransactionReverted) as caught:
        await report(here, signers[0], one, other, other_terms=later)
    assert caught.value.name == "NotSigner"


async def report(
    here: Scene,
    signer: LocalAccount,
    one: Header,
    other: Header,
    *,
    accomplice: LocalAccount | None = None,
    other_terms: QuorumTerms | None = None,
) -> None:
    """Report that a signer signed two hashes of one number."""
    terms = await quorum_terms(here.client.target, here.anchor)

    def signed(account: LocalAccount, header: Header, under: QuorumTerms) -> tuple[BlockAttestation, bytes]:
        statement = attestation_of(under, header, "safe")
        return statement, sign(account, under, statement).signature

    first, second = signed(signer, one, terms), signed(accomplice or signer, other, other_terms or terms)
    evidence = encode_evidence(*first, *second)
    data = encode_call("QuorumAnchor", "reportMisbehaviour", [evidence])
    await here.send(here.anchor, data, "report")
