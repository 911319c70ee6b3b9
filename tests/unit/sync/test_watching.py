"""What ends a watch and what is told again; the looks themselves are tested on real chains."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from smartsync.anchors.block import AnchoredBlock, AnchorState
from smartsync.errors import (
    AnchorError,
    AnchorFrozen,
    AnchorMismatch,
    BlockNotAccepted,
    BlockUnavailable,
    ConfigError,
    FinalBlockDropped,
    IncompleteSlots,
    InsufficientFunds,
    InvalidProof,
    KeyUnavailable,
    NodeUnreachable,
    NotDeployed,
    ReplicaError,
    ReplicaMoved,
    RpcError,
    SmartSyncError,
    SourceCodeChanged,
    SourceDestroyed,
    SourceReorganised,
    TooFewSignatures,
    TransactionPending,
    TransactionReverted,
    UnknownReplica,
    WrongChain,
)
from smartsync.results import AnchorUpdate, Revoked, Step, SyncResult
from smartsync.sync import minding as minding_module
from smartsync.sync import watching as watching_module
from smartsync.sync.care import Care
from smartsync.sync.minding import Minding
from smartsync.sync.news import News
from smartsync.sync.watching import Event, Watching
from tests.fake_anchor import FakeAnchor
from tests.unit.sync.records import record_at

REPLICA = "0x" + "aa" * 20
ANCHOR = "0x" + "22" * 20
SYNCED = SyncResult(REPLICA, 1, 2, bytes(32), (), ())


async def no_revocation(anchor: str) -> list[Revoked]:
    raise AssertionError("nothing is to be revoked")


async def no_sync() -> SyncResult:
    raise AssertionError("nothing is to be synced")


def nothing_left_out() -> None:
    return None


def watching(kind: type[Watching] = Watching, care: Care = Care()) -> Any:  # it is frozen
    return kind(None, None, "0x", REPLICA, no_sync, care, nothing_left_out)  # type: ignore[arg-type]  # none is asked


class Told(Watching):
    """A watcher whose looks are a list: of events, and of errors that end a look."""

    looks: list[list[Event]]

    async def _look(self) -> AsyncGenerator[Event, None]:
        for event in self.looks.pop(0):
            if isinstance(event, SmartSyncError):
                raise event
            yield event


async def run(*looks: list[Event]) -> list[Event]:
    """Return what is told in these looks; a wrong key ends the watch."""
    watcher = watching(Told)
    watcher.looks = [*looks, [ConfigError("the end")]]
    told = []
    with pytest.raises(ConfigError, match="the end"):
        async for event in watcher.run(0):
            told.append(event)
    return told


PASSING = [
    NodeUnreachable("away"),
    RpcError("eth_call", -32000, "header not found"),
    BlockUnavailable("7", "not yet"),
    InvalidProof("of another block"),
    IncompleteSlots([b""]),
    ReplicaMoved("faster"),
    TransactionReverted("BlockNotNewer"),
    TransactionPending("in no block"),
    InsufficientFunds(REPLICA, 1, 2),
    BlockNotAccepted("not yet"),
    TooFewSignatures("it", 2, 1, hint=""),
    AnchorFrozen("just now"),
    FinalBlockDropped("trust is broken"),
    SourceReorganised("again"),
    AnchorError("somebody else has revoked it meanwhile"),
]
ENDING = [
    ConfigError("x"),
    KeyUnavailable("x"),
    WrongChain("source", "node.example", 1, 2),
    AnchorMismatch("another genesis block"),
]


@pytest.mark.parametrize("error", PASSING, ids=lambda error: type(error).__name__)
def test_ends_what_may_pass_does_not(error: SmartSyncError) -> None:
    assert not watching()._ends(error)


@pytest.mark.parametrize("error", ENDING, ids=lambda error: type(error).__name__)
def test_ends_what_no_later_look_mends(error: SmartSyncError) -> None:
    assert watching()._ends(error)


@pytest.mark.parametrize("error", [UnknownReplica("x"), NotDeployed("x"), ReplicaError("filling")])
def test_ends_replica_that_never_was_there_but_not_one_that_was(error: SmartSyncError) -> None:
    watcher = watching()
    assert watcher._ends(error)
    watcher._minding = Minding(None, None, ANCHOR, Care(), News())  # type: ignore[arg-type]
    assert not watcher._ends(error), "its chain may have undone it, and do it again"


@pytest.mark.parametrize("error", [SourceDestroyed("x"), SourceCodeChanged("x")])
def test_ends_end_of_the_source_only_where_it_is_final(error: SmartSyncError) -> None:
    watcher = watching()
    for level, ends in (("unknown", False), ("safe", False), ("final", True)):
        watcher._newest_level = level
        assert watcher._ends(error) is ends


async def test_run_error_that_lasts_is_told_once() -> None:
    away = [NodeUnreachable("away")]
    assert await run(away, away, away) == away
    assert len(await run(away, [], away)) == 2, "after a good look it is news"
    assert len(await run(away, [NodeUnreachable("another node")], away)) == 2


async def test_run_search_for_slots_that_fails_is_tried_ever_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    unknown = [IncompleteSlots([b""])]
    watcher = watching(Told)
    watcher.looks = [*[unknown] * 7, [NodeUnreachable("away")], unknown, [], [ConfigError("the end")]]
    with pytest.raises(ConfigError, match="the end"):
        _ = [event async for event in watcher.run(10)]
    assert slept == [20, 40, 80, 160, 320, 320, 320, 10, 20, 10]


async def test_run_events_before_an_error_are_told() -> None:
    error = NodeUnreachable("away")
    assert await run([SYNCED, error], [SYNCED, error]) == [SYNCED, error, SYNCED]


async def test_look_at_a_node_of_another_chain_ends_the_watch_and_tells_no_reorganisation(
    monkeypatch: pytest.MonkeyPatch, node: Any, anchor: FakeAnchor
) -> None:
    record = record_at(node, 7)
    anchor.blocks = {b"\x07" * 32: (7, "safe")}  # what the node would be said to have dropped
    record = replace(record, block_hash=b"\x07" * 32, key=replace(record.key, source_chain_id=1001))

    async def read_active(*_: object) -> Any:
        return record

    monkeypatch.setattr("smartsync.sync.watching.read_active", read_active)
    watcher = Watching(node.chain, node.chain, "0x", REPLICA, no_sync, Care(revoke=no_revocation), nothing_left_out)
    with pytest.raises(WrongChain, match=r"source node fake:8545 is on chain 1337, expected chain 1001"):
        async for event in watcher.run(0):
            raise AssertionError(event)


async def test_look_checks_the_anchor_once_before_anything_else(monkeypatch: pytest.MonkeyPatch) -> None:
    async def read_active(*_: object) -> SimpleNamespace:
        return SimpleNamespace(key=SimpleNamespace(anchor=ANCHOR))

    checked: list[str] = []

    async def check(anchor: str) -> None:
        checked.append(anchor)
        raise AnchorMismatch("it has no proofs of its own")

    monkeypatch.setattr("smartsync.sync.watching.read_active", read_active)
    watcher = watching(care=Care(check=check))
    with pytest.raises(AnchorMismatch):
        async for event in watcher.run(0):
            raise AssertionError(event)
    assert checked == [ANCHOR]


async def test_look_at_a_composite_that_cannot_move_tells_who_holds_it_back_once_and_of_no_block(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The members' transactions are steps too, and the block that comes back is the one that it accepted before."""
    head = AnchoredBlock(b"\x01" * 32, 57, 570, "safe")
    answers: dict[str, Any] = {
        "read_active": SimpleNamespace(
            key=SimpleNamespace(anchor=ANCHOR, source_chain_id=1), block_number=57, block_hash=head.block_hash
        ),
        "anchor_state": AnchorState("active", 1, 0),
        "accepted_block": head,
        "head_of": head,
        "newest_accepted": head,
        "require_chain_id": None,
    }

    def stand(answer: object) -> Any:
        async def given(*_: object) -> object:
            return answer

        return given

    for name, answer in answers.items():
        for module in (watching_module, minding_module):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, stand(answer))
    monkeypatch.setattr(Minding, "_dropped", stand({}))
    monkeypatch.setattr(Watching, "_is_end_revoked", stand(False))
    latest = 57
    accepted = AnchorUpdate(57, head.block_hash, "safe", (Step("attest block 58", "0x", 134852, 1),))

    async def header(block: str) -> SimpleNamespace:
        return SimpleNamespace(number=latest)

    async def update(anchor: str, tell: Any) -> AnchorUpdate:
        tell(f"member {REPLICA} was not updated: block {latest} needs the signatures of 1 of the anchor's signers")
        return accepted

    watcher = Watching(
        SimpleNamespace(header=header),  # type: ignore[arg-type]
        None,  # type: ignore[arg-type]
        "0x",
        REPLICA,
        no_sync,
        Care(update=update),
        nothing_left_out,
    )

    async def look() -> list[Event]:
        told = [event async for event in watcher._look()]
        watcher._news.end_look()
        return told

    latest = 58
    (first,) = await look()
    assert isinstance(first, BlockNotAccepted) and first.message.startswith(f"member {REPLICA} was not updated: ")
    latest = 59
    assert await look() == []
    accepted = replace(accepted, level="final")
    assert await look() == [accepted], "that is news, also of a block that was safe before"
