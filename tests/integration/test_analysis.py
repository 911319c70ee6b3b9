"""An analysis of real contracts on real nodes, held against what a fork and syncs then take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from eth_utils.address import to_checksum_address

from smartsync import SmartSync
from smartsync.analysis import Analysis, analyze, read_abi, storage
from smartsync.analysis.cost import sync_gas
from smartsync.chain import Chain
from smartsync.contracts import decode_result, encode_call
from smartsync.demo.ens import EnsRegistry
from smartsync.demo.stage import Stage, account
from smartsync.demo.uniswap import UniswapPool
from smartsync.errors import BlockUnavailable, NoCode
from smartsync.results import Check
from smartsync.rpc import Rpc
from smartsync.testing import Node, anvil_node, ganache_node
from tests.integration.world import World, world

MODULES = Path(__file__).parents[2] / "node_modules"
POOL = MODULES / "@uniswap/v3-core/artifacts/contracts/UniswapV3Pool.sol/UniswapV3Pool.json"
REGISTRY = MODULES / "@ensdomains/ens/build/contracts/ENSRegistry.json"
COPY = bytes.fromhex("600b5981380380925939f3")
"""Creation code that returns what follows it."""

SLOT1967 = "360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc"
EIP1967 = f"363d3d373d3d363d7f{SLOT1967}545af43d6000803e6038573d6000fd5b3d6000f3"


def check(found: Analysis, name: str) -> Check:
    (one,) = [one for one in found.checks if one.name == name]
    return one


def proxy_creation(implementation: str) -> bytes:
    """Return creation code of an EIP-1967 proxy: store the implementation, return the code behind."""
    store = bytes.fromhex(f"73{implementation[2:]}7f{SLOT1967}55")
    runtime = bytes.fromhex(EIP1967)
    give = bytes.fromhex(f"60{len(runtime):02x}8060{len(store) + 11:02x}6000396000f3")
    assert len(give) == 11
    return store + give + runtime


@pytest.fixture(scope="module")
def nodes() -> Any:
    with ganache_node() as source, anvil_node() as target:
        yield source, target


def staged(nodes: tuple[Node, Node]) -> Stage:
    source, target = nodes
    return Stage(source, target, SmartSync.connect(source.url, target.url, account=account("relayer")))


async def test_analyze_pool_tells_what_its_fork_then_takes(nodes: tuple[Node, Node]) -> None:
    stage = staged(nodes)
    async with stage.client as client:
        pool = await UniswapPool.deploy(stage)
        found = await client.analyze(pool.address, abi=read_abi(POOL), gas_prices_wei=[10**9])
        assert found.replicable and "2 of its 17 views" in found.verdict
        (code,) = found.codes
        calls = {(one.opcode, one.address) for one in code.findings if one.origin == "code"}
        immutables = {await read(client, pool.address, name) for name in ("factory", "token0", "token1")}
        assert {address for _, address in calls} == immutables, "the immutables, as they stand in the code"
        assert found.storage is not None and found.storage.exact
        assert found.changes is not None and found.changes.changes > 3

        relayer = account("relayer")
        deployed = await client.deploy(signers=[relayer.address], threshold=1, max_drift_s=10**6)
        await client.attest(deployed.anchor, [relayer])
        fork = await client.fork(pool.address, anchor=deployed.anchor)
        assert found.storage.slots == fork.slots
        assert found.costs is not None
        told = {row.what: row.gas for row in found.costs.rows}
        assert told["fork"] == pytest.approx(sum(step.gas_used for step in fork.steps), rel=0.05)

        await pool.sell(0, 10, after_s=60)
        await client.attest(deployed.anchor, [relayer])
        synced = await client.sync(fork.replica)
        (step,) = synced.steps
        few = sync_gas(found.storage.slots, 1, found.storage.account_bytes)
        assert few is not None and few < step.gas_used < told["sync of 10 changed slots"] * 1.2
        # What the report names answers otherwise; some of what it does not name, alike.
        assert not (await client.call(fork.replica, "observe(uint32[])(int56[],uint160[])", [[0]])).agree
        for signature in ("slot0()(uint160)", "factory()(address)", "liquidity()(uint128)"):
            assert (await client.call(fork.replica, signature)).agree


async def read(client: SmartSync, address: str, name: str) -> str:
    abi = read_abi(POOL)
    (answer,) = decode_result(abi, name, await client.source.call(address, encode_call(abi, name)))  # type: ignore[arg-type]
    return str(answer)


async def test_analyze_proxies_of_the_registry(nodes: tuple[Node, Node]) -> None:
    stage = staged(nodes)
    async with stage.client as client:
        registry = (await EnsRegistry.deploy(stage)).address
        slot = await stage.on_source("deployer", None, proxy_creation(registry), "EIP-1967")
        runtime = f"363d3d373d3d3d363d73{registry[2:]}5af43d82803e903d91602b57fd5bf3"
        clone = await stage.on_source("deployer", None, COPY + bytes.fromhex(runtime), "EIP-1167")
        for address, kind in ((slot.contract_address, "EIP-1967"), (clone.contract_address, "EIP-1167 minimal proxy")):
            found = await client.analyze(str(address), abi=read_abi(REGISTRY))
            assert found.proxy is not None
            assert (found.proxy.kind, found.proxy.implementation) == (kind, registry)
            assert [code.role for code in found.codes] == ["contract", "implementation"]
            assert "resolver(bytes32)" in found.codes[1].exact_views
            assert found.replicable is not bool(found.proxy.refusal)


async def test_analyze_target_of_another_fork_lacks_opcodes(nodes: tuple[Node, Node]) -> None:
    # CLZ is of Osaka, MCOPY and TLOAD of Cancun.
    source, osaka = nodes
    created = bytes.fromhex("60001e50" + "5f5f5f5e" + "5f5c5000")
    with anvil_node(hardfork="prague") as prague, anvil_node(hardfork="shanghai") as shanghai:
        async with Rpc(source.url) as rpc, Rpc(osaka.url) as new, Rpc(prague.url) as old, Rpc(shanghai.url) as oldest:
            sent = await rpc.call(
                "eth_sendTransaction",
                [{"from": source.accounts[0].address, "data": f"0x{(COPY + created).hex()}", "gas": "0x100000"}],
            )
            receipt = await rpc.call("eth_getTransactionReceipt", [sent])
            address = to_checksum_address(receipt["contractAddress"])
            chain = Chain(rpc)
            assert check(await analyze(chain, Chain(new, "target"), address), "target's opcodes").ok
            lacking = check(await analyze(chain, Chain(old, "target"), address), "target's opcodes")
            assert not lacking.ok and "lacks CLZ:" in lacking.detail
            refused = await analyze(chain, Chain(oldest, "target"), address)
            assert not refused.replicable and not check(refused, "target's rules").ok


async def test_analyze_source_that_takes_long_to_tell_its_slots_is_estimated(
    hardhat: Node, anvil: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "COUNT_TIMEOUT_S", 0.0)
    async with world(hardhat, anvil) as here:
        await here.do("setRange(uint256,uint256,uint256)", 1, 150, 7)
        found = await here.client.analyze(here.sample)
        assert found.storage is not None and not found.storage.exact
        assert 75 < found.storage.slots < 300
        assert not check(found, "storage").ok and "fork looks longer" in check(found, "storage").detail
        assert found.replicable


async def test_analyze_anvil_as_a_source_with_a_deleted_slot_is_refused(hardhat: Node) -> None:
    with anvil_node() as source:
        async with world(source, hardhat) as here:
            await here.do("set(uint256,uint256)", 1, 41)
            await here.do("set(uint256,uint256)", 1, 0)
            found = await here.client.analyze(here.sample)
            assert not found.replicable
            assert "holds a zero" in check(found, "storage").detail


async def test_analyze_geth_without_old_states_goes_by_what_it_has(geth: Node, hardhat: Node) -> None:
    async with world(geth, hardhat) as here:
        await here.do("set(uint256,uint256)", 1, 41)
        await here.do("set(uint256,uint256)", 2, 42)
        found = await here.client.analyze(here.sample)
        assert found.replicable
        assert found.changes is not None and found.changes.changes >= 1


@pytest.fixture
async def here(ganache: Node, hardhat: Node) -> Any:
    async with world(ganache, hardhat) as made:
        yield made


async def test_analyze_older_block_is_looked_at(here: World) -> None:
    before = await here.client.source.block_number()
    await here.do("set(uint256,uint256)", 1, 41)
    old, new = await here.client.analyze(here.sample, block=before), await here.client.analyze(here.sample)
    assert old.storage is not None and new.storage is not None
    assert new.storage.slots == old.storage.slots + 1
    assert (old.block_number, new.changes is not None and new.changes.last_block) == (before, new.block_number)


async def test_analyze_refuses_what_is_no_contract(here: World) -> None:
    with pytest.raises(NoCode):
        await here.client.analyze(here.owner.address)
    with pytest.raises(NoCode):
        await here.client.analyze(here.sample, block=0)
    with pytest.raises(BlockUnavailable):
        await here.client.analyze(here.sample, block=10**9)
