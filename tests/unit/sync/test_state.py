from __future__ import annotations

from typing import Any

import pytest

from smartsync.sync import state
from tests.fake_anchor import FakeAnchor
from tests.unit.sync.records import REPLICA, record_at


@pytest.mark.parametrize(("recorded", "newest", "behind_s"), [(7, 10, 0), (7, 7, 0), (7, 5, None), (6, 6, None)])
async def test_state_of_source_node_below_the_recorded_or_accepted_block_has_no_age(
    monkeypatch: pytest.MonkeyPatch, node: Any, anchor: FakeAnchor, recorded: int, newest: int, behind_s: int | None
) -> None:
    async def read_record(*_: object) -> Any:
        return record_at(node, recorded)

    async def logic_of(*_: object) -> str:
        return REPLICA

    async def resolution_of(*_: object) -> None:
        return None

    monkeypatch.setattr(state, "resolution_of", resolution_of)
    monkeypatch.setattr(state, "read_record", read_record)
    monkeypatch.setattr(state, "logic_of", logic_of)
    anchor.blocks[node.header(6).hash] = (6, "final")
    node.newest = newest
    told = await state.state_of(node.chain, node.chain, "the hub", REPLICA)
    assert (told.source_head, told.behind_s, told.dropped_for) == (newest, behind_s, None)
    assert told.accepted_block == 7
