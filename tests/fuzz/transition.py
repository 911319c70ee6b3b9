"""The differential fuzz of the transition: three implementations, one answer; and no spoiled witness passes.

For each random case the old and the new storage root are computed by py-trie (the independent library), by the
package's full tries, out of partial tries that proofs gave, by the evaluation of the witness in Python, and by the
engine in an EVM. Then the witness is spoiled in several ways, and both evaluations must refuse each: by an error, or by
roots that are not the true pair.

Usage: ``python -m tests.fuzz.transition [--cases N] [--seed S] [--first INDEX]`` (``make setup`` first).
"""

from __future__ import annotations

import argparse
import random
import secrets
import sys
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from smartsync.errors import InvalidWitness
from smartsync.keccak import keccak256
from smartsync.testing import anvil_node
from smartsync.trie.node import Node, root_hash
from smartsync.trie.proof import partial_trie
from smartsync.trie.trie import build, put, storage_value
from smartsync.witness import START, Transition, advance, conclude, evaluate, plan_transition, split_witness
from tests.fuzz.cases import Case, random_case
from tests.fuzz.engine import Engine, Outcome, Trial
from tests.fuzz.mutations import mutations
from tests.oracle import OracleTrie

BATCH = 16
"""Cases in one request to the node."""

MUTATIONS = 10
"""Spoiled witnesses of each case."""


@dataclass
class Report:
    """What a run has seen."""

    cases: int = 0
    writes: int = 0
    witness_bytes: int = 0
    spoiled: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        refused = ", ".join(f"{name} {count}" for name, count in self.refused.most_common())
        return (
            f"{self.cases} cases, {self.writes} writes, {self.witness_bytes} bytes of witness, all agree; "
            f"{self.spoiled.total()} spoiled witnesses, all refused: {refused}"
        )


@dataclass(frozen=True)
class Prepared:
    """A case that Python and the independent library agree on, and what the engine is to refuse."""

    case: Case
    transition: Transition
    spoiled: list[tuple[str, bytes]]

    def trial(self) -> Trial:
        witnesses = [self.transition.witness, *(witness for _, witness in self.spoiled)]
        return Trial(self.case.stored, self.watched, witnesses)

    @property
    def watched(self) -> list[bytes]:
        return sorted(self.case.stored.keys() | self.case.writes.keys())


def run(engine: Engine, indices: Iterable[int], seed: int, *, show: bool = False) -> Report:
    """Try the cases with these indices. Raises ``AssertionError``, with the case's name, at the first disagreement."""
    report = Report()
    indices = list(indices)
    started = time.monotonic()
    # The node works on one batch while Python prepares the next.
    with ThreadPoolExecutor(1) as node:
        pending = None
        for start in range(0, len(indices), BATCH):
            batch = [prepare(random_case(seed, index)) for index in indices[start : start + BATCH]]
            if pending:
                _collect(pending, report)
            pending = batch, node.submit(engine.run, [prepared.trial() for prepared in batch])
            if show and start // BATCH % 25 == 0:
                print(f"{start} of {len(indices)} cases, {time.monotonic() - started:.0f} s", flush=True)
        if pending:
            _collect(pending, report)
    return report


def _collect(pending: tuple, report: Report) -> None:
    batch, future = pending
    for prepared, outcomes in zip(batch, future.result(), strict=True):
        check(prepared, outcomes, report)


# ------------------------------------------------------------------------------------------------- Python


def prepare(case: Case) -> Prepared:
    """Compare Python with the independent library, and spoil the witness."""
    before = OracleTrie(case.old_leaves)
    old = _trie(case.old_leaves)
    _same(case, "old root", root_hash(old), before.root)
    after, new = _apply(case, before, old)
    _same(case, "new root", root_hash(new), after.root)
    _same(case, "new root, built anew", root_hash(_trie(case.new_leaves)), after.root)
    transition = plan_transition(old, new, case.writes)
    partial = plan_transition(_partial(case, before), _partial(case, after), case.writes)
    _same(case, "transition out of proofs", partial, transition)
    _same(case, "roots of the transition", (transition.old_root, transition.new_root), (before.root, after.root))
    if not case.changes:
        _same(case, "witness of no change", transition.witness, b"")
        return Prepared(case, transition, [])
    evaluation = evaluate(transition.witness, lambda slot: case.stored.get(slot, 0))
    _same(case, "roots of the witness", (evaluation.old_root, evaluation.new_root), (before.root, after.root))
    _same(case, "writes of the witness", {w.slot: w.new for w in evaluation.writes}, case.changes)
    rng = random.Random(f"mutations of {case.name}")
    _same(case, "roots of the witness in parts", _in_parts(case, rng, transition.witness), (before.root, after.root))
    spoiled = mutations(rng, transition.witness, lambda slot: case.stored.get(slot, 0), MUTATIONS)
    return Prepared(case, transition, spoiled)


