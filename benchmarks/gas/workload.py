"""The workloads and what the paper's prototype took for them: read where they lie, beside this repository."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smartsync.keccak import keccak256

ROOT = Path(__file__).resolve().parents[2]
BASELINE = ROOT.parent / "shared" / "baseline"


@dataclass(frozen=True, slots=True)
class Operation:
    """Slots (32 bytes) that get new values in one source block, 0 meaning deletion.

    ``prototype_gas`` is what the prototype took for the same, ``None`` where it reverted.
    """

    name: str
    writes: dict[bytes, int]
    prototype_gas: int | None


@dataclass(frozen=True, slots=True)
class Workload:
    """A contract with ``size`` values in a mapping at slot 0, and operations that all start from there.

    ``prototype_fork_gas`` is what the prototype took for the whole fork, ``None`` where that was not measured.
    """

    name: str
    size: int
    initial: dict[bytes, int]
    operations: tuple[Operation, ...]
    prototype_fork_gas: int | None


def slot_of(key: int) -> bytes:
    """Return the slot of a key of the mapping at slot 0 (Solidity, layout of state variables in storage)."""
    return keccak256(key.to_bytes(32, "big") + bytes(32))


def read_workloads(chosen: Collection[str] = ()) -> list[Workload]:
    """Return the workloads of the given names (all without one), the smallest first; none where they are absent."""
    paths = sorted((BASELINE / "workloads").glob("*.json"))
    prototype = json.loads((BASELINE / "prototype_gas.json").read_text("utf-8")) if paths else {}
    workloads = [_read(path, prototype[path.stem]) for path in paths if not chosen or path.stem in chosen]
    return sorted(workloads, key=lambda workload: (workload.size, workload.name))


def _read(path: Path, prototype: dict[str, Any]) -> Workload:
    told = json.loads(path.read_text("utf-8"))
    operations = [
        Operation(
            op["name"],
            {slot_of(key): value for key, value in zip(op["keys"], op["values"], strict=True)},
            before["gas"],
        )
        for op, before in zip(told["ops"], prototype["ops"], strict=True)
    ]
    initial = {slot_of(key): value for key, value in told["initial"]}
    fork_gas = prototype.get("fork", {}).get("total_without_relay")
    return Workload(path.stem, told["M"], initial, tuple(operations), fork_gas)
