"""A watch of a proxy's replica where what it delegates to cannot be had: what that costs, and how it ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from eth_utils.address import to_checksum_address

from smartsync import SyncResult, rlp
from smartsync.errors import InvalidProof, SmartSyncError
from smartsync.implementations import beacon_replica
from smartsync.keccak import keccak256
from smartsync.results import Step
from smartsync.sync.supplying import Supplying
from smartsync.sync.watching import Event
from tests.integration.proxies.proxied import (
    BEACON_CODE,
    BEACON_SLOT,
    beacon,
    beacon_of,
    deployed,
    erc1967,
    implementation,
    movable,
    tell,
    version_of,
)
from tests.integration.stage import Stage
from tests.integration.test_bad_input import creation
from tests.integration.test_watch import Events
from tests.integration.world import World
from tests.lying_proxy import LyingProxy

TRACES = {"debug_storageRangeAt", "debug_traceTransaction", "debug_traceBlockByNumber", "debug_traceBlockByHash"}
ODD = bytes.fromhex("11" * 31 + "22")
"""A slot that nobody can guess."""


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How often it was tried since it was asked last."""
    count: Counter[str] = Counter()
    ready = Supplying.make_ready

    async def counted(self: Supplying, *args: Any) -> str:
        count["tried"] += 1
        return await ready(self, *args)

    monkeypatch.setattr(Supplying, "make_ready", counted)
    return lambda: count.pop("tried", 0)


@dataclass
class Watched:
    """A watch of a source's replica, which goes from one block of the source to the next."""

    made: World
    source: str
    events: Events
    told: list[Event] = field(default_factory=list)
    blocks: int = 0

    async def step(self) -> SyncResult:
        """Have the source change, and return what the watch makes of it."""
        self.blocks += 1
        await tell(self.made, self.source, "set(uint256,uint256)", 5, 1 + self.blocks)
        while True:
            self.told.append(event := await anext(self.events))
            if isinstance(event, SyncResult):
                return event

    async def steps(self, count: int) -> list[SyncResult]:
        return [await self.step() for _ in range(count)]

    @property
    def warnings(self) -> list[SmartSyncError]:
        return [event for event in self.told if isinstance(event, SmartSyncError)]


@asynccontextmanager
async def watched(made: World, by: World, source: str, replica: str) -> AsyncIterator[Watched]:
    events = cast(Events, by.client.watch(replica, interval_s=0.02, attestors=[made.owner]))
    async with aclosing(events):
        yield Watched(made, source, events)


async def replicated(made: World, source: str) -> str:
    await tell(made, source, "set(uint256,uint256)", 5, 1)
    await made.attest()
    return (await made.client.fork(source, anchor=made.anchor)).replica


async def test_watch_beacon_whose_slots_nobody_knows_is_searched_ever_less_often_and_told_once(
    made: World, stage: Stage, liar: LyingProxy, tried: Callable[[], int]
) -> None:
    first = await implementation(made, 1)
    source = await movable(made, first, await beacon_of(made, first))
    replica = await replicated(made, source)
    odd = await deployed(made, creation(BEACON_CODE, {(1).to_bytes(32): int(first, 16), ODD: 5}))
    other = await beacon_of(made, first)
    await tell(made, source, "upgradeTo(bytes32,address)", BEACON_SLOT, odd)
    liar.missing |= TRACES
    tried()
    async with stage.world(source_url=liar.url) as poor, watched(made, poor, source, replica) as watch:
        calls, asked = [], []
        for _ in range(7):
            before = len(liar.calls)
            assert "do not cover the storage root" in (await watch.step()).unreadable
            calls.append(len(liar.calls) - before)
            asked.append(tried())
        assert asked == [1, 0, 1, 0, 0, 0, 1]
        assert max(calls[1], *calls[3:6]) < min(calls[0], calls[2], calls[6])
        (warning,) = watch.warnings
        assert "do not cover the storage root" in warning.message and replica in warning.message
        assert f"smartsync supply {replica}" in warning.hint

        # The source names another beacon: nothing of the one before counts.
        await tell(made, source, "upgradeTo(bytes32,address)", BEACON_SLOT, other)
        liar.missing.clear()
        result = await watch.step()
        assert (result.unreadable, result.implementation) == ("", first)
        assert await version_of(made, replica) == 1
        assert not [step.unreadable for step in await watch.steps(2) if step.unreadable]
        assert tried() == 3


