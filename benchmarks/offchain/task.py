"""One piece of our own work in a process of its own, timed: ``python -m benchmarks.offchain.task root FOLDER``.

Prints what it took as JSON: ``seconds`` of the work alone by the clock and ``cpu_seconds`` of the processor,
``peak_bytes`` of the process with all that it has loaded, and ``loaded_bytes``, the peak before the work. What was made
is checked after the clock has stopped.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

from benchmarks.gas.source import ADDRESS, FIRST_BLOCK, NINE_NODES, proven_block
from benchmarks.offchain.inputs import Values, read_values
from smartsync.chain import Chain
from smartsync.discovery.completeness import source_trie
from smartsync.keccak import keccak256
from smartsync.replica import ReplicaKey, ReplicaRecord, replica_trie
from smartsync.rpc import Rpc
from smartsync.sync.filling import Filling
from smartsync.trie.frontier import root_of
from smartsync.trie.trie import storage_value
from smartsync.types import EMPTY_CODE_HASH, EMPTY_ROOT
from smartsync.witness import Transition, evaluate, plan_transition

CHUNK = 436
"""Slots of a fill, as a fork starts with."""

Work = tuple[Callable[[], Any], Callable[[Any], dict[str, Any]]]
"""What is timed, and what is told of its result, which it also checks."""


def root_work(folder: Path) -> Work:
    """Return the work: from a list of slots to the root."""
    values = read_values(folder / "values")
    return (lambda: _root(values)), lambda root: {"root": root.hex()}


def plan_work(folder: Path) -> Work:
    """Return the work: from a list of slots to the witnesses of all chunks of a fill, which end at the root."""
    values = read_values(folder / "values")

    def work() -> tuple[list[bytes], list[bytes]]:
        filling, roots, witnesses = Filling({}, values), [EMPTY_ROOT], []
        while filling.done < filling.total:
            step = filling.plan(CHUNK)
            filling.land()
            roots.append(step.new_root)
            witnesses.append(step.witness)
        return roots, witnesses

    def told(plan: tuple[list[bytes], list[bytes]]) -> dict[str, Any]:
        roots, witnesses = plan
        for at in range(0, len(witnesses), max(1, len(witnesses) // 20)):
            found = evaluate(witnesses[at], lambda _: 0)
            _require((found.old_root, found.new_root) == (roots[at], roots[at + 1]), "a chunk's roots")
        _require(roots[-1] == _root(values), "the last root")
        return {"chunks": len(witnesses), "witness_bytes": sum(map(len, witnesses))}

    return work, told


def witness_work(folder: Path, changes: str) -> Work:
    """Return the work: from both nodes' answers, parsed from JSON, to the witness, with every check of a sync."""
    told = json.loads((folder / f"proofs-{changes}.json").read_text())
    roots = {side: bytes.fromhex(told[side]["root"][2:]) for side in ("old", "new")}
    header, account = proven_block(FIRST_BLOCK, roots["new"], EMPTY_CODE_HASH, NINE_NODES)
    slots = [bytes.fromhex(slot[2:]) for slot in told["old"]["proofs"]]
    source, target = (_Node(told[side], [f"0x{node.hex()}" for node in account]).chain for side in ("new", "old"))
    key = ReplicaKey(1, ADDRESS, ADDRESS, ADDRESS, bytes(32), bytes(32))
    record = ReplicaRecord(1, roots["old"], bytes(32), 1, bytes(32), 0, "active", 1, key)

    async def both() -> Transition:
        new = await source_trie(source, header, ADDRESS, slots)
        old = await replica_trie(target, ADDRESS, ADDRESS, record, slots)
        return plan_transition(old, new, slots)

    def check(step: Transition) -> dict[str, Any]:
        before = {change.slot: change.old for change in step.changes}
        found = evaluate(step.witness, before.__getitem__)
        _require((found.old_root, found.new_root) == (roots["old"], roots["new"]), "the witness's roots")
        _require(len(step.changes) == len(slots), "the changes")
        return {"witness_bytes": len(step.witness)}

    loop = asyncio.new_event_loop()

    def work() -> Transition:
        try:
            return loop.run_until_complete(both())
        finally:
            loop.close()

    return work, check


class _Node:
    """A node that knows these proofs, and answers at once."""

    host = "made up"

    def __init__(self, side: dict[str, Any], account: list[str]) -> None:
        self.side, self.account = side, account

    @property
    def chain(self) -> Chain:
        return Chain(cast(Rpc, self))

    async def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        _require(method == "eth_getProof", method)
        proofs = [{"key": key, "value": "0x0", "proof": self.side["proofs"][key]} for key in params[1]]
        codes = {"storageHash": self.side["root"], "codeHash": f"0x{EMPTY_CODE_HASH.hex()}"}
        return {**codes, "accountProof": self.account, "storageProof": proofs}

    async def batch(self, calls: Sequence[tuple[str, Sequence[Any]]], **_: Any) -> list[Any]:
        return [await self.call(*call) for call in calls]


def _root(values: Values) -> bytes:
    return root_of((keccak256(slot), storage_value(value)) for slot, value in values.items())


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise SystemExit(f"not as it must be: {what}")


def peak_bytes() -> int:
    """Return the most memory that this process has had, in bytes.

    Not ``ru_maxrss``, which starts at what the process had that started this one.
    """
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def measure(work: Work) -> dict[str, Any]:
    """Do the work and return what it took."""
    do, told = work
    loaded = peak_bytes()
    start, start_cpu = time.perf_counter(), time.process_time()
    result = do()
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - start_cpu
    taken = {"seconds": seconds, "cpu_seconds": cpu_seconds, "peak_bytes": peak_bytes(), "loaded_bytes": loaded}
    return taken | told(result)


WORKS: dict[str, Callable[..., Work]] = {"root": root_work, "plan": plan_work, "witness": witness_work}

if __name__ == "__main__":
    name, where, *rest = sys.argv[1:]
    print(json.dumps(measure(WORKS[name](Path(where), *rest))))
