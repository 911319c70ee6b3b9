"""A deployment that the tests of a module share: most bad input is refused, and then everything is as it was."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from eth_account.signers.local import LocalAccount

from smartsync import SmartSync
from smartsync.errors import SmartSyncError
from smartsync.replica import read_record
from smartsync.submit import Sender
from smartsync.testing import Node
from tests.integration.world import World, world


@dataclass(frozen=True)
class Stage:
    """Two nodes, hub and anchor on the target, a `Sample` on the source with some values, and its replica."""

    source: Node
    target: Node
    hub: str
    anchor: str
    sample: str
    replica: str

    @property
    def owner(self) -> LocalAccount:
        """Deployed everything, and is the anchor's only signer."""
        return self.target.accounts[1]

    @asynccontextmanager
    async def world(
        self,
        *,
        source_url: str | Sequence[str] = "",
        target_url: str | Sequence[str] = "",
        timeout_s: float = 30.0,
    ) -> AsyncIterator[World]:
        """Give a world on this stage, by way of other urls than the nodes' own where they are given."""
        urls = source_url or self.source.url, target_url or self.target.url
        async with SmartSync.connect(*urls, hub=self.hub, account=self.owner, timeout_s=timeout_s) as client:
            on_source = Sender(client.source, self.source.accounts[1], poll_s=0.05)
            client._sender = on_target = Sender(client.target, self.owner, poll_s=0.05)
            yield World(client, self.owner, on_source, on_target, self.anchor, self.sample)


def staged(source: Node, target: Node, *, keys: int, slots: set[bytes] | None = None) -> Stage:
    """Set the stage; the sample's first keys hold a thousand and their own number.

    ``slots`` are all that the sample has, for a source that does not tell.
    """

    async def run() -> Stage:
        async with world(source, target) as made:
            await made.do("setRange(uint256,uint256,uint256)", 0, keys, 1000)
            # One more block, before whose first transaction ganache can tell the state after the one above.
            await made.do("set(uint256,uint256)", 0, 1)
            replica = await made.fork(slots=slots)
            return Stage(source, target, made.client.hub or "", made.anchor, made.sample, replica)

    return asyncio.run(run())


async def traces(client: SmartSync, account: LocalAccount) -> tuple[int, list[str], object]:
    """Return everything that a transaction of this account to the hub would change, its nonce first."""
    replicas = await client.replicas() if client.hub else []
    records = [await read_record(client.target, client.hub or "", replica) for replica in replicas]
    states = [(record.block_hash, record.status, record.storage_root) for record in records]
    return await client.target.nonce(account.address), replicas, states


@asynccontextmanager
async def refused(made: World, kind: type[SmartSyncError]) -> AsyncIterator[pytest.ExceptionInfo[SmartSyncError]]:
    """Expect this very error, with nothing sent and nothing changed on the target."""
    before = await traces(made.client, made.owner)
    with pytest.raises(SmartSyncError) as caught:
        yield caught
    assert type(caught.value) is kind, caught.value
    assert await traces(made.client, made.owner) == before