async def test_watch_implementation_that_is_not_there_is_tried_at_once_when_it_is(
    made: World, tried: Callable[[], int]
) -> None:
    proxied = await erc1967(made, await implementation(made, 1))
    replica = await replicated(made, proxied.address)
    # The place of the transaction after the upgrade and three steps.
    nonce = await made.client.source.nonce(made.on_source.address) + 4
    deployer = bytes.fromhex(made.on_source.address[2:])
    numbered = nonce.to_bytes((nonce.bit_length() + 7) // 8)
    later = to_checksum_address(keccak256(rlp.encode([deployer, numbered]))[-20:])
    await proxied.upgrade(later)
    tried()
    async with watched(made, made, proxied.address, replica) as watch:
        # Its calls answer nothing on the source meanwhile, as those of any account without code.
        assert all(f"delegates to {later}, which has no code" in step.unreadable for step in await watch.steps(3))
        assert tried() == 2
        assert await implementation(made, 2) == later
        assert (await watch.step()).unreadable == ""
        assert tried() == 1
        assert len(watch.warnings) == 1
        assert await version_of(made, replica) == 2


async def test_watch_that_somebody_helps_goes_on_by_itself(made: World, stage: Stage, tried: Callable[[], int]) -> None:
    first = await implementation(made, 1)
    source = await movable(made, first, await beacon_of(made, first))
    replica = await replicated(made, source)
    many = {(2 + number).to_bytes(32): 1 for number in range(200)}
    large = await deployed(made, creation(BEACON_CODE, {(1).to_bytes(32): int(first, 16), **many}))
    await tell(made, source, "upgradeTo(bytes32,address)", BEACON_SLOT, large)
    tried()
    async with watched(made, made, source, replica) as watch:
        assert all("unasked" in step.unreadable for step in await watch.steps(3))
        assert tried() == 2
        async with stage.world() as other:
            await other.client.supply(replica)
        tried()
        assert not [step.unreadable for step in await watch.steps(3) if step.unreadable]
        assert tried() == 3
        assert len(watch.warnings) == 1


async def test_watch_whose_beacons_replica_somebody_brings_along_goes_on_by_itself(
    made: World, stage: Stage, liar: LyingProxy, tried: Callable[[], int]
) -> None:
    """Told more than a function's selector, this beacon writes the second word to the slot that the first one names."""
    first = await implementation(made, 1)
    code = bytes.fromhex("36600410601057600154" + "5f5260205ff35b6020355f355500")
    named = await deployed(made, creation(code, {(1).to_bytes(32): int(first, 16)}))
    source = await movable(made, first, named)
    replica = await replicated(made, source)
    mirror = await beacon_replica(made.client.target, made.client.hub or "", made.anchor, named)
    await made.on_source.send(named, ODD + (5).to_bytes(32), what="write what nobody can guess")
    liar.missing |= TRACES
    tried()
    async with stage.world(source_url=liar.url) as poor, watched(made, poor, source, replica) as watch:
        assert all(step.unreadable for step in await watch.steps(3))
        assert tried() == 2
        async with stage.world() as other:
            await other.client.sync(mirror, slots=[ODD])
        assert not [step.unreadable for step in await watch.steps(3) if step.unreadable]
        assert tried() == 3
        assert len(watch.warnings) == 1


async def test_watch_of_a_beacon_that_a_node_lies_about_pays_for_one_of_its_lies(
    made: World, stage: Stage, liar: LyingProxy, tried: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the node names is copied before the beacon's replica is brought along; that fails here at each attempt."""
    proxied = await beacon(made, await implementation(made, 1))
    replica = await replicated(made, proxied.address)
    lies = [await implementation(made, 100 + number) for number in range(7)]
    await proxied.upgrade(await implementation(made, 2))

    async def failing(*_: object) -> None:
        raise InvalidProof("the beacon's storage is not what its root says")

    monkeypatch.setattr(Supplying, "_bring_beacon", failing)
    paid: list[list[Step]] = []
    tried()
    async with stage.world(source_url=liar.url) as deceived, watched(made, deceived, proxied.address, replica) as watch:
        for lie in lies:
            liar.lies["eth_call"] = lambda params, told, lie=lie: "0x" + lie[2:].rjust(64, "0")
            paid.append([step for step in (await watch.step()).steps if step.what.startswith("supply")])
        assert [[step.what for step in steps] for steps in paid] == [[f"supply {lies[0]}"], *[[]] * 6]
        assert tried() == 3
        assert len(watch.warnings) == 1


async def test_sync_after_a_watch_tries_anew(made: World, tried: Callable[[], int]) -> None:
    proxied = await erc1967(made, await implementation(made, 1))
    replica = await replicated(made, proxied.address)
    await proxied.upgrade("0x" + "88" * 20)
    tried()
    async with watched(made, made, proxied.address, replica) as watch:
        await watch.steps(3)
    assert tried() == 2
    for _ in range(2):
        assert "which has no code" in (await made.client.sync(replica)).unreadable
    assert tried() == 2
