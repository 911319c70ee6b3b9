"""Layouts against real storage: ganache tells all slots of a contract (debug_storageRangeAt); each has to be named."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_utils.address import to_checksum_address

from smartsync.chain import Chain
from smartsync.demo.packages import ENS_REGISTRY, packaged
from smartsync.discovery import access_list, preimages, storage_range, strategies
from smartsync.discovery.completeness import check_complete, source_values
from smartsync.discovery.hints import NO_HINTS, Hints
from smartsync.errors import IncompleteSlots, MethodMissing
from smartsync.keccak import keccak256
from smartsync.layout import parse_layout
from smartsync.layout.solc import namespace_slot
from smartsync.rpc import Rpc
from smartsync.testing import Node
from tests.integration.test_discovery import connected, transact
from tests.integration.world import encode, world
from tests.lying_proxy import lying

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "vectors" / "layouts.json").read_text())
A, B = "0x" + "a1" * 20, "0x" + "b2" * 20
WORD = keccak256(b"a name's hash")
TEXT = "a text that is longer than thirty-two bytes"
ARGUMENTS = {
    "Namespaced": (A, B),
    **dict.fromkeys(("Variables", "VyperVariables", "OlderVyperVariables"), (A, B, 77_777, WORD, -70_000, TEXT)),
}


@pytest.fixture
def bare(hardhat: Node) -> Iterator[Node]:
    """Give a node of which nothing is left that tells slots."""
    with lying(hardhat.url) as proxy:
        proxy.missing = {"debug_traceTransaction"}
        yield replace(hardhat, url=proxy.url)


def deployed(node: Node, name: str) -> tuple[str, int]:
    """Deploy a contract and have it filled; return its address and the block."""
    told = VECTORS[name]
    receipt = transact(node, None, bytes.fromhex(told["creation"]))
    address = to_checksum_address(receipt["contractAddress"])
    if told["fill"]:
        receipt = transact(node, address, encode(told["fill"], *ARGUMENTS[name]), gas=12_000_000)
    return address, int(receipt["blockNumber"], 16)


def hints(name: str) -> Hints:
    return Hints(parse_layout(json.dumps(VECTORS[name]["layout"]), name))


async def named(
    node: Node, address: str, block: int, given: Hints, wanted: Iterable[bytes], most: int
) -> dict[bytes, str]:
    """Return the names of the slots that are found among the first places, at most so many."""
    left, found = set(wanted), dict[bytes, str]()
    async with connected(node) as chain:
        count = 0
        async for place in preimages.preimages(chain, address, block - 1, block, given):
            count += 1
            if place.slot in left:
                left.remove(place.slot)
                found[place.slot] = place.label
            if not left or count == most:
                break
    return found


async def all_slots(node: Node, address: str, block: int) -> set[bytes]:
    async with connected(node) as chain:
        found = await storage_range.candidates(chain, address, None, block)
        assert found.gaps == ()
        return found.slots


@pytest.mark.parametrize("name", ["Variables", "VyperVariables", "OlderVyperVariables"])
async def test_preimages_every_slot_of_a_layout_is_named(ganache: Node, name: str) -> None:
    address, block = deployed(ganache, name)
    slots = await all_slots(ganache, address, block)
    found = await named(ganache, address, block, hints(name), slots, most=200_000)
    assert len(slots) > 30
    assert found.keys() == slots, [slot.hex() for slot in slots - found.keys()]
    assert not [label for label in found.values() if label.startswith("slot") or "recent call" in label]


async def deployed_token(node: Node) -> tuple[str, int]:
    """Deploy an ERC-20 and use it: transfers, an approval, and what was approved."""
    address, _ = deployed(node, "Token")
    me = node.accounts[5].address
    for signature, *arguments in (
        ("transfer(address,uint256)", A, 1_000),
        ("transfer(address,uint256)", B, 2_000),
        ("approve(address,uint256)", B, 3_000),
        ("approve(address,uint256)", me, 500),
        ("transferFrom(address,address,uint256)", me, A, 200),
    ):
        receipt = transact(node, address, encode(signature, *arguments))
    return address, int(receipt["blockNumber"], 16)


async def complete_by(node: Node, address: str, block: int, given: Hints = NO_HINTS) -> str:
    """Return the strategy after which all slots of a contract are known."""
    known: set[bytes] = set()
    async with connected(node) as chain:
        async for found in strategies(chain, address, None, block, given):
            known |= found.slots
            try:
                check_complete(await source_values(chain, await chain.header(block), address, sorted(known)))
            except IncompleteSlots:
                continue
            return found.strategy
    return "none"


async def test_strategies_token_on_a_node_without_debug_methods_is_complete(bare: Node) -> None:
    address, block = await deployed_token(bare)
    assert await complete_by(bare, address, block) == "guessed keys"
    assert await complete_by(bare, address, block, hints("Token")) == "storage layout"


async def test_strategies_layout_finds_what_guessing_does_not(bare: Node) -> None:
    address, block = deployed(bare, "VyperVariables")
    assert await complete_by(bare, address, block) == "none"
    assert await complete_by(bare, address, block, hints("VyperVariables")) == "storage layout"


async def first_places(chain: Chain, address: str, block: int, given: Hints, told: list[str]) -> set[bytes]:
    found: set[bytes] = set()
    async for place in preimages.preimages(chain, address, None, block, given, tell=told.append):
        found.add(place.slot)
        if len(found) == 20_000:
            break
    return found


async def test_strategies_user_keys_stand_in_for_logs_that_are_not_served(hardhat: Node) -> None:
    address, block = await deployed_token(hardhat)
    people = [bytes(12) + bytes.fromhex(one[2:]) for one in (A, B, hardhat.accounts[5].address)]
    with lying(hardhat.url) as proxy:
        proxy.missing = {"eth_getLogs"}
        proxy.lies["eth_getBlockByNumber"] = lambda _, block: block | {"transactions": []}
        async with Rpc(proxy.url) as rpc:
            told: list[str] = []
            layout = hints("Token").layout
            blind = await first_places(Chain(rpc), address, block, Hints(layout), told)
            seeing = await first_places(Chain(rpc), address, block, Hints(layout, tuple(people)), told)
    assert any("logs were not looked at" in one for one in told)
    allowance = keccak256(people[1] + keccak256(people[2] + (4).to_bytes(32, "big")))
    assert allowance not in blind and allowance in seeing


async def test_preimages_namespaces_are_found_without_a_layout(ganache: Node) -> None:
    address, block = deployed(ganache, "Namespaced")
    slots = await all_slots(ganache, address, block)
    found = await named(ganache, address, block, NO_HINTS, slots, most=3_000_000)
    assert found.keys() == slots
    assert f"ERC20._balances[{A}]" in found.values() and f"ERC20._allowances[{A}][{B}]" in found.values()
    # The other namespace is known by the constant in the code only.
    assert f"slot0x{namespace_slot('example.main'):064x}[{A}]" in found.values()


async def test_preimages_ens_registry_is_named_without_a_layout(ganache: Node) -> None:
    receipt = transact(ganache, None, packaged(*ENS_REGISTRY).bytecode)
    address = to_checksum_address(receipt["contractAddress"])
    label = keccak256(b"eth")
    call = encode("setSubnodeRecord(bytes32,bytes32,address,address,uint64)", bytes(32), label, A, B, 60)
    block = int(transact(ganache, address, call)["blockNumber"], 16)
    slots = await all_slots(ganache, address, block)
    found = await named(ganache, address, block, NO_HINTS, slots, most=3_000_000)
    node = keccak256(bytes(32) + label)
    assert found.keys() == slots
    assert {f"slot0[0x{node.hex()}]", f"slot0[0x{node.hex()}][1]"} & set(found.values())


@pytest.mark.parametrize("make", ["geth", "anvil"])
async def test_access_list_tells_what_recent_calls_use(make: str, request: pytest.FixtureRequest) -> None:
    node: Node = request.getfixturevalue(make)
    address, block = await deployed_token(node)
    balance = keccak256(bytes(12) + bytes.fromhex(A[2:]) + (3).to_bytes(32, "big"))
    async with connected(node) as chain:
        found = await access_list.candidates(chain, address, block - 5, block)
        assert balance in found.slots


@pytest.mark.parametrize("make", ["hardhat", "ganache"])
async def test_access_list_node_without_the_method_is_named(make: str, request: pytest.FixtureRequest) -> None:
    node: Node = request.getfixturevalue(make)
    async with connected(node) as chain:
        with pytest.raises(MethodMissing, match="eth_createAccessList"):
            await access_list.candidates(chain, node.accounts[0].address, None, 0)


@pytest.mark.parametrize("lie", [2**200 + 1, 2**39 + 1, 2**256 - 1])
async def test_preimages_lying_lengths_come_to_an_end(hardhat: Node, lie: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preimages, "MAX_READS", 3_000)
    address, block = deployed(hardhat, "Variables")
    with lying(hardhat.url) as proxy:
        proxy.lies["eth_getStorageAt"] = lambda *_: hex(lie)
        async with Rpc(proxy.url) as rpc, asyncio.timeout(60):
            places = preimages.by_layout(Chain(rpc), address, block - 1, block, hints=hints("Variables"))
            assert len((await places).slots) <= preimages.MAX_READS


async def test_fork_and_sync_token_from_a_node_without_debug_methods_replica_is_exact(bare: Node, anvil: Node) -> None:
    address, _ = await deployed_token(bare)
    async with world(bare, anvil) as made:
        await made.attest()
        told = hints("Token")
        replica = (await made.client.fork(address, anchor=made.anchor)).replica
        transact(bare, address, encode("approve(address,uint256)", "0x" + "c3" * 20, 4))
        await made.attest()
        plan = await made.client.diff(replica, hints=told)
        assert plan.strategy == "naming" and len(plan.changes) == 1
        assert (await made.client.sync(replica, hints=told)).changes == plan.changes
        assert (await made.client.verify(replica)).exact
