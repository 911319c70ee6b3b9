"""Transitions too large for one transaction: proven in parts, landing at once, gone on with after whatever happened."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from smartsync import SyncResult
from smartsync.contracts import decode_logs, event_topic
from smartsync.errors import BlockUnavailable, ReplicaMoved, TransitionTooLarge
from smartsync.results import Progress, Step
from smartsync.submit import Sender
from smartsync.sync import parts, submitting
from smartsync.testing import Node, hardhat_node
from smartsync.types import TX_BYTES_CAP, TX_GAS_CAP
from tests.integration.stage import Stage, refused, staged
from tests.integration.world import World, sample_slots, world

KEYS, CHANGED = 10_000, 2_500
"""Slots of the contract, and those of them that change before its next block is accepted."""

FEW, CHANGED_OF_FEW = 600, 240
CAP = 1_800_000
"""Gas: what those few changes need at once is more, their commit needs less."""
PART_BYTES = 4_000
SLOTS = sample_slots(range(FEW))
VALUES = iter(range(10**6, 10**9, 10**6))

SET = "setRange(uint256,uint256,uint256)"


@pytest.fixture(scope="module")
def source() -> Iterator[Node]:
    """Give a node with canonical tries, deletions and all, on which one transaction can write thousands of slots."""
    with hardhat_node(chain_id=31341, hardfork="prague") as node:
        yield node


async def write(made: World, first: int, count: int, value: int) -> None:
    """Write keys of the sample, in as many blocks as it takes; a value of 0 deletes them."""
    made.on_source.gas_cap = None
    for start in range(first, first + count, 2_000):
        await made.do(SET, start, min(2_000, first + count - start), value)


async def paid_parts(made: World, replica: str) -> list[bytes]:
    """Return all parts that anybody ever paid for, for this replica."""
    hub = made.client.hub or ""
    logs = await made.client.target.logs(hub, [event_topic("Hub", "TransitionPrepared")])
    told = decode_logs("Hub", logs, "TransitionPrepared", emitter=hub)
    return [event["part"] for event in told if event["replica"] == replica]


def assert_by_one_commit(steps: Sequence[Step], cap: int) -> None:
    *prepares, commit = steps
    assert all(step.what.startswith("prepare part ") for step in prepares)
    assert commit.what.startswith("commit block ")
    assert max(step.gas_used for step in steps) <= cap
    assert max(step.calldata_bytes for step in steps) < TX_BYTES_CAP


# --- full size: by the command line, under the protocol's cap, killed half way ---


async def test_sync_of_2500_of_10000_slots_killed_half_way_goes_on_and_lands_at_once(
    source: Node, anvil: Node, tmp_path: Path
) -> None:
    async with world(source, anvil) as made:
        await write(made, 0, KEYS, 1)
        slots = sample_slots(range(KEYS + 10))
        replica = await made.fork(slots=slots)
        # 100 slots go, 10 are new; `count` is one more that changes. Only the last of these blocks is accepted.
        await write(made, 0, CHANGED - 111, 10**6)
        await write(made, CHANGED - 111, 100, 0)
        await write(made, KEYS, 10, 2)
        await made.attest()
        before = await made.client.target.block_number()
        command = Command(source, anvil, made, slots, tmp_path)

        killed = command.sync(replica)
        while not await paid_parts(made, replica):
            assert killed.poll() is None, killed.communicate()
            await asyncio.sleep(0.02)
        killed.kill()
        killed.communicate()
        paid = await paid_parts(made, replica)

        resumed = command.sync(replica)
        out, told = resumed.communicate(timeout=120)
        assert resumed.returncode == 0, told
        document = json.loads(out)
        steps = [Step(**step) for step in document["steps"]]
        assert_by_one_commit(steps, TX_GAS_CAP)
        everything = await paid_parts(made, replica)
        assert paid == everything[: len(paid)] and len(everything) == len(paid) + len(steps) - 1
        assert len(set(everything)) == len(everything), "a part was paid for twice"
        assert f"prepare block {document['to_block']} {len(everything)}/{len(everything)}" in told
        assert len(document["changes"]) == CHANGED
        await assert_all_or_nothing(made, replica, document["changes"], before)
        assert (await made.client.verify(replica, slots=slots)).exact


class Command:
    """`smartsync sync`, in a process of its own."""

    def __init__(self, source: Node, target: Node, made: World, slots: set[bytes], folder: Path) -> None:
        file = folder / "slots.json"
        file.write_text(json.dumps([f"0x{slot.hex()}" for slot in slots]))
        urls = ["--source-url", source.url, "--target-url", target.url]
        self.options = ["--json", "--slots", str(file), "--hub", str(made.client.hub), *urls]
        self.environ = {**os.environ, "SMARTSYNC_PRIVATE_KEY": "0x" + made.owner.key.hex()}

    def sync(self, replica: str) -> subprocess.Popen[str]:
        arguments = [sys.executable, "-m", "smartsync", "sync", replica, *self.options]
        pipe = subprocess.PIPE
        return subprocess.Popen(arguments, stdout=pipe, stderr=pipe, text=True, env=self.environ)


async def assert_all_or_nothing(made: World, replica: str, changes: list[dict[str, Any]], first: int) -> None:
    """Check that at the end of each target block from the first on, all changed slots are old or all are new."""
    some = changes[::50]
    slots = [bytes.fromhex(change["slot"][2:]) for change in some]
    seen = []
    for block in range(first, await made.client.target.block_number() + 1):
        values = await made.client.target.storage_at(replica, slots, block)
        (side,) = (side for side in ("old", "new") if values == [change[side] for change in some])
        seen.append(side)
    assert seen == ["old"] * (len(seen) - 1) + ["new"]


# --- small size, under a small cap: what can come between two parts ---


@pytest.fixture(scope="module")
def stage(source: Node, anvil: Node) -> Stage:
    return staged(source, anvil, keys=FEW, slots=SLOTS)


@pytest.fixture(autouse=True)
def small_parts(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "made" in request.fixturenames:
        monkeypatch.setattr(parts, "_PART_BYTES", PART_BYTES)


@pytest.fixture
async def made(stage: Stage) -> AsyncIterator[World]:
    async with stage.world() as world:
        # In step with the source, whatever the test before left.
        await world.attest()
        await world.client.sync(stage.replica, slots=SLOTS)
        world.on_target.gas_cap = CAP
        yield world


@pytest.fixture
async def stranger(stage: Stage) -> AsyncIterator[World]:
    async with stage.world() as world:
        world.client._sender = Sender(world.client.target, stage.target.accounts[6], poll_s=0.05, gas_cap=CAP)
        yield world


async def change(made: World, *, first: int = 0, count: int = CHANGED_OF_FEW) -> int:
    """Change slots and have the block accepted; return its number."""
    await write(made, first, count, next(VALUES))
    return await made.attest()


def stop_after(count: int) -> Progress:
    """Interrupt the client, as Ctrl-C does, once so many parts are done."""

    def on_progress(phase: str, done: int, total: int) -> None:
        if phase.startswith("prepare block") and done == count:
            raise KeyboardInterrupt

    return on_progress


async def interrupted(made: World, replica: str, *, after: int) -> list[bytes]:
    """Have the client stopped between two parts, and return those that are paid for."""
    before = await paid_parts(made, replica)
    with pytest.raises(KeyboardInterrupt):
        await made.client.sync(replica, slots=SLOTS, on_progress=stop_after(after))
    paid = (await paid_parts(made, replica))[len(before) :]
    assert len(paid) == after
    return paid


async def test_sync_that_does_not_fit_goes_in_parts_and_tells_how_far_it_is(made: World, stage: Stage) -> None:
    number = await change(made)
    seen: list[tuple[str, int, int]] = []
    result = await made.client.sync(stage.replica, slots=SLOTS, on_progress=lambda *told: seen.append(told))
    assert_by_one_commit(result.steps, CAP)
    total = len(result.steps) - 1
    assert total > 3
    told = [each for each in seen if each[0].startswith(("prepare", "commit"))]
    assert told == [*((f"prepare block {number}", done, total) for done in range(total + 1)), ("commit", 0, 0)]
    assert (result.to_block, len(result.changes)) == (number, CHANGED_OF_FEW + 1)
    assert (await made.client.verify(stage.replica, slots=SLOTS)).exact


async def test_sync_interrupted_goes_on_with_the_parts_that_are_there(made: World, stage: Stage) -> None:
    await change(made)
    paid = await interrupted(made, stage.replica, after=2)
    result = await made.client.sync(stage.replica, slots=SLOTS)
    everything = await paid_parts(made, stage.replica)
    new = everything[everything.index(paid[-1]) + 1 :]
    assert len(new) == len(result.steps) - 1 and not set(new) & set(paid)
    assert result.steps[0].what.startswith("prepare part 3 of ")
    assert (await made.client.verify(stage.replica, slots=SLOTS)).exact


async def test_sync_interrupted_before_the_commit_only_commits(made: World, stage: Stage) -> None:
    await change(made)

    def stop(phase: str, done: int, total: int) -> None:
        if phase == "commit":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await made.client.sync(stage.replica, slots=SLOTS, on_progress=stop)
    result = await made.client.sync(stage.replica, slots=SLOTS)
    assert [step.what for step in result.steps] == [f"commit block {result.to_block}"]


async def test_sync_part_too_large_is_halved_and_found_again(
    made: World, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "_PART_BYTES", 60_000)
    monkeypatch.setattr(parts, "fits_pools", lambda data: len(data) < 12_000)
    await change(made)
    paid = await interrupted(made, stage.replica, after=1)
    result = await made.client.sync(stage.replica, slots=SLOTS)
    assert [step.what for step in result.steps] == ["prepare part 2 of 2", f"commit block {result.to_block}"]
    assert len(set(paid)) == 1
    assert (await made.client.verify(stage.replica, slots=SLOTS)).exact


async def test_sync_two_strangers_at_once_share_their_parts_and_one_commits(
    made: World, stranger: World, stage: Stage
) -> None:
    await change(made)
    clients = made.client, stranger.client
    results = await asyncio.gather(
        *(client.sync(stage.replica, slots=SLOTS) for client in clients), return_exceptions=True
    )
    won = [result for result in results if isinstance(result, SyncResult)]
    lost = [result for result in results if not isinstance(result, SyncResult)]
    assert len(won) == 1 and won[0].steps[-1].what.startswith("commit")
    assert all(isinstance(result, ReplicaMoved) and result.retryable for result in lost), lost
    assert (await made.client.verify(stage.replica, slots=SLOTS)).exact


async def test_sync_two_strangers_on_the_way_to_two_blocks_do_not_disturb_each_other(
    made: World, stranger: World, stage: Stage
) -> None:
    older = await change(made)
    await interrupted(made, stage.replica, after=2)
    newer = await change(made, first=100, count=100)
    theirs = await stranger.client.sync(stage.replica, block=newer, slots=SLOTS)
    assert (theirs.to_block, theirs.steps[0].what[:14]) == (newer, "prepare part 1")
    with pytest.raises(Exception, match=f"block {older} is not newer"):
        await made.client.sync(stage.replica, block=older, slots=SLOTS)
    assert (await made.client.verify(stage.replica, slots=SLOTS)).exact


async def test_sync_newer_block_accepted_in_between_finishes_what_was_begun(made: World, stage: Stage) -> None:
    number = await change(made)
    paid = await interrupted(made, stage.replica, after=2)
    newest = await change(made, count=3)
    told: list[str] = []
    result = await made.client.sync(stage.replica, slots=SLOTS, on_progress=lambda phase, *_: told.append(phase))
    assert (result.to_block, result.steps[0].what[:14]) == (number, "prepare part 3")
    assert f"go on to block {number}, which was begun" in told
    assert not set(paid) & set((await paid_parts(made, stage.replica))[-len(result.steps) + 1 :])
    again = await made.client.sync(stage.replica, slots=SLOTS)
    assert (again.to_block, [step.what for step in again.steps]) == (newest, [f"sync to block {newest}"])
    assert (await made.client.verify(stage.replica, slots=SLOTS)).exact


async def test_sync_block_begun_that_the_source_does_not_serve_any_more_begins_with_the_newest(
    made: World, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await change(made)
    await interrupted(made, stage.replica, after=1)
    newest = await change(made, count=3)

    async def gone(*_: object) -> object:
        raise BlockUnavailable("7", "missing trie node")

    monkeypatch.setattr(submitting, "header_to_resume", gone)
    result = await made.client.sync(stage.replica, slots=SLOTS)
    assert (result.to_block, result.steps[0].what[:14]) == (newest, "prepare part 1")


async def test_sync_block_that_a_stranger_only_names_is_not_gone_for(
    made: World, stranger: World, stage: Stage
) -> None:
    older = await change(made)
    header = await made.client.source.header(older)
    newest = await change(made, count=3)
    hub, sender = stage.hub, stranger.client._sender
    assert sender is not None
    data = submitting.encode_call("Hub", "prepare", [stage.replica, header.hash, b"", bytes(32), b""])
    await sender.send(hub, data, what="prepare nothing")
    assert (await made.client.sync(stage.replica, slots=SLOTS)).to_block == newest


async def test_sync_replica_moved_between_two_parts_says_so_and_the_next_one_works(
    made: World, stranger: World, stage: Stage
) -> None:
    small = await change(made, first=FEW - 3, count=3)
    await change(made)

    await interrupted(made, stage.replica, after=2)
    before = submitting.InParts._prepare

    async def moved_first(self: submitting.InParts) -> None:
        await stranger.client.sync(stage.replica, block=small, slots=SLOTS)
        await before(self)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(submitting.InParts, "_prepare", moved_first)
        with pytest.raises(ReplicaMoved):
            await made.client.sync(stage.replica, slots=SLOTS)
    result = await made.client.sync(stage.replica, slots=SLOTS)
    assert result.from_block == small
    assert (await made.client.verify(stage.replica, slots=SLOTS)).exact


async def test_sync_whose_commit_cannot_fit_is_refused_before_a_part_is_paid_for(made: World, stage: Stage) -> None:
    await change(made)
    made.on_target.gas_cap = 1_200_000
    async with refused(made, TransitionTooLarge) as caught:
        await made.client.sync(stage.replica, slots=SLOTS)
    error = caught.value
    assert isinstance(error, TransitionTooLarge)
    assert (error.writes, error.exit_code, error.retryable) == (CHANGED_OF_FEW + 1, 7, False)
    assert "one transaction may use 1200000" in error.needs and "--block" in error.hint


async def test_sync_whose_commit_nearly_fits_is_tried_before_a_part_is_paid_for(made: World, stage: Stage) -> None:
    await change(made)
    made.on_target.gas_cap = 1_440_000
    async with refused(made, TransitionTooLarge) as caught:
        await made.client.sync(stage.replica, slots=SLOTS)
    assert "they need more than the 1440000 gas" in caught.value.message
