"""Discovery by replaying: the slots in the state diffs of a range of blocks, a call a block.

``trace_replayBlockTransactions`` with ``stateDiff`` is in erigon, nethermind, reth, besu and anvil, also where their
``debug`` methods are switched off. For each transaction it tells every account that changed, and of each slot whether
it was added (``+``), removed (``-``) or changed (``*``)::

    [{"stateDiff": {"0x5fbd…": {"balance": "=", "code": "=", "nonce": "=",
                                "storage": {"0x00…01": {"*": {"from": "0x…", "to": "0x…"}}}}}}]

Measured on anvil 1.7.1: a slot is ``+`` only in the transaction that creates its contract, else one that was zero is
``*``, from zero. What is reverted, fails, or ends as it began is not told. Each transaction is compared with the one
before it, so what one writes and the next takes back is told twice. Of a contract that is destroyed (before Cancun) no
slot is told. A block without transactions and one that is not there are both ``[]``. The others' answers are known from
their documentation only; the storage root decides as ever.

Source: OpenEthereum, "The trace module"; erigon, "trace namespace".
"""

from __future__ import annotations

from smartsync import answers
from smartsync.chain import Chain
from smartsync.discovery.block_range import slots_of_range
from smartsync.discovery.candidates import Candidates
from smartsync.discovery.prestate import slots_of_state
from smartsync.errors import NodeError, RpcError
from smartsync.refusals import unavailable
from smartsync.results import Progress
from smartsync.rpc import Call

METHOD = "trace_replayBlockTransactions"


async def candidates(
    chain: Chain, address: str, from_block: int | None, to_block: int, on_progress: Progress | None = None
) -> Candidates:
    """Return the slots of a contract that changed after one block and until another; see `slots_of_range`.

    Raises
    ------
    MethodMissing
        The node does not have ``trace_replayBlockTransactions``.
    BlockUnavailable
        It does not keep the state that replaying (or finding the creation) needs.
    NodeError
        It answers without state diffs, or the answer is malformed.
    """
    return await slots_of_range(_replay, chain, address, from_block, to_block, on_progress)


async def _replay(chain: Chain, address: str, blocks: range) -> set[bytes]:
    """Return the slots of a contract that some blocks changed."""
    calls: list[Call] = [(METHOD, [hex(number), ["stateDiff"]]) for number in blocks]
    try:
        told_by_block = await chain.rpc.batch(calls)
    except RpcError as error:
        raise unavailable(error, str(blocks[0])) or error from error
    slots: set[bytes] = set()
    for number, replayed in zip(blocks, told_by_block, strict=True):
        for transaction in answers.sequence(replayed, "replayed transactions"):
            diff = answers.mapping(transaction, "replayed transaction").get("stateDiff")
            if diff is None:
                raise NodeError(f"{chain.rpc.host} replayed a transaction of block {number} without its state diff")
            slots |= slots_of_state(diff, address)
    return slots
