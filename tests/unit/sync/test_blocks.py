from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from smartsync.errors import AnchorFrozen, BlockNotAccepted, BlockUnavailable, SourceReorganised
from smartsync.header import Header
from smartsync.sync.blocks import accepted_header, require_not_dropped, require_reachable, require_still_canonical
from tests.fake_anchor import FakeAnchor
from tests.unit.sync.records import ANCHOR, record_at


async def accepted(node: Any, block: int | None) -> Header:
    return await accepted_header(node.chain, node.chain, ANCHOR, block)


async def test_accepted_header_without_a_number_is_the_newest_accepted(node: Any, anchor: FakeAnchor) -> None:
    assert await accepted(node, None) == await node.chain.header(7)


async def test_accepted_header_of_an_accepted_number_is_that_one(node: Any, anchor: FakeAnchor) -> None:
    anchor.blocks[node.header(9).hash] = (9, "final")
    assert (await accepted(node, 7)).number == 7


async def test_accepted_header_of_another_number_says_how_to_have_it_accepted(node: Any, anchor: FakeAnchor) -> None:
    with pytest.raises(BlockNotAccepted, match="block 8") as caught:
        await accepted(node, 8)
    assert caught.value.hint == "have it accepted: smartsync anchor update --block 8"


async def test_accepted_header_that_the_source_has_otherwise_is_a_reorganisation(node: Any, anchor: FakeAnchor) -> None:
    anchor.blocks = {b"\x01" * 32: (7, "final")}
    with pytest.raises(SourceReorganised, match=f"accepts 0x{'01' * 32} as block 7") as caught:
        await accepted(node, None)
    assert caught.value.retryable


async def test_accepted_header_that_the_source_does_not_have_yet_is_unavailable(node: Any, anchor: FakeAnchor) -> None:
    anchor.blocks = {b"\x01" * 32: (11, "final")}
    with pytest.raises(BlockUnavailable):
        await accepted(node, None)


@pytest.mark.parametrize("block", [None, 7])
async def test_accepted_header_of_a_frozen_anchor_is_refused(node: Any, anchor: FakeAnchor, block: int | None) -> None:
    anchor.status = "frozen"
    with pytest.raises(AnchorFrozen):
        await accepted(node, block)


async def test_require_still_canonical_same_block_passes(node: Any) -> None:
    await require_still_canonical(node.chain, node.header(7))


async def test_require_still_canonical_other_block_tells_both(node: Any, fake: Any) -> None:
    before = fake({0: 2}).header(7)
    with pytest.raises(SourceReorganised, match="the source chain reorganised: block 7 was") as caught:
        await require_still_canonical(node.chain, before)
    assert before.hash.hex() in caught.value.message and node.header(7).hash.hex() in caught.value.message
    assert "nothing was sent" in caught.value.hint


async def reach(node: Any, number: int, *, recorded: int, halt: int | None = None) -> None:
    await require_reachable(node.chain, record_at(node, recorded, halt), await node.chain.header(number))


async def test_require_reachable_newer_block_is_reachable(node: Any) -> None:
    await reach(node, 7, recorded=5)


@pytest.mark.parametrize("recorded", [7, 8])
async def test_require_reachable_not_newer_is_refused(node: Any, anchor: FakeAnchor, recorded: int) -> None:
    anchor.blocks[node.header(8).hash] = (8, "final")
    with pytest.raises(BlockNotAccepted, match="not newer") as caught:
        await reach(node, 7, recorded=recorded)
    # Of the replica at block 7 the way is open already; the one at block 8 needs another block.
    newer = "leave --block out, or name a newer one: the anchor accepts block 8"
    assert caught.value.hint == (newer if recorded == 7 else "have a newer one accepted: smartsync anchor update")


async def test_require_reachable_where_the_recorded_block_is_revoked(node: Any, anchor: FakeAnchor) -> None:
    anchor.blocks[node.header(8).hash] = (8, "revoked")
    await reach(node, 7, recorded=8)


@pytest.mark.parametrize(("halt", "level"), [(9, "revoked"), (3, "final")])
async def test_require_reachable_recorded_block_after_an_end_that_is_over(
    node: Any, anchor: FakeAnchor, halt: int, level: str
) -> None:
    anchor.blocks[node.header(halt).hash] = (halt, level)
    await reach(node, 7, recorded=7, halt=halt)


async def test_require_reachable_recorded_block_before_an_end_that_stands_is_refused(
    node: Any, anchor: FakeAnchor
) -> None:
    anchor.blocks[node.header(9).hash] = (9, "final")
    with pytest.raises(BlockNotAccepted, match="not newer"):
        await reach(node, 7, recorded=7, halt=9)


async def test_accepted_header_of_a_dropped_block_names_the_revocation(node: Any, anchor: FakeAnchor) -> None:
    anchor.blocks = {b"\x01" * 32: (7, "safe")}
    for block, kind in ((None, SourceReorganised), (7, BlockNotAccepted)):
        with pytest.raises(kind) as caught:
            await accepted(node, block)
        assert "smartsync anchor revoke" in caught.value.hint


async def dropped(node: Any, level: str, *, number: int, block_hash: bytes, anchor: FakeAnchor) -> None:
    anchor.blocks = {block_hash: (number, level)}
    record = replace(
        record_at(node, number if number <= node.newest else 0), block_hash=block_hash, block_number=number
    )
    await require_not_dropped(node.chain, node.chain, record, BlockUnavailable("7", "gone"))


@pytest.mark.parametrize(
    ("level", "number", "way_out"),
    [
        ("revoked", 7, "smartsync sync brings"),
        ("safe", 7, "smartsync anchor revoke"),
        ("revoked", 12, "smartsync sync"),
    ],
)
async def test_require_not_dropped_orphan_says_what_helps(
    node: Any, anchor: FakeAnchor, level: str, number: int, way_out: str
) -> None:
    with pytest.raises(SourceReorganised, match=f"stands at block {number} .*which the source has dropped") as caught:
        await dropped(node, level, number=number, block_hash=b"\x01" * 32, anchor=anchor)
    assert way_out in caught.value.hint


async def test_require_not_dropped_block_that_stands_or_is_not_reached_passes(node: Any, anchor: FakeAnchor) -> None:
    await dropped(node, "safe", number=7, block_hash=node.header(7).hash, anchor=anchor)
    await dropped(node, "safe", number=12, block_hash=b"\x01" * 32, anchor=anchor)
