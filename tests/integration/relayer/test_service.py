"""The relayer on real chains: what is due is done once, whoever dies, and what cannot be done has a state."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from eth_account import Account
from sqlalchemy import text

from smartsync.anchors.once import SignersOnce
from smartsync.anchors.quorum import LocalSigners
from smartsync.chain import Chain
from smartsync.errors import RpcError, TransactionReverted
from smartsync.keccak import keccak256
from smartsync.relayer.looking import Looking
from smartsync.relayer.pairs import Pair
from smartsync.relayer.policy import EventFilter, Policy
from smartsync.relayer.queueing.embedded import Embedded
from smartsync.relayer.queueing.job import Job, Perform, Queue
from smartsync.relayer.queueing.lane import lanes_of
from smartsync.relayer.replicas import Replica
from smartsync.relayer.service import Service
from smartsync.relayer.state.costs import Costs
from smartsync.relayer.state.database import Database, opened
from smartsync.relayer.state.store import Status, Store
from smartsync.relayer.tending import Tending
from smartsync.rpc import Rpc
from smartsync.submit import Sender
from smartsync.submit.following import Following
from smartsync.testing import Node
from tests.integration.proxies.proxied import erc1967, implementation, version_of
from tests.integration.world import World, creation_code, encode, world

DEAD = "http://127.0.0.1:9"


@pytest.fixture
async def made(hardhat: Node, anvil: Node) -> AsyncIterator[World]:
    async with world(hardhat, anvil) as made:
        await made.do("setRange(uint256,uint256,uint256)", 0, 5, 1000)
        yield made


@pytest.fixture
async def replica(made: World) -> str:
    return await made.fork()


def pair_of(made: World, **changes: Any) -> Pair:
    # Its own account: the world's sends by itself.
    pair = Pair(
        name="here-there",
        source=made.client.source,
        target=made.client.target,
        target_chain_id=31338,
        hub=made.client.hub or "",
        accounts={"main": made.owner},
        signers=None,
        updates_anchors=False,
        poll_s=0.1,
    )
    return replace(pair, **changes)


@dataclass
class Kept:
    """Replicas of a pair, and who looks after them."""

    pair: Pair
    database: Database
    replicas: list[Replica]
    tending: Tending

    @property
    def store(self) -> Store:
        return self.tending.store

    def queue(self, *, once: bool = True) -> Embedded:
        return Embedded(lanes_of(self.pair.name, 4, 1, self.pair.poll_s), once=once)

    async def once(self) -> None:
        """Look once, and do what is due."""
        await self.work(self.queue())

    async def work(self, queue: Queue) -> None:
        service = Service(self.tending, self.replicas, queue)
        await queue.defer(service.looks)
        await queue.work(service.perform)


def service_of(pair: Pair, database: Database, *kept: tuple[str, Policy], dry: bool = False) -> Kept:
    replicas = [Replica(pair.name, address, f"number {place}", policy) for place, (address, policy) in enumerate(kept)]
    return Kept(pair, database, replicas, Tending(pair, database, Store(database), dry))


async def look(kept: Kept) -> dict[str, Status]:
    """Look once, wait for what is done, and return how the replicas stand, by name."""
    await kept.once()
    return {one.name: one for one in await kept.store.statuses()}


async def transactions(database: Database) -> int:
    async with database.transaction() as connection:
        return int(await connection.scalar(text("SELECT count(*) FROM transactions")) or 0)


async def test_round_syncs_what_is_behind_once(made: World, replica: str, database: Database) -> None:
    service = service_of(pair_of(made), database, (replica, Policy()))
    assert (await look(service))["number 0"].state == "exact"
    await made.do("set(uint256,uint256)", 1, 7)
    await made.attest()
    before_wei = await made.client.target.balance(made.owner.address)
    (found,) = (await look(service)).values()
    paid_wei = before_wei - await made.client.target.balance(made.owner.address)
    assert (found.state, found.failures) == ("exact", 0) and found.reason.startswith("synced to block")
    assert (await made.client.verify(replica)).exact
    for _ in range(3):
        assert (await look(service))["number 0"].state == "exact"
    assert await transactions(database) == 1
    ((_, told),) = await service.store.history("here-there", replica)
    assert (told.kind, told.changes, told.to_block) == ("sync", 1, found.block_number)
    assert told.estimated_gas and told.gas_used and told.gas_used > 60_000
    assert told.cost_wei == paid_wei > 0 and told.estimated_cost_wei
    assert (await Costs(database).by_pair(found.looked_s - 3_600)).keys() == {"here-there"}
    ((subject, cost),) = (await Costs(database).by_subject(0.0)).items()
    assert (subject, cost.gas_used, cost.cost_wei) == (f"{replica} on chain 31338", told.gas_used, paid_wei)


async def test_round_on_change_leaves_quiet_blocks_alone(made: World, replica: str, database: Database) -> None:
    service = service_of(pair_of(made), database, (replica, Policy(every_blocks=None, on_change=True)))
    await made.on_source.send(made.owner.address, b"", what="a block with nothing for the sample")
    await made.attest()
    (found,) = (await look(service)).values()
    assert found.state == "exact" and "nothing has changed" in found.reason
    assert await transactions(database) == 0
    await made.do("set(uint256,uint256)", 1, 8)
    assert (await look(service))["number 0"].state == "anchor-behind", (
        "there is a change, and no accepted block with it"
    )
    await made.attest()
    assert (await look(service))["number 0"].state == "exact"
    assert await transactions(database) == 1


async def test_round_watched_slots_only(made: World, replica: str, database: Database) -> None:
    watched = frozenset({keccak256((3).to_bytes(32) + bytes(32))})  # key 3 of the mapping in slot 0
    service = service_of(pair_of(made), database, (replica, Policy(None, True, slots=watched)))
    await made.do("set(uint256,uint256)", 1, 9)
    await made.attest()
    (found,) = (await look(service)).values()
    assert found.state == "waiting" and "waiting for a change of what is watched" in found.reason
    await made.do("set(uint256,uint256)", 3, 9)
    await made.attest()
    assert (await look(service))["number 0"].state == "exact"
    assert (await made.client.verify(replica)).exact


async def test_round_on_demand_only_when_asked(made: World, replica: str, database: Database) -> None:
    service = service_of(pair_of(made), database, (replica, Policy(None)))
    await made.do("set(uint256,uint256)", 1, 10)
    await made.attest()
    assert (await look(service))["number 0"].state == "waiting"
    assert await service.store.demand("here-there", replica)
    found = (await look(service))["number 0"]
    assert found.state == "exact" and not found.is_demanded
    assert await transactions(database) == 1


async def test_round_gathers_until_the_change_is_old_enough(
    made: World, replica: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = service_of(pair_of(made), database, (replica, Policy(None, True, max_lag_s=3_600.0)))
    now_s = await made.client.target.clock()

    async def clock(_: Chain) -> int:
        return now_s

    monkeypatch.setattr(Chain, "clock", clock)
    for value in (11, 12, 13):
        await made.do("set(uint256,uint256)", 1, value)
        await made.attest()
        found = (await look(service))["number 0"]
        assert found.state == "waiting" and "gathering what changes" in found.reason
        now_s += 1_000
    assert found.changed_s == now_s - 3_000, "the first one counts"
    now_s += 600
    assert (await look(service))["number 0"].state == "exact"
    assert await transactions(database) == 1


async def test_round_daily_gas_is_never_exceeded(made: World, replica: str, database: Database) -> None:
    service = service_of(pair_of(made), database, (replica, Policy(max_gas_a_day=1_000_000)))
    states = []
    for value in range(20, 32):
        await made.do("set(uint256,uint256)", 1, value)
        await made.attest()
        states.append((await look(service))["number 0"].state)
    assert states[0] == "exact" and states[-1] == "gas-spent"
    used = sum(told.gas_used or 0 for _, told in await service.store.history())
    assert 100_000 < used <= 1_000_000


async def test_round_fee_too_high_waits(made: World, replica: str, database: Database) -> None:
    service = service_of(pair_of(made), database, (replica, Policy(max_fee_wei=1)))
    await made.do("set(uint256,uint256)", 1, 40)
    await made.attest()
    found = (await look(service))["number 0"]
    assert found.state == "fee-too-high" and "gwei" in found.reason
    assert await transactions(database) == 0


@pytest.mark.parametrize(("role", "state"), [("source", "source-down"), ("target", "target-down")])
async def test_round_node_that_is_down_has_a_state_and_comes_back(
    made: World, replica: str, database: Database, role: Any, state: str
) -> None:
    good = service_of(pair_of(made), database, (replica, Policy()))
    await look(good)
    async with Rpc(DEAD, retries=0, timeout_s=1) as rpc:
        bad = service_of(pair_of(made, **{role: Chain(rpc, role)}), database, (replica, Policy()))
        for failures in (1, 2):
            found = (await look(bad))["number 0"]
            assert (found.state, found.failures) == (state, failures)
            assert found.block_number, "what was known is not forgotten"
    found = (await look(good))["number 0"]
    assert (found.state, found.failures) == ("exact", 0)


async def test_round_replica_that_is_none_does_not_keep_others(made: World, replica: str, database: Database) -> None:
    service = service_of(pair_of(made), database, ("0x" + "11" * 20, Policy()), (replica, Policy()))
    await made.do("set(uint256,uint256)", 1, 50)
    await made.attest()
    found = await look(service)
    assert found["number 0"].state == "failing" and "is not a replica of the hub" in found["number 0"].reason
    assert found["number 1"].state == "exact"


async def test_round_dry_run_sends_nothing(made: World, replica: str, database: Database) -> None:
    service = service_of(pair_of(made), database, (replica, Policy()), dry=True)
    await made.do("set(uint256,uint256)", 1, 60)
    await made.attest()
    nonce = await made.client.target.nonce(made.owner.address)
    assert (await look(service))["number 0"].state == "behind"
    assert await made.client.target.nonce(made.owner.address) == nonce and await transactions(database) == 0


async def test_round_account_without_funds_has_a_state(made: World, replica: str, database: Database) -> None:
    poor = {"main": Account.create()}
    service = service_of(pair_of(made, accounts=poor), database, (replica, Policy()))
    await made.do("set(uint256,uint256)", 1, 61)
    await made.attest()
    found = (await look(service))["number 0"]
    assert found.state == "no-funds" and poor["main"].address in found.reason


async def dies(service: Kept, where: Callable[[pytest.MonkeyPatch], None], patch: pytest.MonkeyPatch) -> None:
    with patch.context() as patched:
        where(patched)
        await service.once()


def before_it_is_sent(patch: pytest.MonkeyPatch) -> None:
    async def killed(*_: object) -> None:
        raise asyncio.CancelledError

    patch.setattr(Sender, "_broadcast", killed)


def after_it_was_sent(patch: pytest.MonkeyPatch) -> None:
    async def killed(*_: object, **__: object) -> None:
        raise asyncio.CancelledError

    patch.setattr(Following, "run", killed)


@pytest.mark.parametrize("where", [before_it_is_sent, after_it_was_sent])
async def test_job_that_died_is_gone_on_with_and_paid_for_once(
    made: World, replica: str, url: str, monkeypatch: pytest.MonkeyPatch, where: Callable[[pytest.MonkeyPatch], None]
) -> None:
    """What it signed is in the journal: the next process follows that, and finds nothing left to do."""
    await made.do("set(uint256,uint256)", 1, 70)
    await made.attest()
    nonce = await made.client.target.nonce(made.owner.address)
    async with opened(url) as database:
        await dies(service_of(pair_of(made), database, (replica, Policy())), where, monkeypatch)
        assert await transactions(database) == 1
    if where is after_it_was_sent:
        # In the moment in which it makes a block, anvil answers for the one before it out of either.
        async with asyncio.timeout(30):
            while await made.client.target.nonce(made.owner.address, "latest") == nonce:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    async with opened(url) as database:
        assert (await look(service_of(pair_of(made), database, (replica, Policy()))))["number 0"].state == "exact"
        assert await transactions(database) == 1
    assert await made.client.target.nonce(made.owner.address) == nonce + 1
    assert (await made.client.verify(replica)).exact


async def test_two_relayers_that_share_a_database_pay_once(made: World, replica: str, database: Database) -> None:
    pair = pair_of(made)
    one, other = [service_of(pair, database, (replica, Policy())) for _ in range(2)]
    await made.do("set(uint256,uint256)", 1, 80)
    await made.attest()
    await asyncio.gather(one.once(), other.once())
    assert await transactions(database) == 1
    assert (await made.client.verify(replica)).exact


async def test_many_replicas_with_one_key_take_their_nonces_in_turn(made: World, database: Database) -> None:
    replicas = []
    for _ in range(3):
        receipt = await made.on_source.send(None, creation_code("Sample"), what="another sample")
        sample = receipt.contract_address or ""
        await made.attest()
        replicas.append((sample, (await made.client.fork(sample, anchor=made.anchor)).replica))
    service = service_of(pair_of(made), database, *((replica, Policy()) for _, replica in replicas))
    for sample, _ in replicas:
        await made.on_source.send(sample, encode("set(uint256,uint256)", 1, 90), what="change it")
    await made.attest()
    assert {one.state for one in (await look(service)).values()} == {"exact"}
    assert await transactions(database) == 3
    for _, replica in replicas:
        assert (await made.client.verify(replica)).exact


async def test_replicas_that_need_one_copy_have_it_paid_for_once(made: World, database: Database) -> None:
    first, second = await implementation(made, 1), await implementation(made, 2)
    proxies = [await erc1967(made, first) for _ in range(3)]
    await made.attest()
    replicas = [(await made.client.fork(one.address, anchor=made.anchor)).replica for one in proxies]
    for one in proxies:
        await one.upgrade(second)
    await made.attest()
    services = [service_of(pair_of(made), database, (replica, Policy())) for replica in replicas]
    await asyncio.gather(*(service.once() for service in services))
    assert {one.state for one in await services[0].store.statuses()} <= {"exact"}
    async with database.transaction() as connection:
        what = list(await connection.scalars(text("SELECT what FROM transactions ORDER BY what")))
    assert len(what) == 4 and len([one for one in what if one.startswith("supply")]) == 1, what
    for replica in replicas:
        assert await version_of(made, replica) == 2


async def test_round_minds_the_anchor_where_a_block_is_wanted_and_none_is_accepted(
    made: World, replica: str, database: Database
) -> None:
    pair = pair_of(made, signers=SignersOnce(LocalSigners([made.owner]), made.client.target))
    service = service_of(pair, database, (replica, Policy(every_blocks=None, on_change=True)))
    assert (await look(service))["number 0"].state == "exact"
    assert await transactions(database) == 0, "nothing changed: no block is paid for"
    await made.do("set(uint256,uint256)", 1, 95)
    assert (await look(service))["number 0"].state == "exact"
    assert await transactions(database) == 2
    told = [one for _, one in await service.store.history()]
    assert [(one.kind, one.anchor is None, one.replica is None) for one in told] == [
        ("sync", True, False),
        ("accepted", False, True),
    ]
    assert (await made.client.verify(replica)).exact


async def test_round_anchor_that_needs_signatures_and_has_none_is_told(
    made: World, replica: str, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    service = service_of(pair_of(made, updates_anchors=True), database, (replica, Policy()))
    await made.do("set(uint256,uint256)", 1, 96)
    for _ in range(2):
        assert (await look(service))["number 0"].state == "anchor-behind"
    (told,) = (one for one in caplog.messages if made.anchor in one)  # once
    assert "signers in [pairs.here-there]" in told and "--" not in told, "what run has, not options of other commands"
    assert await transactions(database) == 0


async def states(database: Database) -> list[tuple[int, str]]:
    async with database.transaction() as connection:
        rows = await connection.execute(text("SELECT nonce, state FROM transactions ORDER BY id"))
        return [(nonce, state) for nonce, state in rows]


async def test_reorganisation_that_undoes_a_sync_sends_the_same_transaction_again(
    made: World, replica: str, database: Database
) -> None:
    """Another one would be paid for besides, as soon as the first one is mined again; or wait for ever."""
    service = service_of(pair_of(made), database, (replica, Policy()))
    await made.do("set(uint256,uint256)", 1, 71)
    await made.attest()
    snapshot = await made.client.target.rpc.call("evm_snapshot", [])
    nonce = await made.client.target.nonce(made.owner.address)
    assert (await look(service))["number 0"].state == "exact"
    await made.client.target.rpc.call("evm_revert", [snapshot])
    assert await made.client.target.nonce(made.owner.address) == nonce
    await made.client.target.rpc.call("anvil_mine", [hex(2)])
    assert (await look(service))["number 0"].state in ("exact", "behind")
    assert (await look(service))["number 0"].state == "exact"
    assert await states(database) == [(nonce, "included")]
    assert (await made.client.verify(replica)).exact


async def test_included_is_final_once_it_is_deep_enough(made: World, replica: str, database: Database) -> None:
    service = service_of(pair_of(made, confirmations=3), database, (replica, Policy()))
    await made.do("set(uint256,uint256)", 1, 72)
    await made.attest()
    await look(service)
    assert [state for _, state in await states(database)] == ["included"]
    await made.client.target.rpc.call("anvil_mine", [hex(3)])
    await look(service)
    assert [state for _, state in await states(database)] == ["final"]


async def test_round_follows_what_a_dead_job_signed_although_nothing_is_due_any_more(
    made: World, replica: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its nonce is a gap: whatever the account signs for others waits behind it."""
    await made.do("set(uint256,uint256)", 1, 73)
    await made.attest()
    nonce = await made.client.target.nonce(made.owner.address)
    await dies(service_of(pair_of(made), database, (replica, Policy())), before_it_is_sent, monkeypatch)
    monkeypatch.setattr("smartsync.relayer.state.journal.ABANDONED_S", 0.0)
    await look(service_of(pair_of(made), database, (replica, Policy(None))))
    assert await states(database) == [(nonce, "included")]
    assert await made.client.target.nonce(made.owner.address) == nonce + 1


