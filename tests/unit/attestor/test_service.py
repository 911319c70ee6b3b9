"""What an attestor signs, and what it does not."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from smartsync.anchors.attestation import NOTHING, BlockAttestation, require_signers, revocation_of
from smartsync.anchors.block import AnchoredBlock
from smartsync.anchors.parting import Parting
from smartsync.attestor.service import Attestor, Look
from smartsync.chain import Chain
from smartsync.errors import (
    AlreadySigned,
    AnchorFrozen,
    AnchorMismatch,
    AttestorStopped,
    ConfigError,
    FinalBlockDropped,
    ForeignSignature,
    NodesDisagree,
    NotAttestable,
    WrongChain,
)
from tests.fake_source import ANCHOR, FakeSource, block, terms
from tests.unit.attestor.conftest import ACCOUNT, NOW, Stage

DROPPED = AnchoredBlock(b"\x77" * 32, 92, 0, "safe")
PARTING = Parting(b"\x55" * 32, 88, (DROPPED,))


async def test_attest_newest_signed_and_counts(stage: Stage, nodes: Sequence[FakeSource]) -> None:
    made = await stage.attestor(*nodes).attest()
    assert made.statement == BlockAttestation(90, block(90).hash, "final", 1, 0)
    require_signers(stage.terms, made.statement, made.signed)
    assert (await stage.attestor(*nodes).attest(90)).signed == made.signed


async def test_attest_depth_is_safe(stage: Stage, nodes: Sequence[FakeSource]) -> None:
    made = await stage.attestor(*nodes, follow=3).attest()
    assert made.statement == BlockAttestation(97, block(97).hash, "safe", 1, 0)


async def test_attest_other_hash_after_reorganisation_refused_until_new_epoch(
    stage: Stage, nodes: Sequence[FakeSource]
) -> None:
    attestor = stage.attestor(*nodes, follow=3)
    await attestor.attest(97)
    for node in nodes:
        node.branch, node.forks_at = "other", 95
    with pytest.raises(AlreadySigned):
        await attestor.attest(97)
    assert (await attestor.attest(94)).statement == BlockAttestation(94, block(94).hash, "safe", 1, 0)
    stage.terms = terms(ACCOUNT.address, canonical_epoch=1)
    assert (await attestor.attest(97)).statement == BlockAttestation(97, block(97, "other").hash, "safe", 1, 1)


async def test_attest_is_remembered_before_it_is_signed(
    stage: Stage, nodes: Sequence[FakeSource], monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise RuntimeError("the power went off")

    with monkeypatch.context() as patched:
        patched.setattr("smartsync.attestor.service.sign", crash)
        with pytest.raises(RuntimeError):
            await stage.attestor(*nodes, follow=3).attest(97)
    for node in nodes:
        node.branch, node.forks_at = "other", 95
    with pytest.raises(AlreadySigned):
        await stage.attestor(*nodes, follow=3).attest(97)


async def test_attest_record_that_refuses_nothing_signed(
    stage: Stage, nodes: Sequence[FakeSource], monkeypatch: pytest.MonkeyPatch
) -> None:
    signed: list[object] = []
    monkeypatch.setattr("smartsync.attestor.service.sign", lambda *arguments: signed.append(arguments))
    attestor = stage.attestor(*nodes)
    stage.record.close()
    with pytest.raises(ConfigError, match="cannot be read and written"):
        await attestor.attest()
    assert not signed


async def test_attest_no_signer_refused(stage: Stage, nodes: Sequence[FakeSource]) -> None:
    stage.terms = terms("0x" + "ee" * 20)
    for ask in (stage.attestor(*nodes).attest, stage.attestor(*nodes).revocation):
        with pytest.raises(ForeignSignature, match="is no signer of the anchor"):
            await ask()


async def test_attest_anchor_not_active_refused(stage: Stage, nodes: Sequence[FakeSource]) -> None:
    stage.inactive = AnchorFrozen("frozen")
    for ask in (stage.attestor(*nodes).attest, stage.attestor(*nodes).revocation):
        with pytest.raises(AnchorFrozen):
            await ask()


async def test_attest_second_node_on_another_chain_refused(stage: Stage, nodes: Sequence[FakeSource]) -> None:
    stage.wrong = "two.example"
    for ask in (stage.attestor(*nodes).attest, stage.attestor(*nodes).revocation):
        with pytest.raises(WrongChain):
            await ask()


# --- revocations ---


async def test_revocation_same_parting_of_all_nodes_signed(stage: Stage, nodes: Sequence[FakeSource]) -> None:
    stage.partings = {"one.example": PARTING, "two.example": PARTING}
    made = await stage.attestor(*nodes, follow=3).revocation()
    assert made.statement == revocation_of(stage.terms, PARTING.head, NOW)
    require_signers(stage.terms, made.statement, made.signed)


async def test_revocation_of_everything_signed(stage: Stage, nodes: Sequence[FakeSource]) -> None:
    stage.partings = dict.fromkeys(("one.example", "two.example"), replace(PARTING, head=NOTHING, head_number=0))
    assert (await stage.attestor(*nodes).revocation()).statement == revocation_of(stage.terms, NOTHING, NOW)


@pytest.mark.parametrize("other", [None, replace(PARTING, head=b"\x44" * 32), replace(PARTING, dropped=(DROPPED,) * 2)])
async def test_revocation_nodes_that_differ_refused(
    stage: Stage, nodes: Sequence[FakeSource], other: Parting | None
) -> None:
    stage.partings = {"one.example": PARTING, "two.example": other}
    with pytest.raises(NodesDisagree, match=r"one\.example 1 above block 88; two\.example"):
        await stage.attestor(*nodes).revocation()


async def test_revocation_nothing_dropped_refused(stage: Stage, nodes: Sequence[FakeSource]) -> None:
    with pytest.raises(NotAttestable, match="nothing to revoke"):
        await stage.attestor(*nodes).revocation()


async def test_revocation_of_final_block_refused(stage: Stage, nodes: Sequence[FakeSource]) -> None:
    final = replace(PARTING, dropped=(DROPPED, replace(DROPPED, number=93, level="final")))
    stage.partings = {"one.example": final, "two.example": final}
    with pytest.raises(FinalBlockDropped, match="block 93"):
        await stage.attestor(*nodes).revocation()


async def test_revocation_after_stop_refused(stage: Stage, nodes: Sequence[FakeSource]) -> None:
    attestor = stage.attestor(*nodes)
    await attestor.attest()
    stage.partings = {"one.example": PARTING, "two.example": PARTING}
    for node in nodes:
        node.branch, node.forks_at = "other", 80
    with pytest.raises(AttestorStopped):
        await attestor.revocation()


# --- how it stands ---


async def test_look_tells_newest_or_why_not(stage: Stage, nodes: Sequence[FakeSource]) -> None:
    attestor = stage.attestor(*nodes)
    assert await attestor.look() == Look("ok", "", 90, block(90).hash)
    nodes[1].away = True
    assert await attestor.look() == Look("waiting", "two.example: no answer")
    nodes[1].away = False
    for node in nodes:
        node.branch, node.forks_at = "other", 80
    look = await attestor.look()
    assert (look.state, look.number) == ("stopped", None)
    assert "was finalized as" in look.reason
    assert "--resume HASH" in look.hint


async def test_look_block_that_it_would_refuse_is_not_ok(stage: Stage, nodes: Sequence[FakeSource]) -> None:
    attestor = stage.attestor(*nodes, follow=3)
    await attestor.attest(97)
    for node in nodes:
        node.branch, node.forks_at = "other", 95
    look = await attestor.look()
    assert (look.state, look.number) == ("waiting", None)
    assert f"has signed block 97 as 0x{block(97).hash.hex()} before" in look.reason
    assert "take a newer block" in look.hint
    for node in nodes:
        node.latest = 101
    assert await attestor.look() == Look("ok", "", 98, block(98, "other").hash)


async def test_look_writes_nothing_down(stage: Stage, nodes: Sequence[FakeSource]) -> None:
    attestor = stage.attestor(*nodes, follow=3)
    await attestor.look()
    assert not stage.record.holds(31337, ANCHOR, ACCOUNT.address)


# --- a target's node that tells something else than before ---


async def test_attest_target_on_another_chain_than_at_the_start_refused(
    stage: Stage, nodes: Sequence[FakeSource]
) -> None:
    attestor = stage.attestor(*nodes)
    stage.terms = replace(stage.terms, target_chain_id=1)
    with pytest.raises(WrongChain, match=r"target node target\.example is on chain 1, expected chain 31337"):
        await attestor.attest()
    assert (await attestor.look()).state == "waiting"


@pytest.mark.parametrize("other", [{"source_chain_id": 5}, {"source_genesis_hash": b"\x09" * 32}])
async def test_attest_anchor_of_another_source_than_at_the_start_refused(
    stage: Stage, nodes: Sequence[FakeSource], other: dict[str, object]
) -> None:
    attestor = stage.attestor(*nodes)
    stage.terms = replace(stage.terms, **other)
    with pytest.raises(AnchorMismatch, match="is of another source chain than it said at the start"):
        await attestor.attest()
    assert not stage.record.holds(31337, ANCHOR, ACCOUNT.address)


async def test_attest_target_that_goes_back_and_forth_about_epochs_one_hash_in_each(
    stage: Stage, nodes: Sequence[FakeSource]
) -> None:
    attestor = stage.attestor(*nodes, follow=3)
    signed: dict[tuple[int, int], bytes] = {}
    for number, epochs in enumerate([(1, 0), (1, 1), (1, 0), (2, 0), (1, 1), (2, 0), (1, 0)]):
        stage.terms = terms(ACCOUNT.address, set_epoch=epochs[0], canonical_epoch=epochs[1])
        for node in nodes:
            node.branch, node.forks_at = f"branch {number}", 95
        try:
            made = await attestor.attest(97)
        except AlreadySigned:
            assert epochs in signed
        else:
            assert signed.setdefault(epochs, made.statement.block_hash) == made.statement.block_hash
    assert len(signed) == 3


# --- opening ---


@pytest.fixture
def opening(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Give what the anchor says of itself."""
    told = {"kind": "quorum/2"}

    async def anchor_kind(*_: object) -> str:
        return told["kind"]

    async def source_of(*_: object) -> tuple[int, bytes]:
        return 1, b"\x01" * 32

    monkeypatch.setattr("smartsync.attestor.service.anchor_kind", anchor_kind)
    monkeypatch.setattr("smartsync.attestor.service.source_of", source_of)
    return told


