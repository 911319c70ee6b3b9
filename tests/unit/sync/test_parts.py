from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import pytest
from eth_abi.abi import encode

from smartsync.answers import Receipt
from smartsync.chain import Chain
from smartsync.contracts import decode_call
from smartsync.errors import TransactionReverted, TransactionTooLarge, TransitionTooLarge
from smartsync.keccak import keccak256
from smartsync.replica import ReplicaKey, ReplicaRecord
from smartsync.sync import parts
from smartsync.sync.parts import InParts, least_gas
from smartsync.sync.planning import Plan
from smartsync.trie.trie import build, storage_value
from smartsync.types import TX_BYTES_CAP, Account, SlotChange
from smartsync.witness import START, Transition, WalkState, advance, conclude, encode_writes, plan_transition

ADDRESS = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
PART_BYTES = 2_000
CAP = 10_000_000


def slot(number: int) -> bytes:
    return number.to_bytes(32, "big")


def transition(slots: int = 300, changed: int = 60) -> Transition:
    chance = random.Random(2026)
    old = {slot(number): chance.randrange(1, 2**160) for number in range(slots)}
    new = old | {slot(number): chance.randrange(1, 2**160) for number in range(changed)}
    tries = (build((keccak256(key), storage_value(value)) for key, value in side.items()) for side in (old, new))
    return plan_transition(*tries, old)


STEP = transition()


@dataclass
class FakeHub:
    """The target chain: a hub that proves what is sent to it, by the rules of the witness. Stands for the sender too.

    ``largest``: bytes of witness that one transaction has gas for. ``estimated`` is raised by each estimation.
    """

    node: Any
    values: dict[bytes, int]
    proven: set[tuple[bytes, bytes]] = field(default_factory=set)
    sent: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    gas_cap: int = CAP
    largest: int = TX_BYTES_CAP
    estimated: Exception | None = None

    def __post_init__(self) -> None:
        self.node.override["eth_call"] = self.is_proven

    @property
    def chain(self) -> Chain:
        return self.node.chain

    def is_proven(self, message: dict[str, str], block: str) -> str:
        call = decode_call("Hub", bytes.fromhex(message["data"][2:]))
        assert call is not None and call.name == "isProven"
        asked = call.arguments["pending"], call.arguments["writesHash"]
        return f"0x{encode(['bool'], [asked in self.proven]).hex()}"

    async def cap(self) -> int:
        return self.gas_cap

    async def settle(self) -> None:
        assert not self.sent, "it is asked for before anything is sent"

    async def estimate(self, to: str, data: bytes) -> int:
        assert not self.sent, "it is tried before anything is sent"
        if self.estimated:
            raise self.estimated
        return 1

    async def send(self, to: str, data: bytes, *, what: str) -> Receipt:
        call = decode_call("Hub", data)
        assert call is not None
        if call.name == "prepare":
            self.prepare(call.arguments, what)
        self.sent.append((what, dict(call.arguments)))
        return Receipt(keccak256(data), 7, True, 21_000, None, (), len(data))

    def prepare(self, given: Any, what: str) -> None:
        if len(given["witness"]) > self.largest:
            raise TransactionTooLarge(None, CAP, what=what)
        state = WalkState(given["pending"], given["writesHash"])
        assert state == START or (state.pending, state.writes_hash) in self.proven
        after = advance(state, given["witness"], lambda key: self.values.get(key, 0))
        self.proven.add((after.pending, after.writes_hash))

    @property
    def whats(self) -> list[str]:
        return [what for what, _ in self.sent]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "_PART_BYTES", PART_BYTES)


@pytest.fixture
def hub(fake: Any) -> FakeHub:
    return FakeHub(fake({}), {change.slot: change.old for change in STEP.changes})


def in_parts(hub: FakeHub, step: Transition = STEP) -> InParts:
    key = ReplicaKey(1, ADDRESS, ADDRESS, ADDRESS, bytes(32), bytes(32))
    told = dict.fromkeys(ReplicaRecord.__dataclass_fields__, 0) | {"status": "active", "key": key}
    header = hub.node.header(7)
    record = ReplicaRecord(**told)  # type: ignore[arg-type]
    plan = Plan(header, record, Account(1, 0, bytes(32), bytes(32)), b"proof", step, "a test's")
    return InParts(hub.chain, hub, ADDRESS, ADDRESS, plan)  # type: ignore[arg-type]


async def test_run_proves_part_by_part_and_commits_all_writes(hub: FakeHub) -> None:
    made = in_parts(hub)
    await made.run()
    count = len(hub.sent) - 1
    assert count > 3
    assert hub.whats == [*(f"prepare part {n} of {count}" for n in range(1, count + 1)), "commit block 7"]
    assert [step.what for step in made.steps] == hub.whats
    assert b"".join(given["witness"] for _, given in hub.sent[:-1]) == STEP.witness
    assert all(len(given["witness"]) <= PART_BYTES for _, given in hub.sent[:-1])
    commit = hub.sent[-1][1]
    assert (commit["accountProof"], commit["writes"]) == (b"proof", encode_writes(STEP.changes))
    assert conclude(WalkState(commit["pending"], bytes(32))) == (STEP.old_root, STEP.new_root)
    assert {given["blockHash"] for _, given in hub.sent} == {hub.node.header(7).hash}


