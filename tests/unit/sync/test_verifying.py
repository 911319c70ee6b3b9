"""What `verify` says where the source has dropped the replica's block; the rest is tested on real chains."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from smartsync.anchors.block import AnchoredBlock
from smartsync.errors import BlockUnavailable, SourceReorganised, WrongChain
from smartsync.sync import blocks, verifying
from smartsync.sync.verifying import verify

ADDRESS = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
RECORD: Any = SimpleNamespace(
    status="active",
    block_number=7,
    block_hash=b"\x07" * 32,
    key=SimpleNamespace(anchor="0x" + "22" * 20, source_chain_id=1),
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

    async def chain_id() -> int:
        return 1

    source: Any = SimpleNamespace(header=header, hash_at=hash_at, chain_id=chain_id)
    with pytest.raises(kind) as caught:
        await verify(source, source, "0x", "0x", [])
    assert ("smartsync sync" in str(vars(caught.value)["hint"])) is (kind is SourceReorganised)


async def test_verify_against_a_node_of_another_chain_is_refused_and_finds_no_differences(
    monkeypatch: pytest.MonkeyPatch, fake: Any
) -> None:
    async def read_record(*_: object) -> Any:
        return RECORD

    monkeypatch.setattr(verifying, "read_record", read_record)
    source = fake({}).chain
    with pytest.raises(WrongChain, match="on chain 1337, expected chain 1") as caught:
        await verify(source, source, "0x", "0x", [])
    assert caught.value.exit_code == 2
