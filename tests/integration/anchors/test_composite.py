"""Anchors made of anchors, with real members: a blockhash anchor and quorum anchors, on one anvil as both chains."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest

from smartsync import SmartSync, rlp
from smartsync.anchors.attestation import AttestedLevel, attestation_of, encode_proof, sign
from smartsync.anchors.deploying import BlockhashCharter, Charter, KofNCharter, QuorumCharter, VetoCharter
from smartsync.anchors.quorum import LocalSigners, quorum_terms
from smartsync.contracts import encode_call
from smartsync.errors import (
    AnchorError,
    AnchorFrozen,
    BlockNotAccepted,
    BlockNotProvable,
    ConfigError,
    NotDeployed,
    WrongChain,
)
from smartsync.header import Header, decode_header
from smartsync.results import VetoedBlock
from smartsync.testing import Node, anvil_node
from tests.integration.anchors.parties import connected, sent


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    with anvil_node(chain_id=31371) as running:
        yield running


@dataclass(frozen=True)
class Members:
    """A blockhash anchor, and two quorum anchors of one signer each."""

    client: SmartSync
    node: Node
    native: str
    one: str
    other: str

    @property
    def signers(self) -> LocalSigners:
        """The key of both quorum anchors."""
        return LocalSigners([self.node.accounts[3]])

    async def deploy(self, charter: Charter) -> str:
        return (await self.client.deploy_anchor(charter)).anchor

    async def contradict(self, quorum: str, number: int, level: AttestedLevel = "final") -> Header:
        """Have a quorum anchor accept a block that never was, in place of this one."""
        fields = list((await self.client.source.header(number)).fields)
        fields[3] = bytes(32)
        header = decode_header(rlp.encode(fields))
        terms = await quorum_terms(self.client.target, quorum)
        signed = [sign(self.node.accounts[3], terms, attestation_of(terms, header, level))]
        sender = self.client._sender
        assert sender is not None
        await sender.send(quorum, encode_call("IAnchor", "update", [encode_proof(header, level, signed)]), what="lie")
        return header

    def mine(self, count: int = 1) -> int:
        self.node.request("anvil_mine", [hex(count)])
        return int(self.node.request("eth_blockNumber"), 16)


@pytest.fixture
async def members(node: Node) -> AsyncIterator[Members]:
    async with connected(node.url, node) as client:
        native = await client.deploy_anchor(BlockhashCharter())
        quorum = QuorumCharter([node.accounts[3].address], 1, delay_s=0)
        one, other = await client.deploy_anchor(quorum), await client.deploy_anchor(quorum)
        made = Members(client, node, native.anchor, one.anchor, other.anchor)
        made.mine(3)
        yield made


async def test_update_k_of_n_takes_what_enough_members_accept_and_tells_of_the_others(members: Members) -> None:
    anchor = await members.deploy(KofNCharter([members.native, members.one, members.other], 2))
    told: list[str] = []
    with pytest.raises(BlockNotAccepted, match="1 of the 2 members") as caught:
        await members.client.update_anchor(anchor, tell=told.append)
    assert "smartsync anchor update --anchor" in caught.value.hint
    assert [line.split()[1] for line in told] == [members.one, members.other]
    assert "by the word of its signers only" in told[0]

    # One of the quorums stands somewhat above what the chain can prove now: it goes down to where they meet.
    newest = members.mine()
    await members.client.update_anchor(members.one, signers=members.signers, block=newest)
    told.clear()
    result = await members.client.update_anchor(anchor, tell=told.append)
    assert result.level in ("safe", "final") and result.steps
    assert len(told) == 1 and members.other in told[0]
    assert (await members.client.update_anchor(anchor, block=result.block_number)).steps == ()
    report = await members.client.describe_anchor(anchor)
    assert (report.kind, report.terms["threshold"]) == ("k-of-n/1", 2)
    assert [member.kind for member in report.members] == ["blockhash/1", "quorum/2", "quorum/2"]


async def test_update_k_of_n_with_signers_brings_all_to_one_block(members: Members) -> None:
    anchor = await members.deploy(KofNCharter([members.native, members.one, members.other], 3))
    told: list[str] = []
    result = await members.client.update_anchor(anchor, signers=members.signers, tell=told.append)
    assert told == []
    for member in (members.native, members.one, members.other):
        assert (await members.client.describe_anchor(member)).safe is not None
    assert result.level in ("safe", "final")
    # And to an older one.
    older = await members.client.update_anchor(anchor, signers=members.signers, block=result.block_number - 3)
    assert older.level in ("safe", "final")


async def test_update_k_of_n_held_back_by_one_member_pays_for_the_other_once(members: Members) -> None:
    others = await members.deploy(QuorumCharter([members.node.accounts[4].address], 1, delay_s=0))
    anchor = await members.deploy(KofNCharter([members.one, others], 2))
    both = LocalSigners([members.node.accounts[3], members.node.accounts[4]])
    first = await members.client.update_anchor(anchor, signers=both, block=members.mine())
    told: list[str] = []
    counts = []
    for _ in range(3):
        members.mine()
        result = await members.client.update_anchor(anchor, signers=members.signers, tell=told.append)
        assert result.block_number == first.block_number
        counts.append(len(result.steps))
    assert counts == [1, 0, 0]
    assert [text.partition(":")[0] for text in told] == [f"member {others} was not updated"] * 3
    # As soon as the other can go on, both do.
    newest = await members.client.update_anchor(anchor, signers=both)
    assert newest.block_number > first.block_number + 2 and newest.steps[-1].what.startswith("accept block")


async def test_report_contradiction_of_members_freezes_silence_does_not(members: Members) -> None:
    anchor = await members.deploy(KofNCharter([members.native, members.one, members.other], 2))
    number = members.mine(2) - 1
    await members.client.update_anchor(members.native, block=number)
    before = sent(members.node)
    with pytest.raises(AnchorError, match=r"do not contradict each other at block"):
        await members.client.report_contradiction(anchor, number)
    assert sent(members.node) == before
    other = await members.contradict(members.one, number)
    assert (await members.client.report_contradiction(anchor, number)).anchor_status == "frozen"
    both = f"0x{(await members.client.source.header(number)).hash.hex()}, 0x{other.hash.hex()}"
    assert (await members.client.describe_anchor(anchor)).cause == f"two blocks of number {number}, both final: {both}"
    with pytest.raises(AnchorFrozen):
        await members.client.update_anchor(anchor, signers=members.signers)
    with pytest.raises(AnchorFrozen):
        await members.client.report_contradiction(anchor, number)


async def test_update_veto_is_pending_until_the_watchers_had_their_time(members: Members) -> None:
    anchor = await members.deploy(VetoCharter(members.native, [members.one], 3600))
    told: list[str] = []
    result = await members.client.update_anchor(anchor, tell=told.append)
    assert result.level == "pending"
    assert len(told) == 1 and members.one in told[0]
    report = await members.client.describe_anchor(anchor)
    assert report.safe is None and report.pending is not None
    assert (report.pending.number, report.pending.block_hash) == (result.block_number, result.block_hash)
    assert report.pending.usable_from == result.usable_from
    # The newest block's time may be behind this computer's.
    assert abs((result.usable_from or 0) - await members.client.target.clock() - 3600) < 60
    members.node.request("evm_increaseTime", [3600])
    members.mine()
    again = await members.client.update_anchor(anchor, block=result.block_number)
    assert (again.level, again.steps) == ("final", ())
    head = (await members.client.describe_anchor(anchor)).final
    assert head is not None and head.number == result.block_number
    assert again.usable_from is None and (await members.client.describe_anchor(anchor)).pending is None


async def test_report_contradiction_of_final_blocks_by_a_watcher_freezes(members: Members) -> None:
    anchor = await members.deploy(VetoCharter(members.native, [members.one], 3600))
    number = members.mine(2) - 1
    await members.client.update_anchor(anchor, block=number)
    with pytest.raises(AnchorError, match="do not contradict each other"):
        await members.client.report_contradiction(anchor, number)
    other = await members.contradict(members.one, number)
    assert (await members.client.report_contradiction(anchor, number)).anchor_status == "frozen"
    cause = (await members.client.describe_anchor(anchor)).cause
    assert cause.startswith("its primary holds 0x") and f"watcher 1 0x{other.hash.hex()}" in cause


async def test_report_contradiction_by_a_watcher_that_is_not_sure_sets_aside_and_it_is_offered_again(
    members: Members,
) -> None:
    anchor = await members.deploy(VetoCharter(members.native, [members.one], 3600))
    number = members.mine(2) - 1
    result = await members.client.update_anchor(anchor, block=number)
    assert (await members.client.update_anchor(anchor, block=number)).steps == ()
    other = await members.contradict(members.one, number, "safe")
    told = await members.client.report_contradiction(anchor, number)
    assert told.anchor_status == "active"
    report = await members.client.describe_anchor(anchor)
    assert report.pending is not None and (report.pending.number, report.pending.usable_from) == (number, None)
    assert (report.status, report.cause) == ("active", "")
    assert told.vetoed == VetoedBlock(number, result.block_hash, members.one, other.hash)
    with pytest.raises(AnchorError, match=f"block {number} .* is set aside already") as caught:
        await members.client.report_contradiction(anchor, number)
    assert "there is nothing to report" in caught.value.hint
    members.node.request("evm_increaseTime", [1800])
    members.mine()
    # It waits no more: it has to be offered again, and waits anew.
    again = await members.client.update_anchor(anchor, block=number)
    assert (again.block_hash, again.level, len(again.steps)) == (result.block_hash, "pending", 1)
    assert (await members.client.update_anchor(anchor, block=number)).steps == ()
    # What is older than the delay has to come in by way of a younger one.
    with pytest.raises(BlockNotAccepted, match="TimestampTooOld") as caught:
        members.node.request("evm_increaseTime", [3600])
        members.mine()
        await members.client.update_anchor(anchor, block=number + 1)
    assert "anchor extend" in caught.value.hint


async def test_update_nested_composites_go_all_the_way_down(members: Members) -> None:
    inner = await members.deploy(KofNCharter([members.native], 1))
    outer = await members.deploy(KofNCharter([inner], 1))
    result = await members.client.update_anchor(outer)
    assert result.level == "final"
    assert [step.what.split()[0] for step in result.steps] == ["prove", "accept", "accept"]


async def test_report_contradiction_of_an_anchor_of_another_kind_refused(members: Members) -> None:
    with pytest.raises(AnchorError, match="is of the kind 'blockhash/1'"):
        await members.client.report_contradiction(members.native, 1)


async def test_update_veto_whose_primary_has_no_block_says_what_stands_in_the_way(members: Members) -> None:
    anchor = await members.deploy(VetoCharter(members.one, [members.other], 3600))
    with pytest.raises(BlockNotAccepted, match=f"the primary {members.one} has not accepted any") as caught:
        await members.client.update_anchor(anchor)
    assert members.one in caught.value.hint and "smartsync attest" in caught.value.hint
    report = await members.client.describe_anchor(anchor)
    assert (report.terms["primary"], report.terms["watchers"]) == (members.one, (members.other,))
    assert report.trusts.startswith("its primary")


async def test_update_quorum_without_signers_says_where_signatures_come_from(members: Members) -> None:
    with pytest.raises(BlockNotProvable) as caught:
        await members.client.update_anchor(members.one)
    assert "--from URL" in caught.value.hint and "smartsync attest" in caught.value.hint


async def test_deploy_bad_members_refused_before_anything_is_sent(members: Members, hardhat: Node) -> None:
    nobody = "0x" + "de" * 20
    cases: list[tuple[Charter, type[Exception], str]] = [
        (KofNCharter([members.native, members.native], 1), ConfigError, "members, each once"),
        (KofNCharter([], 1), ConfigError, "members, each once"),
        (KofNCharter([members.native, members.one], 3), ConfigError, "3 of 2 members"),
        (KofNCharter([members.native, members.one], 0), ConfigError, "0 of 2 members"),
        (KofNCharter([members.native, nobody], 1), NotDeployed, f"there is no anchor at {nobody}"),
        (VetoCharter(members.native, [], 60), ConfigError, "somebody to watch"),
        (VetoCharter(members.native, [members.one], 0), ConfigError, "--delay: 0 seconds"),
        (VetoCharter(members.native, [members.one], 2**64), ConfigError, "--delay"),
        (VetoCharter(members.native, [members.one], 900), ConfigError, "--delay: 900 seconds"),
        (VetoCharter(members.native, [nobody], 3600), NotDeployed, f"there is no anchor at {nobody}"),
    ]
    before = sent(members.node)
    for charter, kind, message in cases:
        with pytest.raises(kind, match=message) as refused:
            await members.deploy(charter)
        if kind is NotDeployed:
            option = "--watcher" if isinstance(charter, VetoCharter) else "--member"
            assert refused.value.hint.startswith(option)
    async with connected(hardhat.url, members.node) as client:
        with pytest.raises(WrongChain) as caught:
            await client.deploy_anchor(KofNCharter([members.native], 1))
    assert members.native in caught.value.hint
    assert sent(members.node) == before
