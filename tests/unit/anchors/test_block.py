from __future__ import annotations

import re
from typing import Any

import pytest

from smartsync.anchors.block import (
    AnchoredBlock,
    accepted_block,
    anchor_state,
    newest_accepted,
    require_accepted,
    require_same_source,
)
from smartsync.errors import (
    AnchorError,
    AnchorExpired,
    AnchorFrozen,
    AnchorMismatch,
    AnchorPaused,
    BlockNotAccepted,
    NotDeployed,
    RpcError,
    WrongChain,
)
from tests.fake_anchor import FakeAnchor

ANCHOR = "0x" + "22" * 20
HASH, LATER = b"\x01" * 32, b"\x02" * 32


@pytest.fixture
def node(fake: Any) -> Any:
    return fake({})


@pytest.fixture
def anchor(node: Any) -> FakeAnchor:
    made = FakeAnchor(0x539, node.header(0).hash)
    node.override["eth_call"] = made
    return made


async def test_require_same_source_of_this_chain_passes(node: Any, anchor: FakeAnchor) -> None:
    await require_same_source(node.chain, node.chain, ANCHOR)


async def test_require_same_source_of_another_chain_tells_both_ids(node: Any, anchor: FakeAnchor) -> None:
    anchor.chain_id = 1
    with pytest.raises(WrongChain) as caught:
        await require_same_source(node.chain, node.chain, ANCHOR)
    assert (caught.value.expected, caught.value.actual) == (1, 0x539)
    assert f"the source node {node.chain.rpc.host} is on chain" in caught.value.message


async def test_require_same_source_of_another_genesis_is_refused(node: Any, anchor: FakeAnchor) -> None:
    anchor.genesis_hash = HASH
    with pytest.raises(AnchorMismatch, match="the source node fake:8545 has another genesis block"):
        await require_same_source(node.chain, node.chain, ANCHOR)


async def test_newest_accepted_is_the_highest_that_can_be_used(node: Any, anchor: FakeAnchor) -> None:
    anchor.blocks = {HASH: (7, "safe"), LATER: (9, "revoked"), bytes(31) + b"\x03": (5, "final")}
    newest = await newest_accepted(node.chain, ANCHOR)
    assert (newest.block_hash, newest.number, newest.level, newest.accepted) == (HASH, 7, "safe", True)


async def test_newest_accepted_of_a_new_anchor_says_how_to_get_one(node: Any, anchor: FakeAnchor) -> None:
    with pytest.raises(BlockNotAccepted, match="has not accepted any") as caught:
        await newest_accepted(node.chain, ANCHOR)
    assert "smartsync anchor update" in caught.value.hint


@pytest.mark.parametrize("level", ["unknown", "pending", "revoked"])
async def test_require_accepted_level_that_is_not_enough_is_told(node: Any, anchor: FakeAnchor, level: str) -> None:
    anchor.blocks = {HASH: (7, level)}
    with pytest.raises(BlockNotAccepted, match=f"does not accept source block 7 .*: {level}"):
        await require_accepted(node.chain, ANCHOR, 7, HASH)


@pytest.mark.parametrize("level", ["safe", "final"])
async def test_require_accepted_level_that_is_enough_passes(node: Any, anchor: FakeAnchor, level: str) -> None:
    anchor.blocks = {HASH: (7, level)}
    await require_accepted(node.chain, ANCHOR, 7, HASH)


@pytest.mark.parametrize(
    ("status", "kind"), [("paused", AnchorPaused), ("expired", AnchorExpired), ("frozen", AnchorFrozen)]
)
async def test_anchor_that_is_not_active_accepts_nothing(
    node: Any, anchor: FakeAnchor, status: str, kind: type[AnchorError]
) -> None:
    anchor.blocks, anchor.status = {HASH: (7, "final")}, status
    assert (await anchor_state(node.chain, ANCHOR)).status == status
    for asked in (newest_accepted(node.chain, ANCHOR), require_accepted(node.chain, ANCHOR, 7, HASH)):
        with pytest.raises(kind, match=f"is {status}") as caught:
            await asked
        assert caught.value.retryable is (status == "paused") and caught.value.hint
    # What it once said can be asked on: a recorded block's level is shown, whatever became of the anchor.
    assert (await accepted_block(node.chain, ANCHOR, HASH)).level == "final"


