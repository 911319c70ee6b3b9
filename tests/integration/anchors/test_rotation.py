"""Other signers for a quorum anchor, recovery of a frozen one, and evidence of double signing, on hardhat and anvil."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest

from smartsync import SmartSync, rlp
from smartsync.anchors.attestation import attestation_of, encode_proof, sign
from smartsync.anchors.deploying import QuorumCharter
from smartsync.anchors.documents import encode_signed
from smartsync.anchors.quorum import LocalSigners, quorum_terms
from smartsync.contracts import encode_call
from smartsync.errors import (
    AnchorError,
    AnchorFrozen,
    BlockNotAccepted,
    ConfigError,
    ForeignSignature,
    TooEarly,
    TooFewSignatures,
    TransactionReverted,
)
from smartsync.header import decode_header
from smartsync.testing import Node, anvil_node
from tests.integration.anchors.parties import connected, sent

DELAY_S = 3600


@pytest.fixture(scope="module")
def target() -> Iterator[Node]:
    with anvil_node(chain_id=31381) as node:
        yield node


@dataclass(frozen=True)
class Scene:
    """A quorum anchor, 2 of 3, whose guardian is the client's account."""

    client: SmartSync
    target: Node
    anchor: str

    @property
    def old(self) -> tuple[str, ...]:
        return tuple(account.address for account in self.target.accounts[2:5])

    @property
    def new(self) -> list[str]:
        return [account.address for account in self.target.accounts[5:8]]

    def wait(self, seconds: int = DELAY_S) -> None:
        self.target.request("evm_increaseTime", [seconds])
        self.target.request("evm_mine")

    async def update(self, first: int = 2) -> int:
        signers = LocalSigners(self.target.accounts[first : first + 2])
        return (await self.client.update_anchor(self.anchor, signers=signers)).block_number


async def documents(scene: Scene, signer: int) -> tuple[object, object]:
    """Return what an attestor would serve who has signed two blocks of one number."""
    header = await scene.client.source.header("latest")
    fields = list(header.fields)
    fields[3] = bytes(32)
    terms = await quorum_terms(scene.client.target, scene.anchor)
    key = scene.target.accounts[signer]
    statements = [attestation_of(terms, item, "safe") for item in (header, decode_header(rlp.encode(fields)))]
    one, other = (encode_signed(terms, statement, sign(key, terms, statement)) for statement in statements)
    return one, other


@pytest.fixture
async def scene(hardhat: Node, target: Node) -> AsyncIterator[Scene]:
    async with connected(hardhat.url, target) as client:
        signers = [account.address for account in target.accounts[2:5]]
        guardian = target.accounts[1].address
        charter = QuorumCharter(signers, 2, max_drift_s=86_400, delay_s=DELAY_S, guardian=guardian)
        yield Scene(client, target, (await client.deploy_anchor(charter)).anchor)


async def test_rotate_by_signatures_of_several_places_scheduled_then_in_force(scene: Scene) -> None:
    client, anchor, accounts = scene.client, scene.anchor, scene.target.accounts
    await scene.update()
    (elsewhere,) = await client.sign_set(anchor, scene.new, 2, [accounts[2], accounts[9]])
    assert elsewhere.signer == accounts[2].address
    before = sent(scene.target)
    with pytest.raises(TooFewSignatures, match=r"signer set 2 needs the signatures of 2 of .* has 1") as caught:
        await client.rotate(anchor, scene.new, 2, signatures=[elsewhere.signature])
    assert (caught.value.needed, caught.value.found) == (2, 1)
    assert "1 more of these have to sign it: " in caught.value.hint and accounts[2].address not in caught.value.hint
    assert "smartsync anchor sign-set" in caught.value.hint and "url" not in caught.value.hint
    # Another threshold is another statement: the signature would be that of an address which nobody has.
    with pytest.raises(
        ForeignSignature, match=r"is of no signer of the anchor .* for this change: 3 of these 3"
    ) as other:
        await client.rotate(anchor, scene.new, 3, accounts=[accounts[3]], signatures=[elsewhere.signature])
    assert "another threshold" in other.value.hint and "smartsync anchor sign-set" in other.value.hint
    for address in scene.old:
        assert address in other.value.hint and address not in other.value.message
    assert sent(scene.target) == before

    scheduled = await client.rotate(anchor, scene.new, 2, accounts=[accounts[3]], signatures=[elsewhere.signature])
    assert scheduled.effective_at is not None and len(scheduled.steps) == 1 and scheduled.set_epoch == 2
    report = await client.describe_anchor(anchor)
    assert report.terms["scheduled_set"].head is None
    assert report.terms["scheduled_set"].signers == tuple(sorted(scene.new, key=lambda text: int(text, 16)))
    # Too early: it says when, and sends nothing.
    with pytest.raises(TooEarly, match=r"signer set 2 is not in force yet: it can be from .* UTC on, in \d:") as early:
        await client.rotate(anchor, scene.new, 2)
    assert early.value.effective_at == scheduled.effective_at
    # Nothing happens on the chain: that the delay is over only the next block will show.
    scene.target.request("evm_increaseTime", [DELAY_S])
    # Anybody may by now.
    done = await client.rotate(anchor, scene.new, 2)
    assert done.effective_at is None and len(done.steps) == 1
    assert set((await client.describe_anchor(anchor)).terms["signers"]) == set(scene.new)
    assert (await client.rotate(anchor, scene.new, 2)).steps == ()
    # The old ones' signatures are worth nothing; the new ones' are.
    with pytest.raises(AnchorError, match="needs 2 of its 3 signers, 0 of them"):
        await _newer(scene, 2)
    await _newer(scene, 5)


