"""A proxy's upgrade on a branch that the source drops: the replica is back at the code from before."""

from __future__ import annotations

import pytest

from smartsync.errors import TransactionReverted
from smartsync.source import PROXY_SLOTS
from tests.integration.forks.scene import Scene
from tests.integration.test_bad_input import creation
from tests.integration.world import creation_code, encode, sample_slots

SLOT = PROXY_SLOTS["EIP-1967"]
SLOTS = sample_slots(range(12)) | {SLOT}
PROXY = bytes.fromhex(f"365f5f375f5f365f7f{SLOT.hex()}545af43d5f5f3e5f3d91603757fd5bf3")


async def test_upgrade_on_an_orphaned_branch_is_undone_with_it(here: Scene) -> None:
    made = here.made

    async def deployed(data: bytes) -> str:
        return (await made.on_source.send(None, data, what="deploy")).contract_address or ""

    async def tell(signature: str, *args: object) -> None:
        await made.on_source.send(proxy, encode(signature, *args), what=signature)

    async def version() -> bytes:
        return await here.client.target.call(replica, encode("VERSION()"))

    first = await deployed(creation_code("UpgradableSample") + (1).to_bytes(32))
    proxy = await deployed(creation(PROXY, {SLOT: int(first, 16)}))
    await tell("set(uint256,uint256)", 1, 10)
    await here.attest()
    replica = (await here.client.fork(proxy, anchor=here.anchor, slots=SLOTS)).replica
    assert await version() == (1).to_bytes(32)

    mark = here.mark()
    second = await deployed(creation_code("UpgradableSample") + (2).to_bytes(32))
    await tell("upgradeTo(bytes32,address)", SLOT, second)
    await here.attest()
    assert (await here.client.sync(replica, slots=SLOTS)).implementation == second
    assert await version() == (2).to_bytes(32)

    here.drop(mark)
    # Another contract gets the address that the implementation had: the nonce is the same.
    third = await deployed(creation_code("UpgradableSample") + (3).to_bytes(32))
    assert third == second
    await tell("set(uint256,uint256)", 1, 11)
    await tell("set(uint256,uint256)", 2, 12)
    await here.revoke()
    with pytest.raises(TransactionReverted) as caught:
        await version()
    assert caught.value.name == "ImplementationNotReplicated", "not the code of the orphaned branch"
    await here.attest()
    assert (await here.client.sync(replica, slots=SLOTS)).implementation == first
    assert await version() == (1).to_bytes(32)

    await tell("upgradeTo(bytes32,address)", SLOT, third)
    await here.attest()
    synced = await here.client.sync(replica, slots=SLOTS)
    assert synced.implementation == third
    assert await version() == (3).to_bytes(32), "what stands at that address now"
    assert (await here.client.verify(replica)).exact
