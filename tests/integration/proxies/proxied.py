"""Proxies on the source, of every kind, and what is asked of their replicas."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest
from eth_abi.abi import encode as abi_encode
from eth_utils.address import to_checksum_address

from smartsync.demo.packages import packaged
from smartsync.errors import TransactionReverted
from smartsync.results import Verification
from smartsync.source import PROXY_SLOTS
from tests.integration.test_bad_input import creation
from tests.integration.world import World, creation_code, encode

ADMIN_SLOT = bytes.fromhex("b53127684a568b3173ae13b9f8a6016e243e63b6e8ee1178d6a717850b5d6103")
IMPLEMENTATION_SLOT = PROXY_SLOTS["EIP-1967"]
UPGRADE = "upgradeTo(bytes32,address)"
BEACON_SLOT = PROXY_SLOTS["EIP-1967 beacon"]
BEACON_CODE = bytes.fromhex("60015460005260206000f3")
"""Answers everything with its slot 1."""

Upgrade = Callable[[str], Awaitable[object]]


@dataclass(frozen=True)
class Proxied:
    """A proxy on the source, and how it is upgraded."""

    address: str
    kind: str
    upgrade: Upgrade


def openzeppelin(name: str, *arguments: tuple[str, object]) -> bytes:
    """Return the data that deploys a contract of the package."""
    found = packaged("@openzeppelin/contracts", f"build/contracts/{name}.json")
    return found.bytecode + abi_encode([kind for kind, _ in arguments], [value for _, value in arguments])


async def deployed(made: World, data: bytes, what: str = "deploy") -> str:
    return (await made.on_source.send(None, data, what=what)).contract_address or ""


async def implementation(made: World, version: int) -> str:
    return await deployed(made, creation_code("UpgradableSample") + version.to_bytes(32), f"version {version}")


async def erc1967(made: World, first: str) -> Proxied:
    initial = encode("setRange(uint256,uint256,uint256)", 0, 3, 500)
    proxy = await deployed(made, openzeppelin("ERC1967Proxy", ("address", first), ("bytes", initial)))
    return Proxied(proxy, "EIP-1967", lambda to: tell(made, proxy, UPGRADE, IMPLEMENTATION_SLOT, to))


async def beacon(made: World, first: str) -> Proxied:
    owner = made.on_source.address
    named = await deployed(made, openzeppelin("UpgradeableBeacon", ("address", first), ("address", owner)))
    proxy = await deployed(made, openzeppelin("BeaconProxy", ("address", named), ("bytes", b"")))
    return Proxied(proxy, "EIP-1967 beacon", lambda to: tell(made, named, "upgradeTo(address)", to))


def by_slot(kind: str) -> Callable[[World, str], Awaitable[Proxied]]:
    """Return what deploys the smallest proxy that delegates to what a slot names."""
    slot = PROXY_SLOTS[kind]
    runtime = bytes.fromhex(f"365f5f375f5f365f7f{slot.hex()}545af43d5f5f3e5f3d91603757fd5bf3")

    async def deploy(made: World, first: str) -> Proxied:
        proxy = await deployed(made, creation(runtime, {slot: int(first, 16)}))
        return Proxied(proxy, kind, lambda to: tell(made, proxy, UPGRADE, slot, to))

    return deploy


async def tell(made: World, to: str, signature: str, *args: object) -> None:
    await made.on_source.send(to, encode(signature, *args), what=signature)


def clone_code(to: str) -> bytes:
    return bytes.fromhex(f"363d3d373d3d3d363d73{to[2:]}5af43d82803e903d91602b57fd5bf3")


async def movable(made: World, first: str, named: str) -> str:
    """Return a proxy by a beacon whose implementation's ``upgradeTo`` writes its own slots: also the beacon's."""
    # What delegates to one address by its first instructions is a clone: here they do nothing.
    head = b"\x5b" * 120 + bytes.fromhex(f"365f5f375f5f365f73{first[2:]}5af43d5f5f3e5f3d91")
    runtime = head + bytes([0x60, len(head) + 4, 0x57, 0xFD, 0x5B, 0xF3, 0x7F]) + BEACON_SLOT
    return await deployed(made, creation(runtime, {BEACON_SLOT: int(named, 16)}))


async def beacon_of(made: World, first: str) -> str:
    proxied = await beacon(made, first)
    (named,) = await made.client.source.storage_at(proxied.address, [BEACON_SLOT])
    return to_checksum_address(f"0x{named:040x}")


async def named_by(made: World, proxy: str) -> str:
    """Return the beacon that a proxy names."""
    (value,) = await made.client.source.storage_at(proxy, [BEACON_SLOT])
    return to_checksum_address(f"0x{value:040x}")


async def version_of(made: World, replica: str) -> int:
    """Return the version that both source and replica answer with."""
    (version,) = await made.read(replica, "VERSION()(uint256)")
    assert isinstance(version, int)
    return version


async def refusal(made: World, replica: str) -> TransactionReverted:
    with pytest.raises(TransactionReverted) as caught:
        await made.client.target.call(replica, encode("VERSION()"))
    return caught.value


def failed(found: Verification) -> dict[str, str]:
    return {check.name: check.detail for check in found.checks if not check.ok}