async def test_round_policy_that_the_node_cannot_answer_does_not_keep_others(
    made: World, replica: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def too_many(*_: object, **__: object) -> None:
        raise RpcError("eth_getLogs", -32005, "query returned more than 10000 results")

    events = frozenset({EventFilter(topic=b"\1" * 32)})
    service = service_of(
        pair_of(made), database, (replica, Policy(None, True, events=events)), ("0x" + "11" * 20, Policy())
    )
    await made.do("set(uint256,uint256)", 1, 74)
    await made.attest()
    monkeypatch.setattr(Chain, "logs", too_many)
    found = await look(service)
    assert "10000 results" in found["number 0"].reason
    assert "is not a replica of the hub" in found["number 1"].reason


@pytest.mark.parametrize("function", ["newest_accepted", "accepted_block"])
async def test_round_anchor_that_reverts_does_not_keep_others(
    made: World, replica: str, database: Database, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    async def reverts(*_: object) -> None:
        raise TransactionReverted("by an anchor that is no more what it was")

    service = service_of(pair_of(made), database, (replica, Policy()), ("0x" + "11" * 20, Policy()))
    monkeypatch.setattr(f"smartsync.relayer.scanning.{function}", reverts)
    found = await look(service)
    assert (found["number 0"].state, found["number 1"].state) == ("failing", "failing")
    assert "is not a replica of the hub" in found["number 1"].reason


async def test_work_goes_on_after_what_nobody_foresaw(
    made: World, replica: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = service_of(pair_of(made), database, (replica, Policy()))
    real, broken = Looking.look, iter([True])

    async def breaks_once(*arguments: Any) -> Any:
        if next(broken, False):
            raise KeyError("unforeseen")
        return await real(*arguments)

    monkeypatch.setattr(Looking, "look", breaks_once)
    queue = service.queue(once=False)
    running = asyncio.create_task(service.work(queue))
    for _ in range(200):
        await asyncio.sleep(0.05)
        if running.done() or await service.store.statuses():
            break
    assert await service.store.statuses()
    assert not running.done()
    queue.stop()
    await running


async def test_work_that_is_stopped_begins_nothing_that_waits(
    made: World, replica: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = service_of(pair_of(made), database, (replica, Policy()))
    await made.do("set(uint256,uint256)", 1, 75)
    await made.attest()
    queue = service.queue()
    real = Looking.remember

    async def stopped(*arguments: Any) -> None:
        queue.stop()  # a sync is due, and in the queue
        await real(*arguments)

    monkeypatch.setattr(Looking, "remember", stopped)
    monkeypatch.setattr(Embedded, "_begin", _one_after_another(Embedded._begin))
    await service.work(queue)
    assert [one.state for one in await service.store.statuses()] == ["behind"]
    assert await transactions(database) == 0


def _one_after_another(begin: Callable[[Embedded, Perform], None]) -> Callable[[Embedded, Perform], None]:
    def begin_where_idle(queue: Embedded, perform: Perform) -> None:
        if not queue._at_work:
            begin(queue, perform)

    return begin_where_idle


async def test_look_is_not_held_up_by_an_anchor_and_goes_on_at_once_after_an_outage(
    made: World, replica: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = service_of(pair_of(made), database, (replica, Policy()))
    await made.do("set(uint256,uint256)", 1, 76)
    released = asyncio.Event()

    async def slow(*_: object) -> bool:
        await released.wait()
        return False

    monkeypatch.setattr(Tending, "mind", slow)
    queue = service.queue(once=False)
    running = asyncio.create_task(service.work(queue))
    looked: set[float] = set()
    for _ in range(200):
        await asyncio.sleep(0.05)
        looked |= {one.looked_s for one in await service.store.statuses()}
        if len(looked) > 2:
            break
    assert len(looked) > 2, "looks go on while the anchor is minded"
    queue.stop()
    released.set()
    await running
    await made.attest()
    known = (await service.store.statuses())[0]
    await service.store.remember(replace(known, state="source-down", failures=300))
    assert (await look(service))["number 0"].state == "exact", "looks that failed are no tries that failed"


async def test_tend_that_failed_is_tried_again_later_and_its_reason_stands_meanwhile(
    made: World, replica: str, database: Database
) -> None:
    poor = {"main": Account.create()}
    service = service_of(pair_of(made, accounts=poor), database, (replica, Policy()))
    await made.do("set(uint256,uint256)", 1, 77)
    await made.attest()
    queue = service.queue(once=False)
    running = asyncio.create_task(service.work(queue))
    looked: dict[float, tuple[str, int]] = {}
    for _ in range(200):
        await asyncio.sleep(0.05)
        looked |= {one.looked_s: (one.state, one.failures) for one in await service.store.statuses()}
        if len(looked) > 8:
            break
    queue.stop()
    await running
    found = list(looked.values())
    assert len(found) > 8
    assert found[found.index(("no-funds", 1)) :] == [("no-funds", 1)] * (len(found) - found.index(("no-funds", 1)))


async def test_mind_ends_at_the_days_gas_of_an_anchor(
    made: World, replica: str, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """An anchor that takes much and accepts nothing would be paid for at each look."""
    pair = pair_of(
        made, signers=SignersOnce(LocalSigners([made.owner]), made.client.target), max_anchor_gas_a_day=400_000
    )
    service = service_of(pair, database, (replica, Policy()))
    found = []
    for value in range(6):
        await made.do("set(uint256,uint256)", 1, 1_000 + value)
        found.append((await look(service))["number 0"].state)
    async with database.transaction() as connection:
        rows = await connection.execute(text("SELECT subject, gas, gas_used FROM transactions"))
        used = [row for row in rows if made.anchor in row.subject]
    assert found[0] == "exact" and found[-1] == "anchor-behind"
    assert used and sum(row.gas_used for row in used[:-1]) + used[-1].gas <= 400_000
    assert len([one for one in caplog.messages if "gas" in one and made.anchor in one and "left" in one]) == 1
    pair = replace(pair, max_anchor_gas_a_day=None)
    assert (await look(service_of(pair, database, (replica, Policy()))))["number 0"].state == "exact"


async def test_mind_of_an_anchor_that_no_replica_has_is_not_paid_for(
    made: World, replica: str, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever can write to the queue can have nothing signed."""
    pair = pair_of(made, signers=SignersOnce(LocalSigners([made.owner]), made.client.target))
    service = service_of(pair, database, (replica, Policy()))
    other = (await made.client.deploy(signers=[made.owner.address], threshold=1, max_drift_s=86_400)).anchor
    await look(service)
    (known,) = await service.store.statuses()
    await service.store.remember(replace(known, anchor=other, state="anchor-behind"))
    before = await transactions(database)
    queue = service.queue()
    performer = Service(service.tending, service.replicas, queue)
    await queue.defer([Job("mind", pair.name, pair.subject(other))])
    await queue.work(performer.perform)
    assert await transactions(database) == before
    assert [one for one in caplog.messages if other in one and "left out" in one]


async def test_job_of_another_configuration_is_dropped_and_told_once(
    made: World, replica: str, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    service = service_of(pair_of(made), database, (replica, Policy()))
    caplog.set_level(logging.INFO, "smartsync")
    stranger = Job("tend", "here-there", service.pair.subject("0x" + "11" * 20))
    for _ in range(2):
        queue = service.queue()
        performer = Service(service.tending, service.replicas, queue)
        await queue.defer([stranger, Job("look", "here-there", "part 9 (00000000)")])
        await queue.work(performer.perform)
    assert len([one for one in caplog.messages if "is not of this configuration" in one]) == 4
    assert await service.store.statuses() == []
