"""What `analyze` says of proxies that many share, held against what a fork and syncs of them then take."""

from __future__ import annotations

import pytest

from smartsync.analysis.cost import NAMING_GAS
from smartsync.testing import Node
from tests.integration.proxies.proxied import beacon, deployed, implementation, tell
from tests.integration.test_bad_input import creation
from tests.integration.world import world


async def test_analyze_beacon_proxy_tells_what_its_beacon_takes(ganache: Node, anvil: Node) -> None:
    async with world(ganache, anvil) as made:
        proxied = await beacon(made, await implementation(made, 1))
        await tell(made, proxied.address, "setRange(uint256,uint256,uint256)", 0, 4, 40)
        await made.attest()
        found = await made.client.analyze(proxied.address)
        assert found.verdict.endswith("can be replicated, and its views answer as on the source."), found.checks
        assert found.costs is not None
        rows = {row.what: row.gas for row in found.costs.rows}

        steps = (await made.client.fork(proxied.address, anchor=made.anchor)).steps
        labels = [step.what for step in steps]
        named = labels.index("name the beacon")
        assert labels[1:named] == ["beacon: create replica", "beacon: fill 2 slots", "beacon: activate"]
        assert steps[named].gas_used == pytest.approx(rows["naming the beacon, once"], rel=0.005)
        assert rows["naming the beacon, once"] == NAMING_GAS
        taken = sum(step.gas_used for step in steps[1:named])
        assert rows["replica of the beacon, once for all its proxies"] == pytest.approx(taken, rel=0.03)

        await tell(made, proxied.address, "set(uint256,uint256)", 2, 77)
        await made.attest()
        forked = (await made.client.replicas())[-1]
        synced = (await made.client.sync(forked)).steps
        assert len(synced) == 2, "the beacon's, and the proxy's"
        told = rows["sync of 1 changed slot, and of the beacon with none"]
        assert told == pytest.approx(sum(step.gas_used for step in synced), rel=0.05)


async def test_analyze_clone_warns_of_nothing_that_its_fork_copies(ganache: Node, anvil: Node) -> None:
    async with world(ganache, anvil) as made:
        first = await implementation(made, 1)
        clone = await deployed(
            made, creation(bytes.fromhex(f"363d3d373d3d3d363d73{first[2:]}5af43d82803e903d91602b57fd5bf3"))
        )
        await made.attest()
        found = await made.client.analyze(clone)
        assert found.verdict.endswith("can be replicated, and its views answer as on the source."), found.checks


async def test_fork_of_one_slot_is_told_in_the_singular(ganache: Node, anvil: Node) -> None:
    async with world(ganache, anvil) as made:
        one = await deployed(made, creation(b"\0", {bytes(32): 7}))
        await made.attest()
        forked = await made.client.fork(one, anchor=made.anchor)
        assert [step.what for step in forked.steps] == [
            "create replica",
            "fill 1 slot",
            "activate",
        ]
