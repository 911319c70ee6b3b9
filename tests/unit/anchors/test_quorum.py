"""What a quorum's signers do; that the anchor takes it is tested on real chains."""

from __future__ import annotations

from typing import Any

import pytest

from smartsync.anchors import quorum
from smartsync.anchors.quorum import level_of, revoke
from smartsync.errors import AnchorError, NodeUnreachable, RpcError
from tests.fake_source import FakeSource, block


@pytest.fixture
def source() -> FakeSource:
    return FakeSource("source.example")


async def test_level_of_is_final_up_to_the_finalized_block(source: FakeSource) -> None:
    assert [await level_of(source.chain, block(number)) for number in (7, 90, 91)] == ["final", "final", "safe"]


async def test_level_of_node_that_does_not_know_the_word_is_safe(
    source: FakeSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.finalized = 101  # which the node does not serve
    assert await level_of(source.chain, block(7)) == "safe"

    async def refuse(_: object) -> None:
        raise RpcError("eth_getBlockByNumber", -32602, "unknown block tag")

    monkeypatch.setattr(source, "header", refuse)
    assert await level_of(source.chain, block(7)) == "safe"


async def test_level_of_node_that_is_away_is_not_known(source: FakeSource) -> None:
    source.away = True
    with pytest.raises(NodeUnreachable):
        await level_of(source.chain, block(7))


async def test_revoke_where_nothing_is_dropped_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    async def revoke_if_dropped(*_: object) -> None:
        return None

    monkeypatch.setattr(quorum, "revoke_if_dropped", revoke_if_dropped)
    nothing: Any = None
    with pytest.raises(AnchorError, match="nothing to revoke") as caught:
        await revoke(nothing, nothing, "0x", nothing)
    assert "another one" in caught.value.hint
