"""The end of a source, recorded on chain: destroyed, or with other code."""

from __future__ import annotations

from smartsync.chain import Chain
from smartsync.contracts import encode_call
from smartsync.discovery.completeness import source_values
from smartsync.errors import SourceError
from smartsync.header import Header
from smartsync.replica import ReplicaRecord
from smartsync.results import SyncResult
from smartsync.submit import Sender, step_of
from smartsync.sync.blocks import require_reachable, require_still_canonical


async def halt(
    source: Chain, sender: Sender, hub: str, replica: str, record: ReplicaRecord, header: Header
) -> SyncResult:
    """Send the proof that at this block the source's account is gone or has other code.

    Raises
    ------
    SourceError
        It is there, with the code that was replicated: there is nothing to record.
    BlockNotAccepted
        The replica stands at this block or a later one.
    """
    state = await source_values(source, header, record.key.source, [])
    if state.account is not None and state.account.code_hash == record.key.code_hash:
        raise SourceError(
            f"the contract {record.key.source} is there at source block {header.number}, with the same code: there is "
            "nothing to halt",
            hint="smartsync sync brings the replica up to date. Where the contract has ended after this block, a block "
            "from after its end has to be accepted first",
        )
    await require_reachable(sender.chain, record, header)
    await require_still_canonical(source, header)
    what = f"record the source's end at block {header.number}"
    arguments = [replica, header.hash, b"".join(state.account_nodes)]
    receipt = await sender.send(hub, encode_call("Hub", "halt", arguments), what=what)
    return SyncResult(replica, record.block_number, header.number, header.hash, (), (step_of(what, receipt),))
