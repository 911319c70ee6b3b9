"""What may be signed of a source, as one node or two tell it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from smartsync.attestor.following import Follow, Following, parse_follow
from smartsync.attestor.record import Finalized, Record
from smartsync.errors import AttestorStopped, ConfigError, NodesDisagree, NodeUnreachable, NotAttestable, RpcError
from tests.fake_source import SOURCE, FakeSource, block


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    with Record(tmp_path / "attestor.sqlite") as opened:
        yield opened


@pytest.fixture
def one() -> FakeSource:
    return FakeSource("one.example")


@pytest.fixture
def two() -> FakeSource:
    return FakeSource("two.example")


def following(record: Record, *nodes: FakeSource, follow: Follow = "finalized") -> Following:
    return Following([node.chain for node in nodes], follow, SOURCE, record)


async def test_header_finalized_is_newest_and_recorded(record: Record, one: FakeSource) -> None:
    follow = following(record, one)
    assert await follow.header() == block(90)
    assert follow.level == "final"
    assert record.finalized(SOURCE) == Finalized(90, block(90).hash, "")
    assert await follow.header(7) == block(7)
    one.finalized = 92
    assert await follow.header(7) == block(7)
    assert record.finalized(SOURCE) == Finalized(92, block(92).hash, "")


async def test_header_depth_is_so_far_below_the_newest(record: Record, one: FakeSource) -> None:
    follow = following(record, one, follow=6)
    assert await follow.header() == block(94)
    assert follow.level == "safe"
    with pytest.raises(NotAttestable, match="block 95 is not 6 blocks deep yet; the newest one that is, is block 94"):
        await follow.header(95)


async def test_header_above_finalized_refused(record: Record, one: FakeSource) -> None:
    with pytest.raises(NotAttestable, match="block 91 is not final yet") as caught:
        await following(record, one).header(91)
    assert caught.value.retryable


async def test_header_chain_shorter_than_depth_refused(record: Record, one: FakeSource) -> None:
    one.latest = 3
    with pytest.raises(NotAttestable, match="has no block that is 6 blocks deep"):
        await following(record, one, follow=6).header()
    with pytest.raises(NotAttestable):
        await following(record, one, follow=6).header(0)


@pytest.mark.parametrize(("follow", "newest"), [("finalized", 90), (6, 94)])
async def test_header_two_nodes_the_one_behind_decides(
    record: Record, one: FakeSource, two: FakeSource, follow: Follow, newest: int
) -> None:
    two.latest, two.finalized = 105, 95
    assert await following(record, two, one, follow=follow).header() == block(newest)


@pytest.mark.parametrize("follow", ["finalized", 6])
async def test_header_two_nodes_with_two_blocks_refused_both_named(
    record: Record, one: FakeSource, two: FakeSource, follow: Follow
) -> None:
    two.branch, two.forks_at = "lie", 80
    with pytest.raises(NodesDisagree) as caught:
        await following(record, one, two, follow=follow).header()
    assert "one.example 0x" in caught.value.message and "two.example 0x" in caught.value.message
    assert caught.value.retryable
    assert record.finalized(SOURCE) is None
    two.branch = ""
    await following(record, one, two, follow=follow).header()


async def test_header_one_of_two_nodes_away_refused(record: Record, one: FakeSource, two: FakeSource) -> None:
    two.away = True
    with pytest.raises(NodeUnreachable, match=r"two\.example"):
        await following(record, one, two).header()


async def test_header_node_without_finalized_refused_with_way_out(record: Record, one: FakeSource, monkeypatch) -> None:
    async def header(asked: object) -> object:
        raise RpcError("eth_getBlockByNumber", -32602, "unknown block tag")

    monkeypatch.setattr(one, "header", header)
    with pytest.raises(ConfigError, match=r"one\.example does not know which block is finalized") as caught:
        await following(record, one).header()
    assert "--follow 64" in caught.value.hint


# --- finality that goes back ---


async def test_header_finalized_lower_on_the_same_chain_waits_and_goes_on(record: Record, one: FakeSource) -> None:
    follow = following(record, one)
    await follow.header()
    one.finalized = 88
    with pytest.raises(NodesDisagree, match=r"one\.example: block 88 is the finalized one now, block 90 was"):
        await follow.header()
    with pytest.raises(NodesDisagree):
        await follow.header(7)
    one.finalized = 91
    assert await follow.header() == block(91)


async def test_header_node_that_lost_its_newest_blocks_waits(record: Record, one: FakeSource) -> None:
    follow = following(record, one)
    await follow.header()
    one.latest, one.finalized = 85, 80
    with pytest.raises(NodesDisagree):
        await follow.header()
    assert record.finalized(SOURCE) == Finalized(90, block(90).hash, "")


@pytest.mark.parametrize("finalized", [80, 90, 95], ids=["lower", "same", "higher"])
async def test_header_other_hash_at_the_finalized_height_stops_for_good(
    tmp_path: Path, one: FakeSource, finalized: int, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "attestor.sqlite"
    with Record(path) as record:
        await following(record, one).header()
        one.branch, one.forks_at, one.finalized = "other", 85, finalized
        with pytest.raises(AttestorStopped) as caught:
            await following(record, one).header()
    assert block(90).hash.hex() in caught.value.message and block(90, "other").hash.hex() in caught.value.message
    assert "STOPPED" in caplog.text
    one.branch = ""
    with Record(path) as record:  # started again, and the node is as it was
        for number in (None, 7):
            with pytest.raises(AttestorStopped, match="was finalized as"):
                await following(record, one).header(number)
        with pytest.raises(AttestorStopped):
            await following(record, one, follow=6).header()
        with pytest.raises(AttestorStopped):
            await following(record, one).require_standing()


async def test_header_one_of_two_nodes_on_another_chain_waits_for_it(
    record: Record, one: FakeSource, two: FakeSource
) -> None:
    follow = following(record, one, two)
    await follow.header()
    two.branch, two.forks_at = "other", 85
    for ask in (follow.header, follow.require_standing):
        with pytest.raises(NodesDisagree) as caught:
            await ask()
        assert "see to two.example" in caught.value.hint
    two.branch = ""
    assert await follow.header() == block(90)
    for node in (one, two):
        node.branch, node.forks_at = "other", 85
    with pytest.raises(AttestorStopped):
        await follow.header()


async def test_header_one_node_on_another_chain_other_one_behind_waits(
    record: Record, one: FakeSource, two: FakeSource
) -> None:
    follow = following(record, one, two)
    await follow.header()
    one.latest, one.finalized = 85, 80
    two.branch, two.forks_at = "other", 85
    with pytest.raises(NodesDisagree, match=r"one\.example no such block"):
        await follow.header()
    one.latest, one.branch, one.forks_at = 95, "other", 85
    with pytest.raises(AttestorStopped):
        await follow.header()


async def test_header_chain_exchanged_while_it_is_read_signs_nothing(record: Record, one: FakeSource) -> None:
    follow = following(record, one)
    await follow.header()
    before = FakeSource.header

    async def header(asked: int | str) -> object:
        if asked == 7:
            one.branch, one.forks_at = "other", 5
        return await before(one, asked)

    one.header = header  # type: ignore[method-assign,assignment]
    with pytest.raises(AttestorStopped):
        await follow.header(7)


def answering(node: FakeSource, change: Callable[[int | str], None]) -> None:
    """Have something happen before a node answers what it has for a block."""

    async def header(asked: int | str) -> object:
        change(asked)
        return await FakeSource.header(node, asked)

    node.header = header  # type: ignore[method-assign,assignment]


async def test_header_finalized_that_is_not_on_the_nodes_own_chain_refused(record: Record, one: FakeSource) -> None:
    def dropped(asked: int | str) -> None:
        one.branch = "dropped" if asked == "finalized" else ""

    answering(one, dropped)
    for number in (None, 7):
        with pytest.raises(NodesDisagree, match=r"calls block 90 finalized as 0x.*, and has on its chain: 0x"):
            await following(record, one).header(number)
    assert record.finalized(SOURCE) is None


async def test_header_node_that_goes_back_and_forth_signs_nothing(record: Record, one: FakeSource) -> None:
    follow = following(record, one)
    await follow.header()
    asked_for = 0

    def flip(asked: int | str) -> None:
        # Its block 90 is the recorded one, then the finalized one of another branch, and then the recorded one again.
        nonlocal asked_for
        asked_for += asked == 90
        one.branch = "other" if asked == "finalized" or asked_for in (2, 3) else ""

    answering(one, flip)
    with pytest.raises(NodesDisagree, match="block 90 of the source was exchanged while it was read"):
        await follow.header()
    assert record.finalized(SOURCE) == Finalized(90, block(90).hash, "")


async def test_header_exchanged_above_the_recorded_block_stops(record: Record, one: FakeSource) -> None:
    follow = following(record, one)
    await follow.header()
    one.finalized = 95

    def exchange(asked: int | str) -> None:
        if asked == 92:
            one.branch, one.forks_at = "other", 91

    answering(one, exchange)
    with pytest.raises(AttestorStopped, match="block 95 was finalized as"):
        await follow.header(92)


async def test_header_another_one_records_another_branch_meanwhile_signs_nothing(
    record: Record, one: FakeSource
) -> None:
    follow = following(record, one)
    await follow.header()
    one.branch, one.forks_at, one.finalized = "other", 91, 95

    asked_before: list[int | str] = []

    def other(asked: int | str) -> None:
        # While it is looked whether the recorded block still stands, for the last time.
        if asked == 90 and 95 in asked_before:
            record.saw_finalized(SOURCE, 93, block(93).hash, after=Finalized(90, block(90).hash, ""))
        asked_before.append(asked)

    answering(one, other)
    with pytest.raises(AttestorStopped, match="block 93 was finalized as"):
        await follow.header()


async def test_resume_names_the_hash_that_all_nodes_have(record: Record, one: FakeSource, two: FakeSource) -> None:
    follow = following(record, one, two)
    await follow.header()
    assert "waits for no height" in await follow.resume(block(90).hash)
    for node in (one, two):
        node.branch, node.forks_at, node.finalized = "other", 85, 95
    with pytest.raises(AttestorStopped):
        await follow.header()
    with pytest.raises(ConfigError, match=r"one\.example has 0x"):
        await follow.resume(block(90).hash)
    two.latest = 80
    with pytest.raises(ConfigError, match=r"two\.example has no such block"):
        await follow.resume(block(90, "other").hash)
    two.latest = 100
    assert await follow.resume(block(90, "other").hash) == "it had stopped at block 90, and signs again"
    assert await follow.header() == block(95, "other")


async def test_resume_below_a_height_that_was_a_lie_names_what_is_finalized_now(
    record: Record, one: FakeSource, two: FakeSource
) -> None:
    one.latest, one.finalized = 1_000_000, 999_999
    await following(record, one).header()
    one.latest, one.finalized = 100, 90
    follow = following(record, one, two)
    with pytest.raises(NodesDisagree) as caught:
        await follow.header()
    assert "start once with --resume HASH" in caught.value.hint
    assert f"(now 0x{block(90).hash.hex()})" in caught.value.hint
    two.branch = "other"
    assert "nothing was changed: the source's nodes have different blocks 90" in await follow.resume(block(90).hash)
    two.branch = ""
    told = await follow.resume(block(89).hash)
    assert "it waited for block 999999, while all nodes call block 90 finalized" in told
    assert told.endswith(f"it takes --resume 0x{block(90).hash.hex()}")
    assert record.finalized(SOURCE) == Finalized(999_999, block(999_999).hash, "")
    assert "signs again" in await follow.resume(block(90).hash)
    assert await follow.header() == block(90)


@pytest.mark.parametrize("follow", ["finalized", 3])
async def test_resume_at_a_later_start_changes_nothing_and_fails_nowhere(
    record: Record, one: FakeSource, follow: Follow
) -> None:
    left_behind = block(80).hash
    assert "nothing was changed" in await following(record, one, follow=follow).resume(left_behind)
    await following(record, one).header()
    assert "nothing was changed" in await following(record, one, follow=follow).resume(left_behind)
    one.finalized = 95
    answering(one, lambda asked: setattr(one, "branch", "dropped" if asked == "finalized" else ""))
    assert "nothing was changed" in await following(record, one, follow=follow).resume(left_behind)
    assert record.finalized(SOURCE) == Finalized(90, block(90).hash, "")


@pytest.mark.parametrize(("text", "follow"), [("finalized", "finalized"), ("0", 0), ("64", 64)])
def test_parse_follow_known(text: str, follow: Follow) -> None:
    assert parse_follow(text) == follow


@pytest.mark.parametrize("text", ["", "latest", "-1", "1.5", "²", "9999999"])
def test_parse_follow_unknown_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--follow"):
        parse_follow(text)
