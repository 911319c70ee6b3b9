"""A source that reorganises, a target, and a replica with everything that a test about forks wants to do to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from eth_account.signers.local import LocalAccount

from smartsync import SmartSync
from smartsync.anchors.attestation import (
    AttestedLevel,
    BlockAttestation,
    encode_proof,
    join_signatures,
    revocation_of,
    sign,
)
from smartsync.anchors.block import AnchoredBlock, accepted_block
from smartsync.anchors.quorum import LocalSigners, quorum_terms, revoke
from smartsync.contracts import encode_call, encode_deployment
from smartsync.header import Header
from smartsync.replica import ReplicaRecord, read_record
from smartsync.submit import Sender
from smartsync.sync.watching import Event
from smartsync.testing import Node
from tests.http_node import Refusal
from tests.integration.forks.engine import Consensus
from tests.integration.world import World, encode, sample_slots, world
from tests.lying_proxy import LyingProxy, lying

KEYS = range(12)
SLOTS = sample_slots(KEYS)
LEVELS = {"safe": 2, "final": 3}

E = TypeVar("E")


@dataclass
class Scene:
    """``made`` talks to the source by way of ``proxy``, and ``forks`` makes the source reorganise.

    Blocks are attested as safe, as far as nothing else is said: ganache and hardhat hold every block for final, which
    the proxy keeps back, and geth none before it is told so.
    """

    made: World
    source: Node
    target: Node
    proxy: LyingProxy
    forks: Snapshots | Consensus
    replica: str = ""
    slots: set[bytes] | None = field(default_factory=lambda: set(SLOTS))

    @property
    def client(self) -> SmartSync:
        return self.made.client

    @property
    def anchor(self) -> str:
        return self.made.anchor

    @property
    def owner(self) -> LocalAccount:
        """Pays, and is the anchor's only signer where a test says nothing else."""
        return self.made.owner

    # --- the source ---

    def mark(self) -> str:
        """Remember where the source stands."""
        return self.forks.mark()

    def drop(self, mark: str) -> None:
        """Have the source drop all blocks after a mark: now, or as soon as there is another one instead."""
        self.forks.drop(mark)

    def forget(self) -> None:
        """Talk to a node of the source from now on that has nothing of what was dropped."""
        if isinstance(self.forks, Consensus):
            self.proxy.upstream = self.forks.builder.node.url

    async def set(self, *values: tuple[int, int]) -> Header:
        """Write keys of the sample, a block each; return the last one."""
        for key, value in values:
            await self.made.do("set(uint256,uint256)", key, value)
        return await self.latest()

    async def latest(self) -> Header:
        return await self.client.source.header("latest")

    # --- anchor and replica ---

    async def attest(self) -> Header:
        """Have the source's newest block accepted, as safe."""
        return await self.client.source.header(await self.made.attest())

    async def attested(self, header: Header, level: AttestedLevel, *signers: LocalAccount) -> bytes:
        """Return a proof for ``update``: a header with these signatures, whatever the source says."""
        terms = await quorum_terms(self.client.target, self.anchor)
        statement = BlockAttestation(header.number, header.hash, level, terms.set_epoch, terms.canonical_epoch)
        return encode_proof(header, level, [sign(signer, terms, statement) for signer in signers])

    async def update(self, proof: bytes) -> None:
        await self.send(self.anchor, encode_call("QuorumAnchor", "update", [proof]), "update")

    async def revoke(self) -> None:
        """Revoke what the source has dropped."""
        await revoke(self.client.source, self.made.on_target, self.anchor, LocalSigners([self.owner]))

    async def revoke_above(self, head: bytes) -> None:
        """Revoke whatever is above a block, whatever the source says."""
        terms = await quorum_terms(self.client.target, self.anchor)
        statement = revocation_of(terms, head, await self.client.target.clock())
        signature = join_signatures([sign(self.owner, terms, statement)])
        data = encode_call("QuorumAnchor", "revoke", [head, statement.deadline, signature])
        await self.send(self.anchor, data, "revoke")

    async def extend(self, start: Header, *ancestors: Header) -> None:
        """Have the ancestors of an accepted block accepted, which anybody may do."""
        headers = [header.raw for header in (start, *ancestors)]
        await self.send(self.anchor, encode_call("IAnchor", "extendAncestors", [start.hash, headers]), "extend")

    async def sync(self, *, block: int | None = None) -> Any:
        return await self.client.sync(self.replica, block=block, slots=self.slots)

    async def record(self) -> ReplicaRecord:
        return await read_record(self.client.target, self.client.hub or "", self.replica)

    async def block(self, block_hash: bytes) -> AnchoredBlock:
        return await accepted_block(self.client.target, self.anchor, block_hash)

    async def level(self) -> str:
        return (await self.client.status(self.replica)).level

    async def send(self, to: str | None, data: bytes, what: str) -> str:
        receipt = await self.made.on_target.send(to, data, what=what)
        return receipt.contract_address or ""

    async def guard(self, *, max_age_s: int = 86_400, level: AttestedLevel = "safe") -> str:
        """Deploy a reader guard for the replica."""
        arguments = [self.client.hub, self.replica, max_age_s, LEVELS[level]]
        return await self.send(None, encode_deployment("ReaderGuard", arguments), "guard")

    async def value(self, reader: str, key: int) -> int:
        """Read a key of the sample on the target, by its replica or a guard."""
        return int.from_bytes(await self.client.target.call(reader, encode("values(uint256)", key)), "big")

    # --- what must hold ---

    async def assert_exact(self) -> None:
        """Check I1, by RPC answers alone."""
        verified = await self.client.verify(self.replica, slots=self.slots)
        assert verified.exact, verified

    async def assert_as_forked_anew(self) -> None:
        """Check I9: a replica that never saw another block than the recorded one has the same storage."""
        record = await self.record()
        other = self.target.accounts[5]
        async with SmartSync.connect(self.proxy.url, self.target.url, hub=self.client.hub, account=other) as client:
            client._sender = Sender(client.target, other, poll_s=0.05)
            fork = await client.fork(self.made.sample, anchor=self.anchor, block=record.block_number, slots=self.slots)
            fresh = await read_record(client.target, self.client.hub or "", fork.replica)
        assert fork.replica != self.replica
        assert (fresh.block_hash, fresh.storage_root) == (record.block_hash, record.storage_root)

    # --- watching ---

    def watch(self, **options: Any) -> Watch:
        """Watch the replica with the owner's key, unless other options are given."""
        options = options or {"attestors": [self.owner]}
        events = self.client.watch(self.replica, interval_s=0.05, slots=self.slots, **options)
        return Watch(cast(AsyncGenerator[Event, None], events))


