"""What a proxy's replica delegates to, brought to the target chain: so that it can be read at the block it goes to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from smartsync.addresses import ZERO_ADDRESS
from smartsync.anchors.block import accepted_block
from smartsync.chain import Chain
from smartsync.contracts import encode_call, parse_signature
from smartsync.discovery.completeness import source_values
from smartsync.errors import (
    BlockNotAccepted,
    ConfigError,
    NoCode,
    ReplicaMoved,
    SourceError,
    SourceIsProxy,
    TransactionReverted,
)
from smartsync.header import Header
from smartsync.implementations import Resolution, book_of, copy_of
from smartsync.keccak import keccak256
from smartsync.replica import read_record
from smartsync.results import ForkResult, Progress, Step, SyncResult
from smartsync.source import inspect
from smartsync.submit import Sender, step_of
from smartsync.sync.blocks import require_still_canonical
from smartsync.types import NO_ACCOUNT, Account
from smartsync.views import call_view


@dataclass(frozen=True, slots=True)
class Ready:
    """What was done so that a replica can be read: ``unreadable`` says why it cannot, empty where it can."""

    implementation: str | None = None
    steps: tuple[Step, ...] = ()
    unreadable: str = ""

    def told(self) -> dict[str, Any]:
        """Return what a ``SyncResult`` tells of it."""
        return {"implementation": self.implementation, "unreadable": self.unreadable}


@dataclass(slots=True)
class Supplying:
    """Copies for the replicas of one anchor. ``steps`` grows with each transaction sent.

    ``fork`` replicates a beacon at a block, ``sync`` brings its replica to a block: a beacon's replica is one like any
    other.
    """

    source: Chain
    sender: Sender
    hub: str
    anchor: str
    fork: Callable[[str, int], Awaitable[ForkResult]]
    sync: Callable[[str, int], Awaitable[SyncResult]]
    on_progress: Progress | None = None
    steps: list[Step] = field(default_factory=list)

    async def make_ready(self, resolution: Resolution, value: int, header: Header) -> str:
        """Have all that a replica at this block delegates to, and return the implementation's address on the source.

        Parameters
        ----------
        value
            What the source has at the resolution's slot at this block; 0 of a clone.
        header
            Of a block that the anchor accepts.

        Raises
        ------
        SourceError
            What is named cannot be copied: the replica will refuse to be read.
        """
        named = resolution.named_by(value)
        if named == ZERO_ADDRESS:
            raise NoCode(
                f"the proxy names no implementation at block {header.number}",
                hint="its replica answers as soon as it does; smartsync sync goes on",
            )
        if not resolution.is_beacon:
            await self.supply(named, header)
            return named
        replica = await self._beacon_replica(named)
        if replica is None:
            # What cannot be replicated is told before anything is sent.
            await inspect(self.source, named, header.number)
        # The beacon's answer is the node's word: it only says what is copied before it is needed.
        implementation = await self._asked(named, header)
        await self.supply(implementation, header)
        await self._bring_beacon(named, replica, header)
        return implementation

    async def supply(self, implementation: str, header: Header) -> None:
        """Have a copy of the code that an implementation has at this block, proven; nothing is sent where there is.

        Raises
        ------
        NoCode, SourceIsProxy, CodeNotDeployable
            There is nothing that could be copied.
        """
        target = self.sender.chain
        account, nodes = await self._account(implementation, header)
        copy = await copy_of(target, self.hub, self.anchor, implementation)
        if copy is not None and keccak256(await target.code(copy)) == account.code_hash:
            return
        header, account, nodes = await self._no_older(implementation, header, account, nodes)
        try:
            code = await self._code(implementation, header, account)
        except SourceError:
            if copy is not None:  # of other code, or of a block that the source has dropped
                await self._send(implementation, header, nodes, b"", f"end the copy of {implementation}")
            raise
        is_here = code == await target.code(await self._place(code))
        try:
            await self._send(implementation, header, nodes, b"" if is_here else code, f"supply {implementation}")
        except TransactionReverted as error:
            # Somebody else was faster, at a newer block.
            copy = await copy_of(target, self.hub, self.anchor, implementation)
            if error.name != "BlockNotNewer" or copy is None or await target.code(copy) != code:
                raise

    async def _code(self, implementation: str, header: Header, account: Account) -> bytes:
        try:
            return await inspect(self.source, implementation, header.number, account=account)
        except SourceIsProxy as error:
            why = f"that proxy, {implementation}, is what the replica's source delegates to"
            raise SourceIsProxy(error.kind, error.implementation, why) from error

    async def _account(self, implementation: str, header: Header) -> tuple[Account, bytes]:
        """Return an account as proven, and the nodes that prove it."""
        state = await source_values(self.source, header, implementation, [])
        return state.account or NO_ACCOUNT, b"".join(state.account_nodes)

    async def _no_older(
        self, implementation: str, header: Header, account: Account, nodes: bytes
    ) -> tuple[Header, Account, bytes]:
        """Return a block not older than the one at which the implementation was proven last, where that stands."""
        target = self.sender.chain
        _, recorded = await call_view(
            target, "IImplementations", book_of(self.hub), "supplied", [self.anchor, implementation]
        )
        if not any(recorded):
            return header, account, nodes
        known = await accepted_block(target, self.anchor, recorded)
        if not known.accepted or known.number <= header.number:
            return header, account, nodes
        newer = await self.source.header(known.number)
        return newer, *await self._account(implementation, newer)

    async def _place(self, code: bytes) -> str:
        """Return where the copy of this code is or would be (EIP-1014)."""
        book = book_of(self.hub)
        (creation_hash,) = await call_view(self.sender.chain, "Hub", self.hub, "logicHashOf", [code])
        return "0x" + keccak256(b"\xff" + bytes.fromhex(book[2:]) + bytes(32) + creation_hash)[-20:].hex()

    async def _asked(self, beacon: str, header: Header) -> str:
        question = parse_signature("implementation()(address)")
        try:
            (implementation,) = question.decode(
                await self.source.call(beacon, question.encode([]), block=header.number)
            )
        except (TransactionReverted, ConfigError) as error:
            raise SourceError(
                f"the beacon {beacon} does not answer implementation() at block {header.number}",
                hint="its proxies cannot be read on the source chain either",
            ) from error
        return str(implementation)

    async def _beacon_replica(self, beacon: str) -> str | None:
        """Return the replica that answers for a beacon; None where there is none, or its source has ended."""
        target = self.sender.chain
        arguments = [self.anchor, beacon]
        (named,) = await call_view(target, "IImplementations", book_of(self.hub), "beaconReplicaOf", arguments)
        if named == ZERO_ADDRESS or (await read_record(target, self.hub, named)).status != "active":
            return None
        return str(named)

    async def _bring_beacon(self, beacon: str, replica: str | None, header: Header) -> None:
        """Have a replica that answers for the beacon, at this block or a newer one."""
        if replica is None:
            self._progress(f"replicate the beacon {beacon}")
            forked = await self.fork(beacon, header.number)
            replica = forked.replica
            self.steps += forked.steps
            replica = await self._name(beacon, replica)
        if await self._is_there(replica, header):
            return
        self._progress(f"sync the beacon {beacon}")
        try:
            self.steps += (await self.sync(replica, header.number)).steps
        except (ReplicaMoved, BlockNotAccepted):
            # Another watcher, of another proxy of this beacon, may have been faster.
            if not await self._is_there(replica, header):
                raise

    async def _name(self, beacon: str, replica: str) -> str:
        """Let a replica answer for its beacon, and return the one that does: another, where somebody was faster."""
        data, what = encode_call("IImplementations", "nameBeacon", [replica]), "name the beacon"
        try:
            self.steps.append(step_of(what, await self.sender.send(book_of(self.hub), data, what=what)))
        except TransactionReverted as error:
            named = await self._beacon_replica(beacon)
            if error.name != "BeaconAnswered" or named is None:
                raise
            return named
        return replica

    async def _is_there(self, replica: str, header: Header) -> bool:
        """Whether a beacon's replica is as new as a block, and stands at one that has not been revoked."""
        target = self.sender.chain
        record = await read_record(target, self.hub, replica)
        if record.block_number < header.number:
            return False
        return (await accepted_block(target, self.anchor, record.block_hash)).accepted

    async def _send(self, implementation: str, header: Header, nodes: bytes, code: bytes, what: str) -> None:
        self._progress(what)
        await require_still_canonical(self.source, header)
        arguments = [self.anchor, header.hash, implementation, nodes, code]
        data = encode_call("IImplementations", "supply", arguments)
        self.steps.append(step_of(what, await self.sender.send(book_of(self.hub), data, what=what)))

    def _progress(self, phase: str) -> None:
        if self.on_progress:
            self.on_progress(phase, 0, 0)
