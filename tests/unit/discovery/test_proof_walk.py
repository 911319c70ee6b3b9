from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from smartsync.discovery.completeness import source_nodes
from smartsync.discovery.probes import Probes
from smartsync.discovery.proof_walk import Side, Walk, walk
from smartsync.errors import InvalidProof, NonCanonicalTrie
from smartsync.keccak import keccak256
from smartsync.trie.nibbles import to_nibbles
from smartsync.trie.node import Node, root_hash
from smartsync.trie.trie import build, storage_value
from tests.oracle import OracleTrie

ADDRESS = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
MINED = json.loads((Path(__file__).parents[2] / "vectors" / "mined_slots.json").read_text())


def slot(number: int) -> bytes:
    return number.to_bytes(32, "big")


class Prover:
    """A node that proves the slots of one storage. ``rounds``: how many at each question."""

    def __init__(self, values: dict[bytes, int]) -> None:
        self.trie = OracleTrie({keccak256(key): value for key, value in values.items()})
        self.rounds: list[int] = []

    def side(self) -> Side:
        return Side(self.trie.root, self.ask)

    async def ask(self, slots: Sequence[bytes]) -> Iterable[bytes]:
        self.rounds.append(len(slots))
        return [node for one in slots for node in self.trie.proof(keccak256(one))]


def changes(old: dict[bytes, int], new: dict[bytes, int]) -> dict[bytes, tuple[int, int]]:
    pairs = {key: (old.get(key, 0), new.get(key, 0)) for key in old.keys() | new.keys()}
    return {keccak256(key): pair for key, pair in pairs.items() if pair[0] != pair[1]}


async def walked(old: Prover, new: Prover, probes: Probes | None = None) -> Walk:
    return await walk(old.side(), new.side(), probes or Probes())


@pytest.mark.parametrize("seed", range(20))
async def test_walk_finds_exactly_what_changed(seed: int) -> None:
    rng = random.Random(seed)
    old = {keccak256(slot(number)): rng.randint(1, 2**255) for number in range(rng.choice((0, 1, 20, 400)))}
    new = dict(old)
    for key in rng.sample(sorted(old), min(len(old), 8)):
        new[key] = rng.choice((0, rng.randint(1, 2**255)))
    for number in range(rng.randint(0, 8)):
        new[keccak256(b"new" + slot(number))] = rng.randint(1, 300)
    new = {key: value for key, value in new.items() if value}
    before, after = Prover(old), Prover(new)
    found = await walked(before, after)
    assert (found.changed, found.open) == (changes(old, new), ())


async def test_walk_asks_only_where_the_tries_differ() -> None:
    old = {slot(number): 2**200 + number for number in range(3000)}
    new = {**old, slot(77): 5}
    before, after = Prover(old), Prover(new)
    found = await walked(before, after)
    assert found.changed == changes(old, new)
    assert sum(before.rounds) <= 5 and sum(after.rounds) <= 5, "one slot a level"


async def test_walk_between_equal_roots_asks_nothing() -> None:
    before = Prover({slot(1): 1})
    assert await walked(before, before) == Walk({}, ())
    assert before.rounds == []


@pytest.mark.parametrize("empty_side", ["old", "new"])
async def test_walk_from_and_to_an_empty_trie_finds_all(empty_side: str) -> None:
    values = {slot(number): number + 1 for number in range(50)}
    old, new = ({}, values) if empty_side == "old" else (values, {})
    found = await walked(Prover(old), Prover(new))
    assert found.changed == changes(old, new)


@pytest.mark.parametrize("nibbles", ["8", "10"])
async def test_walk_too_deep_to_guess_is_left_open_and_a_known_slot_opens_it(nibbles: str) -> None:
    # Two slots whose trie keys share so many nibbles that nobody finds a third in time.
    one, two, *_ = map(slot, MINED[nibbles][0])
    old, new = {one: 2**200, two: 7}, {one: 2**201, two: 7}
    before, after = Prover(old).side(), Prover(new).side()
    probes = Probes(budget=1 << 12)
    found = await walk(before, after, probes)
    (position,) = found.open
    assert found.changed == {} and to_nibbles(keccak256(one)).startswith(position)
    probes.add([one])
    assert await walk(before, after, probes) == Walk(changes(old, new), ())


async def test_walk_a_known_neighbour_is_enough_to_see_where_a_new_key_lies() -> None:
    one, two, *_ = map(slot, MINED["10"][0])
    before, after = Prover({one: 2**200}).side(), Prover({one: 2**200, two: 2**201}).side()
    probes = Probes(budget=1 << 12)
    probes.add([one])
    found = await walk(before, after, probes)
    (position,) = found.open
    assert len(position) >= 11 and to_nibbles(keccak256(two)).startswith(position)


async def test_walk_more_than_it_is_good_for_is_left_open() -> None:
    many = Prover({slot(number): 2**200 for number in range(400)})
    found = await walk(Prover({}).side(), many.side(), Probes(), at_most=20)
    assert found.gave_up and len(found.open) > 20
    assert many.rounds == [1], "it stops when it sees how many there are"


# --- nodes that lie ---

VALUES = {number: 2**200 + number for number in range(100)}


def of_fake(node: Any) -> Side:
    return Side(root_hash(node.trie), partial(source_nodes, node.chain, node.header(7), ADDRESS))


def lying(node: Any, lie: Callable[[list[str]], list[str]]) -> Any:
    """Bend the storage proofs of a node."""
    honest = node._eth_getProof

    def bent(*asked: Any) -> dict[str, Any]:
        told = honest(*asked)
        return told | {"storageProof": [one | {"proof": lie(one["proof"])} for one in told["storageProof"]]}

    node.override["eth_getProof"] = bent
    return node


LIES: dict[str, Callable[[list[str]], list[str]]] = {
    "nothing": lambda nodes: [],
    "the root node only": lambda nodes: nodes[:1],
    "another trie": lambda nodes: [f"0x{node.hex()}" for node in OracleTrie({bytes(32): 5}).proof(bytes(32))],
    "a flipped bit in each node": lambda nodes: [f"{node[:-1]}{int(node[-1], 16) ^ 1:x}" for node in nodes],
    "no last node": lambda nodes: nodes[:-1],
}


@pytest.mark.parametrize("lie", LIES)
async def test_walk_node_that_does_not_prove_is_named(fake: Any, lie: str) -> None:
    old, new = fake(VALUES), lying(fake({**VALUES, 5: 1, 6: 2}), LIES[lie])
    with pytest.raises(InvalidProof, match=r"fake:8545, .* at block 7"):
        await walk(of_fake(old), of_fake(new), Probes())


async def test_walk_surplus_nodes_change_nothing(fake: Any) -> None:
    surplus = [f"0x{node.hex()}" for node in OracleTrie({bytes(32): 5}).proof(bytes(32))]
    old, new = fake(VALUES), lying(fake({**VALUES, 5: 1}), lambda nodes: [*nodes, *surplus, "0x01", "0x"])
    found = await walk(of_fake(old), of_fake(new), Probes())
    assert found == Walk({keccak256(slot(5)): (2**200 + 5, 1)}, ())


async def test_walk_zero_that_a_node_keeps_is_told(fake: Any) -> None:
    kept: Node = build(
        [(keccak256(slot(1)), b"\x80"), *((keccak256(slot(n)), storage_value(2**200)) for n in range(2, 9))]
    )
    old, new = fake({n: 2**200 for n in range(2, 9)}), fake({}, stored=kept)
    with pytest.raises(NonCanonicalTrie):
        await walk(of_fake(old), of_fake(new), Probes())