@pytest.mark.parametrize(
    "answer",
    [b"", b"\x01", RpcError("eth_call", 3, "execution reverted", "0x")],
    ids=["no code", "something else", "no such function"],
)
async def test_anchor_state_of_what_is_no_anchor_is_not_deployed(node: Any, answer: object) -> None:
    def call(message: dict[str, Any], block: str) -> str:
        if isinstance(answer, RpcError):
            raise answer
        assert isinstance(answer, bytes)
        return "0x" + answer.hex()

    node.override["eth_call"] = call
    with pytest.raises(NotDeployed, match="there is no"):
        await anchor_state(node.chain, ANCHOR)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ((5, 50, b"a"), (5, 50, b"b"), True),
        ((5, 50, b"a"), (5, 50, b"a"), False),
        ((5, 50, b"a"), (6, 50, b"b"), False),
        ((5, 50, b"a"), (6, 49, b"b"), True),
        ((5, 50, b"a"), (4, 51, b"b"), True),
        ((5, 50, b"a"), (4, 49, b"b"), False),
    ],
)
def test_contradicts_same_number_or_time_against_number(
    one: tuple[int, int, bytes], other: tuple[int, int, bytes], expected: bool
) -> None:
    first, second = (AnchoredBlock(block_hash, number, time, "safe") for number, time, block_hash in (one, other))
    assert first.contradicts(second) == second.contradicts(first) == expected


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("quorum/2", ("smartsync attest", "smartsync anchor update --from URL")),
        ("veto/1", ("smartsync anchor update;", "wait until the delay for a veto is over")),
        ("k-of-n/1", ("have one accepted: smartsync anchor update",)),
        ("of tomorrow/1", ("have one accepted: smartsync anchor update",)),
    ],
)
async def test_newest_accepted_of_a_new_anchor_leads_forward_by_its_kind(
    node: Any, anchor: FakeAnchor, kind: str, words: tuple[str, ...]
) -> None:
    anchor.kind = kind
    with pytest.raises(BlockNotAccepted) as caught:
        await newest_accepted(node.chain, ANCHOR)
    assert all(word in caught.value.hint for word in words)


async def test_require_accepted_block_that_waits_for_a_veto_is_to_be_waited_for(node: Any, anchor: FakeAnchor) -> None:
    anchor.blocks, anchor.kind = {HASH: (7, "pending")}, "veto/1"
    anchor.usable_from = await node.chain.clock() + 5_000
    with pytest.raises(BlockNotAccepted, match="pending") as caught:
        await require_accepted(node.chain, ANCHOR, 7, HASH)
    assert re.match(r"it waits for a veto for another (5,000|4,9\d\d) s", caught.value.hint)


async def test_require_accepted_vetoed_block_is_to_be_offered_again(node: Any, anchor: FakeAnchor) -> None:
    anchor.blocks, anchor.kind = {HASH: (7, "pending")}, "veto/1"
    with pytest.raises(BlockNotAccepted, match="pending") as caught:
        await require_accepted(node.chain, ANCHOR, 7, HASH)
    assert "waits no more; offer it again" in caught.value.hint and "anchor update --block 7" in caught.value.hint


async def test_require_accepted_beside_another_block_names_it_and_the_revocation(node: Any, anchor: FakeAnchor) -> None:
    anchor.blocks = {LATER: (7, "safe")}
    with pytest.raises(BlockNotAccepted) as caught:
        await require_accepted(node.chain, ANCHOR, 7, HASH)
    assert f"0x{LATER.hex()}" in caught.value.hint and "smartsync anchor revoke" in caught.value.hint


async def test_anchor_that_is_none_is_told_in_plain_words(node: Any) -> None:
    for answer in ("0x", "0x01"):
        node.override["eth_call"] = lambda message, block, answer=answer: answer
        with pytest.raises(NotDeployed, match=f"there is no anchor at {ANCHOR} on the") as caught:
            await anchor_state(node.chain, ANCHOR)
        assert "smartsync anchor deploy" in caught.value.hint
