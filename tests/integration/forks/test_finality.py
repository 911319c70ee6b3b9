"""I7: what is final is revoked by nobody."""

from __future__ import annotations

import pytest

from smartsync.errors import AnchorError, BlockNotAccepted, TransactionReverted
from tests.integration.forks.scene import Scene

pytestmark = pytest.mark.parametrize("source", ["forking", "geth_osaka"], indirect=True)


async def test_i7_revocation_of_a_final_block_is_refused(here: Scene) -> None:
    stands = await here.record()
    final = await here.set((1, 1))
    await here.update(await here.attested(final, "final", here.owner))
    for head in (stands.block_hash, bytes(32)):
        with pytest.raises(TransactionReverted) as caught:
            await here.revoke_above(head)
        assert caught.value.name == "FinalBlockAbove"
    assert (await here.block(final.hash)).level == "final"


async def test_i7_final_block_below_the_head_of_a_revocation_stays_final(here: Scene) -> None:
    stands = await here.record()
    final = await here.set((1, 1))
    await here.update(await here.attested(final, "final", here.owner))
    safe = await here.set((1, 2))
    await here.attest()
    await here.set((1, 3))
    await here.attest()
    await here.revoke_above(safe.hash)
    assert (await here.block(final.hash)).level == "final"
    with pytest.raises(TransactionReverted) as caught:
        await here.revoke_above(stands.block_hash)
    assert caught.value.name == "FinalBlockAbove"
    assert (await here.block(final.hash)).level == "final"


async def test_i7_orphan_below_a_final_block_is_displaced_by_its_ancestors(here: Scene) -> None:
    mark = here.mark()
    orphan = await here.set((1, 111), (5, 5))
    await here.attest()
    await here.sync()
    guard = await here.guard()
    here.drop(mark)
    below = await here.set((1, 1))
    canonical, final = await here.set((1, 222)), await here.set((2, 3))
    await here.update(await here.attested(final, "final", here.owner))
    # No revocation reaches it, for that would take the final block along.
    with pytest.raises(AnchorError, match="nothing to revoke"):
        await here.revoke()
    with pytest.raises(TransactionReverted) as caught:
        await here.revoke_above(bytes(32))
    assert caught.value.name == "FinalBlockAbove"
    assert await here.value(guard, 1) == 111

    await here.extend(final, canonical, below)
    assert (await here.block(orphan.hash)).level == "revoked"
    assert (await here.block(canonical.hash)).level == "final"
    with pytest.raises(TransactionReverted) as caught:
        await here.value(guard, 1)
    assert caught.value.name == "Revoked"
    # To any block that stands, also the one of the same number.
    await here.sync(block=below.number)
    await here.assert_exact()
    await here.assert_as_forked_anew()


async def test_i7_extending_goes_by_the_final_block_where_a_safe_one_cannot(here: Scene) -> None:
    mark = here.mark()
    orphan = await here.set((1, 111))
    await here.attest()
    await here.sync()
    here.drop(mark)
    below = await here.set((1, 1))
    safe = await here.set((1, 2))
    await here.update(await here.attested(safe, "safe", here.owner))
    # A safe block's ancestors displace nothing, and there is no final one yet.
    with pytest.raises(BlockNotAccepted, match="still accepts a block that the source has dropped"):
        await here.client.extend_ancestors(here.anchor, below.number)
    final = await here.set((1, 3))
    await here.update(await here.attested(final, "final", here.owner))
    await here.client.extend_ancestors(here.anchor, below.number)
    assert (await here.block(orphan.hash)).level == "revoked"
    assert (await here.block(below.hash)).level == (await here.block(safe.hash)).level == "final"
    await here.sync()
    await here.assert_exact()
