from __future__ import annotations

from typing import Any

import pytest

from smartsync.anchors.attestation import NOTHING
from smartsync.anchors.parting import find_parting
from smartsync.contracts import event_topic
from smartsync.errors import FinalBlockDropped
from tests.fake_anchor import FakeAnchor

ANCHOR = "0x" + "22" * 20
ORPHANS = {number: bytes([number]) * 32 for number in range(1, 13)}


@pytest.fixture
def node(fake: Any) -> Any:
    return fake({})


@pytest.fixture
def anchor(node: Any) -> FakeAnchor:
    """An anchor that accepts the node's blocks 3 and 5; tests add others."""
    made = FakeAnchor(0x539, node.header(0).hash)
    made.blocks = {node.header(number).hash: (number, "safe") for number in (3, 5)}
    node.override["eth_call"] = made
    node.override["eth_getLogs"] = lambda query: [
        accepted(block_hash, number) for block_hash, (number, _) in made.blocks.items()
    ]
    return made


def accepted(block_hash: bytes, number: int) -> dict[str, Any]:
    topics = event_topic("IAnchor", "BlockAccepted"), block_hash, number.to_bytes(32, "big")
    return {
        "address": ANCHOR,
        "topics": [f"0x{topic.hex()}" for topic in topics],
        "data": f"0x{bytes(3 * 32).hex()}",
        "blockNumber": "0x1",
        "transactionHash": f"0x{bytes(32).hex()}",
        "logIndex": "0x0",
    }


async def test_find_parting_where_all_blocks_stand_is_none(node: Any, anchor: FakeAnchor) -> None:
    assert await find_parting(node.chain, node.chain, ANCHOR) is None


async def test_find_parting_is_below_the_lowest_that_was_dropped(node: Any, anchor: FakeAnchor) -> None:
    # Block 8 was accepted after the reorganisation: it stands on the source, and above what does not.
    anchor.blocks |= {ORPHANS[7]: (7, "safe"), ORPHANS[6]: (6, "safe"), node.header(8).hash: (8, "safe")}
    parting = await find_parting(node.chain, node.chain, ANCHOR)
    assert parting is not None
    assert (parting.head, parting.head_number) == (node.header(5).hash, 5)
    assert [block.number for block in parting.dropped] == [6, 7]


async def test_find_parting_below_everything_has_no_head(node: Any, anchor: FakeAnchor) -> None:
    anchor.blocks |= {ORPHANS[2]: (2, "safe")}
    parting = await find_parting(node.chain, node.chain, ANCHOR)
    assert parting is not None
    assert (parting.head, parting.head_number) == (NOTHING, 0)


async def test_find_parting_revoked_blocks_are_settled(node: Any, anchor: FakeAnchor) -> None:
    anchor.blocks |= {ORPHANS[7]: (7, "revoked")}
    assert await find_parting(node.chain, node.chain, ANCHOR) is None


async def test_find_parting_above_the_sources_newest_is_no_sign(node: Any, anchor: FakeAnchor) -> None:
    anchor.blocks |= {ORPHANS[12]: (12, "safe")}
    assert await find_parting(node.chain, node.chain, ANCHOR) is None


async def test_find_parting_leaves_out_what_a_final_block_above_protects(node: Any, anchor: FakeAnchor) -> None:
    anchor.blocks |= {ORPHANS[4]: (4, "safe"), node.header(6).hash: (6, "final")}
    assert await find_parting(node.chain, node.chain, ANCHOR) is None
    anchor.blocks |= {ORPHANS[7]: (7, "safe")}
    parting = await find_parting(node.chain, node.chain, ANCHOR)
    assert parting is not None
    assert (parting.head, parting.head_number) == (node.header(6).hash, 6)
    assert [block.number for block in parting.dropped] == [7]


async def test_require_revocable_of_a_final_block_is_an_alarm(node: Any, anchor: FakeAnchor) -> None:
    anchor.blocks |= {ORPHANS[6]: (6, "safe"), ORPHANS[7]: (7, "final")}
    parting = await find_parting(node.chain, node.chain, ANCHOR)
    assert parting is not None
    with pytest.raises(FinalBlockDropped, match=f"0x{ORPHANS[7].hex()} for final as block 7") as caught:
        parting.require_revocable()
    assert "do not rely on it" in caught.value.hint


async def test_find_parting_asks_for_nothing_below_the_newest_final_block(node: Any, anchor: FakeAnchor) -> None:
    final = node.header(6).hash
    anchor.blocks |= {node.header(4).hash: (4, "final"), final: (6, "final"), ORPHANS[7]: (7, "safe")}
    parting = await find_parting(node.chain, node.chain, ANCHOR)
    assert parting is not None
    assert (parting.head, [block.number for block in parting.dropped]) == (final, [7])
    assert sorted(anchor.asked) == sorted([final, ORPHANS[7]])


async def test_find_parting_looks_below_a_final_block_that_was_dropped(node: Any, anchor: FakeAnchor) -> None:
    anchor.blocks |= {node.header(6).hash: (6, "final"), ORPHANS[7]: (7, "safe"), ORPHANS[8]: (8, "final")}
    parting = await find_parting(node.chain, node.chain, ANCHOR)
    assert parting is not None
    assert (parting.head_number, [block.number for block in parting.dropped]) == (6, [7, 8])


async def test_find_parting_below_a_final_block_that_the_node_has_not_reached_is_none(
    node: Any, anchor: FakeAnchor
) -> None:
    anchor.blocks |= {ORPHANS[7]: (7, "safe"), ORPHANS[12]: (12, "final")}
    assert await find_parting(node.chain, node.chain, ANCHOR) is None