@dataclass(frozen=True)
class Snapshots:
    """The way of ganache, hardhat and anvil: back to a snapshot, with nothing left of what came after it."""

    node: Node

    def mark(self) -> str:
        return str(self.node.request("evm_snapshot"))

    def drop(self, mark: str) -> None:
        assert self.node.request("evm_revert", [mark]) is True


@dataclass
class Watch:
    """A watcher, which stands still while nobody waits for its next event; ``told`` are all that came."""

    events: AsyncGenerator[Event, None]
    told: list[Event] = field(default_factory=list)
    _next: asyncio.Future[Event] | None = None

    async def __aenter__(self) -> Watch:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._next is not None:
            self._next.cancel()
            await asyncio.gather(self._next, return_exceptions=True)
        await self.events.aclose()

    async def until(self, kind: type[E]) -> E:
        """Return the next event of a kind."""
        while True:
            event = await self._coming()
            self._next = None
            self.told.append(event)
            if isinstance(event, kind):
                return event

    async def quiet(self, seconds: float = 0.5) -> None:
        """Check that there is nothing to tell for a while."""
        done, _ = await asyncio.wait({self._coming()}, timeout=seconds)
        assert not done, done

    def _coming(self) -> asyncio.Future[Event]:
        if self._next is None:
            self._next = asyncio.ensure_future(anext(self.events))
        return self._next


def not_final(params: Sequence[Any], block: Any) -> Any:
    """Keep back what a node holds for finalized, as one that does not know."""
    return Refusal(-32000, "unknown block") if params[0] in ("finalized", "safe") else block


@asynccontextmanager
async def scene(forking: Node | Consensus, target: Node, *, forked: bool = True) -> AsyncIterator[Scene]:
    """Deploy everything anew; the sample has some values, and a replica at a block that is accepted as safe."""
    forks = forking if isinstance(forking, Consensus) else Snapshots(forking)
    source = forks.source if isinstance(forks, Consensus) else forks.node
    with lying(source.url) as proxy:
        if isinstance(forks, Consensus):
            proxy.results |= forks.sending()
        else:
            proxy.lies["eth_getBlockByNumber"] = not_final
        seen = Node(source.name, proxy.url, source.chain_id, source.accounts, source.log_path, source.process)
        async with world(seen, target) as made:
            here = Scene(made, source, target, proxy, forks)
            await made.do("setRange(uint256,uint256,uint256)", 0, 4, 1000)
            if forked:
                here.replica = await made.fork(slots=here.slots)
            yield here
