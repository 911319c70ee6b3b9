"""T12: random stories of writes, forks of both chains, attestations, revocations and syncs, against a small model.

``SMARTSYNC_FORK_STEPS`` (0 unless set: as many as fit into half a minute) and ``SMARTSYNC_FORK_SEED`` (random unless
set, printed) choose the story. Each step is one thing that somebody can do; after each, what the contracts say is
compared with the model, and now and then the replica is verified by RPC answers alone.
"""

from __future__ import annotations

import os
import random
import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from smartsync import SmartSync
from smartsync.errors import (
    AnchorFrozen,
    BlockNotAccepted,
    BlockUnavailable,
    SmartSyncError,
    SourceReorganised,
    TransactionReverted,
)
from smartsync.header import Header
from smartsync.results import Recovered
from smartsync.submit import Sender
from smartsync.testing import Node
from tests.integration.forks.engine import Consensus
from tests.integration.forks.model import Accepted, Block, Model, Target
from tests.integration.forks.scene import Scene, scene
from tests.integration.world import encode

STEPS = int(os.environ.get("SMARTSYNC_FORK_STEPS") or 0)
SECONDS = 30
KEYS = 6
MAX_BRANCH = 6
"""Blocks that a reorganisation drops at most."""


REFUSED: dict[str, type[SmartSyncError]] = {
    "AnchorNotActive": AnchorFrozen,
    "BlockNotAccepted": BlockNotAccepted,
    "BlockNotNewer": BlockNotAccepted,
}
"""As what a refusal of the contracts, which the model knows by name, is told before anything is sent."""


@dataclass
class Mark:
    """A place where the source can go back to: ganache forgets it once it went back further."""

    name: str
    blocks: int


