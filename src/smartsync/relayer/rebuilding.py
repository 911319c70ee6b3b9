"""The relayer's memory, made anew out of the chains: where its database was lost, or to see that nothing hangs on it.

What no chain tells is named: requests for a sync, what failed, and what waits in a pool that its node does not show.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from eth_account.signers.local import LocalAccount

from smartsync.answers import Transaction
from smartsync.chain.many import blocks_at, receipts_of
from smartsync.contracts import decode_call
from smartsync.document import to_json
from smartsync.errors import SmartSyncError
from smartsync.fees import Fees
from smartsync.relayer.pairs import Pair
from smartsync.relayer.past import (
    Landed,
    PastAcceptance,
    PastSync,
    changes_of,
    first_block_since,
    past_acceptances,
    past_syncs,
)
from smartsync.relayer.policy import decide
from smartsync.relayer.pool import waiting
from smartsync.relayer.replicas import Replica
from smartsync.relayer.scanning import Known, NodeFault, Sight, look
from smartsync.relayer.state.database import Database
from smartsync.relayer.state.journal import StateJournal
from smartsync.relayer.state.looks import spendings_of
from smartsync.relayer.state.restoring import is_told, known, restore, told_since
from smartsync.relayer.state.store import Happening, Sample, Status, Store
from smartsync.relayer.statuses import Failed, Looked, after_failure, after_look
from smartsync.replica import ReplicaRecord, read_records
from smartsync.results import AnchorUpdate, Step, SyncResult
from smartsync.results.steps import cost_of
from smartsync.results.telling import sentence
from smartsync.submit import step_of
from smartsync.submit.journal import Signed
from smartsync.submit.signing import sign

NEVER_KNOWN = (
    "no chain tells of transactions that failed (what they cost is in no sum), of what was estimated, and of syncs "
    "that somebody has asked for: ask again with smartsync relayer now"
)


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What the chains tell of a pair, and what of it was in the database already.

    Parameters
    ----------
    replicas, syncs, accepted, transactions, waiting
        How many replicas, syncs, accepted blocks and transactions in blocks the chains tell of, and how many
        transactions of the pair's keys wait in the pool of the target's node.
    differences
        What the database told otherwise, or did not tell: it has been put right, unless it was only checked.
    unknown
        What cannot be known.
    """

    pair: str
    replicas: int = 0
    syncs: int = 0
    accepted: int = 0
    transactions: int = 0
    waiting: int = 0
    differences: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


async def rebuild(
    pair: Pair, replicas: Sequence[Replica], database: Database, since_s: float, *, check: bool = False
) -> Rebuilt:
    """Read what the chains tell of a pair since a time, and write what of it the database lacks.

    A second time nothing is left to write.

    Parameters
    ----------
    check
        Write nothing, and name what differs.

    Raises
    ------
    SmartSyncError
        The database or a node does not answer, or does not have what is needed.
    """
    work = _Rebuilding(pair, replicas, database, since_s, check)
    try:
        await work.run()
    except NodeFault as fault:
        raise fault.error from fault
    return replace(work.found, differences=tuple(work.differences), unknown=tuple(work.unknown))


