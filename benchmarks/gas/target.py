"""The target chain: an anvil node whose transactions are sent, taken apart and undone."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from smartsync.answers import Receipt
from smartsync.chain import Chain
from smartsync.types import TX_GAS_CAP

_TIMEOUT_S = 30.0
_POLL_S = 0.005  # anvil answers before the transaction is in its block


@dataclass(frozen=True, slots=True)
class Outcome:
    """A transaction in its block. ``address`` is that of the contract that it created, or empty."""

    tx_hash: str
    accepted: bool
    gas: int
    address: str


@dataclass(frozen=True, slots=True)
class Frames:
    """Gas of a transaction's execution, before refunds: ``total``, and of it that of direct callees by address."""

    total: int
    callees: dict[str, int]


class Target:
    """A chain of which an unlocked account sends transactions, with all the gas that one may use."""

    def __init__(self, chain: Chain, account: str) -> None:
        self.chain, self.account = chain, account

    async def send(self, to: str | None, data: bytes) -> Outcome:
        """Send a transaction and return what became of it; a revert is no error."""
        message = {"from": self.account, "data": f"0x{data.hex()}", "gas": hex(TX_GAS_CAP)}
        if to is not None:
            message["to"] = to
        tx_hash: str = await self.chain.rpc.call("eth_sendTransaction", [message])
        receipt = await self._receipt(bytes.fromhex(tx_hash[2:]))
        return Outcome(tx_hash, receipt.success, receipt.gas_used, receipt.contract_address or "")

    async def must(self, to: str | None, data: bytes, what: str) -> Outcome:
        """Send a transaction that has to succeed.

        Raises
        ------
        TransactionReverted
            It reverts, with the reason.
        RuntimeError
            It failed for another reason, out of gas among them.
        """
        outcome = await self.send(to, data)
        if not outcome.accepted:
            await self.chain.call(to or "", data, sender=self.account)
            raise RuntimeError(f"{what}: the transaction failed after {outcome.gas} gas")
        return outcome

    async def frames(self, tx_hash: str) -> Frames:
        """Return what the node's own trace of a transaction says of its frames."""
        trace: list[dict[str, Any]] = await self.chain.rpc.call("trace_transaction", [tx_hash])
        callees: dict[str, int] = {}
        for frame in trace:
            if len(frame["traceAddress"]) == 1:
                callee = frame["action"]["to"].lower()
                callees[callee] = callees.get(callee, 0) + _gas_used(frame)
        return Frames(_gas_used(trace[0]), callees)

    async def snapshot(self) -> str:
        """Remember the state; what is returned is good for one `restore`."""
        return str(await self.chain.rpc.call("evm_snapshot"))

    async def restore(self, snapshot: str) -> None:
        """Go back to a state."""
        if not await self.chain.rpc.call("evm_revert", [snapshot]):
            raise RuntimeError("anvil did not go back to the snapshot")

    async def _receipt(self, tx_hash: bytes) -> Receipt:
        async with asyncio.timeout(_TIMEOUT_S):
            while True:
                if (receipt := await self.chain.receipt(tx_hash)) is not None:
                    return receipt
                await asyncio.sleep(_POLL_S)


def _gas_used(frame: dict[str, Any]) -> int:
    return int((frame.get("result") or {}).get("gasUsed", "0x0"), 16)