async def test_run_again_skips_what_is_proven(hub: FakeHub) -> None:
    assert not await in_parts(hub).begun()
    await in_parts(hub).run()
    count = len(hub.sent) - 1
    first, last = ((hub.sent[n][1]["pending"], hub.sent[n][1]["writesHash"]) for n in (1, count - 1))
    hub.proven, hub.sent = {first, last}, []
    assert await in_parts(hub).begun()
    await in_parts(hub).run()
    missing = [n for n in range(2, count + 1) if n != count - 1]
    assert hub.whats == [*(f"prepare part {n} of {count}" for n in missing), "commit block 7"]


async def test_run_part_that_does_not_fit_is_halved(hub: FakeHub) -> None:
    hub.largest = PART_BYTES // 2 + 200
    made = in_parts(hub)
    await made.run()
    assert b"".join(given["witness"] for _, given in hub.sent[:-1]) == STEP.witness
    assert max(len(given["witness"]) for _, given in hub.sent[:-1]) <= hub.largest
    hub.sent = []
    assert await in_parts(hub).begun(), "the halves are found again"
    await in_parts(hub).run()
    assert hub.whats == ["commit block 7"]


async def test_run_part_too_short_to_be_cut_is_an_error(hub: FakeHub) -> None:
    hub.largest = 10
    with pytest.raises(TransactionTooLarge, match="prepare part 1 of"):
        await in_parts(hub).run()
    assert hub.sent == []


async def test_run_tells_parts_done_and_total(hub: FakeHub) -> None:
    made, told = in_parts(hub), []
    made.on_progress = lambda *progress: told.append(progress)
    await made.run()
    count = len(hub.sent) - 1
    assert told == [*(("prepare block 7", done, count) for done in range(count + 1)), ("commit", 0, 0)]


async def test_run_writes_that_surely_use_too_much_are_refused(hub: FakeHub) -> None:
    hub.gas_cap = 300_000  # the 60 writes alone
    with pytest.raises(TransitionTooLarge, match="block 7 has 60 writes, too many for one transaction") as caught:
        await in_parts(hub).run()
    assert "one transaction may use 300000" in caught.value.needs
    assert "--block" in caught.value.hint and caught.value.writes == 60
    assert hub.sent == []


async def test_run_writes_that_the_chain_finds_too_many_are_refused(hub: FakeHub) -> None:
    hub.estimated = TransactionTooLarge(None, CAP)
    with pytest.raises(TransitionTooLarge, match=f"more than the {CAP} gas"):
        await in_parts(hub).run()
    assert hub.sent == []


async def test_run_estimation_that_ends_at_the_missing_proof_is_fine(hub: FakeHub) -> None:
    hub.estimated = TransactionReverted("PartNotProven(part=0x00)", name="PartNotProven")
    await in_parts(hub).run()
    assert hub.whats[-1] == "commit block 7"


async def test_run_commit_that_reverts_otherwise_sends_nothing(hub: FakeHub) -> None:
    hub.estimated = TransactionReverted("BlockNotNewer(…)", name="BlockNotNewer")
    with pytest.raises(TransactionReverted, match="BlockNotNewer"):
        await in_parts(hub).run()
    assert hub.sent == []


@pytest.mark.parametrize(("client", "sent"), [("Geth/v1.17.0/linux", False), ("anvil/v1.7.1", True)])
async def test_run_commit_larger_than_pools_take_is_refused_where_there_is_a_pool(
    hub: FakeHub, client: str, sent: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.node.client = client
    # Only the commit: it holds all the writes.
    monkeypatch.setattr(parts, "fits_pools", lambda data: decode_call("Hub", data).name != "commit")  # type: ignore[union-attr]
    if sent:
        await in_parts(hub).run()
    else:
        with pytest.raises(TransitionTooLarge, match=f"bytes of calldata, and nodes take {TX_BYTES_CAP}"):
            await in_parts(hub).run()
    assert bool(hub.sent) == sent


def test_least_gas_is_calldata_and_cold_writes() -> None:
    changes = [SlotChange(slot(1), 0, 5), SlotChange(slot(2), 5, 6), SlotChange(slot(3), 5, 0)]
    assert least_gas(b"\x00\x01" * 100, changes) == 21_000 + 100 * 4 + 100 * 16 + 22_100 + 5_000 + 5_000


def test_least_gas_of_much_calldata_is_the_floor() -> None:
    assert least_gas(b"\x00\x01" * 10_000, []) == 21_000 + 10_000 * 10 + 10_000 * 40


def test_halves_are_whole_items_and_together_the_part() -> None:
    for size in (1_100, 5_000, len(STEP.witness)):
        part = parts.split_witness(STEP.witness, size)[0]
        first, second = parts._halves(part)
        assert first + second == part
        assert max(len(first), len(second)) < len(part)
        assert parts.split_witness(first, len(first)) == (first,)
    assert parts._halves(parts.split_witness(STEP.witness, 515)[0]) == []
