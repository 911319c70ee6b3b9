"""Replicas of proxies through upgrades: OpenZeppelin's, as their npm package ships them, and the AAVE token."""

from __future__ import annotations

from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
import rlp
from eth_utils.address import to_checksum_address

from smartsync import SmartSync, SyncResult
from smartsync.contracts import encode_call, parse_signature
from smartsync.demo.packages import packaged
from smartsync.errors import NoCode, ReplicaError, ReplicaMoved, SourceError, SourceIsProxy
from smartsync.header import Header
from smartsync.implementations import book_of
from smartsync.keccak import keccak256
from smartsync.source import PROXY_SLOTS
from smartsync.sync import supplying
from smartsync.sync.supplying import Ready, Supplying
from smartsync.views import call_view
from tests.integration.proxies.proxied import (
    ADMIN_SLOT,
    Proxied,
    beacon,
    by_slot,
    clone_code,
    deployed,
    erc1967,
    implementation,
    openzeppelin,
    refusal,
    tell,
    version_of,
)
from tests.integration.stage import Stage, refused
from tests.integration.test_bad_input import creation
from tests.integration.world import World, creation_code, encode

# --- OpenZeppelin's proxies ---


async def transparent(made: World, first: str) -> Proxied:
    owner = made.on_source.address
    arguments = ("address", first), ("address", owner), ("bytes", b"")
    proxy = await deployed(made, openzeppelin("TransparentUpgradeableProxy", *arguments))
    (admin,) = await made.client.source.storage_at(proxy, [ADMIN_SLOT])
    administered = to_checksum_address(f"0x{admin:040x}")
    return Proxied(
        proxy,
        "EIP-1967",
        lambda to: tell(made, administered, "upgradeAndCall(address,address,bytes)", proxy, to, b""),
    )


UPGRADABLE = {
    "ERC1967Proxy": erc1967,
    "TransparentUpgradeableProxy": transparent,
    "BeaconProxy": beacon,
    "EIP-1822": by_slot("EIP-1822"),
    "before EIP-1967": by_slot("OpenZeppelin before EIP-1967"),
}


