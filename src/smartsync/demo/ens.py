"""The ENS registry on the source chain: who owns which name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from smartsync.addresses import ZERO_ADDRESS
from smartsync.contracts import encode_call
from smartsync.demo.packages import ENS_REGISTRY, PackagedContract, packaged
from smartsync.demo.stage import Stage, account
from smartsync.keccak import keccak256

ROOT = bytes(32)
NOBODY = ZERO_ADDRESS
LABELS = (
    "alice",
    "bob",
    "carol",
    "anchor",
    "replica",
    "witness",
    "relayer",
    "nibble",
    "merkle",
    "patricia",
    "keccak",
    "hub",
)
"""Names under ``.eth`` that exist from the start."""


@dataclass(frozen=True, slots=True)
class EnsRegistry:
    """A registry at ``address`` on the source chain, and whoever acts on it."""

    stage: Stage
    contract: PackagedContract
    address: str

    @classmethod
    async def deploy(cls, stage: Stage) -> EnsRegistry:
        """Deploy the registry and register ``.eth`` and the names of ``LABELS`` in it."""
        contract = packaged(*ENS_REGISTRY)
        receipt = await stage.on_source("deployer", None, contract.bytecode, "deploy ENSRegistry")
        registry = cls(stage, contract, str(receipt.contract_address))
        await registry._register(ROOT, "eth", "deployer", "", 0)
        for label in LABELS:
            owner = label if label in ("alice", "bob", "carol") else "dave"
            await registry.register(label, owner, "resolver 1", 3600)
        return registry

    async def register(self, label: str, owner: str, resolver: str, ttl_s: int) -> None:
        """Give ``label.eth`` to an account, with a resolver and a time to live."""
        await self._register(node_of("eth"), label, owner, resolver, ttl_s)

    async def remove(self, label: str) -> None:
        """Take ``label.eth`` back: owner, resolver and time to live become zero."""
        await self.register(label, "", "", 0)

    async def give(self, name: str, owner: str, to: str) -> None:
        """Let the owner of a name give it to somebody else."""
        await self._call(owner, "setOwner", [node_of(name), account(to).address], f"{owner} gives {name} to {to}")

    async def point(self, name: str, owner: str, resolver: str) -> None:
        """Let the owner of a name set its resolver."""
        arguments = [node_of(name), resolver_address(resolver)]
        await self._call(owner, "setResolver", arguments, f"{owner} sets the resolver of {name}")

    async def _register(self, parent: bytes, label: str, owner: str, resolver: str, ttl_s: int) -> None:
        address = account(owner).address if owner else NOBODY
        arguments = [parent, keccak256(label.encode()), address, resolver_address(resolver), ttl_s]
        await self._call("deployer", "setSubnodeRecord", arguments, f"{'register' if owner else 'remove'} {label}")

    async def _call(self, who: str, function: str, arguments: Sequence[object], what: str) -> None:
        await self.stage.on_source(who, self.address, encode_call(self.contract.abi, function, arguments), what)


def node_of(name: str) -> bytes:
    """Return the 32-byte node of a name (EIP-137: keccak of the parent's node and the label's hash)."""
    node = ROOT
    for label in reversed(name.split(".")):
        node = keccak256(node + keccak256(label.encode()))
    return node


def resolver_address(resolver: str) -> str:
    """Return an address to stand for a resolver, which nobody calls here; the zero address for none."""
    return "0x" + keccak256(resolver.encode())[-20:].hex() if resolver else NOBODY
