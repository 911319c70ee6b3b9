"""`verify` of a beacon's proxies: what the beacon names is proven, so no node can make it pass by what it says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from eth_utils.address import to_checksum_address

from smartsync import rlp
from smartsync.addresses import ZERO_ADDRESS
from smartsync.chain import Chain
from smartsync.errors import InvalidProof
from smartsync.header import Header
from smartsync.implementations import beacon_replica
from smartsync.keccak import keccak256
from smartsync.replica import ReplicaRecord, read_record
from smartsync.source import PROXY_SLOTS
from smartsync.sync import forking, resolving, supplying
from smartsync.sync.supplying import Supplying
from tests.integration.proxies.proxied import (
    BEACON_SLOT,
    UPGRADE,
    Proxied,
    beacon,
    deployed,
    erc1967,
    failed,
    implementation,
    movable,
    named_by,
    tell,
    version_of,
)
from tests.integration.stage import Stage
from tests.integration.test_bad_input import creation
from tests.integration.world import World
from tests.lying_proxy import LyingProxy, bent_account_proof


async def mirror_of(made: World, named: str) -> str:
    found = await beacon_replica(made.client.target, made.client.hub or "", made.anchor, named)
    assert found != ZERO_ADDRESS
    return found


async def forked(made: World, first: str) -> tuple[Proxied, str, str]:
    """Return a beacon's proxy with its replica, and the beacon's."""
    proxied = await beacon(made, first)
    await made.attest()
    replica = (await made.client.fork(proxied.address, anchor=made.anchor)).replica
    return proxied, replica, await mirror_of(made, await named_by(made, proxied.address))


def naming(implementation: str) -> Any:
    """Return a lie: every call answers with this address."""
    return lambda params, told: "0x" + implementation[2:].rjust(64, "0")


async def test_verify_beacon_as_its_replica_is_exact_and_told_as_proven(made: World) -> None:
    proxied, replica, mirror = await forked(made, await implementation(made, 1))
    found = await made.client.verify(replica)
    assert found.exact
    (check,) = [check for check in found.checks if check.name == "beacon"]
    root = (await read_record(made.client.target, made.client.hub or "", mirror)).storage_root
    assert (
        await named_by(made, proxied.address) in check.detail and mirror in check.detail and root.hex() in check.detail
    )


async def test_verify_beacons_replica_ahead_with_the_same_storage_is_exact(made: World) -> None:
    _, replica, mirror = await forked(made, await implementation(made, 1))
    await made.do("set(uint256,uint256)", 1, 1)
    await made.attest()
    await made.client.sync(mirror)
    assert (await made.client.status(mirror)).block_number > (await made.client.status(replica)).block_number
    assert (await made.client.verify(replica)).exact


@pytest.mark.parametrize("lies", [False, True])
async def test_verify_beacon_upgraded_after_the_replicas_block_is_not_exact_whatever_the_node_says(
    made: World, stage: Stage, liar: LyingProxy, lies: bool
) -> None:
    """A replica of the beacon that is ahead has the replica answer by code that the source did not answer by then."""
    first, second = await implementation(made, 1), await implementation(made, 2)
    proxied, replica, mirror = await forked(made, first)
    await proxied.upgrade(second)
    number = await made.attest()
    await made.client.sync(mirror)
    supplying = made.client._supplying(made.anchor, None)
    await supplying.supply(second, await made.client.source.header(number))
    if lies:
        liar.lies["eth_call"] = naming(second)
    async with stage.world(source_url=liar.url) as other:
        found = await other.client.verify(replica)
    assert not found.exact
    assert set(failed(found)) == {"beacon"}
    assert f"stands at block {number}" in failed(found)["beacon"]
    assert f"smartsync sync {replica}" in failed(found)["beacon"]
    await made.client.sync(replica)
    assert (await made.client.verify(replica)).exact
    assert await version_of(made, replica) == 2


async def test_verify_node_that_names_another_implementation_is_told_of_and_is_not_believed(
    made: World, stage: Stage, liar: LyingProxy
) -> None:
    first, other_one = await implementation(made, 1), await implementation(made, 2)
    _, replica, _ = await forked(made, first)
    liar.lies["eth_call"] = naming(other_one)
    async with stage.world(source_url=liar.url) as other:
        found = await other.client.verify(replica)
    assert set(failed(found)) == {"beacon"}
    told = failed(found)["beacon"]
    assert first in told and other_one in told and "127.0.0.1" in told and "ask another one" in told


async def test_verify_node_that_forges_the_beacons_account_is_refused(
    made: World, stage: Stage, liar: LyingProxy
) -> None:
    proxied, replica, _ = await forked(made, await implementation(made, 1))
    named = await named_by(made, proxied.address)

    def bent(params: list[Any], told: Any) -> Any:
        return bent_account_proof(params, told) if int(params[0], 16) == int(named, 16) else told

    liar.lies["eth_getProof"] = bent
    async with stage.world(source_url=liar.url) as other:
        with pytest.raises(InvalidProof, match=named):
            await other.client.verify(replica)


async def test_verify_beacon_that_knows_its_proxy_is_not_exact_though_the_node_hides_it(
    made: World, stage: Stage, liar: LyingProxy
) -> None:
    """It answers slot 1 to the proxy that its slot 3 names, and slot 2 to everybody else."""
    first, second = await implementation(made, 1), await implementation(made, 2)
    source, nonce = made.on_source.address, await made.client.source.nonce(made.on_source.address)
    numbered = (nonce + 1).to_bytes(((nonce + 1).bit_length() + 7) // 8)
    proxy = to_checksum_address(keccak256(rlp.encode([bytes.fromhex(source[2:]), numbered]))[-20:])
    code = bytes.fromhex("33600354146011576002545f5260205ff35b6001545f5260205ff3")
    values = {(1).to_bytes(32): int(first, 16), (2).to_bytes(32): int(second, 16), (3).to_bytes(32): int(proxy, 16)}
    named = await deployed(made, creation(code, values))
    runtime = bytes.fromhex(f"737f{named[2:]}{BEACON_SLOT.hex()}f4")
    assert await deployed(made, creation(runtime, {BEACON_SLOT: int(named, 16)})) == proxy
    await made.attest()
    replica = (await made.client.fork(proxy, anchor=made.anchor)).replica
    await made.client.supply(replica)
    liar.lies["eth_call"] = naming(second)
    async with stage.world(source_url=liar.url) as other:
        found = await other.client.verify(replica)
    assert set(failed(found)) == {"beacon"}
    assert "answers by who asks" in failed(found)["beacon"]
    assert first in failed(found)["beacon"] and second in failed(found)["beacon"]


async def test_verify_beacon_that_is_a_proxy_is_not_exact_though_the_node_hides_its_code(
    made: World, stage: Stage, liar: LyingProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It answers ``implementation()`` itself, by its own slot, so nothing but its code shows what else it does."""
    first = await implementation(made, 1)
    inner = await erc1967(made, first)
    slot = PROXY_SLOTS["EIP-1967"]
    # Any call: its slot; and behind that, never reached, what a proxy by this slot has.
    code = bytes.fromhex(f"7f{slot.hex()}545f5260205ff3f4")
    named = await deployed(made, creation(code, {slot: int(inner.address, 16)}))
    runtime = bytes.fromhex(f"737f{named[2:]}{BEACON_SLOT.hex()}f4")
    source = await deployed(made, creation(runtime, {BEACON_SLOT: int(named, 16)}))
    await made.attest()
    look = forking.look_at_proven

    async def blind(chain: Chain, original: str, header: Header) -> tuple[bytes, Any]:
        told, found = await look(chain, original, header)
        return told, None if original == named else found

    async def nothing(*_: object) -> None: ...

    with monkeypatch.context() as patch:
        patch.setattr(forking, "look_at_proven", blind)
        patch.setattr(supplying, "look_at_proven", blind)
        patch.setattr(Supplying, "_require_no_proxy", nothing)
        replica = (await made.client.fork(source, anchor=made.anchor)).replica
    liar.lies["eth_getCode"] = lambda params, told: "0x00" if int(params[0], 16) == int(named, 16) else told
    liar.lies["eth_getStorageAt"] = lambda params, told: "0x" + "00" * 32
    async with stage.world(source_url=liar.url) as other:
        found = await other.client.verify(replica)
    assert f"the beacon {named} is a proxy (EIP-1967)" in failed(found)["beacon"]
    assert inner.address in failed(found)["beacon"]


