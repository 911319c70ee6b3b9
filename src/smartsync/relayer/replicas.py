"""The replicas of a configuration: each with its pair, and the policy that holds for it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from smartsync.relayer.fitting import Pairs
from smartsync.relayer.merging import contradictions, merged
from smartsync.relayer.policy import Policy
from smartsync.relayer.problems import Problems, readable
from smartsync.relayer.tables import PolicyTable, ReplicaTable


@dataclass(frozen=True, slots=True)
class Replica:
    """A replica to keep: its address on the pair's target chain, and what its owner wants.

    ``name`` is for people; ``layout``, ``contract``, ``keys`` and ``slots`` are what is known of its slots, as the
    options of ``sync``.
    """

    pair: str
    address: str
    name: str
    policy: Policy
    layout: Path | None = None
    contract: str | None = None
    keys: Path | None = None
    slots: Path | None = None


def fit_replicas(problems: Problems, rows: Iterable[tuple[str, ReplicaTable | None]], pairs: Pairs) -> list[Replica]:
    """Return the replicas with their pairs and policies.

    Parameters
    ----------
    rows
        Each with its place in the file, ``None`` where it is wrong in itself.
    """
    found: list[Replica] = []
    by_address: dict[tuple[str, str], str] = {}
    by_name: dict[str, str] = {}
    for where, row in rows:
        if row is None:
            continue
        pair = _pair_of(problems, where, row, pairs)
        for problem in contradictions(row.policy):
            problems.tell(f"{where} policy", problem)
        of_pair = pairs.get(pair)
        target = pair if of_pair is None else of_pair.target
        if (first := by_address.setdefault((target, row.address), where)) != where:
            problems.tell(where, f"{row.address} on {readable(target)} is {first} already: two would both pay for it")
        elif (first := by_name.setdefault(row.name or row.address, where)) != where:
            problems.tell(f"{where} name", f"{first} is called so, too")
        policy = merged(PolicyTable() if of_pair is None else of_pair.policy, row.policy)
        hints = (row.layout, row.contract, row.keys, row.slots)
        found.append(Replica(pair, row.address, row.name or row.address, policy, *hints))
    return found


def _pair_of(problems: Problems, where: str, row: ReplicaTable, pairs: Pairs) -> str:
    if row.pair is not None:
        problems.require(f"{where} pair", "pair", row.pair, pairs)
        return row.pair
    if len(pairs) > 1:
        problems.tell(where, f"pair is missing, and there are several: {', '.join(map(readable, pairs))}")
    return next(iter(pairs), "")
