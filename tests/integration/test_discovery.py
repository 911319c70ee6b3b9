"""Discovery and completeness on real nodes: what each make can tell, and what it cannot."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from eth_utils.address import to_checksum_address

from smartsync import discovery
from smartsync.chain import Chain
from smartsync.discovery import Strategy, in_order, prestate, proof_walk, state_diff, storage_range, strategies
from smartsync.discovery.block_range import creation_block
from smartsync.discovery.completeness import SourceState, check_complete, source_values
from smartsync.discovery.slots_file import parse_slots
from smartsync.discovery.whole_storage import whole_storage
from smartsync.doctor import examine
from smartsync.errors import BlockUnavailable, IncompleteSlots, InvalidProof, MethodMissing, NodeError, NonCanonicalTrie
from smartsync.keccak import keccak256
from smartsync.rpc import Rpc
from smartsync.source import inspect
from smartsync.testing import Node
from smartsync.types import EMPTY_ROOT

# for (i = 0; i < calldatasize; i += 64) sstore(calldataload(i), calldataload(i + 32))
RUNTIME = bytes.fromhex("60005b3681101560185780602001358135556040016002565b00")
CREATION = bytes.fromhex(f"60{len(RUNTIME):02x}80600b6000396000f3") + RUNTIME

MAPPED = 0xB39221ACE053465EC3453CE2B36430BD138B997ECEA25C1043DA0C366812B828
FIRST = {0: 1, 1: 2, 2: 2**256 - 1, MAPPED: 3, MAPPED + 1: 4}
UNGUESSABLE = int.from_bytes(keccak256(b"no variable is here"), "big")
THEN = {0: 9, 1: 0, MAPPED: 0, 7: 5}
LEFT = {0: 9, 2: 2**256 - 1, MAPPED + 1: 4, 7: 5}


def slot(number: int) -> bytes:
    return number.to_bytes(32, "big")


def is_mined(node: Node, tx_hash: str) -> bool:
    try:
        return node.request("eth_getTransactionReceipt", [tx_hash]) is not None
    except NodeError as error:
        # So says geth when it has just started.
        if "indexing is in progress" in error.message:
            return False
        raise


def send(node: Node, to: str | None, data: bytes, *, nonce: int, gas: int = 2_000_000) -> str:
    """Send a transaction and return its hash."""
    account = node.accounts[5]
    transaction = {
        "data": f"0x{data.hex()}",
        "gas": gas,
        "nonce": nonce,
        "chainId": node.chain_id,
        "value": 0,
        "maxFeePerGas": 10**11,
        "maxPriorityFeePerGas": 10**9,
        **({"to": to} if to else {}),
    }
    raw = account.sign_transaction(transaction).raw_transaction
    return str(node.request("eth_sendRawTransaction", [f"0x{raw.hex()}"]))


def transact(node: Node, to: str | None, data: bytes, gas: int = 2_000_000, *, status: int = 1) -> dict[str, str]:
    """Send a transaction and return its receipt. Retries its nonce: the node is shared."""
    nonce = int(node.request("eth_getTransactionCount", [node.accounts[5].address, "pending"]), 16)
    tx_hash = send(node, to, data, nonce=nonce, gas=gas)
    node.wait_until(
        lambda: is_mined(node, tx_hash),
        "the transaction was not taken",
        timeout_s=20,
    )
    receipt: dict[str, str] = node.request("eth_getTransactionReceipt", [tx_hash])
    assert int(receipt["status"], 16) == status
    return receipt


class Contract:
    """A contract that stores what it is told. ``first`` and ``then`` are the blocks of its two changes."""

    def __init__(self, node: Node, *changes: dict[int, int]) -> None:
        receipt = transact(node, None, CREATION)
        self.node = node
        self.address = to_checksum_address(receipt["contractAddress"])
        self.blocks = [int(receipt["blockNumber"], 16)]
        for change in changes:
            self.store(change)

    def store(self, values: dict[int, int]) -> None:
        data = b"".join(slot(key) + slot(value) for key, value in values.items())
        self.blocks.append(int(transact(self.node, self.address, data)["blockNumber"], 16))

    @property
    def last(self) -> int:
        return self.blocks[-1]


@asynccontextmanager
async def connected(node: Node) -> AsyncIterator[Chain]:
    async with Rpc(node.url) as rpc:
        yield Chain(rpc)


async def read(chain: Chain, contract: Contract, block: int, slots: set[bytes]) -> SourceState:
    return await source_values(chain, await chain.header(block), contract.address, sorted(slots))


async def assert_complete(
    chain: Chain, contract: Contract, block: int, slots: set[bytes], values: dict[int, int]
) -> None:
    state = await read(chain, contract, block, slots)
    check_complete(state)
    assert state.values == {slot(key): value for key, value in values.items()}


@pytest.fixture(params=["ganache", "geth"])
def ranged(request: pytest.FixtureRequest) -> Node:
    node: Node = request.getfixturevalue(request.param)
    return node


@pytest.fixture(params=["geth", "anvil"])
def traced(request: pytest.FixtureRequest) -> Node:
    node: Node = request.getfixturevalue(request.param)
    return node


async def test_storage_range_newest_block_gives_all_slots(ranged: Node) -> None:
    contract = Contract(ranged, FIRST)
    async with connected(ranged) as chain:
        found = await storage_range.candidates(chain, contract.address, None, contract.last)
        assert found.gaps == ()
        await assert_complete(chain, contract, contract.last, found.slots, FIRST)


async def test_storage_range_older_block_gives_the_slots_of_that_block(ganache: Node) -> None:
    contract = Contract(ganache, FIRST, THEN)
    async with connected(ganache) as chain:
        found = await storage_range.candidates(chain, contract.address, None, contract.blocks[1])
        assert found.slots == {slot(key) for key in FIRST}


async def test_storage_range_between_blocks_has_the_deleted_slots_too(ganache: Node) -> None:
    contract = Contract(ganache, FIRST, THEN)
    async with connected(ganache) as chain:
        found = await storage_range.candidates(chain, contract.address, contract.blocks[1], contract.last)
        assert found.slots >= {slot(key) for key in FIRST | THEN}


async def test_storage_range_past_empty_blocks_finds_the_slots(ganache: Node) -> None:
    contract = Contract(ganache, FIRST)
    ganache.request("evm_mine")
    ganache.request("evm_mine")
    async with connected(ganache) as chain:
        for block in (contract.last, contract.last + 1, contract.last + 2):
            found = await storage_range.candidates(chain, contract.address, None, block)
            assert found.slots == {slot(key) for key in FIRST}


async def test_storage_range_many_slots_are_paged(ganache: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage_range, "PAGE", 3)
    contract = Contract(ganache, {number: 1 for number in range(20)})
    async with connected(ganache) as chain:
        found = await storage_range.candidates(chain, contract.address, None, contract.last)
        assert found.slots == {slot(number) for number in range(20)}


async def test_storage_range_geth_without_preimages_says_so(geth: Node) -> None:
    contract = Contract(geth, FIRST)
    transact(geth, geth.accounts[1].address, b"")
    async with connected(geth) as chain:
        found = await storage_range.candidates(chain, contract.address, None, contract.last)
        assert found.slots == set()
        assert "5 trie keys" in found.gaps[0] and "--cache.preimages" in found.gaps[0]


async def test_whole_storage_on_geth_without_preimages_too_large_to_walk_is_named(
    geth: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_tracing(*given: Any, **more: Any) -> list[Strategy]:
        return [one for one in in_order(*given, **more) if one.name in ("storage range", "proof walk", "naming")]

    monkeypatch.setattr(discovery, "in_order", without_tracing)
    monkeypatch.setattr(proof_walk.walk, "__kwdefaults__", {"at_most": 20})
    values = {number: number + 1 for number in range(60)} | {UNGUESSABLE: 7}
    contract = Contract(geth, {number: values[number] for number in range(30)})
    contract.store({number: value for number, value in values.items() if number >= 30})
    transact(geth, geth.accounts[1].address, b"")
    async with connected(geth) as chain:
        header = await chain.header(contract.last)
        # The slot that nobody would guess is one that a recent call uses (eth_createAccessList).
        state, strategy = await whole_storage(chain, header, contract.address)
        assert strategy == "naming"
        assert state.values == {slot(number): value for number, value in values.items()}
        monkeypatch.setattr(
            discovery,
            "in_order",
            lambda *given, **more: [one for one in without_tracing(*given, **more) if one.method == ""],
        )
        with pytest.raises(IncompleteSlots, match="too many to walk to"):
            await whole_storage(chain, header, contract.address)


async def test_prestate_since_the_creation_gives_all_slots(traced: Node) -> None:
    contract = Contract(traced, FIRST, {0: 8, 7: 5})
    async with connected(traced) as chain:
        assert await creation_block(chain, contract.address, contract.last) == contract.blocks[0]
        found = await prestate.candidates(chain, contract.address, None, contract.last)
        assert found.slots == {slot(key) for key in FIRST | THEN}
        await assert_complete(chain, contract, contract.last, found.slots, FIRST | {0: 8, 7: 5})


async def test_prestate_between_blocks_gives_what_changed(traced: Node) -> None:
    contract = Contract(traced, FIRST, THEN)
    async with connected(traced) as chain:
        found = await prestate.candidates(chain, contract.address, contract.blocks[1], contract.last)
        assert found.slots == {slot(key) for key in THEN}


# --- trace_replayBlockTransactions, which of these nodes anvil serves ---

# Creation stores 6 at 5. Called without data: 1 at 0x20, a call of itself that stores 2 at 0x21, another one that
# stores 3 at 0x22 and reverts, and a look at 0x24.
NESTED = bytes.fromhex(
    "36801561001d576001146100165760036022555f5ffd5b6002602155005b60016020555f5f60015f5f305af1505f5f60025f5f305af150602454"
    "5000"
)
NESTED_CREATION = bytes.fromhex(f"600660055560{len(NESTED):02x}8060106000396000f3") + NESTED


async def replayed(node: Node, address: str, first: int, last: int) -> set[bytes]:
    async with connected(node) as chain:
        return (await state_diff.candidates(chain, address, first, last)).slots


async def test_state_diff_since_creation_gives_all_slots_there_ever_were(anvil: Node) -> None:
    contract = Contract(anvil, FIRST, THEN)
    async with connected(anvil) as chain:
        found = await state_diff.candidates(chain, contract.address, None, contract.last)
        assert (found.slots, found.gaps) == ({slot(key) for key in FIRST | THEN}, ())
    assert await replayed(anvil, contract.address, *contract.blocks[1:]) == {slot(key) for key in THEN}


async def test_state_diff_complete_storage_has_the_values_of_the_block(anvil: Node) -> None:
    contract = Contract(anvil, FIRST, {0: 9, 7: 5})
    async with connected(anvil) as chain:
        found = await state_diff.candidates(chain, contract.address, None, contract.last)
        await assert_complete(chain, contract, contract.last, found.slots, FIRST | {0: 9, 7: 5})


async def test_state_diff_of_creation_own_calls_and_reverts_has_what_was_kept(anvil: Node) -> None:
    created = transact(anvil, None, NESTED_CREATION)
    address, block = to_checksum_address(created["contractAddress"]), int(created["blockNumber"], 16)
    assert anvil.request("eth_getCode", [address, "latest"]) == f"0x{NESTED.hex()}"
    assert await replayed(anvil, address, block - 1, block) == {slot(5)}
    called = int(transact(anvil, address, b"")["blockNumber"], 16)
    assert await replayed(anvil, address, called - 1, called) == {slot(0x20), slot(0x21)}


async def test_state_diff_of_a_failed_transaction_is_empty(anvil: Node) -> None:
    contract = Contract(anvil, FIRST)
    data = slot(3) + slot(3) + slot(4) + slot(4)
    # Enough for the first value, not for the second one.
    failed = transact(anvil, contract.address, data, gas=55_000, status=0)
    block = int(failed["blockNumber"], 16)
    assert await replayed(anvil, contract.address, block - 1, block) == set()


async def test_state_diff_of_a_block_with_many_transactions_is_each_ones(anvil: Node) -> None:
    """A slot that one writes and the next one takes back is told, one that a transaction leaves as it was is not."""
    contract, other = Contract(anvil, {1: 1, 2: 2}), Contract(anvil)
    account = anvil.accounts[5]
    anvil.request("evm_setAutomine", [False])
    try:
        nonce = int(anvil.request("eth_getTransactionCount", [account.address, "latest"]), 16)
        for place, (to, key, value) in enumerate([(contract, 3, 3), (contract, 3, 0), (contract, 2, 2), (other, 9, 9)]):
            send(anvil, to.address, slot(key) + slot(value), nonce=nonce + place)
        anvil.request("evm_mine")
    finally:
        anvil.request("evm_setAutomine", [True])
    block = int(anvil.request("eth_blockNumber"), 16)
    assert len(anvil.request("eth_getBlockByNumber", [hex(block), False])["transactions"]) == 4
    assert await replayed(anvil, contract.address, block - 1, block) == {slot(3)}
    assert await replayed(anvil, other.address, block - 1, block) == {slot(9)}


async def test_state_diff_tells_added_slots_of_old_contracts_as_changed_from_zero(anvil: Node) -> None:
    contract = Contract(anvil, {1: 1}, {1: 0})

    def told(block: int) -> object:
        replay = anvil.request("trace_replayBlockTransactions", [hex(block), ["stateDiff"]])
        return replay[0]["stateDiff"][contract.address.lower()]["storage"]

    zero, one, key = (f"0x{slot(number).hex()}" for number in (0, 1, 1))
    assert [told(block) for block in contract.blocks] == [
        {},
        {key: {"*": {"from": zero, "to": one}}},
        {key: {"*": {"from": one, "to": zero}}},
    ]


async def test_strategies_on_geth_end_complete_after_a_deletion(geth: Node) -> None:
    contract = Contract(geth, FIRST, THEN)
    known: set[bytes] = set()
    async with connected(geth) as chain:
        async for found in strategies(chain, contract.address, None, contract.last):
            known |= found.slots
        await assert_complete(chain, contract, contract.last, known, LEFT)


async def test_strategies_on_hardhat_go_by_the_steps_of_single_transactions(hardhat: Node) -> None:
    contract = Contract(hardhat, FIRST, THEN)
    async with connected(hardhat) as chain:
        for method in (storage_range.candidates, prestate.candidates, state_diff.candidates):
            with pytest.raises(MethodMissing):
                await method(chain, contract.address, None, contract.last)
        found = await anext(strategies(chain, contract.address, None, contract.last))
        assert found.strategy == "prestate diff by transaction"
        await assert_complete(chain, contract, contract.last, found.slots, LEFT)


async def test_check_complete_guessed_slots_that_are_not_all_are_made_up_for_by_a_file(hardhat: Node) -> None:
    contract = Contract(hardhat, FIRST | {UNGUESSABLE: 6}, THEN)
    async with connected(hardhat) as chain:
        guessing = [one for one in in_order(None, contract.last) if not one.method]
        found = [await one.find(chain, contract.address, None, contract.last, None) for one in guessing]
        assert [one.name for one in guessing] == ["low slots", "guessed keys"]
        with pytest.raises(IncompleteSlots) as caught:
            check_complete(await read(chain, contract, contract.last, found[0].slots | found[1].slots))
        assert len(caught.value.prefixes) == 1
        named = parse_slots(f"0\n2\n7\n0x{slot(MAPPED + 1).hex()}\n0x{slot(UNGUESSABLE).hex()}")
        await assert_complete(chain, contract, contract.last, named, LEFT | {UNGUESSABLE: 6})


async def test_source_values_anvil_after_a_deletion_is_not_canonical(anvil: Node) -> None:
    contract = Contract(anvil, FIRST, THEN)
    async with connected(anvil) as chain:
        found = await prestate.candidates(chain, contract.address, None, contract.last)
        with pytest.raises(NonCanonicalTrie, match="holds a zero") as caught:
            await read(chain, contract, contract.last, found.slots)
        assert "another node" in caught.value.hint


async def test_source_values_anvil_at_block_0_are_not_proven(anvil: Node) -> None:
    """Its header is the preimage of its hash, and has the root of an empty state."""
    transact(anvil, anvil.accounts[1].address, b"")
    account = anvil.accounts[0].address
    async with connected(anvil) as chain:
        header = await chain.header(0)
        assert header.state_root == EMPTY_ROOT
        with pytest.raises(InvalidProof, match=f"does not prove the account {account} at block 0"):
            await source_values(chain, header, account, [slot(0)])
        assert (await source_values(chain, await chain.header(1), account, [slot(0)])).account is not None


async def test_check_complete_anvil_with_a_deleted_slot_unknown_hints_at_it(anvil: Node) -> None:
    many = {number: 1 for number in range(100, 150)}
    contract = Contract(anvil, many, {MAPPED: 1}, {MAPPED: 0})
    async with connected(anvil) as chain:
        with pytest.raises((IncompleteSlots, NonCanonicalTrie)) as caught:
            check_complete(await read(chain, contract, contract.last, {slot(number) for number in many}))
        assert "anvil" in caught.value.hint


@pytest.mark.parametrize("make", ["hardhat", "ganache", "geth", "anvil"])
async def test_source_values_block_before_a_change_gives_the_older_values(
    make: str, request: pytest.FixtureRequest
) -> None:
    node: Node = request.getfixturevalue(make)
    contract = Contract(node, FIRST, THEN)
    async with connected(node) as chain:
        state = await read(chain, contract, contract.blocks[1], {slot(key) for key in FIRST | THEN})
        assert state.values == {slot(key): value for key, value in FIRST.items()}
        check_complete(state)
        assert await inspect(chain, contract.address, contract.last, account=state.account) == RUNTIME


@pytest.mark.parametrize("make", ["hardhat", "ganache", "geth", "anvil"])
async def test_source_values_block_that_is_not_there_is_unavailable(make: str, request: pytest.FixtureRequest) -> None:
    node: Node = request.getfixturevalue(make)
    async with connected(node) as chain:
        with pytest.raises(BlockUnavailable):
            await chain.header(10**6)
        with pytest.raises(BlockUnavailable):
            await chain.proof(node.accounts[0].address, [slot(0)], 10**6)


@pytest.mark.parametrize(
    ("make", "failing"),
    [("ganache", set()), ("geth", set()), ("hardhat", set()), ("anvil", {"storage trie"})],
)
async def test_examine_source_tells_what_will_not_work(
    make: str, failing: set[str], request: pytest.FixtureRequest
) -> None:
    node: Node = request.getfixturevalue(make)
    contract = Contract(node, FIRST | {UNGUESSABLE: 6}, THEN)
    async with connected(node) as chain:
        report = await examine(chain, "source", contract.address)
    assert {check.name for check in report.checks if check.needed and not check.ok} == failing


@pytest.mark.parametrize(
    ("make", "failing"), [("ganache", {"rules"}), ("geth", set()), ("hardhat", set()), ("anvil", set())]
)
async def test_examine_target_tells_what_will_not_work(
    make: str, failing: set[str], request: pytest.FixtureRequest
) -> None:
    node: Node = request.getfixturevalue(make)
    transact(node, node.accounts[1].address, b"")
    async with connected(node) as chain:
        report = await examine(chain, "target")
    assert {check.name for check in report.checks if check.needed and not check.ok} == failing
