"""Replicas of proxies where something lies, is missing or delegates further: what is refused, and what goes on."""

from __future__ import annotations

from typing import Any

import pytest
from eth_utils.address import to_checksum_address

from smartsync import ReplicaState
from smartsync.chain import Chain
from smartsync.contracts import encode_call
from smartsync.errors import InvalidProof, SourceIsProxy
from smartsync.header import Header
from smartsync.implementations import book_of
from smartsync.keccak import keccak256
from smartsync.source import PROXY_SLOTS
from smartsync.sync import forking
from smartsync.sync.supplying import Supplying
from smartsync.views import call_view
from tests.integration.proxies.proxied import (
    BEACON_CODE,
    BEACON_SLOT,
    beacon_of,
    by_slot,
    clone_code,
    deployed,
    erc1967,
    failed,
    implementation,
    movable,
    refusal,
    tell,
    version_of,
)
from tests.integration.stage import Stage, refused
from tests.integration.test_bad_input import creation
from tests.integration.world import World, encode
from tests.lying_proxy import LyingProxy

# --- a node that lies ---


async def test_fork_from_a_node_that_hides_the_slot_is_of_the_proven_kind(
    made: World, stage: Stage, liar: LyingProxy
) -> None:
    first = await implementation(made, 1)
    proxied = await erc1967(made, first)
    await made.attest()
    liar.lies["eth_getStorageAt"] = lambda params, told: "0x" + "00" * 32
    async with stage.world(source_url=liar.url) as other:
        forked = await other.client.fork(proxied.address, anchor=made.anchor)
    assert forked.implementation == first
    assert (await made.client.status(forked.replica)).proxy == "EIP-1967"


async def test_fork_from_a_node_that_proves_another_slot_is_refused(
    made: World, stage: Stage, liar: LyingProxy
) -> None:
    proxied = await erc1967(made, await implementation(made, 1))
    await made.attest()

    def bent(params: list[Any], told: Any) -> Any:
        for entry in told["storageProof"]:
            if int(entry["key"], 16) == int.from_bytes(PROXY_SLOTS["EIP-1967"], "big"):
                entry |= {"value": "0x0", "proof": []}
        return told

    liar.lies["eth_getProof"] = bent
    async with stage.world(source_url=liar.url) as other, refused(other, InvalidProof):
        await other.client.fork(proxied.address, anchor=made.anchor)


async def test_resolution_of_a_clone_from_a_node_that_lies_once_is_not_kept(
    made: World, stage: Stage, liar: LyingProxy
) -> None:
    clone = await deployed(made, creation(clone_code(await implementation(made, 3))))
    await made.attest()
    replica = (await made.client.fork(clone, anchor=made.anchor)).replica
    async with stage.world(source_url=liar.url) as other:
        liar.lies["eth_getCode"] = lambda params, told: "0x00"
        with pytest.raises(InvalidProof):
            await other.client.supply(replica)
        liar.lies.clear()
        assert (await other.client.supply(replica)).copy


# --- a replica that was made as of something else ---


