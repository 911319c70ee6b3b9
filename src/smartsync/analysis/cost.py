"""What a fork and a sync take, computed from what was measured. Pure.

The figures are those of ``docs/reference/gas.md``: means over the benchmark's operations, on a quorum anchor, of
storages of 1 to 10,000 slots, codes of 110 to 24,576 bytes and account proofs of 326 and 3,867 bytes. What lies between
them is interpolated, over the logarithm of the number of slots; a larger storage goes on as from 1,000 to 10,000.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Sequence
from importlib.resources import files
from typing import Any, NamedTuple

Record = dict[str, Any]

_INTRINSIC = 21_000
_REWRITE_GAS = 9_364
"""Of a sync that rewrites the one slot of a storage: its transition, which one with no changes does without."""

SYNCS = (1, 10, 100)
"""Slots of the typical syncs."""

NAMING_GAS = 90_712
"""Of naming a beacon's replica, as `tests/integration/test_analysis_beacon.py` measures it."""


_INSERT_GAS = 18_100
"""What a slot that was zero takes more than one that is rewritten: 17,100 by EIP-2200, the rest is hashing."""


class Estimate(NamedTuple):
    """What a sync in one transaction is expected to take: gas, and bytes of calldata."""

    gas: int
    calldata_bytes: int


class Measure(NamedTuple):
    """What the costs of a replica depend on: its runtime code, its slots, the length of its account proof."""

    code: bytes
    slots: int
    account_bytes: int


@functools.cache
def measured() -> Record:
    """Return the figures, as ``make bench-gas`` takes them out of ``benchmarks/results/gas.json``."""
    found: Record = json.loads(files("smartsync").joinpath("analysis", "measured.json").read_text("utf-8"))
    return found


def cost_rows(contract: Measure, implementation: bytes = b"", beacon: Measure | None = None) -> list[tuple[str, int]]:
    """Return what a fork and typical syncs take: in words, and gas.

    Parameters
    ----------
    implementation
        Code of what a proxy delegates to; empty where it is none.
    beacon
        Where the proxy has one: it gets a replica of its own, which goes with each sync.
    """
    activated = resolver_gas if implementation else activation_gas
    filled = creation_gas() + fill_gas(contract.slots)
    rows = [("fork", filled + activated(contract.code, contract.account_bytes))]
    if implementation:
        rows.append(("copy of the implementation", supply_gas(implementation, contract.account_bytes)))
    also, more = "", 0
    if beacon is not None:
        rows.append(("replica of the beacon, once for all its proxies", fork_gas(*beacon)))
        rows.append(("naming the beacon, once", NAMING_GAS))
        also, more = ", and of the beacon with none", empty_sync_gas(beacon.account_bytes)
    for changes in SYNCS:
        gas = sync_gas(contract.slots, changes, contract.account_bytes)
        if gas is not None:
            rows.append((f"sync of {changes} changed slot{'s' if changes > 1 else ''}{also}", gas + more))
    return rows


def largest_measured() -> int:
    """Return how many slots the largest storage had that was measured."""
    return max(int(row["slots"]) for row in measured()["fill"])


def fork_gas(code: bytes, slots: int, account_bytes: int) -> int:
    """Return the gas of a fork: the replica's creation, all its slots, its activation with the code's copy.

    Parameters
    ----------
    code
        The runtime code.
    slots
        That are not zero.
    account_bytes
        Length of the account proof as the hub takes it.
    """
    return creation_gas() + fill_gas(slots) + activation_gas(code, account_bytes)


def creation_gas() -> int:
    """Return the gas of creating a replica, empty."""
    return int(measured()["creation"])


def empty_sync_gas(account_bytes: int) -> int:
    """Return the gas of a sync in which no slot changed: of one, without its rewriting, or the floor of EIP-7623."""
    row = next(row for row in measured()["sync"] if row["slots"] == row["changes"] == 1)
    proof = measured()["account_proof"]
    more = account_bytes - proof["bytes"]
    used = _INTRINSIC + row["calldata_gas"] + row["execution_gas"] - _REWRITE_GAS
    used += more * (proof["calldata_gas_per_byte"] + proof["execution_gas_per_byte"])
    return int(max(used, row["floor_gas"] + more * proof["floor_gas_per_byte"]))


def fill_gas(slots: int) -> int:
    """Return the gas of filling a replica with so many slots, in as many transactions as it takes."""
    if not slots:
        return 0
    rows = measured()["fill"]
    points = [(row["slots"], row["gas_per_slot"]) for row in rows]
    # Beyond what was measured it is the last figure: it hardly grows.
    return round(slots * _between(points, min(slots, points[-1][0])))


def activation_gas(code: bytes, account_bytes: int) -> int:
    """Return the gas of an activation with this runtime code."""
    return _by_code(measured()["activation"], code, account_bytes)


def supply_gas(code: bytes, account_bytes: int) -> int:
    """Return the gas of the first copy of an implementation with this runtime code."""
    return _by_code(measured()["supply"], code, account_bytes)


