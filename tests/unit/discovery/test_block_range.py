from __future__ import annotations

from typing import Any

import pytest

from smartsync.discovery.block_range import creation_block
from smartsync.errors import BlockUnavailable, NoCode, RpcError

ADDRESS = "0x5FbDB2315678afecb367f032d93F642f64180aa3"


@pytest.mark.parametrize("created", [0, 1, 5, 9, 10])
async def test_creation_block_finds_it(fake: Any, created: int) -> None:
    node = fake({})
    node.override["eth_getCode"] = lambda address, block: "0x60" if int(block, 16) >= created else "0x"
    assert await creation_block(node.chain, ADDRESS, 10) == created


async def test_creation_block_of_a_recreated_contract_is_one_of_its_creations(fake: Any) -> None:
    node = fake({})
    node.override["eth_getCode"] = lambda address, block: "0x60" if int(block, 16) in (3, 4, 8, 9, 10) else "0x"
    assert await creation_block(node.chain, ADDRESS, 10) in (3, 8)


async def test_creation_block_no_contract_is_refused(fake: Any) -> None:
    with pytest.raises(NoCode):
        await creation_block(fake({}, b"").chain, ADDRESS, 10)


def pruned_before(kept: int, created: int) -> Any:
    def code(address: str, block: str) -> str:
        if int(block, 16) < kept:
            raise RpcError("eth_getCode", -32000, "missing trie node 12ab")
        return "0x60" if int(block, 16) >= created else "0x"

    return code


async def test_creation_block_within_the_kept_states_is_found(fake: Any) -> None:
    node = fake({})
    node.override["eth_getCode"] = pruned_before(4, 7)
    assert await creation_block(node.chain, ADDRESS, 10) == 7


@pytest.mark.parametrize("created", [0, 2, 4])
async def test_creation_block_older_than_the_kept_states_is_told_with_a_way_out(fake: Any, created: int) -> None:
    node = fake({})
    node.override["eth_getCode"] = pruned_before(4, created)
    with pytest.raises(BlockUnavailable, match=r"block 3: .*creation") as caught:
        await creation_block(node.chain, ADDRESS, 10)
    assert "--slots" in caught.value.hint