async def _newer(scene: Scene, first: int) -> int:
    await scene.client.source.rpc.call("evm_mine")
    return await scene.update(first)


async def test_rotate_no_quorum_refused(scene: Scene) -> None:
    before = sent(scene.target)
    for signers, threshold in ((scene.new, 1), (scene.new, 4), ([], 1), ([*scene.new, scene.new[0]], 3)):
        with pytest.raises(ConfigError):
            await scene.client.rotate(scene.anchor, signers, threshold, accounts=scene.target.accounts[2:4])
    with pytest.raises(AnchorError, match="is no signer of the anchor"):
        await scene.client.sign_set(scene.anchor, scene.new, 2, [scene.target.accounts[9]])
    assert sent(scene.target) == before


async def test_rotate_a_removed_signer_takes_the_scheduled_set_with_him(scene: Scene) -> None:
    client, anchor, accounts = scene.client, scene.anchor, scene.target.accounts
    await client.rotate(anchor, scene.new, 2, accounts=accounts[2:4])
    await client.report_double_signing(anchor, *await documents(scene, 4))
    assert (await client.describe_anchor(anchor)).terms["scheduled_set"] is None
    scene.wait()
    again = await client.rotate(anchor, scene.new, 2, accounts=accounts[2:4])
    assert again.effective_at is not None and len(again.steps) == 1
    scene.wait()
    assert (await client.rotate(anchor, scene.new, 2)).effective_at is None


async def frozen(scene: Scene) -> tuple[int, bytes, int]:
    """Have a quorum contradict itself; returns number and hash of what stood before, and the contradicting number."""
    stands = await scene.update()
    number = await _newer(scene, 2)
    fields = list((await scene.client.source.header(number)).fields)
    fields[3] = bytes(32)
    other = decode_header(rlp.encode(fields))
    terms = await quorum_terms(scene.client.target, scene.anchor)
    attestation = attestation_of(terms, other, "final")
    signed = [sign(account, terms, attestation) for account in scene.target.accounts[3:5]]
    sender = scene.client._sender
    assert sender is not None
    data = encode_call("IAnchor", "update", [encode_proof(other, "final", signed)])
    await sender.send(scene.anchor, data, what="contradict")
    assert (await scene.client.describe_anchor(scene.anchor)).status == "frozen"
    return stands, (await scene.client.source.header(stands)).hash, number


