"""Attacks on replicas of proxies: a node that lies, supplies of what the client refuses to, code that is redeployed."""

from __future__ import annotations

from typing import Any

import pytest
from eth_utils.address import to_checksum_address

from smartsync.anchors.attestation import AttestedLevel, attestation_of, encode_proof, sign
from smartsync.anchors.quorum import quorum_terms
from smartsync.chain import Chain
from smartsync.contracts import encode_call
from smartsync.errors import InvalidProof, SmartSyncError, TransactionReverted
from smartsync.header import Header
from smartsync.implementations import book_of
from smartsync.keccak import keccak256
from smartsync.source import PROXY_SLOTS
from smartsync.sync import forking
from smartsync.views import call_view
from tests.integration.proxies.proxied import (
    BEACON_CODE,
    BEACON_SLOT,
    UPGRADE,
    beacon,
    by_slot,
    deployed,
    erc1967,
    failed,
    implementation,
    movable,
    named_by,
    refusal,
    tell,
    version_of,
)
from tests.integration.stage import Stage, refused
from tests.integration.test_bad_input import creation
from tests.integration.world import World
from tests.lying_proxy import LyingProxy

ELSEWHERE = "0x" + "77" * 20


# --- a node that wants to be paid for ---


async def test_beacon_of_which_a_node_tells_another_thing_each_time_costs_one_copy(
    made: World, stage: Stage, liar: LyingProxy
) -> None:
    proxied = await beacon(made, await implementation(made, 1))
    await made.attest()
    replica = (await made.client.fork(proxied.address, anchor=made.anchor)).replica
    named = await named_by(made, proxied.address)
    second = await implementation(made, 2)
    lies = [await implementation(made, 100 + number) for number in range(4)]
    await proxied.upgrade(second)

    def unproven(params: list[Any], told: Any) -> Any:
        if to_checksum_address(params[0]) == named:
            for entry in told["storageProof"]:
                entry |= {"proof": []} if int(entry["key"], 16) == 1 else {}
        return told

    liar.lies["eth_getProof"] = unproven
    liar.lies["eth_call"] = lambda params, told: "0x" + "00" * 12 + lies[looks][2:].lower()
    copied = []
    async with stage.world(source_url=liar.url) as other:
        for looks in range(4):
            await tell(made, proxied.address, "set(uint256,uint256)", 1, 10 + looks)
            await made.attest()
            result = await other.client.sync(replica)
            assert result.unreadable
            copied += [step.what for step in result.steps if step.what.startswith("supply")]
        assert copied == [f"supply {lies[0]}"]
        # And as soon as it tells the truth, the replica is read.
        liar.lies.clear()
        assert (await other.client.sync(replica)).implementation == second
    assert await version_of(made, replica) == 2
    assert (await made.client.verify(replica)).exact


async def test_lie_about_a_beacon_is_paid_for_once_and_mended_at_once(
    made: World, stage: Stage, liar: LyingProxy
) -> None:
    proxied = await beacon(made, await implementation(made, 1))
    await made.attest()
    replica = (await made.client.fork(proxied.address, anchor=made.anchor)).replica
    versions = [await implementation(made, 2), await implementation(made, 3)]
    lies = [await implementation(made, 100 + number) for number in range(2)]
    liar.lies["eth_call"] = lambda params, told: "0x" + "00" * 12 + lies[looks][2:].lower()
    copied = []
    async with stage.world(source_url=liar.url) as other:
        for looks in range(2):
            await proxied.upgrade(versions[looks])
            await made.attest()
            result = await other.client.sync(replica)
            assert (result.implementation, result.unreadable) == (versions[looks], "")
            assert await version_of(made, replica) == 2 + looks
            copied += [step.what for step in result.steps if step.what.startswith("supply")]
    assert copied == [f"supply {each}" for each in (lies[0], versions[0], versions[1])]