@dataclass
class Story:
    here: Scene
    model: Model
    random: random.Random
    guard: str
    other: SmartSync
    marks: list[Mark] = field(default_factory=list)
    final: set[Block] = field(default_factory=set)
    counted: Counter[str] = field(default_factory=Counter)

    # --- what can happen ---

    async def write(self) -> None:
        """The source makes some blocks."""
        for _ in range(self.random.randint(1, 3)):
            self.marks.append(Mark(self.here.mark(), len(self.model.branch)))
            key, value = self.random.randrange(KEYS), self.random.choice((0, 0, 1, 2, self.random.getrandbits(200)))
            await self._block(key, value)

    async def reorganise(self) -> None:
        """The source drops some blocks, and makes others: as many, fewer, or more."""
        settled = 1 + max((at for at, block in enumerate(self.model.branch) if block in self.final), default=-1)
        length = len(self.model.branch)
        near = [mark for mark in self.marks if 0 < length - mark.blocks <= MAX_BRANCH and mark.blocks >= settled]
        if not near:
            return
        mark = self.random.choice(near)
        dropped = len(self.model.branch) - mark.blocks
        self.here.drop(mark.name)
        self.marks = [one for one in self.marks if one.blocks < mark.blocks]
        del self.model.branch[mark.blocks :]
        for _ in range(max(dropped + self.random.randint(-1, 1), 1)):
            self.marks.append(Mark(self.here.mark(), len(self.model.branch)))
            await self._block(self.random.randrange(KEYS), self.random.getrandbits(64))

    async def attest(self) -> None:
        """The signers attest to a canonical block, whatever stands at its number."""
        await self._attest(self.random.choice(self.model.branch[-3:]), final=False)

    async def attest_as_final(self) -> None:
        """Likewise, to a block that no later reorganisation reaches: such a source has finality."""
        block = self.random.choice(self.model.branch[-4:])
        await self._attest(block, final=True)
        self.final.add(block)

    async def _attest(self, block: Block, *, final: bool) -> None:
        after = self.model.target.with_block(block, final=final)
        header = await self.here.client.source.header(block.number)
        assert header.hash == block.hash
        proof = await self.here.attested(header, "final" if final else "safe", self.here.owner)
        try:
            await self.here.update(proof)
        except TransactionReverted as error:
            # A block's time must fit those of the others; the model has no clock.
            assert error.name == "TimestampNotMonotone" or (error.name, after) == ("Contradiction", None), error
            self.counted[f"attestation refused: {error.name}"] += 1
            return
        assert after is not None, "I8"
        self._accepted(after)

    async def extend(self) -> None:
        """Anybody has ancestors of an accepted block accepted, or tries."""
        standing = [one for one in self.model.target.standing() if one.block in self.model.branch[1:]]
        if not standing:
            return
        start = self.random.choice(standing)
        at = self.model.branch.index(start.block)
        chain = self.model.branch[max(at - 3, 0) : at][::-1]
        after: Target | None = self.model.target
        for ancestor in chain:
            after = None if after is None else after.with_block(ancestor, final=start.is_final)
        headers = [await self.here.client.source.header(block.number) for block in (start.block, *chain)]
        try:
            await self.here.extend(*headers)
        except TransactionReverted as error:
            assert (error.name, after) == ("Contradiction", None), "I8"
            self.counted["ancestors refused"] += 1
            return
        assert after is not None, "I8"
        if start.is_final:
            self.final |= set(chain)
        self._accepted(after)

    def _accepted(self, after: Target) -> None:
        displaced = {one.block for one in after.accepted if one.is_revoked} - {
            one.block for one in self.model.target.accepted if one.is_revoked
        }
        self.counted["displaced by a final one"] += len(displaced)
        self._remember(after)

    async def revoke(self) -> None:
        """The signers revoke what the source has dropped."""
        if not self.model.dropped():
            return
        await self._revoke(self.model.head_below_dropped(), self.here.revoke)

    async def revoke_too_much(self) -> None:
        """They revoke more than that: it is theirs to say, and takes what is canonical too."""
        standing = self.model.target.standing()
        if not standing or self.random.random() < 0.6:
            return
        head = self.random.choice(standing).block
        await self._revoke(head, lambda: self.here.revoke_above(head.hash))

    async def _revoke(self, head: Block | None, revoke: Callable[[], Awaitable[None]]) -> None:
        after = self.model.target.revoked_above(head)
        if after is not None:
            await revoke()
            self._remember(after)
            return
        with pytest.raises(TransactionReverted) as caught:
            await revoke()
        assert caught.value.name == "FinalBlockAbove", "I7"
        self.counted["revocation refused"] += 1

    async def sync(self) -> None:
        """One of two parties, neither of whom knows of the other, syncs to the newest block."""
        await self._go(self.random.choice((self.here.client, self.other)))

    async def sync_anywhere(self) -> None:
        """Somebody asks for the number of any block that the anchor ever accepted, orphans among them."""
        await self._go(self.here.client, self.random.choice(self.model.target.accepted).block.number)

    async def watch(self) -> None:
        """A watcher with the signers' keys looks until there is nothing to be done."""
        async with self.here.watch() as watch:
            while True:
                now = await self.here.record()
                if now.block_hash == (await self.here.latest()).hash:
                    break
                try:
                    await watch.quiet(0.4)
                except AssertionError:
                    told = await watch.until(object)
                    self.counted[f"watch: {type(told).__name__}"] += 1
                    continue
                break
        assert all(event.block_hash != event.orphan_hash for event in watch.told if isinstance(event, Recovered))
        await self._reread()

    async def fork_the_target(self) -> None:
        """The target drops its newest blocks, and with them whatever they did."""
        now = self._target_number()
        stood = [number for number in self.model.past if number < now]
        if not stood:
            return
        number = self.random.choice(stood[-4:])
        self.here.target.request("anvil_reorg", [now - number, []])
        self.model.target = self.model.past[number]
        self.model.past = {n: state for n, state in self.model.past.items() if n <= number}

    # --- what must hold ---

    async def check(self) -> None:
        target, record = self.model.target, await self.here.record()
        assert record.block_hash == target.recorded.hash
        values = [await self.here.value(self.here.replica, key) for key in range(KEYS)]
        assert tuple(values) == target.recorded.values, "I1, I9"
        assert await self.here.level() == target.level(target.recorded.hash)
        await self._check_strict_read()
        for one in target.accepted:
            assert (await self.here.block(one.block.hash)).level == target.level(one.block.hash), "I7, I8"
        is_exact = self.model.is_canonical(target.recorded) and not target.may_read()
        if is_exact and self.random.random() < 0.3:
            await self.here.assert_exact()
            self.counted["verified"] += 1

    async def _check_strict_read(self) -> None:
        expected = self.model.target.may_read()
        try:
            served = await self.here.value(self.guard, 0)
        except TransactionReverted as error:
            assert error.name == expected, "I2"
            self.counted[f"read refused: {error.name}"] += 1
        else:
            assert not expected, "I2"
            assert served == self.model.target.recorded.values[0]

    # --- private ---

    async def _block(self, key: int, value: int) -> None:
        header = await self.here.set((key, value))
        values = list(self.model.branch[-1].values)
        values[key] = value
        self.model.branch.append(Block(header.number, header.hash, tuple(values)))

    async def _go(self, client: SmartSync, number: int | None = None) -> None:
        """Sync to the source's block of a number, or to the newest accepted one; it goes as the model says."""
        before = self.model.target
        wanted = self._meant(number)
        if not isinstance(wanted, Block):
            with pytest.raises(SmartSyncError) as caught:
                await client.sync(self.here.replica, block=number, slots=self.here.slots)
            assert caught.type is wanted, f"I3, I4: {wanted.__name__}, and not {caught.value!r}"
            self.counted[f"sync refused: {wanted.__name__}"] += 1
            return
        result = await client.sync(self.here.replica, block=number, slots=self.here.slots)
        assert result.block_hash == wanted.hash, "I5"
        if wanted == before.recorded:
            assert not result.steps
            return
        lower = wanted.number <= before.recorded.number
        self.counted["synced to a lower or the same number" if lower else "synced"] += 1
        self._remember(before.gone(wanted.hash))

    def _meant(self, number: int | None) -> Block | type[SmartSyncError]:
        """Return the block that the replica comes to stand at, or the error that says why it cannot."""
        target, newest = self.model.target, self.model.target.newest()
        if number is None and newest is None:
            return BlockNotAccepted
        at = newest.block.number if number is None and newest is not None else number
        block = next((one for one in self.model.branch if one.number == at), None)
        if block is None:
            return BlockUnavailable
        if number is None and newest is not None and newest.block != block:
            return SourceReorganised
        if block == target.recorded and target.level(block.hash) != "revoked":
            return block
        refusal = target.may_go(block.hash)
        return REFUSED[refusal] if refusal else block

    async def _reread(self) -> None:
        """Take over what a watcher did: the accepted blocks that it added are canonical, or it did wrong."""
        target, record = self.model.target, await self.here.record()
        known = {block.hash: block for block in self.model.branch}
        known |= {one.block.hash: one.block for one in target.accepted}
        accepted = []
        for block in known.values():
            level = (await self.here.block(block.hash)).level
            if level == "unknown":
                continue
            before = target.level(block.hash)
            if before in ("unknown", "revoked") and level in ("safe", "final"):
                assert self.model.is_canonical(block), "I3: the watcher had an orphan accepted"
            if before == "safe" and level == "revoked":
                self.counted["revoked by a watcher"] += 1
            assert (before, level) != ("final", "revoked"), "I7"
            accepted.append(Accepted(block, level == "final", level == "revoked"))
        assert (await self.here.client.status(self.here.replica)).anchor_status == "active", (
            "honest signers do not freeze"
        )
        recorded = known[record.block_hash]
        if recorded != target.recorded:
            assert self.model.is_canonical(recorded), "the watcher led the replica to an orphan"
        self._remember(Target(tuple(accepted), recorded))

    def _remember(self, after: Target) -> None:
        self.model.target = after
        self.model.past[self._target_number()] = after

    def _target_number(self) -> int:
        return int(self.here.target.request("eth_blockNumber"), 16)


