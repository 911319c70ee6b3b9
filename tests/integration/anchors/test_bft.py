"""The BFT anchors on anvil, fed from chains that are made up, of 4, 7 and 21 validators, and with real headers."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from smartsync import rlp
from smartsync.anchors.bft import encode_proof, header_without_seals
from smartsync.anchors.block import accepted_block
from smartsync.anchors.deploying import MAX_SECONDS, BftCharter, KofNCharter, QuorumCharter
from smartsync.anchors.quorum import LocalSigners
from smartsync.bft import PROTOCOLS, Protocol, bft_block_hash, overlap_of, read_extra
from smartsync.contracts import encode_call
from smartsync.errors import (
    AnchorError,
    AnchorExpired,
    AnchorFrozen,
    BlockNotAccepted,
    BlockNotProvable,
    ConfigError,
    SourceReorganised,
    TransactionReverted,
    ValidatorsUnknown,
)
from smartsync.header import decode_header, decode_sealed_header
from smartsync.submit import Sender, create
from smartsync.testing import Node, anvil_node
from smartsync.views import call_view
from tests.bft_chain import BftChain, BftNode, validator
from tests.http_node import serving
from tests.integration.anchors.parties import connected, sent

REAL = Path(__file__).parents[4] / "shared" / "fixtures" / "besu_qbft_7528.rlp"


@pytest.fixture(scope="module")
def target() -> Iterator[Node]:
    with anvil_node(chain_id=31351) as node:
        yield node


@pytest.fixture
def source() -> Iterator[BftNode]:
    with serving(BftNode) as node:
        yield node


def chain_of(protocol: Protocol, count: int) -> BftChain:
    chain = BftChain(protocol, [validator(number) for number in range(count)], int(time.time()) - 3600)
    chain.add(5)
    return chain


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("count", [4, 7, 21])
async def test_update_through_set_changes_to_the_newest_block(
    source: BftNode, target: Node, protocol: Protocol, count: int
) -> None:
    chain = chain_of(protocol, count)
    source.serve(chain)
    async with connected(source.url, target) as client:
        deployed = await client.deploy_anchor(BftCharter(protocol, 2))
        first = await client.update_anchor(deployed.anchor)
        assert [step.what for step in first.steps] == ["prove the checkpoint, block 2", "prove block 5"]
        assert (first.block_number, first.block_hash, first.level) == (5, chain.hashes[5], "final")
        assert (await client.update_anchor(deployed.anchor)).steps == ()
        # One comes, one goes, and a round was lost: one step is enough.
        chain.add(validators=[validator(number) for number in range(1, count + 1)], round_number=2)
        changed = await client.update_anchor(deployed.anchor)
        assert [step.what for step in changed.steps] == ["prove block 6"]
        # All of them are replaced, one a block: no header leads there at once.
        for shift in range(2, count + 8):
            chain.add(validators=[validator(number) for number in range(shift, count + shift)])
        newest = len(chain.blocks) - 1
        far = await client.update_anchor(deployed.anchor)
        assert (far.block_number, far.block_hash, far.level) == (newest, chain.hashes[newest], "final")
        # As few as can be: each step leaves as many of the known ones as are needed.
        assert len(far.steps) == math.ceil((count + 6) / (count - overlap_of(count)))
        report = await client.describe_anchor(deployed.anchor)
        assert report.kind == f"{protocol}/1"
        assert report.status == "active" and report.final is not None and report.final.number == newest
        assert 0 < int(str(report.terms["trusting_left_s"])) <= 14 * 86_400


async def test_update_checkpoint_may_be_the_genesis(source: BftNode, target: Node) -> None:
    source.serve(chain_of("qbft", 4))
    async with connected(source.url, target) as client:
        deployed = await client.deploy_anchor(BftCharter("qbft", 0))
        assert [step.what for step in (await client.update_anchor(deployed.anchor)).steps] == [
            "prove the checkpoint, block 0",
            "prove block 5",
        ]


async def test_update_all_validators_replaced_at_once_refused_by_number(source: BftNode, target: Node) -> None:
    chain = chain_of("qbft", 7)
    source.serve(chain)
    async with connected(source.url, target) as client:
        deployed = await client.deploy_anchor(BftCharter("qbft", 2))
        await client.update_anchor(deployed.anchor)
        chain.add(4)
        chain.add(3, validators=[validator(number) for number in range(5, 12)])
        before = sent(target)
        with pytest.raises(ValidatorsUnknown) as caught:
            await client.update_anchor(deployed.anchor)
        assert (caught.value.number, caught.value.needed, caught.value.found) == (10, 3, 2)
        assert sent(target) == before
        # What comes before is still to be had.
        assert (await client.update_anchor(deployed.anchor, block=9)).block_number == 9


async def test_update_older_block_refused_and_reached_by_its_descendant(source: BftNode, target: Node) -> None:
    chain = chain_of("ibft2", 4)
    chain.add(20)
    source.serve(chain)
    async with connected(source.url, target) as client:
        deployed = await client.deploy_anchor(BftCharter("ibft2", 20))
        await client.update_anchor(deployed.anchor)
        with pytest.raises(BlockNotProvable, match="block 7 is not newer than block 25") as caught:
            await client.update_anchor(deployed.anchor, block=7)
        assert "extend --down-to 7" in caught.value.hint
        extended = await client.extend_ancestors(deployed.anchor, 7)
        assert (extended.block_number, extended.block_hash) == (7, chain.hashes[7])
        assert (await client.update_anchor(deployed.anchor, block=7)).steps == ()
        # The lowest accepted one above is the checkpoint: thirteen headers, the genesis among them later.
        assert (await accepted_block(client.target, deployed.anchor, chain.hashes[19])).level == "final"
        assert (await accepted_block(client.target, deployed.anchor, chain.hashes[24])).level == "unknown"
        assert (await client.extend_ancestors(deployed.anchor, 7)).steps == ()
        assert (await client.extend_ancestors(deployed.anchor, 0)).block_hash == chain.hashes[0]


async def test_update_node_without_seals_is_told(source: BftNode, target: Node) -> None:
    chain = chain_of("qbft", 4)
    source.serve(chain)
    async with connected(source.url, target) as client:
        deployed = await client.deploy_anchor(BftCharter("qbft", 2))

        def bare(told: dict[str, object]) -> dict[str, object]:
            extra = read_extra(bytes.fromhex(str(told["extraData"])[2:]))
            parts = [extra.vanity, extra.validators, extra.vote, extra.round, []]
            return told if told["number"] == "0x0" else told | {"extraData": "0x" + rlp.encode(parts).hex()}

        source.spoil = bare
        with pytest.raises(BlockNotProvable, match="block 5 without its seals"):
            await client.update_anchor(deployed.anchor)


async def test_update_node_of_another_protocol_refused(source: BftNode, target: Node) -> None:
    source.serve(chain_of("qbft", 4))
    async with connected(source.url, target) as client:
        deployed = await client.deploy_anchor(BftCharter("qbft", 2))
        other = chain_of("ibft2", 4)
        other.blocks[0], other.hashes[0] = source.chain.blocks[0], source.chain.hashes[0]
        other.blocks[2], other.hashes[2] = source.chain.blocks[2], source.chain.hashes[2]
        source.serve(other)
        with pytest.raises(BlockNotProvable, match="headers are those of ibft2, the anchor's are of qbft"):
            await client.update_anchor(deployed.anchor)


async def test_update_node_on_another_branch_has_other_validators(source: BftNode, target: Node) -> None:
    chain = chain_of("qbft", 4)
    source.serve(chain)
    async with connected(source.url, target) as client:
        deployed = await client.deploy_anchor(BftCharter("qbft", 2))
        await client.update_anchor(deployed.anchor)
        other = BftChain("qbft", chain.validators, chain.start)
        other.add(9, validators=[validator(number) for number in range(1, 6)])
        source.serve(other)
        with pytest.raises(SourceReorganised, match="other validators in block 2"):
            await client.update_anchor(deployed.anchor)


async def test_report_fork_two_sealed_headers_freeze_it(source: BftNode, target: Node) -> None:
    chain = chain_of("qbft", 4)
    source.serve(chain)
    fields, block_hash = chain.made(5, state_root=bytes(32))
    async with connected(source.url, target) as client:
        deployed = await client.deploy_anchor(BftCharter("qbft", 2))
        with pytest.raises(BlockNotAccepted, match="accepts no block 5"):
            await client.report_fork(deployed.anchor, rlp.encode(fields))
        await client.update_anchor(deployed.anchor)
        with pytest.raises(BlockNotProvable, match="does not contradict"):
            await client.report_fork(deployed.anchor, chain.header(5).raw)
        few, _ = chain.made(5, state_root=bytes(32), sealing=chain.validators[:2])
        with pytest.raises(BlockNotProvable, match="has 2 seals"):
            await client.report_fork(deployed.anchor, rlp.encode(few))
        assert bft_block_hash("qbft", fields) == block_hash
        strangers = BftChain("qbft", [validator(number) for number in range(50, 54)], chain.start)
        strangers.add(4)
        before = sent(target)
        with pytest.raises(AnchorError, match="NotKnownValidators") as caught:
            await client.report_fork(deployed.anchor, rlp.encode(strangers.made(5)[0]))
        assert "knows as a validator" in caught.value.hint
        assert sent(target) == before
        assert (await client.report_fork(deployed.anchor, rlp.encode(fields))).anchor_status == "frozen"
        with pytest.raises(AnchorFrozen):
            await client.update_anchor(deployed.anchor)


async def test_report_fork_of_another_number_by_its_time(source: BftNode, target: Node) -> None:
    chain = chain_of("ibft2", 4)
    source.serve(chain)
    ahead = BftChain("ibft2", chain.validators, chain.start - 60)
    ahead.add(8)
    async with connected(source.url, target) as client:
        deployed = await client.deploy_anchor(BftCharter("ibft2", 2))
        await client.update_anchor(deployed.anchor)
        with pytest.raises(BlockNotAccepted, match="nothing is contradicted"):
            await client.report_fork(deployed.anchor, rlp.encode(chain.made(6)[0]))
        # Of number 8, and earlier than block 5.
        assert (await client.report_fork(deployed.anchor, rlp.encode(ahead.blocks[8]))).anchor_status == "frozen"


async def test_update_after_the_trusting_period_is_expired() -> None:
    with anvil_node(chain_id=31352) as target, serving(BftNode) as source:
        chain = chain_of("qbft", 4)
        source.serve(chain)
        async with connected(source.url, target) as client:
            deployed = await client.deploy_anchor(BftCharter("qbft", 2, trusting_period_s=86_400))
            await client.update_anchor(deployed.anchor, block=3)
            target.request("evm_increaseTime", [86_400])
            target.request("evm_mine")
            with pytest.raises(AnchorExpired, match="is expired") as caught:
                await client.update_anchor(deployed.anchor)
            assert "checkpoint" in caught.value.hint
            assert (await client.describe_anchor(deployed.anchor)).terms["trusting_left_s"] == 0


async def test_update_checkpoint_older_than_the_trusting_period_not_sent() -> None:
    with anvil_node(chain_id=31353) as target, serving(BftNode) as source:
        source.serve(chain_of("qbft", 4))
        async with connected(source.url, target) as client:
            deployed = await client.deploy_anchor(BftCharter("qbft", 2, trusting_period_s=86_400))
            target.request("evm_increaseTime", [86_400])
            target.request("evm_mine")
            before = sent(target)
            with pytest.raises(AnchorExpired, match="never had a block"):
                await client.update_anchor(deployed.anchor)
            assert sent(target) == before


async def test_update_block_ahead_of_the_clock_is_for_later(source: BftNode, target: Node) -> None:
    chain = BftChain("qbft", [validator(number) for number in range(4)], int(time.time()) + 3600)
    chain.add(5)
    source.serve(chain)
    async with connected(source.url, target) as client:
        deployed = await client.deploy_anchor(BftCharter("qbft", 2, max_drift_s=60))
        with pytest.raises(BlockNotAccepted, match="prove block 5: TimestampInFuture") as caught:
            await client.update_anchor(deployed.anchor)
        assert caught.value.retryable and "wait" in caught.value.hint


async def test_update_somebody_faster_is_for_another_try(
    source: BftNode, target: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.serve(chain_of("qbft", 4))
    async with connected(source.url, target) as client, connected(source.url, target, payer=2) as other:
        deployed = await client.deploy_anchor(BftCharter("qbft", 2))
        await client.update_anchor(deployed.anchor, block=3)
        sender = client._sender
        assert sender is not None
        send = sender.send

        async def late(to: str | None, data: bytes, *, what: str) -> object:
            await other.update_anchor(deployed.anchor)
            return await send(to, data, what=what)

        monkeypatch.setattr(sender, "send", late)
        with pytest.raises(BlockNotAccepted, match="NumberNotNewer") as caught:
            await client.update_anchor(deployed.anchor, block=4)
        assert caught.value.retryable and "try again" in caught.value.hint


async def test_quorum_anchor_and_composite_of_a_bft_chain_take_its_headers_as_they_are_hashed(
    source: BftNode, target: Node
) -> None:
    chain = chain_of("ibft2", 4)
    source.serve(chain)
    signer = target.accounts[3]
    async with connected(source.url, target) as client:
        own = (await client.deploy_anchor(BftCharter("ibft2", 2))).anchor
        quorum = (await client.deploy_anchor(QuorumCharter([signer.address], 1))).anchor
        both = (await client.deploy_anchor(KofNCharter([own, quorum], 2))).anchor
        result = await client.update_anchor(both, signers=LocalSigners([signer]))
        assert (result.block_hash, result.level) == (chain.hashes[5], "final")
        for anchor in (quorum, both):
            assert (await client.extend_ancestors(anchor, 1)).block_hash == chain.hashes[1]
            assert (await client.update_anchor(anchor, signers=LocalSigners([signer]), block=3)).steps == ()


@pytest.mark.parametrize(
    ("charter", "message"),
    [
        (BftCharter("ibft2", 2), "block 2 is of qbft, the anchor is for ibft2"),
        (BftCharter("qbft", 2, trusting_period_s=0), "--trusting-period: 0 seconds"),
        (BftCharter("qbft", 2, trusting_period_s=2**64), "--trusting-period"),
        (BftCharter("qbft", 2, trusting_period_s=60), "born expired"),
        (BftCharter("qbft", 2, max_drift_s=-1), "--max-drift"),
    ],
)
async def test_deploy_bad_charter_refused_before_anything_is_sent(
    source: BftNode, target: Node, charter: BftCharter, message: str
) -> None:
    source.serve(chain_of("qbft", 4))
    before = sent(target)
    async with connected(source.url, target) as client:
        with pytest.raises(ConfigError, match=message):
            await client.deploy_anchor(charter)
    assert sent(target) == before


async def test_deploy_chain_without_listed_validators_refused(source: BftNode, target: Node) -> None:
    chain = BftChain("qbft", [], int(time.time()) - 60)
    chain.add(3)
    source.serve(chain)
    async with connected(source.url, target) as client:
        with pytest.raises(ConfigError, match="block 3 lists no validators: a contract names them"):
            await client.deploy_anchor(BftCharter("qbft"))


async def test_deploy_for_a_chain_that_is_not_bft_refused(target: Node, anvil: Node) -> None:
    async with connected(anvil.url, target) as client:
        with pytest.raises(ConfigError, match="is not of a BFT chain, the anchor is for qbft"):
            await client.deploy_anchor(BftCharter("qbft"))


async def test_real_header_of_besu_proven_by_its_own_seals(target: Node) -> None:
    """Known from a made-up block before, which has its validators: what was sealed by Besu's nodes is taken."""
    if not REAL.is_file():
        pytest.skip("the real header is not in shared/fixtures")
    real = decode_sealed_header("qbft", REAL.read_bytes())
    validators = read_extra(real.extra_data).validators
    before = decode_header(rlp.encode([*real.fields[:8], rlp.encode_int(real.number - 1), *real.fields[9:]]))
    checkpoint = bft_block_hash("qbft", before.fields)
    async with connected(target.url, target) as client:
        sender = Sender(client.target, target.accounts[1], poll_s=0.05)
        anchor, _ = await create(sender, "QbftAnchor", [1, bytes(31) + b"\1", checkpoint, MAX_SECONDS, 900])
        await sender.send(anchor, encode_call("IAnchor", "update", [header_without_seals(before)]), what="checkpoint")
        proof = encode_proof("qbft", real, validators)
        misplaced = encode_call("IAnchor", "update", [proof[:-1] + bytes((proof[-1] ^ 1,))])
        with pytest.raises(TransactionReverted, match=r"NotThatValidator|PlacesNotIncreasing"):
            await sender.send(anchor, misplaced, what="a seal at another's place")
        await sender.send(anchor, encode_call("IAnchor", "update", [proof]), what="the real header")
        block = await accepted_block(client.target, anchor, real.hash)
        assert (block.number, block.level) == (7528, "final")
        ((_, state_root, *_),) = await call_view(client.target, "IAnchor", anchor, "blockByHash", [real.hash])
        assert state_root == real.state_root
