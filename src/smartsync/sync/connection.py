"""A pair of chains, the hub on the target, and who pays there: what everything that `SmartSync` does goes by."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from eth_account.signers.local import LocalAccount

from smartsync.addresses import checked_address
from smartsync.anchors.block import require_chain_id
from smartsync.chain import Chain
from smartsync.errors import ConfigError, KeyUnavailable, WrongChain
from smartsync.failover import Failover, connect
from smartsync.replica import ReplicaRecord, read_active
from smartsync.submit import Sender


class Connection:
    """A source chain, a target chain, and the hub on the target; closed at the end of ``async with``."""

    def __init__(
        self, source: Chain, target: Chain, *, hub: str | None, account: LocalAccount | Sender | None = None
    ) -> None:
        self.source = source
        self.target = target
        self.hub = None if hub is None else checked_address(hub, "the hub")
        # One for all calls: it gives each transaction its turn and its nonce.
        self._sender = account if isinstance(account, Sender) or account is None else Sender(target, account)
        self._expected: dict[str, int | None] = {}

    @classmethod
    def connect(
        cls,
        source_url: str | Sequence[str],
        target_url: str | Sequence[str],
        *,
        hub: str | None = None,
        account: LocalAccount | None = None,
        timeout_s: float = 30.0,
        source_chain_id: int | None = None,
        target_chain_id: int | None = None,
        max_fee_wei: int | None = None,
    ) -> Self:
        """Return a client for two nodes; nothing is sent before ``async with``.

        Parameters
        ----------
        source_url, target_url
            HTTP endpoints. Of several nodes of one chain the first is asked; another one where it does not answer, does
            not have what is asked for, or lies.
        hub
            Address of the hub on the target chain; not needed for ``deploy``.
        timeout_s
            Seconds to wait for one answer.
        source_chain_id, target_chain_id
            Where given, the nodes must be on these chains.
        max_fee_wei
            What a transaction may offer per gas at most; ``None`` where any price is paid. Warning: what the chain asks
            is the word of its node, so without a bound a node that lies can have the account pay all that it has.
        """
        source = Chain(connect(source_url, "source", timeout_s=timeout_s, chain_id=source_chain_id), "source")
        target = Chain(connect(target_url, "target", timeout_s=timeout_s, chain_id=target_chain_id), "target")
        sender = None if account is None else Sender(target, account, fee_cap_wei=max_fee_wei)
        client = cls(source, target, hub=hub, account=sender)
        client._expected = {"source": source_chain_id, "target": target_chain_id}
        return client

    async def __aenter__(self) -> Self:
        try:
            for chain in (self.source, self.target):
                if isinstance(chain.rpc, Failover):
                    await chain.rpc.agree()
                expected = self._expected.get(chain.role)
                if expected is not None and (actual := await chain.chain_id()) != expected:
                    raise WrongChain(chain.role, chain.rpc.host, expected, actual)
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close both connections."""
        await self.source.rpc.aclose()
        await self.target.rpc.aclose()

    # --- parts ---

    async def _activated(self, replica: str) -> ReplicaRecord:
        """Return the record of a replica that has been activated, and whose source's chain the source node is on."""
        record = await read_active(self.target, self._hub(), replica)
        await require_chain_id(self.source, record.key.source_chain_id)
        return record

    def _hub(self) -> str:
        """Return the hub's address."""
        if self.hub is None:
            raise ConfigError("no hub is given", hint="set hub in the configuration, or deploy one: smartsync deploy")
        return self.hub

    def _paying(self) -> Sender:
        """Return who sends transactions to the target chain."""
        if self._sender is None:
            raise KeyUnavailable(
                "no key to send transactions with", hint="give --keystore FILE or SMARTSYNC_PRIVATE_KEY"
            )
        return self._sender
