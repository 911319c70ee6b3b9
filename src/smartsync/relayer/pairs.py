"""A pair of chains at work: its nodes, who pays there, and where signatures come from."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

from eth_account.signers.local import LocalAccount

from smartsync.anchors.collecting import RemoteSigners
from smartsync.anchors.quorum import Signers
from smartsync.chain import Chain
from smartsync.errors import WrongChain
from smartsync.exchange import Observe
from smartsync.failover import Failover, connect
from smartsync.relayer.accounts import key_for
from smartsync.relayer.clock import Jumps
from smartsync.relayer.configuration import Configuration
from smartsync.relayer.metrics import Metrics
from smartsync.relayer.settling import settle
from smartsync.relayer.state.database import Database
from smartsync.relayer.state.journal import StateJournal
from smartsync.relayer.states import Role
from smartsync.relayer.tables import ChainTable
from smartsync.submit import Sender
from smartsync.submit.event import Tell, untold
from smartsync.sync import SmartSync


@dataclass(frozen=True, slots=True)
class Pair:
    """A pair of the configuration, connected.

    ``accounts`` are those that pay, by the names of their keys; ``signers`` where a quorum anchor's signatures come
    from, ``None`` where nowhere; ``updates_anchors`` whether others are brought to the source's newest block;
    ``confirmations`` how deep a block of the target's is final; ``max_fee_wei`` what any transaction may pay per gas,
    ``None`` without a bound; ``max_anchor_gas_a_day`` what an anchor may take; ``stalled_after_s`` how old the
    source's newest block may be. ``tell`` is told of what becomes of transactions, and ``jumps`` watches this machine's
    clock.
    """

    name: str
    source: Chain
    target: Chain
    target_chain_id: int
    hub: str
    accounts: Mapping[str, LocalAccount]
    signers: Signers | None
    updates_anchors: bool
    poll_s: float
    confirmations: int = 12
    max_fee_wei: int | None = None
    tell: Tell = untold
    stalled_after_s: float = math.inf
    max_anchor_gas_a_day: int | None = None
    jumps: Jumps = field(default_factory=Jumps, compare=False)

    def subject(self, address: str) -> str:
        """Return what the journal calls a replica or an anchor: the same for every relayer that shares it."""
        return subject(address, self.target_chain_id)

    async def sender(
        self, database: Database, address: str, *, fee_cap_wei: int | None = None, gas_left: int | None = None
    ) -> Sender:
        """Return who sends for a replica or an anchor, and has followed to its end what was signed for it before.

        Parameters
        ----------
        fee_cap_wei
            What may be paid per gas at most, where that is less than on this chain anyhow.
        gas_left
            Gas limit of all transactions together.

        Raises
        ------
        TransactionPending
            What was signed before is in no block yet. Nothing new is sent meanwhile.
        """
        account = self.accounts[key_for(list(self.accounts), address)]
        # What a reorganisation has undone is sent again, not paid for by another one besides.
        await settle(database, self.target, self.target_chain_id, self.confirmations, self.subject(address))
        journal = await StateJournal.of(database, self.subject(address), self.name)
        caps_wei = [cap for cap in (fee_cap_wei, self.max_fee_wei) if cap is not None]
        cap_wei = min(caps_wei, default=None)
        sender = Sender(self.target, account, journal=journal, fee_cap_wei=cap_wei, gas_left=gas_left, tell=self.tell)
        await sender.finish()
        return sender

    def client(self, sender: Sender) -> SmartSync:
        """Return what syncs, paid for by this sender."""
        return SmartSync(self.source, self.target, hub=self.hub, account=sender)


def subject(address: str, chain_id: int) -> str:
    """Return what the journal calls a replica or an anchor on a chain."""
    return f"{address} on chain {chain_id}"


@asynccontextmanager
async def connected(
    configuration: Configuration, accounts: Mapping[str, LocalAccount], metrics: Metrics | None = None
) -> AsyncIterator[list[Pair]]:
    """Connect to the nodes of all chains, each once.

    Parameters
    ----------
    accounts
        Of the keys, by name.
    metrics
        Where requests and transactions are counted.

    Raises
    ------
    WrongChain
        A node that answers is on another chain than is configured.
    """
    async with AsyncExitStack() as stack:
        chains: dict[tuple[str, Role], Chain] = {}

        def chain(name: str, role: Role) -> Chain:
            if (name, role) not in chains:
                observe = None if metrics is None else partial(metrics.exchanged, name)
                chains[name, role] = one = _chain(configuration.chains[name], role, observe)
                stack.push_async_callback(one.rpc.aclose)
            return chains[name, role]

        pairs = [
            Pair(
                name,
                chain(table.source, "source"),
                chain(table.target, "target"),
                configuration.chains[table.target].chain_id,
                table.hub,
                {key: accounts[key] for key in table.keys},
                RemoteSigners(table.signers, configuration.attestor_tokens.get(name)) if table.signers else None,
                table.update_anchors,
                configuration.chains[table.source].poll_s,
                configuration.chains[table.target].confirmations,
                None if (fee := configuration.chains[table.target].max_fee_gwei) == "none" else fee,
                untold if metrics is None else partial(metrics.transacted, name),
                configuration.chains[table.source].stalled_after_s,
                None if (gas := table.max_anchor_gas_a_day) == "none" else gas,
            )
            for name, table in configuration.pairs.items()
        ]
        yield pairs


def _chain(table: ChainTable, role: Role, observe: Observe | None) -> Chain:
    rpc = connect(table.urls, role, timeout_s=table.timeout_s, chain_id=table.chain_id, observe=observe)
    return Chain(rpc, role)


async def require_chain(chain: Chain, chain_id: int) -> None:
    """Check that a node is on its chain: it may have been exchanged since it was looked at last.

    Raises
    ------
    WrongChain
        It is on another one.
    """
    if isinstance(chain.rpc, Failover):
        await chain.rpc.agree()
    actual = await chain.chain_id()
    if actual != chain_id:
        raise WrongChain(chain.role, chain.rpc.host, chain_id, actual)
