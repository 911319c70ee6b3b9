"""The differential fuzz of the transition: three implementations, one answer; and no spoiled witness does harm.

For each random case the old and the new storage root are computed by py-trie (the independent library), by the
package's full tries, out of partial tries that proofs gave, by the evaluation of the witness in Python, and by the
engine in an EVM, at once and in parts. Then the witness is spoiled in several ways, and whatever becomes of each must
be the same in Python and in the EVM: refused by an error, or by roots that are not the true pair, which the hub
refuses, or the true effect, to the last slot. So are the writes that conclude a walk in parts, and the account proof
that leads from the new storage root to a state root.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

from smartsync.errors import InvalidWitness
from smartsync.keccak import keccak256
from smartsync.trie.node import Node, root_hash
from smartsync.trie.proof import partial_trie
from smartsync.trie.trie import build, put, storage_value
from smartsync.types import SlotChange
from smartsync.witness import (
    START,
    Evaluation,
    Transition,
    WriteItem,
    advance,
    conclude,
    decode_witness,
    encode_witness,
    encode_writes,
    evaluate,
    plan_transition,
)
from smartsync.witness.items import read_items
from tests.fuzz.accounts import AccountCase, account_case, claimed, is_too_deep
from tests.fuzz.cases import Case, wide_case
from tests.fuzz.engine import Attempt, Claim, Engine, Outcome, Outcomes, Trial
from tests.fuzz.mutations import mutations
from tests.fuzz.report import TRUE_EFFECT, Report
from tests.fuzz.scene import Scene, Storage
from tests.oracle import OracleTrie

BATCH = 16
"""Cases in one request to the node."""

MUTATIONS = 12
"""Spoiled witnesses of a case: some more than ten, since a case that changes nothing has none."""

CLAIMS = 5
"""Spoiled account proofs of a case."""

BUILT_ANEW = 400
"""Slots of the largest trie whose new root is also computed from nothing."""

PROVEN = 0.25
"""How many of the transitions are also planned out of proofs."""


class Disagreement(AssertionError):
    """Two implementations say different things about case ``index`` of a seed; or one of them fails."""

    def __init__(self, seed: int, index: int, what: str) -> None:
        super().__init__(f"case {seed}/{index}: {what}")
        self.seed, self.index, self.what = seed, index, what

    def __reduce__(self) -> tuple:
        return Disagreement, (self.seed, self.index, self.what)


@dataclass(frozen=True)
class Tried:
    """A witness that the engine gets: how it was spoiled, and what Python makes of it (``None``: refused)."""

    kind: str
    attempt: Attempt
    found: Evaluation | None

    def __str__(self) -> str:
        return f"a witness ({self.kind}) 0x{self.attempt.witness.hex()}"


@dataclass(frozen=True)
class Prepared:
    """A case that Python and the independent library agree on, and what the engine is to be asked.

    ``watched``: the slots that any of the witnesses asks for. ``trace``: hash over what the parts of the true witness
    leave. ``conclusions``: the true witness with spoiled writes, by kind. ``claims``: spoiled account proofs, likewise.
    """

    case: Case
    transition: Transition
    watched: list[bytes]
    true: Tried
    trace: bytes
    spoiled: Sequence[Tried]
    conclusions: Sequence[tuple[str, Attempt]]
    account: AccountCase
    claims: Sequence[tuple[str, Claim]]

    def trial(self) -> Trial:
        stored = {slot: self.case.stored[slot] for slot in self.watched if slot in self.case.stored}
        attempts = [*(tried.attempt for tried in (self.true, *self.spoiled)), *(a for _, a in self.conclusions)]
        return Trial(stored, self.watched, attempts, [self.account.claim, *(claim for _, claim in self.claims)])

    def digest(self, writes: dict[bytes, int]) -> bytes:
        """Return the hash of the watched slots' values after these writes."""
        after = (writes.get(slot, self.case.stored.get(slot, 0)) for slot in self.watched)
        return keccak256(b"".join(value.to_bytes(32, "big") for value in after))


def run(engine: Engine, indices: Iterable[int], seed: int) -> Report:
    """Try the cases with these indices. Raises ``Disagreement`` at the first one."""
    report = Report()
    for part in batches(engine, indices, seed):
        report.update(part)
    return report