WEIGHTS: dict[Callable[[Story], Awaitable[None]], int] = {
    Story.write: 5,
    Story.reorganise: 4,
    Story.attest: 6,
    Story.attest_as_final: 1,
    Story.extend: 2,
    Story.revoke: 3,
    Story.revoke_too_much: 1,
    Story.sync: 6,
    Story.sync_anywhere: 2,
    Story.watch: 1,
    Story.fork_the_target: 2,
}


@pytest.mark.parametrize("source", ["forking", "geth_osaka"], indirect=True)
@pytest.mark.timeout(120 + 3 * STEPS)
async def test_t12_random_story_holds_all_invariants(
    source: Node | Consensus, target: Node, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ.get("SMARTSYNC_FORK_SEED") or secrets.randbelow(2**32))
    with capsys.disabled():
        print(f"\nstory of forks: SMARTSYNC_FORK_SEED={seed} SMARTSYNC_FORK_STEPS={STEPS}", flush=True)
    rng = random.Random(seed)
    async with scene(source, target) as here:
        first = await block_now(here, await here.client.source.header((await here.record()).block_number))
        account = here.target.accounts[7]
        guard = await here.guard()
        async with SmartSync.connect(here.proxy.url, target.url, hub=here.client.hub, account=account) as other:
            other._sender = Sender(other.target, account, poll_s=0.05)
            model = Model([first], Target((Accepted(first, is_final=False),), first))
            story = Story(here, model, rng, guard, other)
            story._remember(model.target)
            began, steps = time.monotonic(), 0
            actions, weights = list(WEIGHTS), list(WEIGHTS.values())
            while steps < STEPS if STEPS else time.monotonic() - began < SECONDS:
                (action,) = rng.choices(actions, weights)
                steps += 1
                try:
                    await action(story)
                    await story.check()
                except (AssertionError, SmartSyncError) as error:
                    raise AssertionError(f"seed {seed}, step {steps}, {action.__name__}: {error}") from error
                story.counted[action.__name__] += 1
            await story.watch()
            await here.assert_exact()
            await here.assert_as_forked_anew()
    with capsys.disabled():
        told = ", ".join(f"{name} {count}" for name, count in sorted(story.counted.items()))
        print(f"{steps} steps: {told}", flush=True)
    if steps >= 200:
        assert story.counted["read refused: Revoked"] > 0, "the story had no fork in it that mattered"


async def block_now(here: Scene, header: Header) -> Block:
    slots = [encode("values(uint256)", key) for key in range(KEYS)]
    values = [await here.client.source.call(here.made.sample, data, block=header.number) for data in slots]
    return Block(header.number, header.hash, tuple(int.from_bytes(value, "big") for value in values))
