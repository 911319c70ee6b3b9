"""What `verify` says where the source has dropped the replica's block; the rest is tested on real chains."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from smartsync.anchors.block import AnchoredBlock
from smartsync.errors import BlockUnavailable, SourceReorganised
from smartsync.sync import blocks, verifying
from smartsync.sync.verifying import verify

RECORD: Any = SimpleNamespace(
    status="active", block_number=7, block_hash=b"\x07" * 32, key=SimpleNamespace(anchor="0x" + "22" * 20)
)


@pytest.mark.parametrize(("level", "kind"), [("revoked", SourceReorganised), ("safe", BlockUnavailable)])
async def test_verify_block_that_no_node_serves_is_dropped_where_the_anchor_says_so(
    monkeypatch: pytest.MonkeyPatch, level: str, kind: type[Exception]
) -> None:
    async def read_record(*_: object) -> Any:
        return RECORD

    async def accepted_block(*_: object) -> AnchoredBlock:
        return AnchoredBlock(RECORD.block_hash, 7, 0, level)

    async def header(_: int) -> Any:
        raise BlockUnavailable("7", "it does not know it")

    async def hash_at(_: int) -> None:
        return None

    monkeypatch.setattr(verifying, "read_record", read_record)
    monkeypatch.setattr(blocks, "accepted_block", accepted_block)
    source: Any = SimpleNamespace(header=header, hash_at=hash_at)
    with pytest.raises(kind) as caught:
        await verify(source, source, "0x", "0x", [])
    assert ("smartsync sync" in str(vars(caught.value)["hint"])) is (kind is SourceReorganised)
