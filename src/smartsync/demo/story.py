"""The order of the demo: set up, fork, change, sync, read, attack."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from smartsync.demo import attack
from smartsync.demo.ens import EnsRegistry, node_of
from smartsync.demo.questions import Answer, ask, ens_questions, person, pool_questions
from smartsync.demo.reader import WINDOW_S, Reader, Sight
from smartsync.demo.report import ChainUsed, Change, Original, Report, Round
from smartsync.demo.show import Show
from smartsync.demo.stage import MAX_DRIFT_S, Stage, attestors, connected
from smartsync.demo.uniswap import ETHER, UniswapPool
from smartsync.deploy import Deployed
from smartsync.results import ForkResult, SyncResult, Verification
from smartsync.testing import ganache_node, hardhat_node

_BOB = (-600, 600)
_ALICE = (1_200, 2_400)
"""Ticks of the positions that are removed and added while the source changes."""


@dataclass(slots=True)
class Play:
    """One performance, as far as it has come. The methods are its parts, in this order.

    ``observation`` is the pool's observation that is written first after the fork.
    """

    stage: Stage
    show: Show
    report: Report
    ens: EnsRegistry = field(init=False)
    pool: UniswapPool = field(init=False)
    deployed: Deployed = field(init=False)
    replicas: dict[str, str] = field(default_factory=dict)
    readers: tuple[Reader, Reader] = field(init=False)
    observation: int = 0

    async def originals(self) -> None:
        """Two contracts that nobody here wrote, on the source chain, in use."""
        self._act("The originals, on the source chain")
        with self.show.working("ENS registry") as line:
            self.ens = await EnsRegistry.deploy(self.stage)
            line.detail = f"{_packaged(self.ens)} at {self.ens.address}"
        with self.show.working("Uniswap v3 pool") as line:
            self.pool = await UniswapPool.deploy(self.stage)
            line.detail = f"{_packaged(self.pool)} at {self.pool.address}"
        with self.show.working("Four trades, 25 seconds apart by the source's clock"):
            for token, amount in ((1, 240), (1, 130), (0, 90), (1, 310)):
                await self.pool.sell(token, amount, after_s=25)
        self.observation = await self.pool.newest_observation() + 1

    async def fork(self) -> None:
        """SmartSync on the target chain, and a replica of each original."""
        self._act("SmartSync on the target chain, and both forked")
        client = self.stage.client
        with self.show.working("The hub, and an anchor that 2 of 3 attestors can convince") as line:
            signers = [signer.address for signer in attestors()]
            self.deployed = await client.deploy(signers=signers, threshold=2, max_drift_s=MAX_DRIFT_S)
            line.detail = _gas(self.stage.note(self.deployed.steps))
        await self._attest()
        forks = [await self._fork("ENS", self.ens.address), await self._fork("pool", self.pool.address)]
        self.report.originals = (
            _original("ENS registry", self.ens, forks[0]),
            _original("Uniswap v3 pool", self.pool, forks[1]),
        )
        with self.show.working("The same reading contract on both chains") as line:
            self.readers = (
                await Reader.deploy(self.stage, "source", self.pool.address, self.ens.address),
                await Reader.deploy(self.stage, "target", self.replicas["pool"], self.replicas["ENS"]),
            )
            line.detail = "it asks a pool and a registry by CALL and STATICCALL, and knows nothing of SmartSync"
        await self._compare("fork", forks[0].block_number, ())

    async def life(self) -> None:
        """Let the source change over several blocks: slots appear, change and disappear."""
        self._act("Life goes on, on the source chain")
        first = await self.stage.source.block_number() + 1
        with self.show.working("ENS: dave.eth is new, alice.eth goes to carol and gets a resolver, bob.eth is removed"):
            await self.ens.register("dave", "dave", "resolver 2", 600)
            await self.ens.give("alice.eth", "alice", to="carol")
            await self.ens.point("alice.eth", "carol", "resolver 2")
            await self.ens.remove("bob")
        with self.show.working("Uniswap: trades move price and oracle, bob's liquidity leaves, alice adds some"):
            await self.pool.sell(1, 420, after_s=25)
            await self.pool.remove("bob", *_BOB, 8_000 * ETHER)
            await self.pool.sell(0, 150, after_s=25)
            await self.pool.add("alice", *_ALICE, 3_000 * ETHER)
            for token, amount in ((1, 380), (1, 60), (0, 45)):
                await self.pool.sell(token, amount, after_s=25)
        last = await self.stage.source.block_number()
        await self._verify(f"{last - first + 1} blocks later the replicas are what they were")

    async def sync(self) -> None:
        """Both replicas are brought to the newest block, with a proof each."""
        self._act("Both replicas synced: a proof each, checked by the target chain")
        await self._attest()
        changes = [await self._sync("ENS"), await self._sync("pool")]
        await self._compare("sync", changes[0].to_block, changes)
        before, now = (self.report.rounds[index].answers for index in (-2, -1))
        self.show.answers(before, now)
        await self._observe()

    async def attacks(self) -> None:
        """Let the source change once more, mallory forge what became of it, and an honest sync put it right."""
        self._act("The source changes again, and mallory is faster than the honest relayer")
        with self.show.working("alice.eth goes from carol to dave, who sets another resolver; one more trade"):
            await self.ens.give("alice.eth", "carol", to="dave")
            await self.ens.point("alice.eth", "dave", "resolver 1")
            await self.pool.sell(0, 200, after_s=25)
        await self._attest()
        stage, replica = self.stage, self.replicas["ENS"]
        with self.show.working("mallory sends three forgeries, without estimating first") as line:
            before = await stage.client.status(replica)
            plan = await attack.honest_plan(stage, replica, await stage.source.block_number())
            self.report.refusals = (
                await attack.write_false_owner(stage, replica, plan, "dave"),
                await attack.leave_out_a_change(stage, replica, plan),
                await attack.invent_a_block(stage, self.deployed.anchor, plan.header),
            )
            line.ok = all(refusal.refused for refusal in self.report.refusals)
            line.detail = "" if line.ok else "NOT all of them were refused"
        self.show.refusals(self.report.refusals)
        with self.show.working("The replica after the attack") as line:
            unchanged = await stage.client.status(replica) == before
            self.report.unharmed = line.ok = unchanged and (await stage.client.verify(replica)).exact
            line.detail = "untouched: same record, same storage root" if line.ok else "CHANGED"
        changes = [await self._sync("ENS"), await self._sync("pool")]
        await self._compare("after the attack", changes[0].to_block, changes)

    # --- parts of parts ---

    def _act(self, title: str) -> None:
        self.stage.act = title
        self.show.act(title)

    async def _attest(self) -> None:
        number = await self.stage.source.block_number()
        with self.show.working(f"Attestors 1 and 3 sign source block {number}") as line:
            signing = [attestors()[0], attestors()[2]]
            attested = await self.stage.client.attest(self.deployed.anchor, signing, block=number)
            line.detail = _gas(self.stage.note(attested.steps))

    async def _fork(self, name: str, original: str) -> ForkResult:
        with self.show.working(f"{name} forked") as line:
            result = await self.stage.client.fork(original, anchor=self.deployed.anchor)
            self.replicas[name] = result.replica
            line.detail = f"{result.slots} slots, {_gas(self.stage.note(result.steps, name))}, at {result.replica}"
        return result

    async def _sync(self, name: str) -> Change:
        with self.show.working(f"{name} synced") as line:
            result = await self.stage.client.sync(self.replicas[name])
            change = _counted(name, result)
            counts = f"{change.inserted} slots inserted, {change.updated} updated, {change.deleted} deleted"
            line.detail = f"{counts}, {_gas(self.stage.note(result.steps, name))}"
        return change

    async def _compare(self, name: str, block: int, changes: Sequence[Change]) -> None:
        """Ask originals and replicas the same, let the readers look, verify; and put it all into the report."""
        stage = self.stage
        with self.show.working("Originals and replicas are asked the same") as line:
            questions = pool_questions(self.observation, _BOB, _ALICE)
            answers: list[Answer] = await ask(stage, self.replicas["ENS"], ens_questions())
            answers += await ask(stage, self.replicas["pool"], questions)
            agreed = sum(answer.agree for answer in answers)
            line.ok = agreed == len(answers)
            line.detail = f"{agreed} of {len(answers)} answers agree to the byte"
        with self.show.working("The reading contract looks, in a transaction on either chain") as line:
            sights = [await reader.look(node_of("alice.eth")) for reader in self.readers]
            line.ok = sights[0].agrees(sights[1])
            gas = f"gas {sights[0].gas_used:,} on the source, {sights[1].gas_used:,} on the target"
            line.detail = f"{_seen(sights[1])}; {gas}"
        found = await self._verify("Both replicas verified, by RPC answers and proofs alone")
        mean = await self.pool.mean_tick(WINDOW_S, block)
        seen = sights[0], sights[1]
        self.report.rounds.append(Round(name, block, tuple(changes), tuple(answers), *seen, mean, found))

    async def _verify(self, text: str) -> tuple[Verification, ...]:
        with self.show.working(text) as line:
            found = [await self.stage.client.verify(replica) for replica in self.replicas.values()]
            wrong = [f"{check.name}: {check.detail}" for each in found for check in each.checks if not check.ok]
            line.ok = not wrong
            line.detail = "; ".join(wrong) or f"exact as of block {found[0].block_number}: same code, same storage root"
        return tuple(found)

    async def _observe(self) -> None:
        """Uniswap's own ``observe`` refuses to run at another address than its own. Say so, and what does instead."""
        signature = "observe(uint32[])(int56[],uint160[])"
        told = (await self.stage.client.call(self.replicas["pool"], signature, [[60, 0]])).replica
        self.report.observe_on_replica = "answers" if told.ok else f"reverts: {told.error}"
        seen = self.report.rounds[-1]
        self.show.say(
            f"The price oracle: observe() on the original gives a mean tick of {seen.oracle_mean_tick:,}; the reading "
            f"contract gets {seen.target_sight.mean_tick:,} from the replica's observations."
        )
        if not told.ok:
            self.show.say(
                "observe() itself reverts on the replica: Uniswap's noDelegateCall binds it to the original's address."
            )


