from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from eth_account import Account

from smartsync import SmartSync
from smartsync.errors import WrongChain
from smartsync.sync import connection
from tests.fake_anchor import FakeAnchor
from tests.unit.sync.records import REPLICA, record_at

HUB = "0x" + "11" * 20


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: client.sync(REPLICA),
        lambda client: client.sync(REPLICA, block=7),
        lambda client: client.diff(REPLICA),
        lambda client: client.diff(REPLICA, block=7),
        lambda client: client.halt(REPLICA),
        lambda client: client.supply(REPLICA),
        lambda client: client.call(REPLICA, "a()(uint256)"),
    ],
    ids=["sync", "sync to a block", "diff", "diff to a block", "halt", "supply", "call"],
)
async def test_replica_of_another_chain_than_the_source_nodes_is_told_by_both_ids(
    monkeypatch: pytest.MonkeyPatch, node: Any, anchor: FakeAnchor, ask: Callable[[SmartSync], Awaitable[object]]
) -> None:
    record = record_at(node, 6)
    object.__setattr__(record, "status", "active")
    object.__setattr__(record.key, "source_chain_id", 1001)

    async def read_active(*_: object) -> Any:
        return record

    monkeypatch.setattr(connection, "read_active", read_active)
    client = SmartSync(node.chain, node.chain, hub=HUB, account=Account.from_key("0x" + "01" * 32))
    with pytest.raises(WrongChain) as caught:
        await ask(client)
    error = caught.value
    assert (error.role, error.host, error.expected, error.actual) == ("source", "fake:8545", 1001, 1337)