@pytest.mark.parametrize("what", ["code", "storage", "ended"])
async def test_verify_beacons_replica_that_is_not_its_image_is_not_exact(
    made: World, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """As a hub of other code could have it: the source's proofs are held against what the hub says."""
    proxied, replica, mirror = await forked(made, await implementation(made, 1))

    async def bent(target: Any, hub: str, address: str) -> ReplicaRecord:
        record = await read_record(target, hub, address)
        assert address == mirror
        return replace(record, storage_root=b"\x12" * 32) if what == "storage" else record

    async def values(chain: Any, header: Header, address: str, slots: Any) -> Any:
        state = await source_values(chain, header, address, slots)
        if address != named or state.account is None:
            return state
        return replace(state, account=None if what == "ended" else replace(state.account, code_hash=b"\x34" * 32))

    named, source_values = await named_by(made, proxied.address), resolving.source_values
    monkeypatch.setattr(resolving, "read_record", bent)
    if what != "storage":
        monkeypatch.setattr(resolving, "source_values", values)
    found = await made.client.verify(replica)
    assert not found.exact
    assert f"its replica {mirror} has other {'storage' if what == 'storage' else 'code'}" in failed(found)["beacon"]


async def test_verify_beacons_real_storage_is_compared_with_the_hubs_word(
    made: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, replica, mirror = await forked(made, await implementation(made, 1))

    async def differs(target: Any, hub: str, address: str, record: ReplicaRecord, slots: Any) -> Any:
        check = await check_storage(target, hub, address, record, slots)
        assert address == mirror and check.ok
        return replace(check, ok=False, detail="0x12, expected 0x34")

    check_storage = resolving.check_storage
    monkeypatch.setattr(resolving, "check_storage", differs)
    found = await made.client.verify(replica)
    assert "is not what the hub says, 0x12" in failed(found)["beacon"]


async def test_verify_beacon_without_a_replica_is_not_exact(made: World) -> None:
    first = await implementation(made, 1)
    source = await movable(made, first, await named_by(made, (await beacon(made, first)).address))
    await made.attest()
    replica = (await made.client.fork(source, anchor=made.anchor)).replica
    await tell(made, source, UPGRADE, BEACON_SLOT, "0x" + "99" * 20)
    await made.attest()
    assert (await made.client.sync(replica)).unreadable
    found = await made.client.verify(replica)
    assert "BeaconNotReplicated" in failed(found)["beacon"]
