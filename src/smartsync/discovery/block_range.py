"""Slots out of the blocks of a range, each asked for what its transactions did: what several strategies have in common.

Only transactions are traced. What a block does besides (withdrawals, rewards) writes no storage, except that of the
few system contracts that the protocol itself calls (EIP-4788, 2935, 7002, 7251): these cannot be discovered so. Nor
can storage that a contract has from genesis on be.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import TypeAlias

from smartsync.chain import Chain
from smartsync.discovery.candidates import Candidates
from smartsync.errors import BlockUnavailable, NoCode, SourceReorganised
from smartsync.jobs import side_by_side
from smartsync.results import Progress

Trace: TypeAlias = Callable[[Chain, str, range], Awaitable[set[bytes]]]
"""From a contract and some blocks, none of them the first of the chain, to the slots that they changed."""

_BLOCKS_PER_REQUEST = 8
_REQUESTS_AT_ONCE = 4


async def slots_of_range(
    trace: Trace, chain: Chain, address: str, from_block: int | None, to_block: int, on_progress: Progress | None
) -> Candidates:
    """Return the slots of a contract that changed after one block and until another.

    Parameters
    ----------
    from_block
        Block number; None for the block before the contract's creation.
    to_block
        Block number. Where it is the lower one (after a reorganisation), the blocks after it are traced.

    Raises
    ------
    BlockUnavailable
        The node does not keep the state that finding the creation needs.
    NoCode
        There is no contract at ``to_block``, and ``from_block`` is None.
    SourceReorganised
        The last block was replaced while the range was traced.
    NodeError
        As ``trace``.
    """
    if from_block == to_block:
        return Candidates(set())
    # The block whose slots are wanted is known to be there, whatever the node says of its newest one.
    newest = max(await chain.block_number(), to_block)
    # A missing method shows at the first call, before the search for the creation begins.
    last = min(max(from_block or 0, to_block), newest)
    last_hash = (await chain.header(last)).hash
    slots = await trace(chain, address, range(max(last, 1), last + 1))
    if from_block is None:
        first = await creation_block(chain, address, to_block)
    else:
        first = min(from_block, to_block) + 1
    rest = range(max(first, 1), last)
    chunks = (rest[i : i + _BLOCKS_PER_REQUEST] for i in range(0, len(rest), _BLOCKS_PER_REQUEST))
    done = 0

    async def work(todo: Iterator[range]) -> None:
        nonlocal done
        for blocks in todo:
            slots.update(await trace(chain, address, blocks))
            done += len(blocks)
            if on_progress:
                on_progress("discover (blocks looked into)", done, len(rest))

    await side_by_side(work(chunks) for _ in range(_REQUESTS_AT_ONCE))
    if (await chain.header(last)).hash != last_hash:
        raise SourceReorganised(f"block {last} was replaced while the blocks up to it were traced", hint="try again")
    return Candidates(slots)


async def creation_block(chain: Chain, address: str, block: int) -> int:
    """Return a block in which the contract that is there at ``block`` came into being, by bisection.

    Of a contract that was destroyed and created again, any of its creations may be found; what was written before it
    was destroyed is of no interest, so each is a right beginning. A contract of the genesis block has 0.

    Raises
    ------
    NoCode
        There is no contract at ``block``.
    BlockUnavailable
        The contract is older than the states that the node keeps.
    """
    if not await chain.code(address, block):
        raise NoCode(f"there is no contract at {address} in block {block}")
    low, high = -1, block
    gone: BlockUnavailable | None = None
    while high - low > 1:
        middle = (low + high) // 2
        try:
            there, missing = bool(await chain.code(address, middle)), None
        except BlockUnavailable as error:
            # Nodes drop the oldest states first: what is served begins later.
            there, missing = False, error
        if there:
            high = middle
        else:
            low, gone = middle, missing
    if gone is not None:
        older = BlockUnavailable(
            str(low), f"its state is needed to find the creation of {address}", host=chain.rpc.host
        )
        older.hint = "give the slots with --slots FILE, or use a node that keeps older state (an archive node)"
        raise older from gone
    return high
