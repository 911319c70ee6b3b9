"""Following a source for long: through outages, until there is no use in going on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from typing import cast

import pytest

from smartsync import AnchorUpdate, SyncResult
from smartsync.errors import AnchorMismatch, BlockNotAccepted, InvalidProof, NodeUnreachable, SourceDestroyed
from smartsync.sync.watching import Event
from smartsync.testing import Node
from tests.integration.stage import Stage, refused, staged
from tests.integration.world import World, world
from tests.lying_proxy import LyingProxy, bent_account_proof, lying

Events = AsyncGenerator[Event, None]


@pytest.fixture(scope="module")
def stage(ganache: Node, anvil: Node) -> Stage:
    return staged(ganache, anvil, keys=2)


@pytest.fixture(params=["source", "target"])
def proxy(request: pytest.FixtureRequest, stage: Stage) -> Iterator[LyingProxy]:
    with lying(stage.source.url if request.param == "source" else stage.target.url) as node:
        yield node


@pytest.fixture
async def made(stage: Stage) -> AsyncIterator[World]:
    async with stage.world() as world:
        await world.attest()
        await world.client.sync(stage.replica)  # the tests count blocks from here
        yield world


def watch(made: World, replica: str, *, every_blocks: int = 1, attested: bool = True) -> Events:
    attestors = [made.owner] if attested else []
    events = made.client.watch(replica, interval_s=0.05, every_blocks=every_blocks, attestors=attestors)
    return cast(Events, events)


async def test_watch_node_away_for_a_moment_is_told_and_survived(made: World, stage: Stage, proxy: LyingProxy) -> None:
    before = (await made.client.status(stage.replica)).block_number
    role = "source_url" if proxy.upstream == stage.source.url else "target_url"
    async with stage.world(**{role: proxy.url}) as world:  # type: ignore[arg-type]
        world.client.source.rpc._retries = world.client.target.rpc._retries = 0
        async with aclosing(watch(world, stage.replica)) as events:
            proxy.away = True
            event = await anext(events)
            assert isinstance(event, NodeUnreachable) and event.retryable
            assert "503" in event.message
            waiting = asyncio.ensure_future(anext(events))
            await asyncio.sleep(0.3)
            assert not waiting.done(), "what stays as it is is told once"
            proxy.away = False
            await made.do("set(uint256,uint256)", 9, before)
            event = await waiting
            while not isinstance(event, SyncResult):
                event = await anext(events)
    assert (event.from_block, len(event.changes)) == (before, 1)
    assert (await made.client.verify(stage.replica)).exact


async def test_watch_node_whose_proofs_are_wrong_for_a_while_is_told_and_survived(made: World, stage: Stage) -> None:
    before = (await made.client.status(stage.replica)).block_number
    with lying(stage.source.url) as proxy:
        proxy.lies["eth_getProof"] = bent_account_proof
        async with stage.world(source_url=proxy.url) as world, aclosing(watch(world, stage.replica)) as events:
            await made.do("set(uint256,uint256)", 12, before)
            event = await anext(events)
            while not isinstance(event, InvalidProof):
                assert not isinstance(event, SyncResult)
                event = await anext(events)
            assert proxy.url.removeprefix("http://") in event.message
            proxy.lies.clear()
            await made.do("set(uint256,uint256)", 13, before)
            while not isinstance(event, SyncResult):
                event = await anext(events)
    assert (event.from_block, len(event.changes)) == (before, 2)
    assert (await made.client.verify(stage.replica)).exact


async def test_watch_node_whose_proofs_are_wrong_beside_an_honest_one_holds_nothing_up(
    made: World, stage: Stage
) -> None:
    before = (await made.client.status(stage.replica)).block_number
    with lying(stage.source.url) as proxy:
        proxy.lies["eth_getProof"] = bent_account_proof
        urls = [proxy.url, stage.source.url]
        async with stage.world(source_url=urls) as world, aclosing(watch(world, stage.replica)) as events:
            await made.do("set(uint256,uint256)", 12, before)
            event = await anext(events)
            while not isinstance(event, SyncResult):
                assert not isinstance(event, InvalidProof)
                event = await anext(events)
    assert (event.from_block, len(event.changes)) == (before, 1)


async def test_watch_block_that_nobody_attests_is_waited_for(made: World, stage: Stage) -> None:
    await made.do("set(uint256,uint256)", 10, 1)
    async with aclosing(watch(made, stage.replica, attested=False)) as events:
        waiting = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0.3)
        assert not waiting.done(), "nothing to do until somebody attests"
        async with stage.world() as other:
            number = await other.attest()
        event = await waiting
    assert isinstance(event, SyncResult) and event.to_block == number


async def test_watch_every_three_blocks_waits_for_the_third(made: World, stage: Stage) -> None:
    before = (await made.client.status(stage.replica)).block_number
    async with aclosing(watch(made, stage.replica, every_blocks=3)) as events:
        waiting = asyncio.ensure_future(anext(events))
        for value in (1, 2):
            await made.do("set(uint256,uint256)", 11, value)
        await asyncio.sleep(0.3)
        assert not waiting.done()
        assert (await made.client.status(stage.replica)).block_number == before
        await made.do("set(uint256,uint256)", 11, 3)
        accepted, event = await waiting, await anext(events)
        assert isinstance(accepted, AnchorUpdate) and isinstance(event, SyncResult)
        assert (accepted.block_number, accepted.level, len(accepted.steps)) == (before + 3, "final", 1)
        assert (event.from_block, event.to_block, [change.new for change in event.changes]) == (before, before + 3, [3])


async def test_watch_anchor_without_a_block_is_told_once_and_waited_for(
    made: World, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks, looked_often = 0, asyncio.Event()

    async def none_yet(*_: object) -> object:
        nonlocal looks
        looks += 1
        if looks > 3:
            looked_often.set()
        raise BlockNotAccepted("none yet")

    with monkeypatch.context() as patched:
        patched.setattr("smartsync.sync.watching.newest_accepted", none_yet)
        async with aclosing(watch(made, stage.replica, attested=False)) as events:
            assert isinstance(await anext(events), BlockNotAccepted)
            waiting = asyncio.ensure_future(anext(events))
            await looked_often.wait()
            assert not waiting.done()
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)


async def test_watch_update_of_an_anchor_that_needs_signatures_is_refused(made: World, stage: Stage) -> None:
    with pytest.raises(AnchorMismatch, match="by the word of its signers only") as caught:
        async for event in made.client.watch(stage.replica, interval_s=0.05, update=True):
            raise AssertionError(event)
    assert "--attest" in caught.value.hint


async def test_watch_keys_of_no_signers_end_it(made: World, stage: Stage) -> None:
    await made.do("set(uint256,uint256)", 12, 1)
    stranger = stage.target.accounts[7]
    async with aclosing(
        cast(Events, made.client.watch(stage.replica, interval_s=0.05, attestors=[stranger]))
    ) as events:
        with pytest.raises(AnchorMismatch, match="needs 1 of its 1 signers, 0 of them are given"):
            await anext(events)


async def test_watch_source_that_was_destroyed_ends_it(ganache: Node, anvil: Node) -> None:
    async with world(ganache, anvil) as made:
        replica = await made.fork()
        await made.do("destroy()")
        await made.attest()
        async with refused(made, SourceDestroyed) as caught, aclosing(watch(made, replica)) as events:
            async for event in events:
                raise AssertionError(f"went on with {event!r}")
    assert "smartsync halt" in caught.value.hint