def resolver_gas(code: bytes, account_bytes: int) -> int:
    """Return the gas of the activation of a proxy's replica; the code is the proxy's."""
    small, large = measured()["resolver"]
    per_byte = (large["gas"] - small["gas"]) / (large["code_bytes"] - small["code_bytes"])
    return int(small["gas"] + per_byte * (len(code) - small["code_bytes"]) + _longer_proof(account_bytes))


def _by_code(records: Sequence[Record], code: bytes, account_bytes: int) -> int:
    small, *_, large, zeros = records
    per_byte = (large["gas"] - small["gas"]) / (large["code_bytes"] - small["code_bytes"])
    per_zero = (zeros["gas"] - large["gas"]) / (zeros["zero_bytes"] - large["zero_bytes"])
    own = small["gas"] + per_byte * (len(code) - small["code_bytes"])
    own += per_zero * (code.count(0) - small["zero_bytes"])
    return int(own + _longer_proof(account_bytes))


def _longer_proof(account_bytes: int) -> float:
    """Return what an account proof takes more than that with which was measured."""
    proof = measured()["account_proof"]
    more = proof["calldata_gas_per_byte"] + proof["execution_gas_per_byte"]
    return float(more * (account_bytes - proof["bytes"]))


def sync_gas(slots: int, changes: int, account_bytes: int) -> int | None:
    """Return the gas of a sync that rewrites ``changes`` of ``slots`` slots; None where there are not so many.

    It is the larger of what it uses and of the floor of EIP-7623, where only calldata counts.
    """
    rows = [row for row in measured()["sync"] if row["changes"] == changes]
    if slots < changes or not rows:
        return None
    proof = measured()["account_proof"]
    more = account_bytes - proof["bytes"]

    def part(name: str) -> float:
        figure = _between([(row["slots"], row[name]) for row in rows], slots)
        return float(figure + more * proof[f"{name}_per_byte"])

    return round(max(_INTRINSIC + part("calldata_gas") + part("execution_gas"), part("floor_gas")))


def estimate_sync(slots: int, changes: int, account_bytes: int, inserts: int = 0) -> Estimate:
    """Return what a sync is expected to take, of any number of changes.

    Between measured numbers of changes it goes straight, behind the largest it goes on as before. That is too much, the
    more the farther, since slots share more and more of their branches: of 10,000 slots it is 1 % too little at 200
    changes, and 13 % too much at 400 (``benchmarks/results/gathering.json``).

    Parameters
    ----------
    slots
        That are not zero, in all.
    changes
        Slots that are written, those that are new among them.
    account_bytes
        Length of the account proof as the hub takes it.
    inserts
        How many of the changes are slots that were zero.
    """
    proof = measured()["account_proof"]
    if not changes:
        row = next(row for row in measured()["sync"] if row["slots"] == row["changes"] == 1)
        floor = row["floor_gas"] + (account_bytes - proof["bytes"]) * proof["floor_gas_per_byte"]
        return Estimate(empty_sync_gas(account_bytes), _bytes_of(floor))

    def part(name: str) -> float:
        points = [(known, _figure(name, max(slots, changes), known)) for known in SYNCS]
        more = (account_bytes - proof["bytes"]) * proof[f"{name}_per_byte"]
        return float(_straight(points, changes) + more)

    floor = part("floor_gas")
    used = _INTRINSIC + part("calldata_gas") + part("execution_gas") + inserts * _INSERT_GAS
    return Estimate(round(max(used, floor)), _bytes_of(floor))


def _figure(name: str, slots: int, changes: int) -> float:
    rows = [row for row in measured()["sync"] if row["changes"] == changes]
    return _between([(row["slots"], row[name]) for row in rows], slots)


def _bytes_of(floor_gas: float) -> int:
    """Return the length of calldata that has this floor (EIP-7623), of which as much is zero as of an account proof."""
    per_byte = float(measured()["account_proof"]["floor_gas_per_byte"])
    return round((floor_gas - _INTRINSIC) / per_byte)


def _straight(points: Sequence[tuple[int, float]], at: int) -> float:
    """Return the figure for ``at`` between, or behind, measured ones, in a straight line."""
    after = next((place for place, (known, _) in enumerate(points) if place and known >= at), len(points) - 1)
    (low, first), (high, second) = points[after - 1], points[after]
    return first + (second - first) * (at - low) / (high - low)


def _between(points: Sequence[tuple[int, float]], at: int) -> float:
    """Return the figure for ``at`` between (or behind) measured ones, straight over the logarithm."""
    if at <= points[0][0] or len(points) == 1:
        return points[0][1]
    after = next((place for place, (slots, _) in enumerate(points) if slots >= at), len(points) - 1)
    (low, first), (high, second) = points[after - 1], points[after]
    return first + (second - first) * math.log(at / low) / math.log(high / low)
