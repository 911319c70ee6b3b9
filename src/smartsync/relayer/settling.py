"""What was signed and nobody is after: in a block that may be dropped yet, or in none since its job ended.

Both are of nonces. Where a reorganisation drops a block for good, or a transaction was written down and never sent, its
nonce is a gap, and all that the account signs later waits behind it: whether or not its own subject is due again.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from eth_account.signers.local import LocalAccount

from smartsync.chain import Chain
from smartsync.chain.many import blocks_at
from smartsync.errors import NonceTaken
from smartsync.relayer.state.database import Database
from smartsync.relayer.state.journal import StateJournal, date, finalise, holds_up, included, reopen
from smartsync.submit import Sender
from smartsync.submit.cancelling import CANCEL_AFTER_S, Cancelling
from smartsync.submit.journal import Signed

logger = logging.getLogger(__name__)


async def settle(database: Database, target: Chain, chain_id: int, confirmations: int, subject: str = "") -> None:
    """Look again at what is in a block: it is final once that is deep enough, and open again where it is dropped.

    Parameters
    ----------
    subject
        Whose transactions; all of the chain where it is empty.
    """
    rows = await included(database, chain_id, subject)
    if not rows:
        return
    head = await target.block_number()
    numbers = sorted({row.block_number for row in rows})
    blocks = dict(zip(numbers, await blocks_at(target, numbers), strict=True))
    for row in rows:
        block = blocks[row.block_number]
        if block is not None and block.hash == row.block_hash:
            if row.spent_s != block.timestamp:
                await date(database, row.id, block.timestamp)
            if head - row.block_number >= confirmations:
                await finalise(database, row.id)
        elif (receipt := await target.receipt(row.tx_hash)) is None or receipt.block_hash != row.block_hash:
            # Whoever follows it finds the block that it is in now, or sends it again. So it does, where the node is
            # only behind.
            logger.warning("nonce %d of %s: its block %d is dropped", row.nonce, row.sender, row.block_number)
            await reopen(database, row.id)


async def follow(
    database: Database, target: Chain, account: LocalAccount, subject: str, *, cancel_for_wei: int | None = 0
) -> None:
    """Follow to its end what was signed for a subject, and send it again where the node has lost it.

    It is not outbid: how much its owner would pay is not known here. Where it holds up others of its account for long,
    it is cancelled.

    Parameters
    ----------
    cancel_for_wei
        What may be paid per gas for that: as for any transaction on this chain, ``None`` without a bound. 0: nothing.

    Raises
    ------
    TransactionPending
        It is in no block in time.
    """
    chain_id = await target.chain_id()

    async def is_due(signed: Signed) -> bool:
        return await holds_up(database, chain_id, signed, CANCEL_AFTER_S)

    journal, cancelling = await StateJournal.of(database, subject), Cancelling(cancel_for_wei, is_due)
    sender = Sender(target, account, journal=journal, fee_cap_wei=0, cancelling=cancelling)
    try:
        await sender.finish()
    except NonceTaken as error:
        logger.info("%s", error.message)


def by_address(accounts: Mapping[str, LocalAccount]) -> dict[str, LocalAccount]:
    """Return accounts by their addresses."""
    return {str(one.address): one for one in accounts.values()}