@pytest.mark.parametrize("kind", ["clone", "slot"])
async def test_verify_of_a_proxys_replica_that_was_made_plain_is_not_exact(
    made: World, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    first = await implementation(made, 1)
    source = (
        await deployed(made, creation(clone_code(first))) if kind == "clone" else (await erc1967(made, first)).address
    )
    await made.attest()
    look = forking.look_at_proven

    async def blind(chain: Chain, original: str, header: Header) -> tuple[bytes, None]:
        return (await look(chain, original, header))[0], None

    with monkeypatch.context() as patch:
        patch.setattr(forking, "look_at_proven", blind)
        replica = (await made.client.fork(source, anchor=made.anchor)).replica
    found = await made.client.verify(replica)
    assert not found.exact
    assert first in failed(found)["kind of proxy"]


async def test_verify_of_a_beacon_that_answers_by_who_asks_is_not_exact(made: World) -> None:
    first, second = await implementation(made, 1), await implementation(made, 2)
    # The book asks by its own address, and only that has the code of a book: what asks and is larger, is told slot 1.
    code = bytes.fromhex("333b610400106010576002545f5260205ff35b6001545f5260205ff3")
    code = code.replace(bytes.fromhex("6010"), bytes([0x60, 0x12]), 1)
    values = {(1).to_bytes(32): int(first, 16), (2).to_bytes(32): int(second, 16)}
    named = await deployed(made, creation(code, values))
    runtime = bytes.fromhex(f"737f{named[2:]}{BEACON_SLOT.hex()}f4")
    source = await deployed(made, creation(runtime, {BEACON_SLOT: int(named, 16)}))
    await made.attest()
    replica = (await made.client.fork(source, anchor=made.anchor)).replica
    await made.client.supply(replica)
    found = await made.client.verify(replica)
    assert not found.exact
    assert second in failed(found)["beacon"]
    assert first in failed(found)["beacon"]


# --- what is delegated to delegates further ---


async def test_fork_of_a_proxy_whose_implementation_reads_another_slot_of_it_is_refused(made: World) -> None:
    inner = await by_slot("EIP-1967")(made, "0x" + "77" * 20)
    slot = PROXY_SLOTS["EIP-1822"]
    runtime = bytes.fromhex(f"365f5f375f5f365f7f{slot.hex()}545af43d5f5f3e5f3d91603757fd5bf3")
    values = {slot: int(inner.address, 16), PROXY_SLOTS["EIP-1967"]: int("77" * 20, 16)}
    source = await deployed(made, creation(runtime, values))
    await made.attest()
    async with refused(made, SourceIsProxy) as caught:
        await made.client.fork(source, anchor=made.anchor)
    assert inner.address in caught.value.message


async def test_fork_of_a_clone_of_a_contract_with_a_proxys_slot_of_its_own_is_read(made: World) -> None:
    """It runs in the clone's storage: what its own has there, does not matter."""
    inner = await by_slot("EIP-1967")(made, await implementation(made, 1))
    clone = await deployed(made, creation(clone_code(inner.address)))
    await made.attest()
    forked = await made.client.fork(clone, anchor=made.anchor)
    assert forked.implementation == inner.address
    assert await made.client.target.call(forked.replica, encode("VERSION()")) == b""
    assert await made.client.source.call(clone, encode("VERSION()")) == b""
    assert (await made.client.verify(forked.replica)).exact


# --- what is missing does not keep a replica from going on ---


async def test_sync_to_a_beacon_whose_slots_nobody_knows_goes_on_and_says_so(
    made: World, stage: Stage, liar: LyingProxy
) -> None:
    first = await implementation(made, 1)
    source = await movable(made, first, await beacon_of(made, first))
    await made.attest()
    replica = (await made.client.fork(source, anchor=made.anchor)).replica
    odd = bytes.fromhex("11" * 31 + "22")
    other = await deployed(made, creation(BEACON_CODE, {(1).to_bytes(32): int(first, 16), odd: 5}))
    await tell(made, source, "upgradeTo(bytes32,address)", BEACON_SLOT, other)
    number = await made.attest()
    traces = "debug_traceTransaction", "debug_traceBlockByNumber", "debug_traceBlockByHash"
    liar.missing |= {"debug_storageRangeAt", *traces}
    async with stage.world(source_url=liar.url) as poor:
        result = await poor.client.sync(replica)
    assert result.unreadable
    assert result.to_block == (await _status(made, replica)).block_number == number
    assert (await refusal(made, replica)).name == "BeaconNotReplicated"


async def test_sync_to_a_beacon_of_many_slots_leaves_it_to_who_asks_for_it(made: World) -> None:
    first = await implementation(made, 4)
    source = await movable(made, first, await beacon_of(made, first))
    await made.attest()
    replica = (await made.client.fork(source, anchor=made.anchor)).replica
    many = {(2 + number).to_bytes(32): 1 for number in range(200)}
    other = await deployed(made, creation(BEACON_CODE, {(1).to_bytes(32): int(first, 16), **many}))
    await tell(made, source, "upgradeTo(bytes32,address)", BEACON_SLOT, other)
    number = await made.attest()
    result = await made.client.sync(replica)
    assert "unasked" in result.unreadable
    assert (await _status(made, replica)).block_number == number
    await made.client.supply(replica)
    assert await version_of(made, replica) == 4
    assert (await made.client.sync(replica)).unreadable == ""


async def test_sync_tells_what_the_target_says_not_what_was_tried(made: World, monkeypatch: pytest.MonkeyPatch) -> None:
    proxied = await erc1967(made, await implementation(made, 1))
    second = await implementation(made, 2)
    await made.attest()
    replica = (await made.client.fork(proxied.address, anchor=made.anchor)).replica
    await proxied.upgrade(second)
    await made.attest()
    supply = Supplying.supply

    async def outdone(self: Supplying, to: str, header: Header) -> None:
        await supply(self, to, header)
        raise InvalidProof("the node has gone mad")

    monkeypatch.setattr(Supplying, "supply", outdone)
    result = await made.client.sync(replica)
    assert (result.unreadable, result.implementation) == ("", second)
    assert await version_of(made, replica) == 2


async def test_sync_of_a_proxy_whose_beacon_was_gone_and_is_back_is_read(made: World) -> None:
    first = await implementation(made, 1)
    factory = await deployed(made, creation(bytes.fromhex("365f5f375f365f5ff55f5260205ff3")))
    code = creation(bytes.fromhex("3660065733ff5b60015460005260206000f3"), {(1).to_bytes(32): int(first, 16)})
    salted = b"\xff" + bytes.fromhex(factory[2:]) + bytes(32) + keccak256(code)
    named = to_checksum_address(keccak256(salted)[-20:])
    await made.on_source.send(factory, code, what="make the beacon")
    runtime = bytes.fromhex(f"737f{named[2:]}{BEACON_SLOT.hex()}f4")
    source = await deployed(made, creation(runtime, {BEACON_SLOT: int(named, 16)}))
    await made.attest()
    replica = (await made.client.fork(source, anchor=made.anchor)).replica
    arguments = [made.anchor, named]
    book = book_of(made.client.hub or "")
    (mirror,) = await call_view(made.client.target, "IImplementations", book, "beaconReplicaOf", arguments)
    await made.on_source.send(named, b"", what="destroy it")
    await made.attest()
    await made.client.halt(mirror)
    await made.on_source.send(factory, code, what="make it again")
    await made.attest()
    assert (await made.client.sync(replica)).unreadable == ""
    assert int.from_bytes(await made.client.target.call(replica, encode("VERSION()"))) == 1


async def test_supply_where_another_proves_a_newer_block_without_the_code_gives_it_there(
    made: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxied = await erc1967(made, await implementation(made, 13))
    await made.attest()
    replica = (await made.client.fork(proxied.address, anchor=made.anchor)).replica
    second = await implementation(made, 14)
    await proxied.upgrade(second)
    await made.attest()
    send = Supplying._send

    async def overtaken(self: Supplying, *args: Any) -> None:
        monkeypatch.setattr(Supplying, "_send", send)
        await tell(made, proxied.address, "set(uint256,uint256)", 1, 1)
        number = await made.attest()
        header = await made.client.source.header(number)
        proof = await made.client.source.proof(second, [], number)
        empty = [made.anchor, header.hash, second, b"".join(proof.account_nodes), b""]
        data = encode_call("IImplementations", "supply", empty)
        await made.on_target.send(book_of(made.client.hub or ""), data, what="outrun it")
        await send(self, *args)

    monkeypatch.setattr(Supplying, "_send", overtaken)
    assert (await made.client.sync(replica)).unreadable == ""
    assert await version_of(made, replica) == 14


# --- parts of tests ---


async def _status(made: World, replica: str) -> ReplicaState:
    return await made.client.status(replica)
