"""An account that cannot pay is told so before anything is sent, and what it is told to have is enough."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from eth_account import Account

from smartsync import SmartSync
from smartsync.contracts import encode_deployment
from smartsync.errors import InsufficientFunds
from smartsync.sync.supplying import Ready
from smartsync.testing import Node
from tests.integration.proxies.proxied import erc1967, implementation, tell
from tests.integration.stage import Stage, staged
from tests.integration.world import World


@dataclass
class Poor:
    """A client whose account has what a test gives it."""

    client: SmartSync
    address: str
    node: Node

    def fund(self, wei: int) -> None:
        self.node.request("anvil_setBalance", [self.address, hex(wei)])

    async def nonce(self) -> int:
        return await self.client.target.nonce(self.address)


@pytest.fixture(scope="module")
def stage(ganache: Node, anvil: Node) -> Stage:
    return staged(ganache, anvil, keys=40)


@pytest.fixture
async def made(stage: Stage) -> AsyncIterator[World]:
    async with stage.world() as world:
        await world.attest()
        yield world


@pytest.fixture
async def poor(stage: Stage) -> AsyncIterator[Poor]:
    account = Account.create()
    async with SmartSync.connect(stage.source.url, stage.target.url, hub=stage.hub, account=account) as client:
        yield Poor(client, account.address, stage.target)


async def test_fork_without_funds_is_refused_before_the_source_is_read(made: World, poor: Poor) -> None:
    phases: list[str] = []
    with pytest.raises(InsufficientFunds) as caught:
        await poor.client.fork(made.sample, anchor=made.anchor, on_progress=lambda phase, *_: phases.append(phase))
    assert phases == ["read source"]
    assert f"account {poor.address} has 0 ether on the target chain, and the fork (its slots" in caught.value.message


async def test_fork_with_funds_for_a_part_sends_nothing_and_with_what_is_told_all(made: World, poor: Poor) -> None:
    with pytest.raises(InsufficientFunds) as early:
        await poor.client.fork(made.sample, anchor=made.anchor)
    # Enough for what is known before the slots are, at whatever price: then they are counted in.
    poor.fund(early.value.needed_wei * 7 // 10)
    with pytest.raises(InsufficientFunds) as caught:
        await poor.client.fork(made.sample, anchor=made.anchor)
    assert await poor.nonce() == 0, "nothing was sent"
    assert caught.value.needed_wei > early.value.needed_wei
    poor.fund(caught.value.needed_wei)
    forked = await poor.client.fork(made.sample, anchor=made.anchor)
    assert len(forked.steps) == await poor.nonce() == 3
    # Without a wei left it stays as it is.
    poor.fund(0)
    assert (await poor.client.fork(made.sample, anchor=made.anchor)).slots is None


async def test_deploy_with_funds_for_the_hub_alone_sends_nothing_and_with_what_is_told_all(poor: Poor) -> None:
    terms = {"signers": [poor.address], "threshold": 1}
    with pytest.raises(InsufficientFunds, match="the deployment") as caught:
        await poor.client.deploy(**terms)
    # The hub alone could be sent with that, and be paid in vain.
    message = {"from": poor.address, "data": f"0x{encode_deployment('Hub', []).hex()}"}
    gas = await poor.client.target.estimate_gas(message)
    poor.fund(gas * (await poor.client.target.fees()).max_fee_wei * 12 // 10)
    with pytest.raises(InsufficientFunds, match="the deployment"):
        await poor.client.deploy(**terms)
    assert await poor.nonce() == 0, "nothing was sent"
    poor.fund(caught.value.needed_wei)
    deployed = await poor.client.deploy(**terms)
    assert len(deployed.steps) == await poor.nonce() == 2


async def test_fork_that_was_begun_needs_funds_for_the_rest_only(made: World, poor: Poor) -> None:
    poor.fund(10**18)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("smartsync.sync.forking.Fork._activate", _dies)
        with pytest.raises(KeyboardInterrupt):
            await poor.client.fork(made.sample, anchor=made.anchor)
    poor.fund(0)
    with pytest.raises(InsufficientFunds) as caught:
        await poor.client.fork(made.sample, anchor=made.anchor)
    poor.fund(caught.value.needed_wei)
    assert [step.what for step in (await poor.client.fork(made.sample, anchor=made.anchor)).steps] == ["activate"]


async def _dies(*_: object) -> None:
    raise KeyboardInterrupt


async def test_fork_of_a_proxy_counts_what_comes_after_the_copy(made: World, poor: Poor) -> None:
    proxied = await erc1967(made, await implementation(made, 31))
    await made.attest()
    with pytest.raises(InsufficientFunds) as alone:
        await poor.client.fork(proxied.address, anchor=made.anchor)
    poor.fund(alone.value.needed_wei)
    with pytest.raises(InsufficientFunds) as caught:
        await poor.client.fork(proxied.address, anchor=made.anchor)
    assert await poor.nonce() == 0, "nothing was sent"
    poor.fund(2 * caught.value.needed_wei)
    assert (await poor.client.fork(proxied.address, anchor=made.anchor)).steps


async def test_sync_without_funds_is_refused_before_it_is_planned(made: World, poor: Poor, stage: Stage) -> None:
    await made.do("set(uint256,uint256)", 1, 77)
    await made.attest()
    phases: list[str] = []
    with pytest.raises(InsufficientFunds) as caught:
        await poor.client.sync(stage.replica, on_progress=lambda phase, *_: phases.append(phase))
    assert phases == []
    assert f"account {poor.address} has 0 ether" in caught.value.message and "the sync" in caught.value.message
    poor.fund(3 * caught.value.needed_wei)
    assert (await poor.client.sync(stage.replica)).steps
    poor.fund(0)
    assert not (await poor.client.sync(stage.replica)).steps, "there is nothing to pay for"


async def test_supply_without_funds_sends_nothing(made: World, poor: Poor, monkeypatch: pytest.MonkeyPatch) -> None:
    proxied = await erc1967(made, await implementation(made, 32))
    await made.attest()
    replica = (await made.client.fork(proxied.address, anchor=made.anchor)).replica
    assert not (await poor.client.supply(replica)).steps, "there is nothing to pay for"
    slot = bytes.fromhex("360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc")
    await tell(made, proxied.address, "upgradeTo(bytes32,address)", slot, await implementation(made, 33))
    await made.attest()

    async def nothing(*_: object) -> object:
        return Ready()

    monkeypatch.setattr(made.client, "_make_ready", nothing)
    await made.client.sync(replica)
    with pytest.raises(InsufficientFunds) as caught:
        await poor.client.supply(replica)
    assert f"account {poor.address} has 0 ether" in caught.value.message
    poor.fund(caught.value.needed_wei)
    assert len((await poor.client.supply(replica)).steps) == 1