def batches(engine: Engine, indices: Iterable[int], seed: int) -> Iterator[Report]:
    """Try the cases with these indices, some at a time. Raises ``Disagreement`` at the first one."""
    indices = list(indices)
    # The node works on one batch while Python prepares the next.
    with ThreadPoolExecutor(1) as node:
        pending: tuple[list[Prepared], Future[list[Outcomes]]] | None = None
        for start in range(0, len(indices), BATCH):
            batch = [_prepared(seed, index) for index in indices[start : start + BATCH]]
            if pending:
                yield _collect(*pending)
            pending = batch, node.submit(engine.run, [prepared.trial() for prepared in batch])
        if pending:
            yield _collect(*pending)


def _prepared(seed: int, index: int) -> Prepared:
    try:
        return prepare(wide_case(seed, index))
    except Disagreement:
        raise
    except Exception as error:
        raise Disagreement(seed, index, f"{type(error).__name__}: {error}") from error


def _collect(batch: list[Prepared], answer: Future[list[Outcomes]]) -> Report:
    report = Report()
    try:
        answers = answer.result()
    except OSError as error:
        what = f"the node does not answer for it or one of the {len(batch) - 1} cases after it: {error}"
        raise _disagreement(batch[0].case, what) from error
    for prepared, outcomes in zip(batch, answers, strict=True):
        check(prepared, outcomes, report)
    return report


# ------------------------------------------------------------------------------------------------- Python


def prepare(case: Case) -> Prepared:
    """Compare Python with the independent library, and spoil the witness. Raises ``Disagreement``."""
    rng = random.Random(f"mutations of {case.name}")
    before, old = case.old_oracle(), case.old_trie()
    _same(case, "old root", root_hash(old), before.root)
    after, new = _apply(case, before, old)
    _same(case, "new root", root_hash(new), after.root)
    if len(case.stored) <= BUILT_ANEW:
        anew = build((key, storage_value(value)) for key, value in case.new_leaves.items())
        _same(case, "new root, built anew", root_hash(anew), after.root)
    transition = plan_transition(old, new, case.writes)
    _same(case, "roots of the transition", (transition.old_root, transition.new_root), (before.root, after.root))
    if rng.random() < PROVEN:
        partial = plan_transition(_partial(case, before), _partial(case, after), case.writes)
        _same(case, "transition out of proofs", partial, transition)

    asked = set(case.writes)
    true = _tried(rng, "true", transition.witness, _storage(case, asked))
    if case.changes:
        scene = Scene(transition.witness, _storage(case), old, functools.cache(lambda: _others(case, rng, old, new)))
        spoiled = mutations(rng, scene, MUTATIONS)
    else:
        _same(case, "witness of no change", transition.witness, b"")
        spoiled = []
    account = account_case(case.seed, case.index, transition.new_root)
    _same(case, "state root", claimed(account.claim), account.state_root)
    return Prepared(
        case,
        transition,
        # Only now `asked` is complete.
        spoiled=[_tried(rng, kind, witness, _storage(case, asked)) for kind, witness in spoiled],
        watched=sorted(asked),
        true=true,
        trace=_walked(case, transition, true) if case.changes else b"",
        conclusions=_conclusions(rng, true.attempt),
        account=account,
        claims=account.spoiled(rng, CLAIMS),
    )


def _storage(case: Case, asked: set[bytes] | None = None) -> Storage:
    """Return the storage before; it remembers what it was asked for."""

    def storage(slot: bytes) -> int:
        if asked is not None:
            asked.add(slot)
        return case.stored.get(slot, 0)

    return storage


def _apply(case: Case, before: OracleTrie, old: Node) -> tuple[OracleTrie, Node]:
    """Make the writes one by one in both implementations: this is where tries split and collapse."""
    after = before.copy()
    for slot, value in case.writes.items():
        after.put(keccak256(slot), value)
    return after, _written(old, case.writes)


def _written(trie: Node, writes: dict[bytes, int]) -> Node:
    for slot, value in writes.items():
        trie = put(trie, keccak256(slot), storage_value(value) if value else None)
    return trie


def _partial(case: Case, oracle: OracleTrie) -> Node:
    return partial_trie(oracle.root, {node for slot in case.writes for node in oracle.proof(keccak256(slot))})


