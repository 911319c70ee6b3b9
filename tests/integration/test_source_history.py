"""A source whose past changes: another history, other code at its address, an anchor that has seen both."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from typer.testing import CliRunner

from smartsync.anchors.attestation import attestation_of, encode_proof, sign
from smartsync.anchors.quorum import quorum_terms
from smartsync.cli import app
from smartsync.contracts import encode_call
from smartsync.errors import AnchorFrozen, SourceCodeChanged, SourceError, SourceReorganised
from smartsync.results import Verification
from smartsync.testing import Node
from tests.integration.stage import refused
from tests.integration.world import World, creation_code, world


@pytest.fixture
async def here(ganache: Node, hardhat: Node) -> AsyncIterator[World]:
    async with world(ganache, hardhat) as made:
        yield made


async def snapshot(made: World) -> str:
    return str(await made.client.source.rpc.call("evm_snapshot"))


async def revert(made: World, to: str) -> None:
    await made.client.source.rpc.call("evm_revert", [to])


async def grow_past(made: World, height: int) -> None:
    """Mine until the source chain is higher than it was."""
    while await made.client.source.block_number() <= height:
        await made.client.source.rpc.call("evm_mine")


async def attest_by_hand(made: World, number: int) -> None:
    """Have the anchor take a block by a signature that `attest` would not make: it has accepted another one."""
    terms = await quorum_terms(made.client.target, made.anchor)
    header = await made.client.source.header(number)
    signed = sign(made.owner, terms, attestation_of(terms, header, "final"))
    data = encode_call("QuorumAnchor", "update", [encode_proof(header, "final", [signed])])
    await made.on_target.send(made.anchor, data, what="a second block of one number")


async def test_anchor_that_was_given_two_histories_is_frozen_for_everybody(here: World) -> None:
    replica = await here.fork()
    await here.do("set(uint256,uint256)", 1, 41)
    accepted = await here.attest()
    before = await snapshot(here)
    await here.do("set(uint256,uint256)", 1, 42)
    number = await here.attest()
    await revert(here, before)
    await here.do("set(uint256,uint256)", 1, 43)
    async with refused(here, SourceReorganised) as told:
        await here.client.attest(here.anchor, [here.owner], block=number)
    assert f"as block {number}" in told.value.message and "smartsync anchor revoke" in told.value.hint
    await attest_by_hand(here, number)

    state = await here.client.status(replica)
    assert (state.anchor_status, state.status, state.accepted_block) == ("frozen", "active", None)
    await here.do("set(uint256,uint256)", 1, 44)
    for block in (None, accepted):
        async with refused(here, AnchorFrozen):
            await here.client.sync(replica, block=block)
        async with refused(here, AnchorFrozen):
            await here.client.fork(here.sample, anchor=here.anchor, block=block)
    async with refused(here, AnchorFrozen) as refusal:
        await here.client.attest(here.anchor, [here.owner])
    assert refusal.value.exit_code == 8
    # The replica itself is as it was, and can be read on.
    values = await here.client.call(replica, "values(uint256)(uint256)", [1])
    assert values.replica.values == (0,)


async def test_source_with_other_code_is_refused_recorded_and_synced_again_once_it_is_back(here: World) -> None:
    bare = await snapshot(here)
    sample = await create(here, "Sample")
    await here.do("set(uint256,uint256)", 1, 7)
    replica = await here.fork()
    height = await here.client.source.block_number()

    # Another history, in which the same account's same nonce made something else of the same address.
    await revert(here, bare)
    bare = await snapshot(here)
    assert await create(here, "SampleReader") == sample
    await grow_past(here, height)
    await here.attest()
    async with refused(here, SourceCodeChanged) as caught:
        await here.client.sync(replica)
    assert "fork it anew" in caught.value.hint and "smartsync halt" in caught.value.hint
    assert caught.value.exit_code == 5
    await here.client.halt(replica)
    assert (await here.client.status(replica)).status == "source_code_changed"
    height = await here.client.source.block_number()

    await revert(here, bare)
    assert await create(here, "Sample") == sample
    await here.do("set(uint256,uint256)", 1, 8)
    await grow_past(here, height)
    await here.attest()
    async with refused(here, SourceError) as unchanged:
        await here.client.halt(replica)
    assert "with the same code: there is nothing to halt" in unchanged.value.message
    result = await here.client.sync(replica)
    assert len(result.changes) == 1
    verification = await here.client.verify(replica)
    assert verification.exact, verification


async def create(made: World, contract: str) -> str:
    receipt = await made.on_source.send(None, creation_code(contract), what=contract)
    made.sample = receipt.contract_address or ""
    return made.sample


# --- a replica that is not exact ---


def differing(found: Verification) -> list[str]:
    return [check.name for check in found.checks if not check.ok]


async def test_verify_block_that_is_no_longer_there_is_not_exact(here: World, ganache: Node, hardhat: Node) -> None:
    before = await snapshot(here)
    await here.do("set(uint256,uint256)", 1, 42)
    replica = await here.fork()
    assert await verified(here, replica, ganache, hardhat) == (0, [])
    await revert(here, before)
    await here.do("set(uint256,uint256)", 2, 42)
    found = await here.client.verify(replica)
    assert not found.exact
    assert differing(found) == ["recorded block", "hub's storage root"]
    (recorded,) = (check for check in found.checks if check.name == "recorded block")
    assert "the source has dropped the replica's block" in recorded.detail
    # ganache calls each block finalized.
    assert "no revocation undoes that: ask another node of the source" in recorded.detail
    assert await verified(here, replica, ganache, hardhat) == (6, ["recorded block", "hub's storage root"])


async def test_halt_of_a_source_that_is_there_says_so_before_a_newer_block_is_asked_for(here: World) -> None:
    replica = await here.fork()
    async with refused(here, SourceError) as caught:
        await here.client.halt(replica)
    assert f"the contract {here.sample} is there at source block" in caught.value.message
    assert "attest" not in caught.value.hint


async def verified(made: World, replica: str, source: Node, target: Node) -> tuple[int, list[str]]:
    """Run the command line, and return its exit code and what it says differs."""
    options = ["--source-url", source.url, "--target-url", target.url, "--hub", made.client.hub or ""]
    # In a thread of its own: the command line starts an event loop.
    result = await asyncio.to_thread(CliRunner().invoke, app, ["verify", replica, *options, "--json"])
    document = json.loads(result.stdout)
    assert document["exact"] is (result.exit_code == 0)
    return result.exit_code, [check["name"] for check in document["checks"] if not check["ok"]]


async def test_verify_storage_or_code_changed_behind_the_hub_is_told(here: World) -> None:
    # No transaction can do this: the development node writes it into the state.
    target = here.client.target
    replica = await here.fork()
    slot = "0x" + "00" * 31 + "05"
    await target.rpc.call("hardhat_setStorageAt", [replica, slot, "0x" + "00" * 31 + "07"])
    await target.rpc.call("hardhat_mine")
    assert differing(await here.client.verify(replica)) == ["replica's storage"]
    await target.rpc.call("hardhat_setStorageAt", [replica, slot, "0x" + "00" * 32])
    await target.rpc.call("hardhat_mine")
    assert (await here.client.verify(replica)).exact
    logic = (await here.client.status(replica)).logic
    await target.rpc.call("hardhat_setCode", [logic, "0x6001"])
    await target.rpc.call("hardhat_mine")
    assert differing(await here.client.verify(replica)) == ["code"]
