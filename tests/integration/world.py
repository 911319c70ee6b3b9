"""Two real chains with SmartSync between them, and a source contract that does what a test asks."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from eth_account.signers.local import LocalAccount

from smartsync import SmartSync
from smartsync.contracts import FunctionSignature, parse_signature
from smartsync.keccak import keccak256
from smartsync.submit import Receipt, Sender
from smartsync.testing import Node

OUT = Path(__file__).parents[2] / "out"


def creation_code(contract: str) -> bytes:
    """Return the creation code of a contract of `contracts/test/samples` (forge has compiled it)."""
    artifact = json.loads((OUT / f"{contract}.sol" / f"{contract}.json").read_text())
    return bytes.fromhex(artifact["bytecode"]["object"][2:])


@dataclass
class World:
    """A client for two nodes, the hub and an anchor on the target, and a `Sample` on the source."""

    client: SmartSync
    owner: LocalAccount
    on_source: Sender
    on_target: Sender
    anchor: str
    sample: str

    async def do(self, signature: str, *args: object) -> Receipt:
        """Send a transaction to the sample."""
        return await self.on_source.send(self.sample, encode(signature, *args), what=signature)

    async def attest(self) -> int:
        """Have the source's newest block accepted, and return its number."""
        return (await self.client.attest(self.anchor, [self.owner])).block_number

    async def fork(self, **options: object) -> str:
        """Fork the sample at the newest block, and return the replica."""
        await self.attest()
        return (await self.client.fork(self.sample, anchor=self.anchor, **options)).replica  # type: ignore[arg-type]

    async def read(self, replica: str, signature: str, *args: object) -> tuple[object, ...]:
        """Return what source and replica both answer; they must agree."""
        comparison = await self.client.call(replica, signature, args)
        assert comparison.agree, comparison
        return comparison.replica.values if comparison.replica.ok else (comparison.replica.error,)


def sample_slots(keys: range) -> set[bytes]:
    """Return all slots that a `Sample` can use with these keys, for sources that do not tell."""
    mapped = {keccak256(key.to_bytes(32, "big") + bytes(32)) for key in keys}
    text = int.from_bytes(keccak256((2).to_bytes(32, "big")), "big")
    return mapped | {n.to_bytes(32, "big") for n in (1, 2, *range(text, text + 3))}


def encode(signature: str, *args: object) -> bytes:
    """Return the calldata of a function given as `name(types)`."""
    function: FunctionSignature = parse_signature(signature)
    return function.encode(args)


@asynccontextmanager
async def world(source: Node, target: Node) -> AsyncIterator[World]:
    """Deploy everything anew on two nodes that tests share."""
    owner = target.accounts[1]
    async with SmartSync.connect(source.url, target.url, account=owner) as client:
        client._sender = on_target = Sender(client.target, owner, poll_s=0.05)
        deployed = await client.deploy(signers=[owner.address], threshold=1, max_drift_s=86_400)
        on_source = Sender(client.source, source.accounts[1], poll_s=0.05)
        receipt = await on_source.send(None, creation_code("Sample"), what="deploy the sample")
        yield World(client, owner, on_source, on_target, deployed.anchor, receipt.contract_address or "")