async def test_beacon_that_a_node_hides_to_be_a_proxy_is_told(
    made: World, stage: Stage, liar: LyingProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await implementation(made, 1)
    source = await movable(made, first, await named_by(made, (await beacon(made, first)).address))
    # A proxy of a beacon, which somebody has put something else in the place of on the target.
    behind = await deployed(made, creation(BEACON_CODE))
    while await made.client.target.code(
        behind
    ):  # by the same account: its first addresses are the hub's and the anchor's
        behind = await deployed(made, creation(BEACON_CODE))
    await made.client.target.rpc.call("anvil_setCode", [behind, "0x" + BEACON_CODE.hex()])
    slot = PROXY_SLOTS["EIP-1967"]
    runtime = bytes.fromhex(f"365f5f375f5f365f7f{slot.hex()}545af43d5f5f3e5f3d91603757fd5bf3")
    values = {slot: int(behind, 16), (1).to_bytes(32): int(first, 16)}
    hidden = await deployed(made, creation(runtime, values))
    await made.attest()
    replica = (await made.client.fork(source, anchor=made.anchor)).replica
    look = forking.look_at_proven

    async def blind(chain: Chain, original: str, header: Header) -> tuple[bytes, None]:
        return (await look(chain, original, header))[0], None

    with monkeypatch.context() as patch:
        patch.setattr(forking, "look_at_proven", blind)
        mirror = (await made.client.fork(hidden, anchor=made.anchor)).replica
    book = book_of(made.client.hub or "")
    await made.on_target.send(book, encode_call("IImplementations", "nameBeacon", [mirror]), what="name it")
    await tell(made, source, UPGRADE, BEACON_SLOT, hidden)
    await made.attest()
    liar.lies["eth_getStorageAt"] = lambda params, told: "0x" + "00" * 32
    async with stage.world(source_url=liar.url) as other:
        result = await other.client.sync(replica)
    assert f"its beacon {hidden} is itself a proxy (EIP-1967), of {behind}" in result.unreadable
    assert not [step for step in result.steps if step.what.startswith("supply")]


async def test_fork_from_a_node_that_hides_what_an_implementation_does_is_refused(
    made: World, stage: Stage, liar: LyingProxy
) -> None:
    inner = await by_slot("EIP-1967")(made, ELSEWHERE)
    slot = PROXY_SLOTS["EIP-1822"]
    runtime = bytes.fromhex(f"365f5f375f5f365f7f{slot.hex()}545af43d5f5f3e5f3d91603757fd5bf3")
    values = {slot: int(inner.address, 16), PROXY_SLOTS["EIP-1967"]: int(ELSEWHERE, 16)}
    source = await deployed(made, creation(runtime, values))
    await made.attest()
    asked: list[str] = []

    def once(params: list[Any], told: Any) -> Any:
        if to_checksum_address(params[0]) != inner.address:
            return told
        asked.append(told)
        return "0x5f5ff3" if len(asked) == 1 else told

    liar.lies["eth_getCode"] = once
    async with stage.world(source_url=liar.url) as other, refused(other, InvalidProof):
        await other.client.fork(source, anchor=made.anchor)
    assert asked


# --- what the client refuses to supply, supplied by somebody else ---


async def test_implementation_that_reads_another_slot_supplied_by_another_is_told(made: World) -> None:
    proxied = await by_slot("EIP-1822")(made, await implementation(made, 1))
    await made.attest()
    replica = (await made.client.fork(proxied.address, anchor=made.anchor)).replica
    inner = await by_slot("EIP-1967")(made, ELSEWHERE)
    await tell(made, proxied.address, UPGRADE, PROXY_SLOTS["EIP-1967"], ELSEWHERE)
    await proxied.upgrade(inner.address)
    await _is_told_as_misleading(made, replica, inner.address)


async def test_implementation_that_is_a_proxy_of_the_same_code_is_told(made: World) -> None:
    """On the source no call ends; the copy would ask whoever stands at the other's address on the target."""
    first = await implementation(made, 1)
    proxied, other = await erc1967(made, first), await erc1967(made, first)
    await made.attest()
    replica = (await made.client.fork(proxied.address, anchor=made.anchor)).replica
    await proxied.upgrade(other.address)
    await _is_told_as_misleading(made, replica, other.address)


async def test_implementation_that_is_the_proxy_itself_is_told(made: World) -> None:
    proxied = await by_slot("EIP-1967")(made, await implementation(made, 1))
    await made.attest()
    replica = (await made.client.fork(proxied.address, anchor=made.anchor)).replica
    await proxied.upgrade(proxied.address)
    await _is_told_as_misleading(made, replica, proxied.address)


@pytest.mark.parametrize("behind", [bytes(200), b""])
async def test_implementation_that_is_a_clone_of_any_form_can_be_supplied_by_nobody(made: World, behind: bytes) -> None:
    proxied = await erc1967(made, await implementation(made, 1))
    await made.attest()
    replica = (await made.client.fork(proxied.address, anchor=made.anchor)).replica
    # Vyper's
    code = bytes.fromhex(f"366000600037611000600036600073{ELSEWHERE[2:]}5af4602c57600080fd5b6110006000f3") + behind
    clone = await deployed(made, creation(code))
    await proxied.upgrade(clone)
    await made.attest()
    assert (await made.client.sync(replica)).unreadable
    with pytest.raises(TransactionReverted) as caught:
        await _supply(made, clone)
    assert caught.value.name == "ImplementationIsClone"
    assert (await refusal(made, replica)).name == "ImplementationNotReplicated"


async def test_slot_of_a_proxy_that_has_its_beacon_in_its_code_is_not_followed(made: World) -> None:
    """OpenZeppelin's does not read it; whoever may run code in the proxy can write it."""
    proxied = await beacon(made, await implementation(made, 1))
    other = await beacon(made, await implementation(made, 666))
    await made.attest()
    replica = (await made.client.fork(proxied.address, anchor=made.anchor)).replica
    await tell(made, proxied.address, UPGRADE, BEACON_SLOT, await named_by(made, other.address))
    number = await made.attest()
    result = await made.client.sync(replica)
    assert "does not show that it delegates" in result.unreadable
    assert result.to_block == number
    assert not [step for step in result.steps if "supply" in step.what or "beacon" in step.what]
    assert not (await made.client.verify(replica)).exact


# --- code that changes at its address ---


async def test_implementation_redeployed_with_other_code_is_read_by_that(made: World) -> None:
    """By SELFDESTRUCT and CREATE2, on a chain without EIP-6780: also where both happened between two syncs."""
    first, second = await deployed(made, creation(_destructible(1))), await deployed(made, creation(_destructible(2)))
    # Answers with its slot 1, or writes it.
    pointing = bytes.fromhex("36600f5760015460005260206000f35b60003560015500")
    pointer = await deployed(made, creation(pointing, {(1).to_bytes(32): int(first, 16)}))
    factory = await deployed(made, creation(bytes.fromhex("365f5f375f365f5ff55f5260205ff3")))
    # Creation code that takes what the pointer names.
    morphing = bytes.fromhex(f"60205f5f5f73{pointer[2:]}5afa505f51803b805f5f843c5ff3")
    salted = b"\xff" + bytes.fromhex(factory[2:]) + bytes(32) + keccak256(morphing)
    morph = to_checksum_address(keccak256(salted)[-20:])
    await made.on_source.send(factory, morphing, what="make it")
    proxied = await by_slot("EIP-1967")(made, morph)
    await made.attest()
    replica = (await made.client.fork(proxied.address, anchor=made.anchor)).replica
    assert await version_of(made, replica) == 1
    await made.on_source.send(morph, b"", what="destroy it")
    await made.on_source.send(pointer, bytes(12) + bytes.fromhex(second[2:]), what="point to the second")
    await made.on_source.send(factory, morphing, what="make it again")
    await made.attest()
    assert (await made.client.sync(replica)).unreadable == ""
    assert await version_of(made, replica) == 2
    assert (await made.client.verify(replica)).exact


# --- how final it is ---


async def test_sync_to_a_final_block_proves_what_others_know_by_a_newer_safe_one(made: World) -> None:
    proxied = await erc1967(made, await implementation(made, 1))
    await _attest(made, "final")
    replica = (await made.client.fork(proxied.address, anchor=made.anchor)).replica
    second = await implementation(made, 2)
    await proxied.upgrade(second)
    final = await _attest(made, "final")
    await tell(made, proxied.address, "set(uint256,uint256)", 1, 1)
    safe = await _attest(made, "safe")
    await _supply(made, second)
    assert await _recorded(made, second) == safe.hash
    result = await made.client.sync(replica, block=final.number)
    assert (result.implementation, result.unreadable) == (second, "")
    assert await _recorded(made, second) == final.hash
    # Nobody can take it back to a SAFE one, nor is it paid for again.
    await _supply(made, second)
    assert await _recorded(made, second) == final.hash
    assert not (await made.client.sync(replica, block=final.number)).steps


# --- parts of tests ---


async def _is_told_as_misleading(made: World, replica: str, named: str) -> None:
    await made.attest()
    assert named in (await made.client.sync(replica)).unreadable
    assert (await refusal(made, replica)).name == "ImplementationNotReplicated"
    with pytest.raises(SmartSyncError):
        await made.client.supply(replica)
    await _supply(made, named)  # the book cannot tell
    assert named in (await made.client.sync(replica)).unreadable
    assert named in (await made.client.status(replica)).unreadable
    found = await made.client.verify(replica)
    assert not found.exact
    assert named in failed(found)["implementation"]


async def _supply(made: World, named: str) -> None:
    """Supply as anybody may, at the source's newest block, past the client."""
    header = await made.client.source.header("latest")
    proof = await made.client.source.proof(named, [], header.number)
    code = await made.client.source.code(named, header.number)
    arguments = [made.anchor, header.hash, named, b"".join(proof.account_nodes), code]
    data = encode_call("IImplementations", "supply", arguments)
    await made.on_target.send(book_of(made.client.hub or ""), data, what="supply past the client")


async def _recorded(made: World, named: str) -> bytes:
    arguments = [made.anchor, named]
    book = book_of(made.client.hub or "")
    _, recorded = await call_view(made.client.target, "IImplementations", book, "supplied", arguments)
    return bytes(recorded)


async def _attest(made: World, level: AttestedLevel) -> Header:
    header = await made.client.source.header("latest")
    terms = await quorum_terms(made.client.target, made.anchor)
    signature = sign(made.owner, terms, attestation_of(terms, header, level))
    data = encode_call("QuorumAnchor", "update", [encode_proof(header, level, [signature])])
    await made.on_target.send(made.anchor, data, what=f"attest as {level}")
    return header


def _destructible(version: int) -> bytes:
    """Return code that answers everything with its version, and destroys itself where it is asked for nothing."""
    return bytes.fromhex(f"3660065733ff5b60{version:02x}5f5260205ff3")