@dataclass(slots=True)
class _Rebuilding:
    pair: Pair
    replicas: Sequence[Replica]
    database: Database
    since_s: float
    check: bool
    found: Rebuilt = field(init=False)
    differences: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    _seen: set[bytes] = field(default_factory=set)
    _head: int = 0

    def __post_init__(self) -> None:
        self.found = Rebuilt(self.pair.name, replicas=len(self.replicas))

    async def run(self) -> None:
        pair, addresses = self.pair, [one.address for one in self.replicas]
        payers = {str(one.address) for one in pair.accounts.values()}
        self._head = await pair.target.block_number()
        since_block = await first_block_since(pair.target, self.since_s)
        async for sync in past_syncs(pair.target, pair.hub, addresses, payers, since_block):
            await self._sync(sync)
        records = await read_records(pair.target, pair.hub, addresses)
        anchors = sorted({one.key.anchor for one in records if isinstance(one, ReplicaRecord)})
        async for acceptance in past_acceptances(pair.target, anchors, payers, since_block):
            await self._acceptance(acceptance)
        for account in pair.accounts.values():
            await self._waiting(account, frozenset(anchors))
        await self._invented()
        await self._statuses()

    # --- what is in blocks ---

    async def _sync(self, sync: PastSync) -> None:
        self.found = replace(self.found, syncs=self.found.syncs + 1)
        for landed in sync.landed:
            await self._transaction(landed)
        last = sync.landed[-1]
        name = f"sync of {self._name(sync.replica)} to block {sync.to_block} (0x{last.receipt.tx_hash.hex()})"
        if await is_told(
            self.database, self.pair.name, "sync", last.receipt.tx_hash, address=sync.replica, to_block=sync.to_block
        ):
            return
        self.differences.append(f"{name}: not in the history")
        if not self.check:
            await self._tell_sync(sync)

    async def _tell_sync(self, sync: PastSync) -> None:
        steps, at_s = _steps(sync.landed), float(sync.landed[-1].block_s)
        changes = await changes_of(self.pair.target, sync)
        # Where it began is not known of the first one: as far as it can be told, where it ended.
        before = sync.to_block if sync.from_block is None else sync.from_block
        result = SyncResult(sync.replica, before, sync.to_block, sync.block_hash, changes or (), steps)
        document: dict[str, Any] = {**_document(result), "from_block": sync.from_block}
        told = sentence(result)
        if changes is None or sync.from_block is None:
            count = "" if sync.writes is None else f"  slots {len(sync.writes)}"
            told = f"synced: block {'?' if sync.from_block is None else before} -> {sync.to_block}{count}"
        if changes is None:
            document["changes"] = [
                {"kind": "write", "slot": to_json(slot), "old": None, "new": new} for slot, new in sync.writes or ()
            ]
        store = Store(self.database)
        count_of = None if sync.writes is None else len(sync.writes)
        happening = _happening(self.pair.name, "sync", told, document, at_s, steps)
        happening = replace(happening, from_block=sync.from_block, to_block=sync.to_block, changes=count_of)
        await store.tell(replace(happening, replica=sync.replica))
        await self._sample(store, sync, at_s)

    async def _sample(self, store: Store, sync: PastSync, at_s: float) -> None:
        """Write down how far behind a replica was just before a sync: at least as far as that took it."""
        if sync.from_block is None or sync.from_block >= sync.to_block:
            return
        before, after = await blocks_at(self.pair.source, [sync.from_block, sync.to_block])
        if before is not None and after is not None:
            behind = Sample(
                int(at_s // 60), sync.to_block - sync.from_block, max(0, after.timestamp - before.timestamp)
            )
            await store.sample(self.pair.name, sync.replica, behind)

    async def _acceptance(self, acceptance: PastAcceptance) -> None:
        self.found = replace(self.found, accepted=self.found.accepted + 1)
        landed, anchor = acceptance.landed, acceptance.anchor
        await self._transaction(landed)
        tx_hash = landed.receipt.tx_hash
        if await is_told(self.database, self.pair.name, "accepted", tx_hash, address=anchor, to_block=0):
            return
        self.differences.append(
            f"anchor {anchor} accepted block {acceptance.number} (0x{tx_hash.hex()}): not in the history"
        )
        if not self.check:
            steps = _steps((landed,))
            update = AnchorUpdate(acceptance.number, acceptance.block_hash, acceptance.level, steps)
            told = _happening(
                self.pair.name, "accepted", sentence(update), _document(update), float(landed.block_s), steps
            )
            await Store(self.database).tell(replace(told, anchor=anchor))

    async def _transaction(self, landed: Landed) -> None:
        receipt, pair = landed.receipt, self.pair
        if receipt.tx_hash in self._seen:
            return
        self._seen.add(receipt.tx_hash)
        self.found = replace(self.found, transactions=self.found.transactions + 1)
        name = f"transaction 0x{receipt.tx_hash.hex()} of {self._name(landed.address)} ({landed.what})"
        row = (await known(self.database, [receipt.tx_hash])).get(receipt.tx_hash)
        if row is not None:
            if row.state in ("included", "final"):
                self._compare(name, (row.block_number, row.block_hash, row.gas_used, row.cost_wei), landed)
            return  # what is still open there is followed by whoever runs
        self.differences.append(f"{name}: not in the database")
        if self.check:
            return
        is_final = self._head - receipt.block_number >= pair.confirmations
        signed = _unsigned(landed.what, landed.transaction) if is_final else self._anew(landed.what, landed.transaction)
        if not signed.attempts and not is_final:
            # Where a reorganisation undid it, nobody could send it again.
            self.unknown.append(f"{name}: not signed as the relayer signs; left to be until it is final")
            return
        subject, state = pair.subject(landed.address), "final" if is_final else "included"
        await restore(
            self.database, pair.name, subject, pair.target_chain_id, signed, receipt, float(landed.block_s), state
        )

    def _compare(self, name: str, told: tuple[object, ...], landed: Landed) -> None:
        receipt = landed.receipt
        truth = receipt.block_number, receipt.block_hash, receipt.gas_used, receipt.cost_wei
        for what, of_database, of_chain in zip(("block", "block hash", "gas", "cost"), told, truth, strict=True):
            if of_database != of_chain:
                self.differences.append(
                    f"{name}: {what} {_shown(of_database)} in the database, {_shown(of_chain)} on the chain"
                )

    async def _invented(self) -> None:
        """Name what the database has in blocks, and no chain."""
        told = [one for one in await told_since(self.database, self.pair.name, self.since_s) if one not in self._seen]
        for tx_hash, receipt in zip(told, await receipts_of(self.pair.target, told), strict=True):
            if receipt is None:
                self.differences.append(
                    f"transaction 0x{tx_hash.hex()} is in a block by the database, and in none by the chain; the "
                    "relayer looks after it if that block is not final yet"
                )

    # --- what is open ---

    async def _waiting(self, account: LocalAccount, anchors: frozenset[str]) -> None:
        target, address = self.pair.target, str(account.address)
        open_ = await target.nonce(address, "pending") - await target.nonce(address, "latest")
        found = await waiting(target, address) or []
        hidden = open_ - len(found)
        if hidden > 0:
            self.unknown.append(
                f"{hidden} transactions of {address} wait, and {target.rpc.host} does not tell which: smartsync run "
                "sends nothing with that key before they are in blocks, so that no step is paid for twice"
            )
        self.found = replace(self.found, waiting=self.found.waiting + max(len(found), open_))
        there = await known(self.database, [one.tx_hash for one in found])
        for one in found:
            if one.tx_hash not in there:
                await self._open(account, one, anchors)

    async def _open(self, account: LocalAccount, transaction: Transaction, anchors: frozenset[str]) -> None:
        name = f"transaction 0x{transaction.tx_hash.hex()}, nonce {transaction.nonce} of {account.address}"
        subject, what = self._meant(transaction, anchors)
        signed = self._anew(what, transaction)
        if not subject or not signed.attempts:
            self.unknown.append(
                f"{name} waits, and is for none of the pair's replicas and anchors, or not as signed here"
            )
            return
        self.differences.append(f"{name} ({what}) waits: not in the database")
        if self.check:
            return
        journal = await StateJournal.of(self.database, self.pair.subject(subject), self.pair.name)
        async with journal.turn(self.pair.target_chain_id, str(account.address)) as turn:
            await turn.write(signed)

    def _meant(self, transaction: Transaction, anchors: frozenset[str]) -> tuple[str, str]:
        """Return for which replica or anchor a transaction is, and what it does; nothing where it is for none."""
        if transaction.to in anchors:
            return str(transaction.to), "accept a block"
        call = decode_call("Hub", transaction.data) if transaction.to == self.pair.hub else None
        replica = "" if call is None else str(call.arguments.get("replica", ""))
        kept = {one.address for one in self.replicas}
        return (replica, call.name) if call is not None and replica in kept else ("", "")

    def _anew(self, what: str, transaction: Transaction) -> Signed:
        """Return a transaction with what was signed, where that is what this relayer would sign; else without.

        A node cannot have anything signed by it that was not: it would have to tell the hash of what it has not seen.
        """
        signed = _unsigned(what, transaction)
        fees = Fees(transaction.max_fee_wei, transaction.priority_fee_wei)
        account = next(one for one in self.pair.accounts.values() if str(one.address) == transaction.sender)
        if transaction.value_wei:
            return signed
        anew = sign(account, self.pair.target_chain_id, signed, fees)
        return anew if anew.newest.tx_hash == transaction.tx_hash else signed

    # --- how the replicas stand ---

    async def _statuses(self) -> None:
        pair, store = self.pair, Store(self.database)
        before = {one.address: one for one in await store.statuses(pair.name)}
        memory = {one.address: await self._memory(store, before, one) for one in self.replicas}
        outcomes = await look(pair, self.replicas, memory)
        for replica in self.replicas:
            status = await self._status(replica, outcomes[replica.address])
            old = before.get(replica.address)
            difference = _difference(old, status)
            if difference:
                self.differences.append(f"{replica.name}: {difference}")
            if not self.check and (old is None or difference):
                await store.remember(status)

    async def _memory(self, store: Store, before: Mapping[str, Status], replica: Replica) -> Known:
        last = await store.last_sync(self.pair.name, replica.address)
        old = before.get(replica.address)
        memory = Known() if old is None else Known(old.changed_s, demanded=old.is_demanded)
        return memory if last is None or last.gas_used is None else replace(memory, gas=last.gas_used)

    async def _status(self, replica: Replica, found: Sight | SmartSyncError) -> Status:
        now_s = float(await self.pair.target.clock())
        if isinstance(found, SmartSyncError):
            return after_failure(replica, None, Failed(found), now_s)
        subject = self.pair.subject(replica.address)
        spent = await spendings_of(self.database, [subject], found.now_s, found.target_s)
        decision = decide(replica.policy, found.seen, spent[subject], found.fee_wei, found.now_s)
        return after_look(replica, None, Looked(found, decision), now_s)

    def _name(self, address: str) -> str:
        names = {one.address: one.name for one in self.replicas}
        return names.get(address, f"anchor {address}")


def _difference(old: Status | None, new: Status) -> str:
    """Return where the database tells something else of a replica than the hub; empty where it does not."""
    if old is None:
        return "not in the database"
    if (old.block_number, old.block_hash) != (new.block_number, new.block_hash) and new.block_number is not None:
        return f"at block {_shown(old.block_number)} in the database, at block {new.block_number} by the hub"
    return "" if old.anchor == new.anchor or new.anchor is None else f"another anchor than the hub's, {new.anchor}"


def _unsigned(what: str, one: Transaction) -> Signed:
    return Signed(what, one.sender, one.nonce, one.to, one.data, one.gas, ())


def _steps(landed: Sequence[Landed]) -> tuple[Step, ...]:
    return tuple(step_of(one.what, replace(one.receipt, calldata_bytes=len(one.transaction.data))) for one in landed)


def _happening(
    pair: str, kind: str, told: str, document: dict[str, Any], at_s: float, steps: tuple[Step, ...]
) -> Happening:
    gas = sum(step.gas_used for step in steps)
    return Happening(pair, None, None, at_s, kind, told, json.dumps(document), gas_used=gas, cost_wei=cost_of(steps))


def _document(result: object) -> dict[str, Any]:
    document = to_json(result)
    return {**document, "rebuilt": True} if isinstance(document, dict) else {}


def _shown(value: object) -> str:
    return f"0x{value.hex()}" if isinstance(value, bytes) else "none" if value is None else str(value)
