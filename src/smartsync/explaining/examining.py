"""A transaction on the target chain, explained: what is read of it, in which order, and what is recomputed.

One node tells all of it. What it says of the transaction is taken as it is, as an explorer's page would be; but both
roots are recomputed from the calldata, and a node whose answers do not fit together is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from smartsync.answers import Receipt, Transaction
from smartsync.chain import Chain
from smartsync.discovery.hints import NO_HINTS, Hints
from smartsync.errors import (
    InvalidProof,
    InvalidWitness,
    NodeError,
    NotATransition,
    NotDeployed,
    RpcError,
    SmartSyncError,
    TransactionPending,
    UnknownTransaction,
)
from smartsync.explaining.before import held_before, lasting, read_key
from smartsync.explaining.calls import STEPS, HubCall, HubEvent, hub_call, hub_events, traced_calls
from smartsync.explaining.cost import cost_of
from smartsync.explaining.drawing import Written
from smartsync.explaining.explanation import Change, Explanation, Failure
from smartsync.explaining.failing import failure_of
from smartsync.explaining.naming import places_of
from smartsync.explaining.recomputing import SourceBlock, change_of, checks_of, drawn, event_of
from smartsync.replica import require_hub

_EXPLAINED = "what can be explained are a hub's sync, fill, prepare and commit"


async def explain(
    target: Chain, tx_hash: bytes, *, call: int = 1, hints: Hints | Callable[[str], Hints] = NO_HINTS
) -> Explanation:
    """Explain what a transaction did to a replica.

    Parameters
    ----------
    tx_hash
        32 bytes; of the target chain.
    call
        Which of its calls of hubs, from 1 on, where it made several by way of another contract.
    hints
        A storage layout names the slots and reads their values; keys are those of its mappings. Or what returns them
        for a replica, by its address.

    Raises
    ------
    UnknownTransaction, TransactionPending
        The node does not know it, or it is in no block yet.
    NotATransition
        It is no step of a replica; or has fewer calls than asked for.
    NodeError
        It reached the hub through another contract, and the node does not tell how; or answers malformed.
    ProofError
        What the node answered does not fit together.
    """
    return await target.verified(lambda one: _Examination(one, tx_hash, hints).run(call))


@dataclass(slots=True)
class _Examination:
    """One transaction, as one node tells it."""

    chain: Chain
    tx_hash: bytes
    hints: Hints | Callable[[str], Hints]

    @property
    def _name(self) -> str:
        return f"0x{self.tx_hash.hex()}"

    async def run(self, number: int) -> Explanation:
        tx, receipt = await self._read()
        events = hub_events(receipt.logs)
        calls, is_whole = await self._calls(tx, receipt, events)
        if number > len(calls):
            made = f"{len(calls)} call{'' if len(calls) == 1 else 's'}"
            raise NotATransition(f"the transaction {self._name} made {made} of a hub", hint="give another --call")
        event = event_of(number - 1, calls, events) if receipt.success else None
        failure = None if receipt.success else await self._failure(tx, receipt)
        return await self._explained(tx, receipt, calls, number, event, failure, is_whole=is_whole)

    async def _failure(self, tx: Transaction, receipt: Receipt) -> Failure:
        # What failed left no event: whether there is a hub at all has to be asked.
        try:
            await require_hub(self.chain, tx.to or "")
        except NotDeployed as error:
            raise NotATransition(f"the transaction {self._name} {_what_else(tx, receipt)}", hint=_EXPLAINED) from error
        return await failure_of(self.chain, tx, receipt)

    async def _read(self) -> tuple[Transaction, Receipt]:
        tx = await self.chain.transaction(self.tx_hash)
        if tx is None:
            raise UnknownTransaction(
                f"the target node {self.chain.rpc.host} knows no transaction {self._name}",
                hint="check the hash and the target url: it has to be a transaction of the target chain, where the "
                "replica is; one that was just sent may not have come to this node yet",
            )
        if tx.tx_hash != self.tx_hash:
            raise NodeError(f"{self.chain.rpc.host} answered with another transaction")
        receipt = await self.chain.receipt(self.tx_hash)
        if receipt is None:
            raise TransactionPending(
                f"the transaction {self._name} is in no block yet", hint="try again once it is in a block"
            )
        return tx, receipt

    async def _calls(self, tx: Transaction, receipt: Receipt, events: Sequence[HubEvent]) -> tuple[list[HubCall], bool]:
        """Return the calls of hubs' steps, and whether the one is the transaction itself."""
        direct = None if tx.to is None else hub_call(tx.to, tx.data)
        if direct is not None and direct.function not in STEPS:
            raise NotATransition(
                f"the transaction {self._name} is the hub's {direct.function}, which has no witness", hint=_EXPLAINED
            )
        if direct is not None and (not receipt.success or any(event.is_of(direct) for event in events)):
            return [direct], True
        if not events:
            raise NotATransition(f"the transaction {self._name} {_what_else(tx, receipt)}", hint=_EXPLAINED)
        return await self._inner(tx, {event.hub for event in events}), False

    async def _inner(self, tx: Transaction, hubs: set[str]) -> list[HubCall]:
        """Return the calls that were made on the way, out of the node's trace."""
        try:
            trace = await self.chain.rpc.call("debug_traceTransaction", [self._name, {"tracer": "callTracer"}])
        except RpcError as error:
            why = error.message
        else:
            if calls := traced_calls(trace, hubs):
                return calls
            why = "its trace shows no call of the hub"
        raise NodeError(
            f"the transaction {self._name} reached the hub {', '.join(sorted(hubs))} through the contract {tx.to}, and "
            f"the node {self.chain.rpc.host} does not tell with what calldata: {why}",
            hint="take a target node with debug_traceTransaction and its callTracer (geth, reth, erigon, anvil)",
        )

    async def _explained(
        self,
        tx: Transaction,
        receipt: Receipt,
        calls: Sequence[HubCall],
        number: int,
        event: HubEvent | None,
        failure: Failure | None,
        *,
        is_whole: bool,
    ) -> Explanation:
        call, notes = calls[number - 1], list[str]()
        drawing, malformed, slots = None, "", list[bytes]()
        try:
            slots = call.slots
        except InvalidWitness as error:
            malformed = error.message
        before = await held_before(self.chain, call, slots, receipt, calls[: number - 1])
        try:
            drawing = (
                None if malformed or not call.items else drawn(call, before, event, notes, failed=failure is not None)
            )
        except InvalidWitness as error:
            malformed = error.message
        if malformed and failure is None:
            raise InvalidProof(
                f"{self.chain.rpc.host} says that {self._name} succeeded, and its witness is none: {malformed}"
            )
        source = await self._source(call, receipt, notes)
        written = drawing.writes if drawing else ()
        happened = written if failure is None and call.function != "prepare" else ()
        checks = checks_of(call, drawing, before, event, source)
        if failure is None and not all(check.ok for check in checks):
            wrong = next(check for check in checks if not check.ok)
            raise InvalidProof(
                f"what {self.chain.rpc.host} tells of {self._name} does not fit together: {wrong.name}: {wrong.detail}",
                hint="ask another node of the target chain",
            )
        return Explanation(
            tx_hash=self.tx_hash,
            chain_id=await self.chain.chain_id(),
            block_number=receipt.block_number,
            sender=tx.sender,
            through=None if is_whole else tx.to,
            call=number,
            calls=len(calls),
            hub=call.hub,
            function=call.function,
            replica=call.replica,
            source=source.key.source if source.key else None,
            source_chain_id=source.key.source_chain_id if source.key else None,
            source_block_number=source.number,
            source_block_hash=call.block_hash,
            drawing=drawing,
            malformed=malformed,
            changes=await self._changes(call, written, receipt, notes),
            cost=cost_of(receipt.gas_used, call, happened, is_whole=is_whole),
            failure=failure,
            checks=tuple(checks),
            notes=tuple(notes),
        )

    async def _source(self, call: HubCall, receipt: Receipt, notes: list[str]) -> SourceBlock:
        """Return the replica's key and the source block, as hub and anchor had them at that time."""
        key = None
        try:
            key = await read_key(self.chain, call, receipt.block_number)
            if call.block_hash is None:
                return SourceBlock(key)
            number = receipt.block_number
            answer = await lasting(self.chain, "IAnchor", key.anchor, "blockByHash", call.block_hash, number)
        except SmartSyncError as error:
            notes.append(f"what hub and anchor said of the source at that time is not known: {error.message}")
            return SourceBlock(key)
        return SourceBlock(key, answer[2], bytes(answer[1])) if any(answer[0]) else SourceBlock(key)

    async def _changes(
        self, call: HubCall, written: Sequence[Written], receipt: Receipt, notes: list[str]
    ) -> tuple[Change, ...]:
        hints = self.hints(call.replica) if callable(self.hints) else self.hints
        # Lengths of arrays as they are after it: what was appended has a name, too.
        slots = [one.slot for one in written]
        places = await places_of(self.chain, hints, call.replica, slots, receipt.block_number)
        missing = len(written) - len(places)
        if hints.layout is not None and missing:
            notes.append(f"{missing} of {len(written)} slots have no name by this layout and these keys (--keys)")
        return tuple(change_of(one, places.get(one.slot)) for one in written)


def _what_else(tx: Transaction, receipt: Receipt) -> str:
    if tx.to is None:
        return "creates a contract, and is no step of a replica"
    if not receipt.success:
        return f"calls {tx.to}, which is no hub, and failed: so it left nothing by which a hub could be found"
    return "is not one of SmartSync's: no hub recorded anything in it"
