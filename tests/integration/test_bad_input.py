"""Sources that cannot be replicated, anchors that do not fit, deployments that fail: each says so, by its own error."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from eth_utils.address import to_checksum_address

from smartsync import SmartSync
from smartsync.deploy import Deployment
from smartsync.doctor import examine
from smartsync.errors import (
    AnchorMismatch,
    BlockNotAccepted,
    ConfigError,
    IncompleteSlots,
    NoCode,
    NotDeployed,
    SmartSyncError,
    SourceIsProxy,
    TooFewKeys,
    TransactionReverted,
    WrongChain,
)
from smartsync.source import PROXY_SLOTS
from smartsync.submit import Receipt, Sender
from smartsync.testing import Node
from tests.integration.stage import Stage, refused, staged, traces
from tests.integration.world import World, world
from tests.lying_proxy import lying

IMPLEMENTATION = to_checksum_address("0x7d655c57f71464b6f83811c55d84009cd9f5221c")
MINIMAL_PROXY = bytes.fromhex(f"363d3d373d3d3d363d73{IMPLEMENTATION[2:]}5af43d82803e903d91602b57fd5bf3")
ANSWERS_NOTHING_KNOWN = bytes.fromhex("60015f5260205ff3")


def creation(runtime: bytes, storage: dict[bytes, int] | None = None) -> bytes:
    """Return code that stores these values and creates a contract with this runtime code."""
    stores = b"".join(
        b"\x7f" + value.to_bytes(32) + b"\x7f" + slot + b"\x55"  # PUSH32 value, PUSH32 slot, SSTORE
        for slot, value in (storage or {}).items()
    )
    # DUP1 of the size, PUSH2 where the runtime code begins, PUSH0, CODECOPY, PUSH0, RETURN
    copy = bytes.fromhex(f"60{len(runtime):02x}8061{len(stores) + 10:04x}5f395ff3")
    return stores + copy + runtime


@pytest.fixture(scope="module")
def stage(ganache: Node, anvil: Node) -> Stage:
    return staged(ganache, anvil, keys=2)


@pytest.fixture
async def made(stage: Stage) -> AsyncIterator[World]:
    async with stage.world() as world:
        yield world


async def create(sender: Sender, runtime: bytes, storage: dict[bytes, int] | None = None) -> str:
    return (await sender.send(None, creation(runtime, storage), what="create")).contract_address or ""


# --- sources ---


@pytest.mark.parametrize(
    ("kind", "runtime", "slot"),
    [
        ("EIP-1967", b"\x00", PROXY_SLOTS["EIP-1967"]),
        ("EIP-1967 beacon", b"\x00", PROXY_SLOTS["EIP-1967 beacon"]),
        ("EIP-1167 minimal proxy", MINIMAL_PROXY + b"\x01", None),
    ],
    ids=["EIP-1967", "beacon", "EIP-1167 with arguments"],
)
async def test_fork_of_what_only_looks_like_a_proxy_is_refused_by_its_kind(
    made: World, kind: str, runtime: bytes, slot: bytes | None
) -> None:
    source = await create(made.on_source, runtime, {slot: int(IMPLEMENTATION, 16)} if slot else None)
    await made.attest()
    async with refused(made, SourceIsProxy) as caught:
        await made.client.fork(source, anchor=made.anchor)
    error = caught.value
    assert isinstance(error, SourceIsProxy)
    assert (error.kind, error.implementation, error.exit_code) == (kind, IMPLEMENTATION, 5)
    assert kind in error.message and "docs/explain/proxies.md" in error.hint


async def test_fork_of_an_account_without_code_is_refused(made: World) -> None:
    async with refused(made, NoCode) as caught:
        await made.client.fork(made.on_source.address, anchor=made.anchor)
    assert "check the address" in caught.value.hint


async def test_fork_from_a_node_without_debug_methods_names_what_is_open_and_why(hardhat: Node, anvil: Node) -> None:
    with lying(hardhat.url) as proxy:
        proxy.missing.add("debug_traceTransaction")
        async with world(hardhat, anvil) as made:
            # The first key stands in the call; that it goes on from there nobody can guess.
            await made.do("setRange(uint256,uint256,uint256)", 10**9, 4, 5)
            await made.attest()
            hub, account = made.client.hub, made.owner
            async with SmartSync.connect(proxy.url, anvil.url, hub=hub, account=account) as client:
                made.client = client
                async with refused(made, IncompleteSlots) as caught:
                    await client.fork(made.sample, anchor=made.anchor)
    error = caught.value
    assert isinstance(error, IncompleteSlots)
    assert len(error.prefixes) == 3
    assert all(f"0x{''.join(f'{nibble:x}' for nibble in prefix)}" in error.message for prefix in error.prefixes)
    for method in ("debug_storageRangeAt", "debug_traceBlockByNumber", "debug_traceTransaction"):
        assert f"does not serve {method}" in error.message
    assert "does not serve trace_replayBlockTransactions" in error.message
    # Of a node with more blocks than are looked at that is told in between.
    assert re.search(r"naming: 3 of \d+ changed trie keys are of unknown slots; .*eth_createAccessList", error.message)
    assert all(option in error.hint for option in ("--slots FILE", "--layout FILE", "--keys FILE"))
    assert error.exit_code == 4


# --- anchors ---


async def another_anchor(made: World, chain_id: int, genesis_hash: bytes) -> str:
    deployment = Deployment(made.on_target, hub=made.client.hub)
    deployed = await deployment.run(
        source_chain_id=chain_id,
        source_genesis_hash=genesis_hash,
        signers=[made.owner.address],
        threshold=1,
        max_drift_s=86_400,
        delay_s=0,
    )
    return deployed.anchor


async def test_fork_with_an_anchor_of_another_chain_is_refused(made: World) -> None:
    anchor = await another_anchor(made, 5, b"\x12" * 32)
    async with refused(made, WrongChain) as caught:
        await made.client.fork(made.sample, anchor=anchor)
    async with refused(made, WrongChain):
        await made.client.attest(anchor, [made.owner])
    error = caught.value
    assert isinstance(error, WrongChain)
    assert (error.role, error.expected, error.actual, error.exit_code) == ("source", 5, 1337, 2)


async def test_fork_with_an_anchor_of_another_chain_of_this_id_is_refused(made: World) -> None:
    anchor = await another_anchor(made, await made.client.source.chain_id(), b"\x12" * 32)
    async with refused(made, AnchorMismatch) as caught:
        await made.client.fork(made.sample, anchor=anchor)
    assert "genesis" in caught.value.message
    async with refused(made, AnchorMismatch):
        await made.client.attest(anchor, [made.owner])


@pytest.mark.parametrize("what", ["sync", "diff", "halt", "call", "verify", "watch"])
async def test_replica_of_another_chain_than_the_nodes_is_told_so_and_of_no_dropped_blocks(
    stage: Stage, what: str
) -> None:
    async def watched(client: SmartSync) -> None:
        async for event in client.watch(stage.replica, interval_s=0):
            raise AssertionError(event)

    asked: dict[str, Callable[[SmartSync], Awaitable[object]]] = {
        "sync": lambda client: client.sync(stage.replica),
        "diff": lambda client: client.diff(stage.replica),
        "halt": lambda client: client.halt(stage.replica),
        "call": lambda client: client.call(stage.replica, "total()(uint256)"),
        "verify": lambda client: client.verify(stage.replica),
        "watch": watched,
    }
    async with stage.world(source_url=stage.target.url) as made:
        async with refused(made, WrongChain) as caught:
            await asked[what](made.client)
        error = caught.value
        assert isinstance(error, WrongChain)
        assert (error.role, error.expected, error.actual, error.exit_code) == ("source", 1337, 31338, 2)
        told = await made.client.status(stage.replica)
        assert (told.source_chain_id, told.source_head, told.behind_s, told.dropped_for) == (1337, None, None, None)


async def test_fork_of_a_proxy_with_a_hub_that_is_none_names_the_address_that_was_given(made: World) -> None:
    source = await create(made.on_source, MINIMAL_PROXY)
    await made.attest()
    made.client.hub = to_checksum_address("0x" + "aa" * 20)
    with pytest.raises(NotDeployed, match=f"there is no hub at {made.client.hub} on the target chain"):
        await made.client.fork(source, anchor=made.anchor)


async def test_doctor_of_a_proxy_of_a_proxy_says_what_fork_refuses_it_for(made: World) -> None:
    inner = await create(made.on_source, MINIMAL_PROXY)
    code = MINIMAL_PROXY.replace(bytes.fromhex(IMPLEMENTATION[2:]), bytes.fromhex(inner[2:]))
    source = await create(made.on_source, code)
    await made.attest()
    report = await examine(made.client.source, "source", source)
    told = next(check for check in report.checks if check.name == "contract")
    assert not report.ok and f"{to_checksum_address(inner)} is itself a proxy (EIP-1167" in told.detail
    async with refused(made, SourceIsProxy):
        await made.client.fork(source, anchor=made.anchor)


async def test_doctor_of_anvil_finds_all_blocks_but_the_first_provable(anvil: Node) -> None:
    async with SmartSync.connect(anvil.url, anvil.url) as client:
        for _ in range(3):
            await client.source.rpc.call("evm_mine")
        newest = await client.source.block_number()
        report = await examine(client.source, "source")
    told = next(check for check in report.checks if check.name == "eth_getProof of older blocks")
    assert told.ok and told.detail.startswith(f"served {newest - 1:,} back;")


@pytest.mark.parametrize("what", ["nothing", "an account", "the hub", "another contract"])
async def test_fork_with_an_anchor_that_is_none_is_refused(made: World, what: str) -> None:
    anchor = {
        "nothing": "0x" + "de" * 20,
        "an account": made.owner.address,
        "the hub": made.client.hub or "",
        "another contract": await create(made.on_target, ANSWERS_NOTHING_KNOWN),
    }[what]
    async with refused(made, NotDeployed) as caught:
        await made.client.fork(made.sample, anchor=anchor)
    assert caught.value.exit_code == 6 and "check the address" in caught.value.hint
    async with refused(made, NotDeployed):
        await made.client.attest(anchor, [made.owner])


async def test_sync_with_a_hub_that_is_none_is_refused(made: World, stage: Stage) -> None:
    for address in (made.anchor, made.owner.address):
        made.client.hub = address
        nonce = await made.client.target.nonce(made.owner.address)
        with pytest.raises(NotDeployed):
            await made.client.sync(stage.replica)
        assert await made.client.target.nonce(made.owner.address) == nonce


async def test_fork_with_an_anchor_that_has_no_block_yet_is_refused(made: World) -> None:
    source = made.client.source
    anchor = await another_anchor(made, await source.chain_id(), await source.genesis_hash())
    async with refused(made, BlockNotAccepted) as caught:
        await made.client.fork(made.sample, anchor=anchor)
    assert "smartsync anchor update" in caught.value.hint and caught.value.retryable


async def test_attest_with_too_few_signers_names_those_who_may_sign(made: World, stage: Stage) -> None:
    signers = [account.address for account in stage.target.accounts[1:4]]
    client = made.client
    deployed = await client.deploy(signers=signers, threshold=2, max_drift_s=86_400, anchor_only=True)
    for given in ([made.owner], [made.owner, made.owner], [made.owner, stage.target.accounts[7]]):
        async with refused(made, TooFewKeys) as caught:
            await client.attest(deployed.anchor, given)
        assert "needs 2 of its 3 signers, 1 of them is given" in caught.value.message
        assert all(signer in caught.value.hint for signer in signers) and caught.value.exit_code == 8
    await client.attest(deployed.anchor, stage.target.accounts[2:4])
    assert (await client.fork(made.sample, anchor=deployed.anchor)).steps


# --- deployments ---


@pytest.mark.parametrize(
    ("signers", "threshold", "text"),
    [
        ([], 1, "needs signers"),
        ([1, 1], 2, "each once"),
        ([1, 2], 1, "1 of 2 is not a quorum"),
        ([1, 2], 3, "3 of 2 is not a quorum"),
        ([0, 1], 2, "zero address"),
        (list(range(1, 257)), 200, "at most 255"),
    ],
    ids=["none", "twice", "too few", "too many", "nobody", "a crowd"],
)
async def test_deploy_without_a_quorum_sends_nothing(
    made: World, signers: list[int], threshold: int, text: str
) -> None:
    addresses = [to_checksum_address(number.to_bytes(20)) for number in signers]
    async with refused(made, ConfigError) as caught:
        await made.client.deploy(signers=addresses, threshold=threshold)
    assert text in caught.value.message and caught.value.hint and caught.value.exit_code == 2


async def test_deploy_that_fails_at_the_anchor_goes_on_from_the_hub(
    made: World, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, first = made.client, made.client.hub
    send = Sender.send

    async def fail_at_anchor(self: Sender, to: str | None, data: bytes, *, what: str) -> Receipt:
        if what == "deploy QuorumAnchor":
            raise TransactionReverted("a test is why")
        return await send(self, to, data, what=what)

    quorum = {"signers": [made.owner.address], "threshold": 1, "max_drift_s": 86_400}
    with monkeypatch.context() as patched:
        patched.setattr(Sender, "send", fail_at_anchor)
        with pytest.raises(SmartSyncError) as caught:
            await client.deploy(**quorum)  # type: ignore[arg-type]
    assert client.hub not in (None, first), "the new hub stands"
    stands = f"the hub stands already: add --hub {client.hub} --anchor-only, and no second one is paid for"
    assert caught.value.hint == stands

    half = client.hub
    nonce, *_ = await traces(client, made.owner)
    deployed = await client.deploy(**quorum, anchor_only=True)  # type: ignore[arg-type]
    assert (deployed.hub, client.hub, len(deployed.steps)) == (half, half, 1)
    assert (await traces(client, made.owner))[0] == nonce + 1
    await client.attest(deployed.anchor, [made.owner])
    replica = (await client.fork(made.sample, anchor=deployed.anchor)).replica
    assert (await client.verify(replica)).exact


async def test_deploy_that_fails_at_the_hub_leaves_the_hub_that_was(
    made: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = made.client.hub

    async def fail(self: Sender, to: str | None, data: bytes, *, what: str) -> Receipt:
        raise TransactionReverted("a test is why")

    monkeypatch.setattr(Sender, "send", fail)
    async with refused(made, TransactionReverted) as caught:
        await made.client.deploy(signers=[made.owner.address], threshold=1)
    assert made.client.hub == hub and "--anchor-only" not in caught.value.hint