@pytest.mark.parametrize("name", UPGRADABLE)
async def test_proxy_through_upgrades_is_read_by_the_code_of_its_implementation(
    made: World, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = [await implementation(made, version) for version in (1, 2, 3)]
    proxied = await UPGRADABLE[name](made, first)
    await tell(made, proxied.address, "set(uint256,uint256)", 7, 77)
    await made.attest()
    forked = await made.client.fork(proxied.address, anchor=made.anchor)
    replica = forked.replica
    assert forked.implementation == first
    assert await version_of(made, replica) == 1
    assert await made.read(replica, "values(uint256)(uint256)", 7) == (77,)
    assert await made.read(replica, "refuses()")  # the same error, with its argument
    state = await made.client.status(replica)
    assert (state.proxy, state.implementation, state.unreadable) == (proxied.kind, first, "")
    assert (await made.client.verify(replica)).exact

    # A watcher supplies in the step that syncs.
    await proxied.upgrade(second)
    await tell(made, proxied.address, "set(uint256,uint256)", 7, 78)
    events = made.client.watch(replica, interval_s=0.05, attestors=[made.owner])
    async with aclosing(events) as told:  # type: ignore[type-var]
        event = await anext(told)
        while not isinstance(event, SyncResult):
            event = await anext(told)
    assert (event.implementation, event.unreadable) == (second, "")
    labels = [step.what for step in event.steps]
    assert labels.index(f"supply {second}") < len(labels) - 1, "supplied before it is needed"
    assert await version_of(made, replica) == 2
    assert await made.read(replica, "values(uint256)(uint256)", 7) == (78,)
    assert (await made.client.verify(replica)).exact

    # Somebody else syncs and does not supply: nothing is read until anybody has.
    await proxied.upgrade(third)
    await tell(made, proxied.address, "set(uint256,uint256)", 7, 79)
    await made.attest()
    with monkeypatch.context() as patch:
        patch.setattr(made.client, "_make_ready", _nothing)
        await made.client.sync(replica)
    error = await refusal(made, replica)
    is_beacon = proxied.kind == "EIP-1967 beacon"
    assert error.name == ("BeaconBehind" if is_beacon else "ImplementationNotReplicated")
    assert is_beacon or third in error.reason
    assert (await made.client.status(replica)).unreadable
    assert not (await made.client.verify(replica)).exact
    supplied = await made.client.supply(replica)
    assert (supplied.implementation, supplied.kind) == (third, proxied.kind)
    assert keccak256(await made.client.target.code(supplied.copy)) == keccak256(await made.client.source.code(third))
    assert await version_of(made, replica) == 3
    assert await made.read(replica, "values(uint256)(uint256)", 7) == (79,)
    assert (await made.client.verify(replica)).exact
    assert not (await made.client.supply(replica)).steps, "all is there"
    assert not (await made.client.sync(replica)).steps

    # And back: the copy is there still, and no code is sent again.
    await proxied.upgrade(first)
    await made.attest()
    assert (await made.client.sync(replica)).implementation == first
    assert await version_of(made, replica) == 1


async def _nothing(*_: object) -> Ready:
    return Ready()


async def test_clone_is_read_by_the_code_of_what_it_delegates_to(made: World) -> None:
    first = await implementation(made, 1)
    clone = await deployed(made, creation(clone_code(first)))
    await tell(made, clone, "setRange(uint256,uint256,uint256)", 0, 4, 40)
    await made.attest()
    forked = await made.client.fork(clone, anchor=made.anchor)
    assert forked.implementation == first
    assert await made.read(forked.replica, "values(uint256)(uint256)", 3) == (43,)
    assert (await made.client.status(forked.replica)).implementation == first
    assert (await made.client.verify(forked.replica)).exact
    await tell(made, clone, "set(uint256,uint256)", 3, 44)
    await made.attest()
    await made.client.sync(forked.replica)
    assert await made.read(forked.replica, "values(uint256)(uint256)", 3) == (44,)


async def test_two_proxies_of_one_beacon_share_its_replica(made: World) -> None:
    first = await implementation(made, 5)
    proxied = await beacon(made, first)
    named = await made.client.source.storage_at(proxied.address, [PROXY_SLOTS["EIP-1967 beacon"]])
    arguments = ("address", f"0x{named[0]:040x}"), ("bytes", b"")
    other = await deployed(made, openzeppelin("BeaconProxy", *arguments))
    await made.attest()
    one = await made.client.fork(proxied.address, anchor=made.anchor)
    before = len(await made.client.replicas())
    two = await made.client.fork(other, anchor=made.anchor)
    assert len(await made.client.replicas()) == before + 1, "the beacon has a replica already"
    # The first one stands at an older block than the beacon now, and can be read all the same.
    await made.attest()
    await made.client.sync(two.replica)
    assert await version_of(made, one.replica) == await version_of(made, two.replica) == 5


async def test_steps_and_phases_of_a_beacons_proxy_say_of_which_replica_they_are(made: World) -> None:
    proxied = await beacon(made, await implementation(made, 21))
    await made.attest()
    forked = await made.client.fork(proxied.address, anchor=made.anchor)
    labels = [step.what for step in forked.steps]
    of_beacon, of_proxy = [
        [label for label in labels if label.startswith(f"{whose}: ")] for whose in ("beacon", "proxy")
    ]
    assert of_beacon[0] == "beacon: create replica" and of_proxy[0] == "proxy: create replica"
    others = [label for label in labels if label not in of_beacon + of_proxy]
    assert all(label.startswith(("supply ", "name the beacon")) for label in others)

    await tell(made, proxied.address, "set(uint256,uint256)", 7, 1)
    number = await made.attest()
    phases: list[str] = []
    synced = await made.client.sync(forked.replica, on_progress=lambda phase, *_: phases.append(phase))
    assert [step.what for step in synced.steps] == [f"beacon: sync to block {number}", f"proxy: sync to block {number}"]
    assert phases.index("beacon: submit") < phases.index("submit")


async def test_steps_of_a_proxy_without_a_beacon_need_no_owner(made: World) -> None:
    proxied = await erc1967(made, await implementation(made, 22))
    await made.attest()
    forked = await made.client.fork(proxied.address, anchor=made.anchor)
    assert not [step.what for step in forked.steps if ": " in step.what]
    await tell(made, proxied.address, "set(uint256,uint256)", 7, 1)
    number = await made.attest()
    assert [step.what for step in (await made.client.sync(forked.replica)).steps] == [f"sync to block {number}"]


_MEASURED = {
    "a contract": (8_359, 3_359),
    "a clone": (31_010, 26_010),
    "an EIP-1967 proxy": (33_124, 28_124),
    "a beacon proxy, both at one block": (68_199, 63_199),
    "a beacon proxy, the beacon's replica ahead": (75_059, 70_059),
}
"""Gas of the first and of each further read, as `docs/explain/proxies.md` has it."""


async def test_read_costs_what_the_page_says(made: World) -> None:
    meter = (await made.on_target.send(None, creation_code("ReadMeter"), what="meter")).contract_address or ""
    measure = parse_signature("measure(address,bytes)(uint256,uint256,bytes32)")

    async def measured(replica: str) -> tuple[int, int]:
        question = measure.encode([replica, encode("values(uint256)", 7)])
        first, further, _ = measure.decode(await made.client.target.call(meter, question))
        return first, further

    first = await implementation(made, 20)
    beaconed = (await beacon(made, first)).address
    sources = first, await deployed(made, creation(clone_code(first))), (await erc1967(made, first)).address, beaconed
    for source in sources:
        await tell(made, source, "set(uint256,uint256)", 7, 5)
    await made.attest()
    replicas = [(await made.client.fork(source, anchor=made.anchor)).replica for source in sources]
    found = [await measured(replica) for replica in replicas]

    await tell(made, beaconed, "set(uint256,uint256)", 7, 6)
    await made.attest()
    slot = PROXY_SLOTS["EIP-1967 beacon"]
    (named,) = await made.client.source.storage_at(beaconed, [slot])
    (ahead,) = await call_view(
        made.client.target,
        "IImplementations",
        book_of(made.client.hub or ""),
        "beaconReplicaOf",
        [made.anchor, to_checksum_address(f"0x{named:040x}")],
    )
    await made.client.sync(ahead)
    found.append(await measured(replicas[-1]))

    page = (Path(__file__).parents[3] / "docs" / "explain" / "proxies.md").read_text("utf-8")
    for (what, expected), actual in zip(_MEASURED.items(), found, strict=True):
        # Addresses with zero bytes differ in a few gas.
        assert actual == pytest.approx(expected, abs=100), what
        assert f"| of {what} | {expected[0]:,} | {expected[1]:,} |" in page


async def test_two_who_bring_one_beacon_do_not_stand_in_each_others_way(
    made: World, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = await implementation(made, 6), await implementation(made, 7)
    proxied = await beacon(made, first)
    await made.attest()
    stranger = stage.target.accounts[2]
    with monkeypatch.context() as patch:
        # Another one replicates and names the beacon between this one's look and its transaction.
        looks, is_the_others = 0, False
        look = supplying.beacon_replica

        async def blind(*asked: Any) -> str:
            nonlocal looks, is_the_others
            found = await look(*asked)
            if is_the_others:
                return found
            looks += 1
            if looks == 3:
                is_the_others = True
                urls = stage.source.url, stage.target.url
                async with SmartSync.connect(*urls, hub=stage.hub, account=stranger) as other:
                    await other.fork(proxied.address, anchor=made.anchor)
                is_the_others = False
            return found

        patch.setattr(supplying, "beacon_replica", blind)
        replica = (await made.client.fork(proxied.address, anchor=made.anchor)).replica
    assert looks >= 4, "it named a replica and was told that one answers"
    assert await version_of(made, replica) == 6

    await proxied.upgrade(second)
    await made.attest()
    with monkeypatch.context() as patch:
        bring = Supplying._bring_beacon

        async def late(self: Supplying, named: str, replica: str | None, header: Header) -> str:
            theirs = self.sync

            async def behind(of: str, block: int) -> SyncResult:
                await theirs(of, block)
                raise ReplicaMoved("somebody else was faster")

            self.sync = behind
            return await bring(self, named, replica, header)

        patch.setattr(Supplying, "_bring_beacon", late)
        assert (await made.client.sync(replica)).implementation == second
    assert await version_of(made, replica) == 7


async def test_supply_that_comes_second_is_none(made: World, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await implementation(made, 11)
    proxied = await erc1967(made, first)
    await made.attest()
    replica = (await made.client.fork(proxied.address, anchor=made.anchor)).replica
    second = await implementation(made, 12)
    await proxied.upgrade(second)
    await made.attest()
    older = Supplying._no_older

    async def overtaken(self: Supplying, to: str, header: Header, *rest: Any) -> Any:
        found = await older(self, to, header, *rest)
        monkeypatch.setattr(Supplying, "_no_older", older)
        await tell(made, proxied.address, "set(uint256,uint256)", 1, 1)
        await made.attest()
        await self.supply(to, await made.client.source.header("latest"))
        return found

    monkeypatch.setattr(Supplying, "_no_older", overtaken)
    assert (await made.client.sync(replica)).implementation == second
    assert await version_of(made, replica) == 12


# --- a token of the real world ---


async def test_aave_token_through_its_own_upgrade_is_read_exactly(made: World) -> None:
    def code_of(path: str) -> bytes:
        return packaged("@aave/aave-token", f"artifacts/contracts/{path}").bytecode

    holder, distributor = made.on_source.address, "0x" + "d1" * 20
    first = await deployed(made, code_of("token/AaveToken.sol/AaveToken.json"))
    second = await deployed(made, code_of("token/AaveTokenV2.sol/AaveTokenV2.json"))
    name = "InitializableAdminUpgradeabilityProxy"
    proxy = await deployed(made, code_of(f"open-zeppelin/{name}.sol/{name}.json"))
    initial = encode("initialize(address,address,address)", holder, distributor, "0x" + "00" * 20)
    await tell(made, proxy, "initialize(address,address,bytes)", first, holder, initial)
    await made.attest()
    forked = await made.client.fork(proxy, anchor=made.anchor)
    replica = forked.replica
    assert forked.implementation == first
    for view in ("name()(string)", "symbol()(string)", "totalSupply()(uint256)", "REVISION()(uint256)"):
        await made.read(replica, view)
    assert await made.read(replica, "REVISION()(uint256)") == (1,)
    (held,) = await made.read(replica, "balanceOf(address)(uint256)", distributor)
    assert isinstance(held, int) and held > 10**24

    await tell(made, proxy, "upgradeToAndCall(address,bytes)", second, encode("initialize()"))
    await made.attest()
    synced = await made.client.sync(replica)
    assert synced.implementation == second
    assert await made.read(replica, "REVISION()(uint256)") == (2,)
    assert await made.read(replica, "balanceOf(address)(uint256)", distributor) == (held,)
    # Of the second version only.
    assert await made.read(replica, "getPowerCurrent(address,uint8)(uint256)", distributor, 0) == (held,)
    assert (await made.client.verify(replica)).exact


# --- refused ---


async def test_fork_of_a_proxy_whose_implementation_is_a_proxy_is_refused(made: World) -> None:
    inner = await deployed(made, creation(clone_code(await implementation(made, 1))))
    outer = await deployed(made, creation(clone_code(inner)))
    await made.attest()
    async with refused(made, SourceIsProxy) as caught:
        await made.client.fork(outer, anchor=made.anchor)
    assert f"a proxy of a proxy: its implementation {inner} is itself a proxy (EIP-1167" in caught.value.message
    assert "have it delegate to a contract that answers by itself" in caught.value.hint


async def test_fork_of_a_proxy_that_names_nothing_there_is_refused(made: World) -> None:
    clone = await deployed(made, creation(clone_code("0x" + "77" * 20)))
    await made.attest()
    async with refused(made, NoCode) as caught:
        await made.client.fork(clone, anchor=made.anchor)
    assert "which has no code" in caught.value.message and "fork where there is no replica" in caught.value.hint


async def test_fork_of_a_proxy_whose_beacon_is_a_proxy_is_refused(made: World) -> None:
    proxied = await beacon(made, await implementation(made, 1))
    slot = PROXY_SLOTS["EIP-1967 beacon"]
    (named,) = await made.client.source.storage_at(proxied.address, [slot])
    hidden = await deployed(made, creation(clone_code(to_checksum_address(f"0x{named:040x}")), {bytes(32): 1}))
    runtime = bytes.fromhex(f"737f{hidden[2:]}{slot.hex()}f4")
    source = await deployed(made, creation(runtime, {slot: int(hidden, 16)}))
    await made.attest()
    async with refused(made, SourceIsProxy) as caught:
        await made.client.fork(source, anchor=made.anchor)
    assert f"its beacon {hidden} is itself a proxy" in caught.value.message
    assert to_checksum_address(f"0x{named:040x}") in caught.value.message


async def test_fork_of_a_clone_with_arguments_is_refused(made: World) -> None:
    clone = await deployed(made, creation(clone_code(await implementation(made, 1)) + b"\x01\x02"))
    await made.attest()
    async with refused(made, SourceIsProxy) as caught:
        await made.client.fork(clone, anchor=made.anchor)
    assert "has arguments" in caught.value.message


async def told_by_all(made: World, replica: str) -> list[str]:
    """Return what sync, status, verify and supply each say of a replica that refuses to be read."""
    synced = (await made.client.sync(replica)).unreadable
    stated = (await made.client.status(replica)).unreadable
    checks = {check.name: check for check in (await made.client.verify(replica)).checks}
    assert not checks["implementation"].ok
    with pytest.raises(SourceError) as caught:
        await made.client.supply(replica)
    return [synced, stated, checks["implementation"].detail, f"{caught.value.message}; {caught.value.hint}"]


async def test_upgrade_to_an_address_without_code_is_told_alike_by_all_until_it_ends(made: World) -> None:
    first = await implementation(made, 1)
    proxied = await erc1967(made, first)
    await made.attest()
    replica = (await made.client.fork(proxied.address, anchor=made.anchor)).replica
    # The upgrade takes the nonce before that of the next deployment.
    account, nonce = made.on_source.address, await made.client.source.nonce(made.on_source.address) + 1
    nowhere = to_checksum_address(keccak256(rlp.encode([bytes.fromhex(account[2:]), nonce]))[-20:])
    await proxied.upgrade(nowhere)
    number = await made.attest()
    told = await told_by_all(made, replica)
    for text in told:
        assert f"delegates to {nowhere}, which has no code at block {number}" in text
        assert (
            "nothing to supply until the source is upgraded to a contract (or one is deployed at that address)" in text
        )
        assert "then smartsync sync brings it" in text
        assert "check the address" not in text
    assert (await refusal(made, replica)).name == "ImplementationNotReplicated"
    assert (await made.client.status(replica)).block_number == number
    # What they say ends it does.
    assert await implementation(made, 2) == nowhere
    await made.attest()
    assert (
        await made.client.status(replica)
    ).unreadable == f"no copy of {nowhere} is there: smartsync supply brings it"
    assert (await made.client.sync(replica)).unreadable == ""
    assert await version_of(made, replica) == 2


async def test_upgrade_to_no_implementation_is_told_alike_by_all(made: World) -> None:
    proxied = await UPGRADABLE["EIP-1822"](made, await implementation(made, 1))
    await made.attest()
    replica = (await made.client.fork(proxied.address, anchor=made.anchor)).replica
    await proxied.upgrade("0x" + "00" * 20)
    number = await made.attest()
    for text in await told_by_all(made, replica):
        assert f"names no implementation at block {number}" in text
        assert "nothing to supply until the source is upgraded to a contract and" in text


async def test_upgrade_to_a_proxy_is_told_alike_by_all(made: World) -> None:
    first = await implementation(made, 1)
    proxied = await erc1967(made, first)
    await made.attest()
    replica = (await made.client.fork(proxied.address, anchor=made.anchor)).replica
    inner = await deployed(made, creation(clone_code(first)))
    await proxied.upgrade(inner)
    await made.attest()
    for text in await told_by_all(made, replica):
        assert f"a proxy of a proxy: its implementation {inner} is itself a proxy" in text
        assert f"{first} on the target chain" in text and "by itself" in text


async def test_supply_of_a_replica_of_no_proxy_is_refused(made: World, stage: Stage) -> None:
    async with refused(made, ReplicaError) as caught:
        await made.client.supply(stage.replica)
    assert "not the replica of a proxy" in caught.value.message and "nothing to supply" in caught.value.message
    assert "restoreLogic" not in caught.value.hint


async def test_supply_at_an_older_block_than_another_has_takes_that_one(made: World) -> None:
    first = await implementation(made, 9)
    one = await erc1967(made, first)
    await made.attest()
    replica = (await made.client.fork(one.address, anchor=made.anchor)).replica
    # Somebody proves the implementation at a newer block, without its code: his right, and no hindrance.
    number = await made.attest()
    second = await implementation(made, 10)
    newer = await made.attest()
    header = await made.client.source.header(newer)
    proof = await made.client.source.proof(second, [], newer)
    arguments = [made.anchor, header.hash, second, b"".join(proof.account_nodes), b""]
    await made.on_target.send(
        book_of(made.client.hub or ""), encode_call("IImplementations", "supply", arguments), what="hold it up"
    )
    await one.upgrade(second)
    await made.attest()
    assert number < newer
    assert (await made.client.sync(replica)).implementation == second
    assert await version_of(made, replica) == 10
