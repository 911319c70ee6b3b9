"""T13: time passes on the target while the source says nothing new."""

from __future__ import annotations

import pytest

from smartsync.errors import TransactionReverted
from tests.integration.forks.scene import Scene

HOUR_S = 3_600


async def test_t13_guard_refuses_a_state_that_is_too_old_and_serves_it_when_synced(here: Scene) -> None:
    now = int(here.target.request("eth_getBlockByNumber", ["latest", False])["timestamp"], 16)
    age = max(now - (await here.latest()).timestamp, 0)
    guard = await here.guard(max_age_s=age + HOUR_S)
    assert await here.value(guard, 1) == 1001
    here.target.request("evm_increaseTime", [HOUR_S - 60])
    here.target.request("evm_mine")
    assert await here.value(guard, 1) == 1001
    here.target.request("evm_increaseTime", [HOUR_S])
    here.target.request("evm_mine")
    with pytest.raises(TransactionReverted) as caught:
        await here.value(guard, 1)
    assert caught.value.name == "Stale", caught.value
    # Old is not wrong: what the replica mirrors is exact, and its anchor stands behind it.
    assert await here.level() == "safe"
    await here.assert_exact()

    here.source.request("evm_increaseTime", [2 * HOUR_S + age])
    await here.set((1, 7))
    await here.attest()
    await here.sync()
    assert await here.value(guard, 1) == 7
    assert (await here.client.status(here.replica)).behind_s == 0


async def test_t13_status_tells_how_far_behind_the_replica_is(here: Scene) -> None:
    here.source.request("evm_increaseTime", [90])
    await here.set((1, 7))
    assert 90 <= ((await here.client.status(here.replica)).behind_s or 0) < 200


async def test_t13_guard_of_final_blocks_refuses_one_that_is_only_safe(here: Scene) -> None:
    header = await here.set((1, 7))
    await here.update(await here.attested(header, "final", here.owner))
    await here.sync()
    guard = await here.guard(level="final")
    assert await here.value(guard, 1) == 7
    await here.set((1, 8))
    await here.attest()
    await here.sync()
    with pytest.raises(TransactionReverted) as caught:
        await here.value(guard, 1)
    assert caught.value.name == "LevelTooLow"
