"""Two nodes with many replicas between them, and a writer who changes what they mirror all the time."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from eth_account import Account
from eth_account.signers.local import LocalAccount

from benchmarks.offchain.latency import STORE
from smartsync import SmartSync
from smartsync.chain.many import storage_roots
from smartsync.keccak import keccak256
from smartsync.replica import ReplicaRecord, read_records
from smartsync.submit import Sender
from smartsync.testing import Node

SLOTS = 24
"""Slots that a source has at most. The first counts its changes, so that no state ever comes back."""

_AT_ONCE = 8
_ETHER = 10**18


@dataclass
class Ground:
    """Hub and anchor on the target; sources that store whatever they are sent, each with several replicas.

    ``replicas`` are the sources by the replicas' addresses, ``keys`` the accounts that pay for syncs and do nothing
    else, by name; ``signer`` is the anchor's only one. ``written`` counts changes of sources.
    """

    source: Node
    target: Node
    client: SmartSync
    on_source: Sender
    anchor: str
    replicas: dict[str, str]
    keys: dict[str, LocalAccount]
    values: dict[str, dict[bytes, int]]
    signer: LocalAccount
    written: int = 0
    _counter: itertools.count[int] = field(default_factory=lambda: itertools.count(2))

    @property
    def hub(self) -> str:
        return self.client.hub or ""

    async def change(self, chance: random.Random, source: str, most: int = 5) -> None:
        """Change up to so many slots of a source; some are deleted."""
        slots = chance.sample(sorted(self.values[source])[1:], chance.randint(1, most))
        changed = {slot: chance.choice((0, chance.getrandbits(255) + 1)) for slot in slots}
        changed[_slot(0)] = next(self._counter)
        await self.on_source.send(source, stored(changed), what="change")
        self.values[source] |= changed
        self.written += 1

    async def accept(self) -> int:
        """Have the anchor accept the source's newest block; returns its number."""
        return (await self.client.attest(self.anchor, [self.signer])).block_number

    async def write(self, chance: random.Random, *, every_s: float, at_once: int = 1) -> None:
        """Change sources at random, and have each block accepted, until cancelled."""
        sources = sorted(self.values)
        while True:
            for source in chance.sample(sources, min(at_once, len(sources))):
                await self.change(chance, source)
            await self.accept()
            await asyncio.sleep(chance.random() * 2 * every_s)

    async def records(self) -> list[ReplicaRecord]:
        """Return the hub's record of each replica."""
        found = await read_records(self.client.target, self.hub, list(self.replicas))
        return [one for one in found if isinstance(one, ReplicaRecord)]

    async def behind(self) -> list[str]:
        """Return the replicas whose storage is not the source's, by what both nodes say."""
        sources = sorted(self.values)
        head = await self.client.source.block_number()
        roots = dict(zip(sources, await storage_roots(self.client.source, sources, head), strict=True))
        found = await self.records()
        assert len(found) == len(self.replicas)
        pairs = zip(self.replicas.items(), found, strict=True)
        return [address for (address, source), record in pairs if record.storage_root != roots[source]]

    async def until_equal(self, timeout_s: float) -> float:
        """Wait until all replicas have the storage of their sources; returns the seconds that it took."""
        loop = asyncio.get_running_loop()
        start = loop.time()
        while behind := await self.behind():
            assert loop.time() - start < timeout_s, f"{len(behind)} of {len(self.replicas)} behind: {behind[:5]}"
            await asyncio.sleep(0.5)
        return loop.time() - start

    async def not_exact(self) -> list[str]:
        """Return the replicas that are not exact: proofs and values of all slots, one by one."""
        turn = asyncio.Semaphore(_AT_ONCE)

        async def check(replica: str, source: str) -> str | None:
            async with turn:
                told = await self.client.verify(replica, slots=list(self.values[source]))
                return None if told.exact else replica

        found = await asyncio.gather(*(check(*one) for one in self.replicas.items()))
        return [one for one in found if one is not None]


@asynccontextmanager
async def ground(source: Node, target: Node, *, replicas: int, sources: int, keys: int = 3) -> AsyncIterator[Ground]:
    """Deploy everything, and fork so many replicas, spread over so many sources.

    A source has one replica of each creator, so creators are made up, and fork side by side.
    """
    owner = target.accounts[1]
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(SmartSync.connect(source.url, target.url, account=owner))
        client._sender = Sender(client.target, owner, poll_s=0.2)
        signer = target.accounts[2]
        deployed = await client.deploy(
            signers=[signer.address], threshold=1, max_drift_s=86_400, delay_s=0, guardian=owner.address
        )
        on_source = Sender(client.source, source.accounts[1], poll_s=0.05)
        payers = {f"key-{number}": _funded(target, f"payer {number}") for number in range(keys)}
        made = Ground(source, target, client, on_source, deployed.anchor, {}, payers, {}, signer)
        for number in range(sources):
            address = (await on_source.send(None, STORE, what="deploy a source")).contract_address or ""
            made.values[address] = {_slot(place): number * SLOTS + place + 1 for place in range(SLOTS)}
            await on_source.send(address, stored(made.values[address]), what="fill it")
        block = await made.accept()
        wanted = [(place // sources, list(made.values)[place % sources]) for place in range(replicas)]
        creators = -(-replicas // sources)
        turn = asyncio.Semaphore(_AT_ONCE)

        async def create(creator: int) -> list[tuple[str, str]]:
            async with turn:
                mine = [one for number, one in wanted if number == creator]
                return await _forked(made, _funded(target, f"creator {creator}"), mine, block)

        for found in await asyncio.gather(*(create(creator) for creator in range(creators))):
            made.replicas |= found
        yield made


async def _forked(made: Ground, creator: LocalAccount, sources: Sequence[str], block: int) -> list[tuple[str, str]]:
    urls = made.source.url, made.target.url
    async with SmartSync.connect(*urls, hub=made.hub, account=creator) as client:
        client._sender = Sender(client.target, creator, poll_s=0.1)
        found = []
        for source in sources:
            result = await client.fork(source, anchor=made.anchor, block=block, slots=list(made.values[source]))
            found.append((result.replica, source))
        return found


def stored(values: dict[bytes, int]) -> bytes:
    """Return the calldata that has a source store these."""
    return b"".join(slot + value.to_bytes(32, "big") for slot, value in values.items())


def _slot(place: int) -> bytes:
    return place.to_bytes(32, "big")


def _funded(target: Node, name: str) -> LocalAccount:
    account: LocalAccount = Account.from_key(keccak256(f"soak {name}".encode()))
    target.request("anvil_setBalance", [account.address, hex(1_000 * _ETHER)])
    return account
