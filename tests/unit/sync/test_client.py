from __future__ import annotations

from typing import Any

import pytest
from eth_account import Account

from smartsync import SmartSync
from smartsync.errors import NotDeployed, TooFewKeys
from smartsync.sync import client as module
from smartsync.sync import connection, delegating
from tests.fake_anchor import FakeAnchor
from tests.unit.sync.records import ANCHOR, REPLICA, record_at

HUB = "0x" + "11" * 20


@pytest.mark.parametrize(
    ("newest", "block", "expected"),
    [
        (10, None, (10, "have a newer one accepted: smartsync anchor update")),
        (7, None, (None, "")),
        (10, 7, (None, "")),
    ],
)
async def test_sync_with_nothing_to_do_says_where_the_source_is_further(
    monkeypatch: pytest.MonkeyPatch,
    node: Any,
    anchor: FakeAnchor,
    newest: int,
    block: int | None,
    expected: tuple[int | None, str],
) -> None:
    record = record_at(node, 7)
    object.__setattr__(record, "status", "active")

    async def read_active(*_: object) -> Any:
        return record

    async def resolution_of(*_: object) -> None:
        return None

    monkeypatch.setattr(connection, "read_active", read_active)
    monkeypatch.setattr(delegating, "resolution_of", resolution_of)
    node.newest = newest
    client = SmartSync(node.chain, node.chain, hub=HUB, account=Account.from_key("0x" + "01" * 32))
    result = await client.sync(REPLICA, block=block)
    assert (result.to_block, result.steps) == (7, ())
    assert (result.source_head, result.hint) == expected


async def test_watch_with_keys_of_no_signers_is_refused_before_anything_is_looked_for(
    monkeypatch: pytest.MonkeyPatch, node: Any
) -> None:
    async def read_active(*_: object) -> Any:
        return record_at(node, 7)

    async def require_enough_keys(target: object, anchor: str, *, given: list[str]) -> None:
        assert anchor == ANCHOR
        raise TooFewKeys(1, [REPLICA], given)

    monkeypatch.setattr("smartsync.sync.watching.read_active", read_active)
    monkeypatch.setattr(module, "require_enough_keys", require_enough_keys)
    account = Account.from_key("0x" + "01" * 32)
    client = SmartSync(node.chain, node.chain, hub=HUB, account=account)
    with pytest.raises(TooFewKeys, match=f"{account.address} is not a signer"):
        async for event in client.watch(REPLICA, attestors=[account]):
            raise AssertionError(event)


async def test_guard_asks_nothing_of_the_source_node(monkeypatch: pytest.MonkeyPatch, node: Any) -> None:
    record = record_at(node, 6)
    object.__setattr__(record.key, "source_chain_id", 1001)

    async def read_active(*_: object) -> Any:
        return record

    async def deploy_guard(*given: object) -> object:
        return given[1:]

    monkeypatch.setattr(module, "read_active", read_active)
    monkeypatch.setattr(module, "deploy_guard", deploy_guard)
    client = SmartSync(node.chain, node.chain, hub=HUB, account=Account.from_key("0x" + "01" * 32))
    assert await client.guard(REPLICA, max_age_s=60) == (HUB, REPLICA, 60, "final")


async def test_fork_at_an_address_that_is_no_hub_names_that_address(node: Any) -> None:
    node.override["eth_call"] = lambda *_: "0x"
    client = SmartSync(node.chain, node.chain, hub=HUB, account=Account.from_key("0x" + "01" * 32))
    with pytest.raises(NotDeployed, match=f"there is no hub at {HUB} on the"):
        await client.fork(REPLICA, anchor=ANCHOR)