async def test_recover_frozen_anchor_by_its_guardian(scene: Scene) -> None:
    client, anchor = scene.client, scene.anchor
    with pytest.raises(AnchorError, match="is active, not frozen"):
        await client.recover_anchor(anchor, scene.new, 2, bytes(32))
    stands, head, number = await frozen(scene)
    with pytest.raises(AnchorFrozen):
        await client.rotate(anchor, scene.new, 2, accounts=scene.target.accounts[2:5])
    with pytest.raises(AnchorFrozen):
        await client.sign_set(anchor, scene.new, 2, [scene.target.accounts[2]])
    with pytest.raises(BlockNotAccepted, match="does not accept 0x7777"):
        await client.recover_anchor(anchor, scene.new, 2, b"\x77" * 32)
    async with connected(client.source.rpc._url, scene.target, payer=8) as stranger:
        with pytest.raises(AnchorError, match="is not the guardian") as caught:
            await stranger.recover_anchor(anchor, scene.new, 2, head)
        assert scene.target.accounts[1].address in caught.value.hint

    # Another head takes the place of the first: that is told, and which one it was.
    first = await client.recover_anchor(anchor, scene.new, 2, bytes(32))
    assert (first.head, first.replaced_head, len(first.steps)) == (bytes(32), None, 1)
    assert (await client.describe_anchor(anchor)).terms["scheduled_set"].head == bytes(32)
    scheduled = await client.recover_anchor(anchor, scene.new, 2, head)
    assert scheduled.effective_at is not None and len(scheduled.steps) == 1
    assert (scheduled.head, scheduled.replaced_head) == (head, bytes(32))
    assert (await client.describe_anchor(anchor)).terms["scheduled_set"].head == head
    with pytest.raises(TooEarly) as early:
        await client.recover_anchor(anchor, scene.new, 2, head)
    assert early.value.effective_at == scheduled.effective_at
    scene.target.request("evm_increaseTime", [DELAY_S])
    done = await client.recover_anchor(anchor, scene.new, 2, head)
    assert (done.effective_at, done.head, len(done.steps)) == (None, head, 1)
    report = await client.describe_anchor(anchor)
    assert (report.status, report.canonical_epoch) == ("active", 1)
    assert report.final is not None and (report.final.number, report.final.block_hash) == (stands, head)
    # In force already, as a rotation would be; but not to another block.
    again = await client.recover_anchor(anchor, scene.new, 2, head)
    assert (again.effective_at, again.head, again.set_epoch, again.steps) == (None, head, 2, ())
    for signers, block in ((scene.new, bytes(32)), (list(scene.old), head)):
        with pytest.raises(AnchorError, match="is active, not frozen"):
            await client.recover_anchor(anchor, signers, 2, block)
    assert await _newer(scene, 5) > number


async def test_report_double_signing_removes_the_signer_then_freezes(scene: Scene) -> None:
    client, anchor = scene.client, scene.anchor
    one, two = await documents(scene, 2)
    three, _ = await documents(scene, 3)
    before = sent(scene.target)
    with pytest.raises(AnchorError, match="do not contradict each other"):
        await client.report_double_signing(anchor, one, one)
    with pytest.raises(AnchorError, match="are by"):
        await client.report_double_signing(anchor, three, two)
    with pytest.raises(ForeignSignature):
        await client.report_double_signing(anchor, one, {**two, "anchor": "0x" + "22" * 20})  # type: ignore[dict-item]
    with pytest.raises(ForeignSignature):
        await client.report_double_signing(anchor, one, "nonsense")
    with pytest.raises(TransactionReverted, match="ProofNotCanonical") as misread:
        await client.report_misbehaviour(anchor, b"\x01\x02")
    assert "as smartsync anchor update --from printed it" in misread.value.hint
    assert sent(scene.target) == before

    report = await client.report_double_signing(anchor, one, two)
    assert (report.anchor_status, report.removed) == ("active", scene.old[0])
    assert (set(report.signers), report.threshold) == (set(scene.old[1:]), 2)
    assert report.guardian == scene.target.accounts[1].address
    assert set((await client.describe_anchor(anchor)).terms["signers"]) == set(scene.old[1:])
    # He is no signer any more: nothing that he signed counts, as evidence neither.
    with pytest.raises(ForeignSignature):
        await client.report_double_signing(anchor, one, two)
    report = await client.report_double_signing(anchor, *await documents(scene, 3))
    assert (report.anchor_status, report.removed, report.signers) == ("frozen", scene.old[1], (scene.old[2],))


async def test_report_double_signing_of_an_earlier_set_says_that_it_counts_no_more(scene: Scene) -> None:
    client, anchor = scene.client, scene.anchor
    evidence = await documents(scene, 2)
    signers = [*scene.new, scene.old[0]]
    await client.rotate(anchor, signers, 3, accounts=scene.target.accounts[2:4])
    scene.wait()
    await client.rotate(anchor, signers, 3)
    with pytest.raises(ForeignSignature, match=r"it is for set epoch 1 .* should be 2 and") as caught:
        await client.report_double_signing(anchor, *evidence)
    assert "evidence of an earlier epoch does not count any more" in caught.value.hint
    assert "ask the attestor" not in caught.value.hint


async def test_revoke_nothing_dropped_refused(scene: Scene) -> None:
    await scene.update()
    with pytest.raises(AnchorError, match="nothing to revoke"):
        await scene.client.revoke(scene.anchor, LocalSigners(scene.target.accounts[2:4]))