def _others(case: Case, rng: random.Random, old: Node, new: Node) -> list[bytes]:
    """Return the witness of the way back, and one of a transition that starts like this one."""
    back = plan_transition(new, old, case.writes)
    changes = sorted(case.changes.items())
    other = dict(rng.sample(changes, rng.randrange(len(changes)))) or {rng.randbytes(32): 1}
    return [back.witness, plan_transition(old, _written(old, other), other).witness]


def _tried(rng: random.Random, kind: str, witness: bytes, storage: Storage) -> Tried:
    """Evaluate a witness, and cut it into parts at random, as far as it consists of items."""
    starts, writes = [], []
    try:
        for start, item in read_items(witness):
            starts.append(start)
            writes += [item] if isinstance(item, WriteItem) else []
    except InvalidWitness:
        pass
    count = rng.choice((0, 1, 2, len(starts)))
    cuts = sorted(rng.sample(starts, min(count, len(starts))))
    attempt = Attempt(witness, cuts, encode_witness(writes))
    try:
        return Tried(kind, attempt, evaluate(witness, storage))
    except InvalidWitness:
        return Tried(kind, attempt, None)


def _walked(case: Case, transition: Transition, true: Tried) -> bytes:
    """Compare what Python makes of the true witness, at once and in parts, with the tries; return the trace."""
    roots = transition.old_root, transition.new_root
    _same(case, "roots of the witness", true.found and (true.found.old_root, true.found.new_root), roots)
    _same(case, "writes of the witness", {write.slot: write.new for write in true.found.writes}, case.changes)
    _same(case, "encoded writes", true.attempt.writes, encode_writes(transition.changes))
    state, trace = START, bytes(32)
    for start, end in pairwise((0, *true.attempt.cuts, len(transition.witness))):
        state = advance(state, transition.witness[start:end], _storage(case))
        trace = keccak256(trace + state.writes_hash + state.pending)
    _same(case, "roots of the witness in parts", conclude(state), roots)
    _same(case, "hash of the writes in parts", state.writes_hash, _writes_hash(true.found.writes))
    return trace


def _writes_hash(writes: Iterable[SlotChange]) -> bytes:
    digest = bytes(32)
    for write in writes:
        digest = keccak256(digest + write.slot + write.new.to_bytes(32, "big"))
    return digest


def _conclusions(rng: random.Random, true: Attempt) -> list[tuple[str, Attempt]]:
    """Return the true witness with spoiled writes, if there are any."""
    spoiled = mutations(rng, Scene(true.writes), 1) if true.writes else []
    return [(kind, Attempt(true.witness, true.cuts, writes)) for kind, writes in spoiled]


# ------------------------------------------------------------------------------------------------- engine


def check(prepared: Prepared, outcomes: Outcomes, report: Report) -> None:
    """Compare the engine's outcomes with Python's. Raises ``Disagreement``."""
    case, transition = prepared.case, prepared.transition
    _same(case, "the node's answer", outcomes.failure, "")
    count = 1 + len(prepared.spoiled) + len(prepared.conclusions)
    _same(case, "number of outcomes", (len(outcomes.at_once), len(outcomes.in_parts)), (count, count))
    tries = list(zip((prepared.true, *prepared.spoiled), outcomes.at_once, outcomes.in_parts, strict=False))
    _, at_once, in_parts = tries[0]
    if transition.witness:
        _agree(prepared, *tries[0])
        _same(case, "the engine's pending subtries in parts", in_parts.words[4], prepared.trace)
    else:
        _same(case, "the engine on no witness", (at_once.error, in_parts.error), ("WitnessIncomplete",) * 2)
    for tried, *found in tries[1:]:
        report.witnesses.add(tried.kind, _verdict(prepared, tried, *found))
    for (kind, attempt), concluded in zip(prepared.conclusions, outcomes.in_parts[len(tries) :], strict=True):
        report.conclusions.add(kind, _conclusion(prepared, kind, attempt, concluded))
    true, *spoiled = outcomes.climbed
    _same(case, "the engine's state root", true, Outcome("", (prepared.account.state_root,)))
    for (kind, claim), climbed in zip(prepared.claims, spoiled, strict=True):
        report.account_proofs.add(kind, _ascent(prepared, kind, claim, climbed))
    _count(prepared, report)