def _in_parts(case: Case, rng: random.Random, witness: bytes) -> tuple[bytes, bytes]:
    state = START
    # No item is longer than a branch with fifteen hashes.
    for part in split_witness(witness, rng.choice((500, 1_000, 5_000))):
        state = advance(state, part, lambda slot: case.stored.get(slot, 0))
    return conclude(state)


def _trie(leaves: dict[bytes, int]) -> Node:
    return build((key, storage_value(value)) for key, value in leaves.items())


def _apply(case: Case, before: OracleTrie, old: Node) -> tuple[OracleTrie, Node]:
    """Make the writes one by one in both implementations: this is where tries split and collapse."""
    after = before.copy()
    new = old
    for slot, value in case.writes.items():
        after.put(keccak256(slot), value)
        new = put(new, keccak256(slot), storage_value(value) if value else None)
    return after, new


def _partial(case: Case, oracle: OracleTrie) -> Node:
    return partial_trie(oracle.root, {node for slot in case.writes for node in oracle.proof(keccak256(slot))})


# ------------------------------------------------------------------------------------------------- engine


def check(prepared: Prepared, outcomes: list[Outcome], report: Report) -> None:
    """Compare the engine's outcomes with Python's."""
    case, transition = prepared.case, prepared.transition
    roots = transition.old_root, transition.new_root
    true, *spoiled = outcomes
    if transition.witness:
        digest = keccak256(b"".join(case.after.get(slot, 0).to_bytes(32, "big") for slot in prepared.watched))
        _same(case, "the engine's outcome", true, Outcome("", *roots, digest))
    else:
        _same(case, "the engine on no witness", true.error, "WitnessIncomplete")
    report.cases += 1
    report.writes += len(transition.changes)
    report.witness_bytes += len(transition.witness)
    for (kind, witness), outcome in zip(prepared.spoiled, spoiled, strict=True):
        report.spoiled[kind] += 1
        report.refused[_refusal(case, kind, witness, outcome, roots)] += 1


def _refusal(case: Case, kind: str, witness: bytes, outcome: Outcome, roots: tuple[bytes, bytes]) -> str:
    """Return by what a spoiled witness was refused, on both sides."""
    what = f"a spoiled witness ({kind}) 0x{witness.hex()}"
    try:
        evaluation = evaluate(witness, lambda slot: case.stored.get(slot, 0))
    except InvalidWitness as error:
        if not outcome.error:
            raise AssertionError(f"case {case.name}: the engine takes {what}, Python does not: {error}") from error
        return outcome.error
    found = evaluation.old_root, evaluation.new_root
    _same(case, f"the engine on {what}", (outcome.error, outcome.old_root, outcome.new_root), ("", *found))
    if found == roots:
        raise AssertionError(f"case {case.name}: {what} passes for the true one")
    return "old root differs" if found[0] != roots[0] else "new root differs"


def _same(case: Case, what: str, actual: object, expected: object) -> None:
    if actual != expected:
        raise AssertionError(f"case {case.name}: {what} is {actual!r}, expected {expected!r}")


def main() -> int:
    parser = argparse.ArgumentParser(description="The differential fuzz of the transition.")
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=None, help="random, and printed, unless given")
    parser.add_argument("--first", type=int, default=0, help="index of the first case: to go on, or to repeat one")
    options = parser.parse_args()
    seed = secrets.randbelow(2**32) if options.seed is None else options.seed
    print(f"seed {seed}, cases {options.first} to {options.first + options.cases - 1}", flush=True)
    with anvil_node(tx_gas_limit=False) as node:
        report = run(Engine(node), range(options.first, options.first + options.cases), seed, show=True)
    print(report)
    print("spoiled: " + ", ".join(f"{kind} {count}" for kind, count in report.spoiled.most_common()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
