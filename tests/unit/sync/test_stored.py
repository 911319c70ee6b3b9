"""A replica's real storage, where target nodes lie; the rest is tested on real chains."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from smartsync.chain import Chain
from smartsync.failover import Failover
from smartsync.sync.stored import check_storage
from smartsync.trie.node import root_hash

ADDRESS = "0x5FbDB2315678afecb367f032d93F642f64180aa3"


@pytest.mark.parametrize("liars", [1, 2])
async def test_check_storage_node_whose_proof_does_not_verify_gives_way_to_another(fake: Any, liars: int) -> None:
    nodes = [fake({1: 5}), fake({1: 5})]
    for place, node in enumerate(nodes):
        node.host = f"node{place}"
    for node in nodes[:liars]:
        honest = node._eth_getProof
        node.override["eth_getProof"] = lambda *asked, honest=honest: honest(*asked) | {"accountProof": ["0x80"]}
    record: Any = SimpleNamespace(target_block=7, storage_root=root_hash(nodes[0].trie))
    check = await check_storage(Chain(Failover(nodes), "target"), ADDRESS, ADDRESS, record, [])
    assert check.ok is (liars < len(nodes))
