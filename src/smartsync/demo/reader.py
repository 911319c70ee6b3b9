"""The contract that reads: the same code beside the originals on the one chain and beside the replicas on the other."""

from __future__ import annotations

from dataclasses import dataclass

from smartsync.contracts import decode_logs, encode_call, encode_deployment
from smartsync.demo.stage import Stage

WINDOW_S = 60
"""Seconds that the mean of the price is taken over, at least."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What a reader saw in one transaction: ``DemoReader.Sight`` of contracts/demo, and the gas that it took."""

    tick: int
    mean_tick: int
    span_s: int
    liquidity: int
    owner: str
    resolver: str
    ttl_s: int
    gas_used: int

    def agrees(self, other: Sight) -> bool:
        """Whether both saw the same; the gas may differ."""
        return self._seen() == other._seen()

    def _seen(self) -> tuple[object, ...]:
        return (self.tick, self.mean_tick, self.span_s, self.liquidity, self.owner, self.resolver, self.ttl_s)


@dataclass(frozen=True, slots=True)
class Reader:
    """A ``DemoReader`` at ``address`` on one chain: it reads a pool and a registry there, by CALL and STATICCALL."""

    stage: Stage
    chain: str
    address: str
    pool: str
    ens: str

    @classmethod
    async def deploy(cls, stage: Stage, chain: str, pool: str, ens: str) -> Reader:
        """Deploy it on the ``source`` or the ``target`` chain, for the pool and the registry of that chain."""
        send = stage.on_source if chain == "source" else stage.on_target
        receipt = await send("dave", None, encode_deployment("DemoReader"), "deploy DemoReader")
        return cls(stage, chain, str(receipt.contract_address), pool, ens)

    async def look(self, node: bytes) -> Sight:
        """Let it read the pool and a name (a 32-byte node) in a transaction, and return what it tells in its event."""
        send = self.stage.on_source if self.chain == "source" else self.stage.on_target
        data = encode_call("DemoReader", "look", [self.pool, self.ens, node, WINDOW_S])
        receipt = await send("dave", self.address, data, "DemoReader looks")
        (event,) = decode_logs("DemoReader", receipt, "Looked", emitter=self.address)
        tick, mean_tick, span_s, liquidity, owner, resolver, ttl_s = event["sight"]
        return Sight(tick, mean_tick, span_s, liquidity, owner, resolver, ttl_s, receipt.gas_used)
