"""What workers have paid, read from the target chain itself, and whether any of it was paid twice."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from smartsync.chain import Chain
from smartsync.contracts import decode_call, event_topic
from smartsync.keccak import keccak256

_A_BATCH = 50


@dataclass(frozen=True)
class Payment:
    """A transaction of a worker's key that is in a block, whatever became of it.

    ``step`` is what it was to do: two payments for one step are one too many. ``root`` is the storage root that it
    brought the replica to, ``None`` where it did not.
    """

    block: int
    sender: str
    nonce: int
    tx_hash: bytes
    step: tuple[str, ...]
    success: bool
    gas: int
    root: bytes | None = None

    @property
    def replica(self) -> str:
        return self.step[1] if len(self.step) > 1 else ""

    def __str__(self) -> str:
        what = " ".join(self.step)
        return f"block {self.block}: {what}: {'done' if self.success else 'reverted'}, 0x{self.tx_hash.hex()[:8]}…"


@dataclass(frozen=True)
class Entry:
    """A transaction as the journal has it; ``hashes`` of all its versions, ``tx_hash`` of the one in a block."""

    subject: str
    sender: str
    nonce: int
    state: str
    hashes: frozenset[bytes]
    tx_hash: bytes | None = None
    success: bool | None = None


async def read_payments(target: Chain, hub: str, senders: Collection[str], since_block: int) -> list[Payment]:
    """Read every block of the target since one, and return what is of these accounts, in its order."""
    head = await target.block_number()
    wanted = {sender.lower() for sender in senders}
    synced = event_topic("Hub", "ReplicaSynced")
    found: list[Payment] = []
    for first in range(since_block, head + 1, _A_BATCH):
        numbers = [hex(number) for number in range(first, min(first + _A_BATCH, head + 1))]
        blocks = await target.rpc.batch([("eth_getBlockByNumber", [number, True]) for number in numbers])
        mine = [one for block in blocks for one in block["transactions"] if one["from"].lower() in wanted]
        receipts = await target.rpc.batch([("eth_getTransactionReceipt", [one["hash"]]) for one in mine])
        for told, receipt in zip(mine, receipts, strict=True):
            roots = [
                bytes.fromhex(log["data"][2:])[32:64]
                for log in receipt["logs"]
                if log["address"].lower() == hub.lower() and log["topics"][0] == f"0x{synced.hex()}"
            ]
            found.append(
                Payment(
                    block=int(told["blockNumber"], 16),
                    sender=told["from"].lower(),
                    nonce=int(told["nonce"], 16),
                    tx_hash=bytes.fromhex(told["hash"][2:]),
                    step=_step(told),
                    success=int(receipt["status"], 16) == 1,
                    gas=int(receipt["gasUsed"], 16),
                    root=roots[-1] if roots else None,
                )
            )
    return found


def _step(told: Mapping[str, Any]) -> tuple[str, ...]:
    data = bytes.fromhex(told["input"][2:])
    call = decode_call("Hub", data)
    if call is None or "replica" not in call.arguments:
        return (f"another call {told['input'][:10]}", str(told["to"]).lower(), keccak256(data).hex())
    # Parts of one transition differ in what they prove; whatever goes to one block at once is one step.
    what = keccak256(data).hex() if call.name == "prepare" else call.arguments["blockHash"].hex()
    return call.name, call.arguments["replica"].lower(), what


def paid_in_vain(payments: Sequence[Payment]) -> list[Payment]:
    """Return what was paid for nothing: it reverted, or left the replica with the storage that it had."""
    roots: dict[str, bytes] = {}
    found = []
    for one in payments:
        if not one.success or (one.root is not None and roots.get(one.replica) == one.root):
            found.append(one)
        if one.root is not None:
            roots[one.replica] = one.root
    return found


def complaints(
    payments: Sequence[Payment], journal: Sequence[Entry], *, kills: int, first_nonces: Mapping[str, int] | None = None
) -> list[str]:
    """Return everything that is wrong with what was paid; nothing where all is well.

    Parameters
    ----------
    kills
        How many transactions may have been paid for in vain: of each worker that was killed the one in flight.
    first_nonces
        Of the accounts, where it is not 0.
    """
    return [
        *_of_steps(payments),
        *_of_nonces(payments, {sender.lower(): nonce for sender, nonce in (first_nonces or {}).items()}),
        *_in_vain(payments, kills),
        *_of_journal(payments, journal),
    ]


def _of_steps(payments: Sequence[Payment]) -> list[str]:
    counted = Counter(one.step for one in payments if one.success)
    return [
        f"{count} successful transactions paid for {' '.join(step)}" for step, count in counted.items() if count > 1
    ]


def _of_nonces(payments: Sequence[Payment], first: Mapping[str, int]) -> list[str]:
    used: defaultdict[str, list[int]] = defaultdict(list)
    for one in payments:
        used[one.sender].append(one.nonce)
    return [
        f"{sender} used nonces {sorted(nonces)}"
        for sender, nonces in used.items()
        if sorted(nonces) != list(range(first.get(sender, 0), first.get(sender, 0) + len(nonces)))
    ]


def _in_vain(payments: Sequence[Payment], kills: int) -> list[str]:
    found = paid_in_vain(payments)
    told = "; ".join(map(str, found[:5]))
    return [f"{len(found)} were paid in vain, and {kills} workers were killed: {told}"] if len(found) > kills else []


def _of_journal(payments: Sequence[Payment], journal: Sequence[Entry]) -> list[str]:
    found = []
    entries = {tx_hash: entry for entry in journal for tx_hash in entry.hashes}
    for one in payments:
        entry = entries.get(one.tx_hash)
        if entry is None:
            found.append(f"the journal does not know {one}")
        elif entry.state not in ("included", "final") or entry.tx_hash != one.tx_hash or entry.success != one.success:
            found.append(f"the journal has {entry.state} (success: {entry.success}) for {one}")
    paid = {one.tx_hash for one in payments}
    for entry in journal:
        if entry.state == "signed":
            found.append(f"nonce {entry.nonce} of {entry.sender} for {entry.subject} is left over")
        elif entry.state in ("included", "final") and not entry.hashes & paid:
            found.append(f"the journal has nonce {entry.nonce} of {entry.sender} in a block, and the chain does not")
    return found
