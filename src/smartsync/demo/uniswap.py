"""A Uniswap v3 pool on the source chain: liquidity, trades, and the price oracle that they leave behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from smartsync.contracts import decode_result, encode_call, encode_deployment
from smartsync.demo.packages import UNISWAP_FACTORY, UNISWAP_POOL, PackagedContract, packaged
from smartsync.demo.stage import Stage, account
from smartsync.keccak import keccak256

ETHER = 10**18
_SUPPLY = 10**12 * ETHER
_FEE = 3000
"""Hundredths of a basis point: 0.3 %, with ticks 60 apart."""

_PRICE_ONE = 2**96
"""Square root of the price 1, with 96 binary places."""

OBSERVATIONS = 48
"""How many observations of the price the pool keeps."""


@dataclass(frozen=True, slots=True)
class Observation:
    """A stored observation: ``timestamp`` in seconds, ``tick_sum`` the ticks summed over all seconds up to then."""

    timestamp: int
    tick_sum: int


@dataclass(frozen=True, slots=True)
class UniswapPool:
    """A pool at ``address`` on the source chain, and whoever acts on it. ``trader`` pays what the pool asks for."""

    stage: Stage
    contract: PackagedContract
    address: str
    trader: str

    @classmethod
    async def deploy(cls, stage: Stage) -> UniswapPool:
        """Deploy factory, tokens, pool and trader; open the pool at the price 1 with three positions."""
        contract, factory = packaged(*UNISWAP_POOL), packaged(*UNISWAP_FACTORY)
        receipt = await stage.on_source("deployer", None, factory.bytecode, "deploy UniswapV3Factory")
        factory_address = str(receipt.contract_address)
        tokens = [await _deploy(stage, "DemoToken", [_SUPPLY]) for _ in range(2)]
        pair = [*tokens, _FEE]
        await stage.on_source("deployer", factory_address, encode_call(factory.abi, "createPool", pair), "create pool")
        answer = await stage.source.call(factory_address, encode_call(factory.abi, "getPool", pair))
        (address,) = decode_result(factory.abi, "getPool", answer)
        pool = cls(stage, contract, address, await _deploy(stage, "DemoTrader", [address]))
        for token in tokens:
            transfer = encode_call("DemoToken", "transfer", [pool.trader, _SUPPLY])
            await stage.on_source("deployer", token, transfer, "fund the trader")
        await pool._open()
        return pool

    async def add(self, who: str, lower: int, upper: int, liquidity: int) -> None:
        """Add liquidity between two ticks, as a position of ``who``."""
        data = encode_call("DemoTrader", "mint", [lower, upper, liquidity])
        await self.stage.on_source(who, self.trader, data, f"{who} adds liquidity from {lower} to {upper}")

    async def remove(self, who: str, lower: int, upper: int, liquidity: int) -> None:
        """Remove liquidity from a position and collect what is owed. The last liquidity takes the ticks along."""
        most = 2**128 - 1
        collect = [account(who).address, lower, upper, most, most]
        await self._call(who, "burn", [lower, upper, liquidity], f"{who} removes liquidity")
        await self._call(who, "collect", collect, f"{who} collects")

    async def sell(self, token: int, amount_ether: int, *, after_s: int) -> None:
        """Let time pass on the source, then sell an amount of token 0 (the price falls) or 1 (it rises)."""
        await self.stage.let_time_pass(after_s)
        data = encode_call("DemoTrader", "sell", [token == 0, amount_ether * ETHER])
        await self.stage.on_source("alice", self.trader, data, f"alice sells {amount_ether} of token {token}")

    async def newest_observation(self) -> int:
        """Return the index of the observation that was written last."""
        _, _, newest, *_ = await self._view("slot0", [], await self.stage.source.block_number())
        return int(newest)

    async def mean_tick(self, window_s: int, block: int) -> int:
        """Return what the pool's own oracle says at a block, between the observations that the reader takes."""
        _, _, newest, cardinality, *_ = await self._view("slot0", [], block)
        last = await self._observation(newest, block)
        now = (await self.stage.source.header(block)).timestamp
        for back in range(1, cardinality):
            first = await self._observation((newest - back) % cardinality, block)
            if last.timestamp - first.timestamp >= window_s:
                ages = [now - first.timestamp, now - last.timestamp]
                (earlier, later), _ = await self._view("observe", [ages], block)
                return int((later - earlier) // (last.timestamp - first.timestamp))
        raise ValueError(f"the pool has no observation {window_s} s before its newest")

    async def _open(self) -> None:
        await self._call("deployer", "initialize", [_PRICE_ONE], "open the pool")
        await self._call("deployer", "increaseObservationCardinalityNext", [OBSERVATIONS], "keep more observations")
        await self.add("alice", -12_000, 12_000, 2_000 * ETHER)
        await self.add("bob", -600, 600, 8_000 * ETHER)
        await self.add("carol", -3_000, 1_800, 4_000 * ETHER)

    async def _observation(self, index: int, block: int) -> Observation:
        timestamp, tick_sum, *_ = await self._view("observations", [index], block)
        return Observation(timestamp, tick_sum)

    async def _view(self, function: str, arguments: Sequence[object], block: int) -> tuple[Any, ...]:
        data = encode_call(self.contract.abi, function, arguments)
        return decode_result(self.contract.abi, function, await self.stage.source.call(self.address, data, block=block))

    async def _call(self, who: str, function: str, arguments: Sequence[object], what: str) -> None:
        await self.stage.on_source(who, self.address, encode_call(self.contract.abi, function, arguments), what)


def position_key(who: str, lower: int, upper: int) -> bytes:
    """Return the 32-byte key of a position in the pool's ``positions``: keccak of owner and both ticks, packed."""
    packed = bytes.fromhex(account(who).address[2:]) + b"".join(
        t.to_bytes(3, "big", signed=True) for t in (lower, upper)
    )
    return keccak256(packed)


async def _deploy(stage: Stage, name: str, arguments: Sequence[object]) -> str:
    data = encode_deployment(name, arguments)
    return str((await stage.on_source("deployer", None, data, f"deploy {name}")).contract_address)
