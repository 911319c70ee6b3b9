"""Where the demo plays: two chains, the accounts that act on them, and a record of every transaction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from eth_account.signers.local import LocalAccount

from smartsync.answers import Receipt
from smartsync.chain import Chain
from smartsync.errors import TransactionError
from smartsync.results import Step
from smartsync.submit import Sender
from smartsync.sync import SmartSync
from smartsync.testing import Node, dev_accounts

ROLES = ("deployer", "attestor 1", "attestor 2", "attestor 3", "alice", "bob", "carol", "dave", "mallory", "relayer")
"""Who the nodes' ten accounts are. Everyone is the same account on both chains."""

MAX_DRIFT_S = 900
"""Seconds that the source's clock may be ahead of the target's: the demo lets time pass there without waiting."""

_SOURCE_GAS = 12_000_000


@dataclass(frozen=True, slots=True)
class Entry:
    """A transaction of the demo. ``chain`` is ``source`` or ``target``; ``act`` names the part of the demo it is in."""

    act: str
    chain: str
    what: str
    tx_hash: str
    gas_used: int
    calldata_bytes: int


@dataclass(slots=True)
class Stage:
    """Both chains. ``client`` acts as the relayer; ``act`` names the part that is playing, for the record."""

    source_node: Node
    target_node: Node
    client: SmartSync
    ledger: list[Entry] = field(default_factory=list)
    act: str = ""

    @property
    def source(self) -> Chain:
        """The chain with the originals."""
        return self.client.source

    @property
    def target(self) -> Chain:
        """The chain with the replicas."""
        return self.client.target

    async def on_source(self, who: str, to: str | None, data: bytes, what: str) -> Receipt:
        """Send a transaction of ``who`` on the source chain, which makes a block of it.

        The node signs, and nothing is estimated: this is the world that goes on, not what the demo is about.
        """
        message = {"from": account(who).address, "data": f"0x{data.hex()}", "gas": hex(_SOURCE_GAS)}
        if to is not None:
            message["to"] = to
        sent = await self.source.rpc.call("eth_sendTransaction", [message])
        receipt = await self.source.receipt(bytes.fromhex(sent.removeprefix("0x")))
        if receipt is None or not receipt.success:
            raise TransactionError(f"{what}: the source node did not carry it out")
        return self._record(self.source, replace(receipt, calldata_bytes=len(data)), what)

    async def on_target(self, who: str, to: str | None, data: bytes, what: str) -> Receipt:
        """Send a transaction of ``who`` on the target chain."""
        sender = Sender(self.target, account(who), poll_s=0.05)
        return self._record(self.target, await sender.send(to, data, what=what), what)

    async def let_time_pass(self, seconds: int) -> None:
        """Set the source's clock ahead: its next block is so many seconds later."""
        await self.source.rpc.call("evm_increaseTime", [seconds])

    def note(self, steps: Iterable[Step], of: str = "") -> int:
        """Put what the client sent on the target chain into the record and return its gas."""
        steps = tuple(steps)
        for step in steps:
            what = f"{of}: {step.what}" if of else step.what
            self.ledger.append(Entry(self.act, "target", what, step.tx_hash, step.gas_used, step.calldata_bytes))
        return sum(step.gas_used for step in steps)

    def _record(self, chain: Chain, receipt: Receipt, what: str) -> Receipt:
        tx_hash = f"0x{receipt.tx_hash.hex()}"
        self.ledger.append(Entry(self.act, chain.role, what, tx_hash, receipt.gas_used, receipt.calldata_bytes))
        return receipt


def account(role: str) -> LocalAccount:
    """Return the account that plays this role."""
    return dev_accounts()[ROLES.index(role)]


def attestors() -> list[LocalAccount]:
    """Return the three signers of the anchor."""
    return [account(f"attestor {number}") for number in (1, 2, 3)]


def connected(source_node: Node, target_node: Node) -> Stage:
    """Return a stage for two running nodes; its connections are closed by its client's ``async with``."""
    client = SmartSync.connect(source_node.url, target_node.url, account=account("relayer"))
    return Stage(source_node, target_node, client)
