"""What a run of the fuzz has seen, counted; and the file of all runs."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


@dataclass
class Spoiled:
    """What was spoiled, by kind, and what became of it: an error's name, or what else it led to."""

    kinds: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)

    def add(self, kind: str, outcome: str) -> None:
        self.kinds[kind] += 1
        self.outcomes[outcome] += 1

    def update(self, other: Spoiled) -> None:
        self.kinds.update(other.kinds)
        self.outcomes.update(other.outcomes)

    def total(self) -> int:
        return self.kinds.total()

    def record(self) -> dict[str, Any]:
        """Return it as JSON has it, the most frequent first."""
        return {
            "count": self.total(),
            "outcomes": dict(self.outcomes.most_common()),
            "kinds": dict(self.kinds.most_common()),
        }


TRUE_EFFECT = "the true effect"
"""What became of a spoiled witness that does the same as the true one, to the last slot."""


@dataclass
class Report:
    """Counts. ``changing``: cases that change anything. ``slots`` of all tries. ``parts`` of the true witnesses.

    ``conclusions``: the lists of writes that end a walk in parts.
    """

    cases: int = 0
    changing: int = 0
    slots: int = 0
    largest_trie: int = 0
    writes: int = 0
    witness_bytes: int = 0
    largest_witness: int = 0
    parts: int = 0
    account_proof_bytes: int = 0
    witnesses: Spoiled = field(default_factory=Spoiled)
    conclusions: Spoiled = field(default_factory=Spoiled)
    account_proofs: Spoiled = field(default_factory=Spoiled)

    def update(self, other: Report) -> None:
        """Add what another part of the run has seen."""
        for name in (f.name for f in fields(self)):
            mine, theirs = getattr(self, name), getattr(other, name)
            if isinstance(mine, Spoiled):
                mine.update(theirs)
            else:
                setattr(self, name, max(mine, theirs) if name.startswith("largest") else mine + theirs)

    def record(self) -> dict[str, Any]:
        """Return the counts as JSON has them."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        counts = {name: value for name, value in values.items() if not isinstance(value, Spoiled)}
        return counts | {
            f"spoiled_{name}": value.record() for name, value in values.items() if isinstance(value, Spoiled)
        }

    def __str__(self) -> str:
        same = self.witnesses.outcomes[TRUE_EFFECT]
        return "\n".join(
            (
                f"{self.cases:,} cases, all implementations agree: tries of up to {self.largest_trie:,} slots, "
                f"{self.writes:,} writes, {self.witness_bytes:,} bytes of witness, {self.parts:,} parts",
                f"{self.witnesses.total():,} spoiled witnesses: {same:,} have the true effect, none has another; "
                f"{_told(self.witnesses.outcomes)}",
                f"{self.conclusions.total():,} spoiled lists of writes: {_told(self.conclusions.outcomes)}",
                f"{self.account_proofs.total():,} spoiled account proofs: {_told(self.account_proofs.outcomes)}",
            )
        )


def commit() -> str:
    """Return the hash of the commit that is tried, with ``-dirty`` where files differ from it; empty where unknown."""
    try:
        # S607: git is wherever the PATH says.
        told = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],  # noqa: S607
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return told.stdout.strip()


def append(path: Path, record: Mapping[str, Any]) -> None:
    """Add a run to the file of all runs: a JSON list, the newest last."""
    runs = json.loads(path.read_text("utf-8")) if path.exists() else []
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([*runs, record], indent=1) + "\n", "utf-8")


def _told(outcomes: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in outcomes.most_common())