class Target:
    async def chain_id(self) -> int:
        return 31337


def opened(stage: Stage, nodes: Sequence[FakeSource]) -> asyncio.Future[Attestor]:
    chains = [node.chain for node in nodes]
    target: Chain = Target()  # type: ignore[assignment]
    work = Attestor.open(target, ANCHOR, ACCOUNT, nodes=chains, follow="finalized", record=stage.record)
    return asyncio.ensure_future(work)


async def test_open_other_kind_of_anchor_refused(stage: Stage, nodes: Sequence[FakeSource], opening) -> None:
    opening["kind"] = "qbft/1"
    with pytest.raises(ConfigError, match="of the kind qbft/1"):
        await opened(stage, nodes)


async def test_open_node_on_another_chain_refused(stage: Stage, nodes: Sequence[FakeSource], opening) -> None:
    stage.wrong = "two.example"
    with pytest.raises(WrongChain):
        await opened(stage, nodes)


async def test_open_node_on_another_chain_than_the_anchor_first_told_refused(
    stage: Stage, nodes: Sequence[FakeSource], opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[object, ...]] = []

    async def require_chain(node: object, *expected: object) -> None:
        asked.append(expected)

    monkeypatch.setattr("smartsync.attestor.service.require_chain", require_chain)
    attestor = await opened(stage, nodes)
    # Held against what it was opened for, not against what the target's node says by now.
    assert set(asked) == {attestor.following.source}


async def test_open_although_it_cannot_sign_yet(stage: Stage, nodes: Sequence[FakeSource], opening) -> None:
    nodes[0].finalized = -1
    attestor = await opened(stage, nodes)
    assert (attestor.target_chain_id, attestor.following.source) == (31337, (1, b"\x01" * 32))
