"""What came of the demo, for ``--json`` and for whoever wants to know whether it held."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from smartsync.demo.attack import Refusal
from smartsync.demo.questions import Answer
from smartsync.demo.reader import Sight
from smartsync.demo.stage import Entry
from smartsync.document import to_json
from smartsync.results import Verification


@dataclass(frozen=True, slots=True)
class ChainUsed:
    """A chain of the demo: ``client`` in the node's own words."""

    client: str
    chain_id: int


@dataclass(frozen=True, slots=True)
class Original:
    """A contract on the source chain and its replica on the target chain. ``slots`` that are not zero at the fork."""

    name: str
    package: str
    version: str
    address: str
    replica: str
    slots: int


@dataclass(frozen=True, slots=True)
class Change:
    """A sync: how many slots it inserted, updated and deleted."""

    name: str
    from_block: int
    to_block: int
    inserted: int
    updated: int
    deleted: int


@dataclass(frozen=True, slots=True)
class Round:
    """What was found at one source block: answers, what the reader saw on either chain, and the verifications.

    ``oracle_mean_tick`` is what Uniswap's own ``observe`` says on the source for the mean that the reader computes.
    """

    name: str
    block_number: int
    changes: tuple[Change, ...]
    answers: tuple[Answer, ...]
    source_sight: Sight
    target_sight: Sight
    oracle_mean_tick: int
    verifications: tuple[Verification, ...]

    @property
    def ok(self) -> bool:
        """Whether original and replica agree in everything."""
        return (
            all(answer.agree for answer in self.answers)
            and self.source_sight.agrees(self.target_sight)
            and self.target_sight.mean_tick == self.oracle_mean_tick
            and all(found.exact for found in self.verifications)
        )


@dataclass(slots=True)
class Report:
    """The whole demo. ``unharmed`` tells whether the attacks left the replica as it was."""

    source: ChainUsed
    target: ChainUsed
    originals: tuple[Original, ...] = ()
    rounds: list[Round] = field(default_factory=list)
    refusals: tuple[Refusal, ...] = ()
    unharmed: bool = False
    observe_on_replica: str = ""
    steps: tuple[Entry, ...] = ()
    elapsed_s: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether all answers agreed, every replica was exact, and every forgery was refused without effect."""
        rounds = bool(self.rounds) and all(found.ok for found in self.rounds)
        refused = bool(self.refusals) and all(refusal.refused for refusal in self.refusals)
        return rounds and refused and self.unharmed

    def summary(self) -> list[str]:
        """Return what held, a line each."""
        answers = _of(answer.agree for each in self.rounds for answer in each.answers)
        exact = _of(found.exact for each in self.rounds for found in each.verifications)
        refused = _of(refusal.refused for refusal in self.refusals)
        return [
            f"{answers} answers agree between original and replica, to the byte",
            f"{exact} verifications: exact in code, storage root and recorded block",
            f"{refused} forgeries were refused, and changed " + ("nothing" if self.unharmed else "STATE"),
            f"{self.elapsed_s:.0f} seconds, {len(self.steps)} transactions; both nodes are stopped",
        ]


def _of(found: Iterable[bool]) -> str:
    listed = list(found)
    return f"{sum(listed)} of {len(listed)}"


def as_json_document(report: Report) -> object:
    """Return the report as JSON has it, with ``ok`` in front."""
    told = to_json(report)
    return {"ok": report.ok, **told} if isinstance(told, dict) else told