async def play(show: Show) -> Report:
    """Start two nodes, play all parts, stop the nodes whatever happens, and return what came of it.

    Raises
    ------
    ToolMissing
        The nodes or the packages with the contracts are not installed.
    SmartSyncError
        A step failed.
    """
    started = time.monotonic()
    show.title()
    show.act("Two chains of different make")
    with ExitStack() as nodes:
        with show.working("ganache as the source, by the rules of Shanghai"):
            source = nodes.enter_context(ganache_node())
        with show.working("hardhat as the target, by the rules of Osaka"):
            target = nodes.enter_context(hardhat_node())
        stage = connected(source, target)
        async with stage.client:
            report = Report(
                ChainUsed(await stage.source.client_version(), source.chain_id),
                ChainUsed(await stage.target.client_version(), target.chain_id),
            )
            performance = Play(stage, show, report)
            for part in (
                performance.originals,
                performance.fork,
                performance.life,
                performance.sync,
                performance.attacks,
            ):
                await part()
    report.steps = tuple(stage.ledger)
    show.act("What it cost")
    show.gas(entry for entry in report.steps if entry.chain == "target")
    report.elapsed_s = round(time.monotonic() - started, 1)
    show.ending(report.ok, report.summary())
    return report


def _original(name: str, original: EnsRegistry | UniswapPool, fork: ForkResult) -> Original:
    contract = original.contract
    return Original(name, contract.package, contract.version, original.address, fork.replica, fork.slots or 0)


def _packaged(original: EnsRegistry | UniswapPool) -> str:
    return f"{original.contract.name} of {original.contract.package} {original.contract.version}"


def _counted(name: str, result: SyncResult) -> Change:
    kinds = Counter(change.kind for change in result.changes)
    return Change(name, result.from_block, result.to_block, kinds["insert"], kinds["update"], kinds["delete"])


def _seen(sight: Sight) -> str:
    return f"mean tick {sight.mean_tick:,}, alice.eth is {person(sight.owner)}'s"


def _gas(gas: int) -> str:
    return f"gas {gas:,}"
