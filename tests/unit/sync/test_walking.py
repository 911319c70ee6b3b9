from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from smartsync.discovery import proof_walk, slot_walk
from smartsync.discovery.candidates import Candidates
from smartsync.discovery.hints import NO_HINTS
from smartsync.discovery.slot_walk import SlotWalk
from smartsync.errors import InvalidProof, RpcError
from smartsync.keccak import keccak256
from smartsync.replica import ReplicaKey, ReplicaRecord
from smartsync.sync import walking
from smartsync.sync.walking import walk_of_sync
from smartsync.trie.nibbles import to_nibbles
from smartsync.trie.node import root_hash

ADDRESS = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
MINED = json.loads((Path(__file__).parents[2] / "vectors" / "mined_slots.json").read_text())
FAR = [int.from_bytes(keccak256(f"slot {number}".encode()), "big") for number in range(60)]
OLD = {number: 2**200 + place for place, number in enumerate(FAR[:50])}


def slot(number: int) -> bytes:
    return number.to_bytes(32, "big")


def walk_between(target: Any, source: Any) -> SlotWalk:
    key = ReplicaKey(1, ADDRESS, ADDRESS, ADDRESS, bytes(32), bytes(32))
    told = dict.fromkeys(ReplicaRecord.__dataclass_fields__, 0)
    record = ReplicaRecord(**told | {"storage_root": root_hash(target.trie), "target_block": 9, "key": key})  # type: ignore[arg-type]
    header, root = source.header(7), root_hash(source.trie)
    return walk_of_sync(source.chain, header, root, target.chain, ADDRESS, ADDRESS, record, NO_HINTS)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[set[bytes] | Exception]:
    """What the hub's past transactions tell, in portions; an error ends them."""
    portions: list[set[bytes] | Exception] = [{slot(number) for number in FAR[:25]}, {slot(n) for n in FAR[25:50]}]

    async def told(*_: object) -> AsyncGenerator[set[bytes], None]:
        for portion in portions:
            if isinstance(portion, Exception):
                raise portion
            yield portion

    monkeypatch.setattr(walking, "written_slots", told)
    return portions


async def found(walk: SlotWalk, source: Any) -> Candidates:
    return await walk.find(source.chain, ADDRESS, 3, 7)


async def test_find_names_what_changed_and_went_by_the_replicas_own_slots(fake: Any, written: Any) -> None:
    target, source = fake(OLD), fake({**OLD, FAR[3]: 5, FAR[30]: 0})
    assert await found(walk_between(target, source), source) == Candidates({slot(FAR[3]), slot(FAR[30])})


async def test_find_asks_for_no_more_of_the_past_than_it_needs(fake: Any, written: Any) -> None:
    written[1] = AssertionError("asked for more than is needed")
    target, source = fake(OLD), fake({**OLD, FAR[3]: 5})
    assert (await found(walk_between(target, source), source)).slots == {slot(FAR[3])}


async def test_find_tells_of_new_slots_by_their_trie_keys(fake: Any, written: Any) -> None:
    target, source = fake(OLD), fake({**OLD, FAR[3]: 5, FAR[55]: 6})
    told = await found(walk_between(target, source), source)
    assert told.slots == {slot(FAR[3])}
    assert told.unnamed == (to_nibbles(keccak256(slot(FAR[55]))),)
    assert told.gaps == ("1 of 2 changed trie keys are of unknown slots",)


async def test_find_without_the_hubs_past_says_so(fake: Any, written: Any) -> None:
    written[0] = RpcError("eth_getLogs", -32000, "not today")
    target, source = fake(OLD), fake({**OLD, FAR[3]: 5, 7: 1})
    told = await found(walk_between(target, source), source)
    assert told.slots == {slot(7)}, "low slots need no past"
    assert "the slots that the replica had are not known: eth_getLogs" in told.gaps[1]


async def test_find_target_whose_proofs_are_of_no_use_is_read_by_its_values(fake: Any, written: Any) -> None:
    target, source = fake(OLD), fake({**OLD, FAR[3]: 5})
    walk = walk_between(target, source)
    honest = target._eth_getProof
    target.override["eth_getProof"] = lambda *asked: (
        honest(*asked) | {"storageProof": [one | {"proof": one["proof"][:1]} for one in honest(*asked)["storageProof"]]}
    )
    read: list[object] = []

    async def values(*_: object) -> dict[bytes, int]:
        read.append(1)
        return {slot(number): value for number, value in OLD.items()}

    original, walking.replica_values = walking.replica_values, values  # type: ignore[assignment]
    try:
        assert (await found(walk, source)).slots == {slot(FAR[3])}
    finally:
        walking.replica_values = original
    assert read


async def test_find_source_that_does_not_prove_ends_it(fake: Any, written: Any) -> None:
    target, source = fake(OLD), fake({**OLD, FAR[3]: 5})
    walk = walk_between(target, source)
    honest = source._eth_getProof
    source.override["eth_getProof"] = lambda *asked: (
        honest(*asked) | {"storageProof": [one | {"proof": one["proof"][:1]} for one in honest(*asked)["storageProof"]]}
    )
    with pytest.raises(InvalidProof, match="fake:8545"):
        await found(walk, source)


async def test_find_more_than_a_walk_is_good_for_is_left_to_others(
    fake: Any, written: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proof_walk.walk, "__kwdefaults__", {"at_most": 20})
    target, source = fake({}), fake(OLD)
    walk = walk_between(target, source)
    told = await found(walk, source)
    assert told.slots == set() and "too many to walk to" in told.gaps[0]
    asked = len(source.calls)
    assert await walk.name(source.chain, ADDRESS, 3, 7) == told, "nor are they named"
    assert len(source.calls) == asked


async def test_name_more_than_a_walk_is_good_for_is_named_where_others_tell_the_trie_keys(
    fake: Any, written: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proof_walk.walk, "__kwdefaults__", {"at_most": 20})
    target, source = fake({FAR[1]: 5}), fake({**OLD, 7: 1})
    walk = walk_between(target, source)
    await found(walk, source)
    walk.take([to_nibbles(keccak256(slot(number))) for number in [*OLD, 7]])
    walk.take([b"\x01", bytes(64)])  # no trie key, and one that is made up
    told = await walk.name(source.chain, ADDRESS, 3, 7)
    assert told.slots == {slot(number) for number in [*OLD, 7]}, "low ones, and those that the replica had"
    assert told.unnamed and bytes(64) not in told.unnamed, "what nothing proves is not told as missing"


async def test_find_slot_beside_one_that_was_written_is_seen_though_it_lies_deep(fake: Any, written: Any) -> None:
    one, two, *_ = MINED["10"][0]
    written[:] = [{slot(one), slot(two)}]
    target, source = fake({one: 2**200, two: 7}), fake({one: 2**201, two: 7})
    assert await found(walk_between(target, source), source) == Candidates({slot(one)})


async def test_name_stops_as_soon_as_all_are_named(fake: Any, written: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slot_walk, "_OFFERED_AT_ONCE", 1)
    target, source = fake(OLD), fake({**OLD, FAR[55]: 6})

    async def guesses(*_: object, **__: object) -> AsyncGenerator[tuple[bytes, object], None]:
        yield slot(12345), None
        yield slot(FAR[55]), None
        raise AssertionError("asked for more than is needed")

    monkeypatch.setattr(slot_walk, "preimages", guesses)
    walk = walk_between(target, source)
    assert await walk.name(source.chain, ADDRESS, 3, 7) == Candidates({slot(FAR[55])})
