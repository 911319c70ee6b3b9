"""Discovery by tracing, a call a transaction: for nodes that trace transactions, and no blocks.

``debug_traceTransaction`` with ``prestateTracer`` in diff mode tells the same as `prestate`. It costs a call for every
transaction of the range, and one for every block. A node that does not know the tracer answers with the single steps
(ganache, besu) or wants to be asked for them (hardhat 2, @ethereumjs/client 0.10): then the slots that any contract
wrote are candidates.

Source: go-ethereum, "Built-in tracers".
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from smartsync import answers
from smartsync.chain import Chain
from smartsync.discovery.block_range import slots_of_range
from smartsync.discovery.candidates import Candidates
from smartsync.discovery.prestate import STEPS, TRACER, slots_of_trace
from smartsync.errors import MethodMissing, RpcError
from smartsync.refusals import unavailable
from smartsync.results import Progress
from smartsync.rpc import Call

METHOD = "debug_traceTransaction"


async def candidates(
    chain: Chain, address: str, from_block: int | None, to_block: int, on_progress: Progress | None = None
) -> Candidates:
    """Return the slots of a contract that changed after one block and until another; see `slots_of_range`.

    Raises
    ------
    MethodMissing
        The node does not have ``debug_traceTransaction``.
    BlockUnavailable
        It does not keep the state that tracing (or finding the creation) needs.
    NodeError
        A transaction could not be traced, or the answer is malformed.
    """
    options = await _options(chain)
    return await slots_of_range(
        partial(slots_of_blocks, options=options), chain, address, from_block, to_block, on_progress
    )


async def _options(chain: Chain) -> Mapping[str, object]:
    """Return what to trace with; raises ``MethodMissing``.

    Asked for a transaction that there is not: in blocks without any, what is missing would not show.
    """
    try:
        await chain.rpc.call(METHOD, [f"0x{bytes(32).hex()}", TRACER])
    except MethodMissing:
        raise
    except RpcError as error:
        if refuses_tracers(error):
            return STEPS
    return TRACER


def refuses_tracers(error: RpcError) -> bool:
    """Whether a node would trace, but not with a tracer: then it is to be asked for the single steps."""
    return "tracer" in error.text.lower()


async def slots_of_blocks(
    chain: Chain, address: str, blocks: range, *, options: Mapping[str, object] = TRACER
) -> set[bytes]:
    """Return the slots of a contract that the transactions of some blocks may have written.

    Raises
    ------
    NodeError
        As `candidates`.
    """
    told = await chain.rpc.batch([("eth_getBlockByNumber", [hex(number), False]) for number in blocks])
    hashes = [
        tx_hash
        for block in told
        for tx_hash in answers.sequence(answers.mapping(block, "block").get("transactions"), "transactions")
    ]
    calls: list[Call] = [(METHOD, [tx_hash, options]) for tx_hash in hashes]
    try:
        traces = await chain.rpc.batch(calls)
    except RpcError as error:
        raise unavailable(error, str(blocks[0])) or error from error
    slots: set[bytes] = set()
    for trace in traces:
        slots |= slots_of_trace(answers.mapping(trace, "trace"), address)
    return slots