def _agree(prepared: Prepared, tried: Tried, at_once: Outcome, in_parts: Outcome) -> None:
    """Compare roots and effect of a witness that Python takes."""
    old, new, writes = tried.found.old_root, tried.found.new_root, tried.found.writes
    digest = prepared.digest({write.slot: write.new for write in writes})
    _same(prepared.case, f"the engine on {tried}", at_once, Outcome("", (old, new, digest)))
    proven = _writes_hash(writes)
    found = in_parts.error, in_parts.words[:4], in_parts.words[5:]
    _same(prepared.case, f"the engine in parts on {tried}", found, ("", (old, new, proven, proven), (digest,)))


def _verdict(prepared: Prepared, tried: Tried, at_once: Outcome, in_parts: Outcome) -> str:
    """Return what became of a spoiled witness."""
    if tried.found is None:
        return _refusal(prepared, tried, at_once) and _refusal(prepared, tried, in_parts)
    _agree(prepared, tried, at_once, in_parts)
    if tried.found.old_root != prepared.transition.old_root:
        return "another old root"
    if tried.found.new_root != prepared.transition.new_root:
        return "another new root"
    writes = [(write.slot, write.new) for write in tried.found.writes]
    _same(prepared.case, f"the effect of {tried}", sorted(writes), sorted(prepared.case.changes.items()))
    return TRUE_EFFECT


def _conclusion(prepared: Prepared, kind: str, attempt: Attempt, concluded: Outcome) -> str:
    """Return what became of spoiled writes: the hub takes none whose hash is not the one that was proven."""
    what = f"writes ({kind}) 0x{attempt.writes.hex()}"
    try:
        items = decode_witness(attempt.writes)
        if not all(isinstance(item, WriteItem) for item in items):
            raise InvalidWitness("not a write")
    except InvalidWitness:
        return _refusal(prepared, what, concluded)
    digest = _writes_hash(SlotChange(item.slot, 0, item.value) for item in items)
    _same(prepared.case, f"the hash of {what}", (concluded.error, *concluded.words[3:4]), ("", digest))
    if concluded.words[2] == digest:
        raise _disagreement(prepared.case, f"{what} have the hash of the true ones")
    return "another hash of the writes"


def _ascent(prepared: Prepared, kind: str, claim: Claim, climbed: Outcome) -> str:
    """Return what became of a spoiled account proof."""
    what = f"an account proof ({kind}) {claim}"
    if climbed.words == (prepared.account.state_root,):
        raise _disagreement(prepared.case, f"{what} passes for the true one")
    root = claimed(claim)
    if is_too_deep(claim):
        return climbed.error or "another state root"
    if root is None:
        return _refusal(prepared, what, climbed)
    _same(prepared.case, f"the engine on {what}", climbed, Outcome("", (root,)))
    return "another state root"


def _refusal(prepared: Prepared, what: object, outcome: Outcome) -> str:
    """Return the error by which the engine refuses what Python refuses."""
    if not outcome.error:
        raise _disagreement(prepared.case, f"the engine takes {what}, Python does not")
    if outcome.error.startswith("0x"):
        raise _disagreement(prepared.case, f"the engine fails on {what} without a reason of its own: {outcome.error}")
    return outcome.error


def _count(prepared: Prepared, report: Report) -> None:
    size = len(prepared.transition.witness)
    report.cases += 1
    report.changing += bool(prepared.case.changes)
    report.slots += len(prepared.case.stored)
    report.largest_trie = max(report.largest_trie, len(prepared.case.stored))
    report.writes += len(prepared.transition.changes)
    report.witness_bytes += size
    report.largest_witness = max(report.largest_witness, size)
    report.parts += len(prepared.true.attempt.cuts) + 1
    report.account_proof_bytes += len(prepared.account.claim.account_proof)


def _disagreement(case: Case, what: str) -> Disagreement:
    return Disagreement(case.seed, case.index, what)


def _same(case: Case, what: str, actual: object, expected: object) -> None:
    if actual != expected:
        raise _disagreement(case, f"{what} is {actual!r}, expected {expected!r}")
