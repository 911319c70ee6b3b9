"""Discovery by tracing: the slots that the transactions of a range of blocks changed, a call a block.

``debug_traceBlockByNumber`` with ``prestateTracer`` in diff mode tells for each transaction the state that it changed:
``pre`` has the slots that were not zero before, ``post`` those that are not zero afterwards, so both are needed. A slot
that a contract's destruction cleared without touching it is in neither; such a contract's old slots are only found by
``debug_storageRangeAt``.

Source: go-ethereum, "Built-in tracers".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from smartsync import answers
from smartsync.chain import Chain
from smartsync.discovery.block_range import slots_of_range
from smartsync.discovery.candidates import Candidates
from smartsync.errors import NodeError, RpcError
from smartsync.refusals import unavailable
from smartsync.results import Progress
from smartsync.rpc import Call

METHOD = "debug_traceBlockByNumber"

# Of a node that has no tracers but executes step by step (ganache, besu, hardhat 2), only the stacks are wanted.
STEPS = {"disableMemory": True, "disableStorage": True}
TRACER = {"tracer": "prestateTracer", "tracerConfig": {"diffMode": True}, **STEPS}


async def candidates(
    chain: Chain, address: str, from_block: int | None, to_block: int, on_progress: Progress | None = None
) -> Candidates:
    """Return the slots of a contract that changed after one block and until another; see `slots_of_range`.

    Raises
    ------
    MethodMissing
        The node does not have ``debug_traceBlockByNumber``.
    BlockUnavailable
        It does not keep the state that tracing (or finding the creation) needs.
    NodeError
        A transaction could not be traced, or the answer is malformed.
    """
    return await slots_of_range(_trace, chain, address, from_block, to_block, on_progress)


async def _trace(chain: Chain, address: str, blocks: range) -> set[bytes]:
    """Return the slots of a contract that some blocks changed."""
    calls: list[Call] = [(METHOD, [hex(number), TRACER]) for number in blocks]
    try:
        told_by_block = await chain.rpc.batch(calls)
    except RpcError as error:
        raise unavailable(error, str(blocks[0])) or error from error
    slots: set[bytes] = set()
    for number, traces in zip(blocks, told_by_block, strict=True):
        for trace in answers.sequence(traces, "traces"):
            told = answers.mapping(trace, "trace")
            if told.get("error") is not None or told.get("result") is None:
                why = str(told.get("error"))[:200]
                raise NodeError(f"{chain.rpc.host} could not trace a transaction of block {number}: {why}")
            slots |= slots_of_trace(answers.mapping(told["result"], "trace"), address)
    return slots


def slots_of_trace(trace: Mapping[str, Any], address: str) -> set[bytes]:
    """Return the slots of a contract that a transaction may have written, by the tracer or by its single steps.

    Raises
    ------
    NodeError
        The trace is malformed.
    """
    if "structLogs" not in trace:
        return touched_slots(trace, address)
    # Which contract a step runs in is not told, so the slots of all are candidates: a surplus one costs a proof.
    return {
        answers.quantity("0x" + str(step["stack"][-1]).removeprefix("0x"), "stack item").to_bytes(32, "big")
        for step in answers.sequence(trace["structLogs"], "steps")
        if isinstance(step, Mapping) and step.get("op") == "SSTORE" and step.get("stack")
    }


def touched_slots(trace: Mapping[str, Any], address: str) -> set[bytes]:
    """Return the slots of a contract that ``prestateTracer`` tells of, for one transaction.

    A node that does not know the diff mode answers with the accounts themselves and all slots that were used.

    Raises
    ------
    NodeError
        The trace is malformed.
    """
    states = [trace[side] for side in ("pre", "post") if side in trace] or [trace]
    return {slot for state in states for slot in slots_of_state(state, address)}


def slots_of_state(state: object, address: str) -> set[bytes]:
    """Return the slots of a contract in a state, or a difference of states, that is told by account.

    Raises
    ------
    NodeError
        It is malformed.
    """
    slots: set[bytes] = set()
    for name, account in answers.mapping(state, "traced state").items():
        if answers.address(name, "traced address") == address:
            storage = answers.mapping(account, "traced account").get("storage") or {}
            keys = answers.mapping(storage, "traced storage")
            # Some nodes leave out the keys' leading zeros.
            slots.update(answers.quantity(key, "storage key").to_bytes(32, "big") for key in keys)
    return slots
