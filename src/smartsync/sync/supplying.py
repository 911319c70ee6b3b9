"""What a proxy's replica delegates to, brought to the target chain: so that it can be read at the block it goes to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from smartsync.addresses import ZERO_ADDRESS
from smartsync.analysis.cost import supply_gas
from smartsync.anchors.block import accepted_block
from smartsync.chain import Block, Chain
from smartsync.clones import find_clone
from smartsync.contracts import encode_call
from smartsync.discovery.completeness import source_values
from smartsync.discovery.proven_code import look_at_proven
from smartsync.errors import (
    BlockNotAccepted,
    NoCode,
    ReplicaError,
    ReplicaMoved,
    SourceError,
    SourceIsProxy,
    TransactionReverted,
)
from smartsync.header import Header
from smartsync.implementations import (
    Resolution,
    beacon_replica,
    book_of,
    copy_of,
    further_proxy,
    named_by_beacon,
    nothing_to_copy,
    other_slots,
    proxy_of_its_own,
)
from smartsync.keccak import keccak256
from smartsync.replica import read_record
from smartsync.results import ForkResult, Progress, Step, SyncResult
from smartsync.source import read_code, require_deployable
from smartsync.submit import Sender
from smartsync.sync.blocks import require_still_canonical
from smartsync.sync.work import Work
from smartsync.types import NO_ACCOUNT, Account
from smartsync.views import call_view

_ATTEMPTS = 3
"""How often an implementation is supplied where others prove newer blocks meanwhile."""

Words: TypeAlias = dict[tuple[str, str, str], tuple[bytes, str] | None]
"""By hub, anchor and beacon: where its replica stood (a block's hash, empty where there was none) when the source's
node was believed last what the beacon names, and what that was; None where that was not so."""


@dataclass(frozen=True, slots=True)
class Ready:
    """What was done so that a replica can be read: ``unreadable`` says why it cannot, empty where it can.

    ``misleads`` where it answers all the same, by something that is not the source's; ``has_beacon`` where it is
    the replica of a beacon's proxy.
    """

    implementation: str | None = None
    steps: tuple[Step, ...] = ()
    unreadable: str = ""
    misleads: bool = False
    has_beacon: bool = False

    def told_in(self, result: SyncResult) -> SyncResult:
        """Return a sync's result that tells of this, too."""
        return replace(result, implementation=self.implementation, unreadable=self.unreadable)

    def followed_by(self, steps: Sequence[Step]) -> tuple[Step, ...]:
        """Return these steps and the replica's own behind them."""
        return (*self.steps, *(steps_of("proxy", steps) if self.has_beacon else steps))


def steps_of(whose: Literal["proxy", "beacon"], steps: Iterable[Step]) -> tuple[Step, ...]:
    """Return steps that say of which replica they are: a proxy's and its beacon's would look the same."""
    return tuple(replace(step, what=f"{whose}: {step.what}") for step in steps)


@dataclass(slots=True)
class Supplying(Work):
    """Copies for the replicas of one anchor. ``steps`` grows with each transaction sent.

    ``fork`` replicates a beacon at a block, ``sync`` brings its replica to a block: a beacon's replica is one like any
    other. ``words`` is kept from one time to the next: else a node that lies would be paid for each time. ``gas_after``
    is about what the caller will need when all is there.
    """

    source: Chain
    sender: Sender
    hub: str
    anchor: str
    fork: Callable[[str, int], Awaitable[ForkResult]]
    sync: Callable[[str, int], Awaitable[SyncResult]]
    on_progress: Progress | None = None
    words: Words = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    gas_after: int = 0

    async def make_ready(
        self, resolution: Resolution, code_hash: bytes, values: Mapping[bytes, int], header: Header
    ) -> str:
        """Have all that a replica at this block delegates to, and return the implementation's address on the source.

        Parameters
        ----------
        code_hash
            Of the proxy's own code, 32 bytes.
        values
            What the source has at this block in the slots of proxies (`PROXY_SLOTS`), as far as that is not 0.
        header
            Of a block that the anchor accepts.

        Raises
        ------
        SourceError
            What is named cannot be copied: the replica will refuse to be read.
        """
        named = resolution.named_by(values.get(resolution.slot or b"", 0))
        if named == ZERO_ADDRESS:
            raise nothing_to_copy(named, header.number)
        if not resolution.is_beacon:
            await self._require_no_proxy(named, resolution, code_hash, values, header)
            await self.supply(named, header)
            return named
        replica = await self._active_replica(named)
        # What cannot be replicated is told before anything is sent; somebody else may have named it all the same.
        _, proxy = await look_at_proven(self.source, named, header)
        if proxy is not None:
            raise SourceIsProxy(*proxy, through=f"its beacon {named}")
        word = await self._answer(named, replica, header)
        if word is not None:
            await self._require_no_proxy(word, resolution, code_hash, values, header)
            await self.supply(word, header)
        replica = await self._bring_beacon(named, replica, header)
        implementation = await self._asked(self.sender.chain, replica, named, "latest", header)
        if implementation != word:
            if word is not None:
                self.words[self.hub, self.anchor, named] = None
            await self._require_no_proxy(implementation, resolution, code_hash, values, header)
            await self.supply(implementation, header)
        return implementation

    async def supply(self, implementation: str, header: Header) -> None:
        """Have a copy of the code that an implementation has at this block, proven; nothing is sent where there is.

        Raises
        ------
        NoCode, SourceIsProxy, CodeNotDeployable
            There is nothing that could be copied.
        """
        async with self.sender.alone(f"{implementation} by {self.anchor}"):
            await self._supplied(implementation, header)

    async def _supplied(self, implementation: str, header: Header) -> None:
        for attempt in range(_ATTEMPTS):
            account, nodes = await self._account(implementation, header)
            if await self._is_supplied(implementation, header, account):
                return
            try:
                return await self._supply(implementation, header, account, nodes)
            except TransactionReverted as error:
                # Somebody else was faster, at a newer block, and may have proven it without giving the code.
                if error.name != "BlockNotNewer" or attempt == _ATTEMPTS - 1:
                    raise

    async def _is_supplied(self, implementation: str, header: Header, account: Account) -> bool:
        """Whether there is a copy of this code, and of a FINAL block where the header is: readers may ask for that."""
        target = self.sender.chain
        copy = await copy_of(target, self.hub, self.anchor, implementation)
        if copy is None or keccak256(await target.code(copy)) != account.code_hash:
            return False
        known = await accepted_block(target, self.anchor, await self._recorded(implementation))
        return known.level == "final" or (await accepted_block(target, self.anchor, header.hash)).level != "final"

    async def _supply(self, implementation: str, header: Header, account: Account, nodes: bytes) -> None:
        target = self.sender.chain
        copy = await copy_of(target, self.hub, self.anchor, implementation)
        if copy is not None and keccak256(await target.code(copy)) == account.code_hash:
            # It is known by a SAFE block, perhaps a newer one: a FINAL one that says the same is taken all the same.
            return await self._send(implementation, header, nodes, b"", f"prove {implementation} at a final block")
        header, account, nodes = await self._no_older(implementation, header, account, nodes)
        try:
            code = await self._code(implementation, header, account)
        except SourceError:
            if copy is not None:  # of other code, or of a block that the source has dropped
                await self._send(implementation, header, nodes, b"", f"end the copy of {implementation}")
            raise
        is_here = code == await target.code(await self._place(code))
        if not is_here:
            await self.sender.require_funds(supply_gas(code, len(nodes)) + self.gas_after, "all that is to be sent")
        await self._send(implementation, header, nodes, b"" if is_here else code, f"supply {implementation}")

    async def _code(self, implementation: str, header: Header, account: Account) -> bytes:
        """Return an implementation's code. Its own storage does not matter: it runs in its proxy's."""
        try:
            code = await read_code(self.source, implementation, header.number, account=account)
        except NoCode as error:
            raise nothing_to_copy(implementation, header.number) from error
        require_deployable(code, implementation)
        clone = find_clone(code)
        if clone is not None:
            raise SourceIsProxy(*clone, through=f"its implementation {implementation}")
        return code

    async def _require_no_proxy(
        self,
        implementation: str,
        resolution: Resolution,
        code_hash: bytes,
        values: Mapping[bytes, int],
        header: Header,
    ) -> None:
        """Check that an implementation does not go on to delegate, by a slot of another kind in its proxy's storage."""
        account, _ = await self._account(implementation, header)
        if account.code_hash == code_hash and resolution.slot is not None:
            raise proxy_of_its_own(resolution, implementation)
        others = other_slots(resolution, values)
        if not others:
            return
        try:
            code = await read_code(self.source, implementation, header.number, account=account)
        except NoCode as error:
            raise nothing_to_copy(implementation, header.number) from error
        further = further_proxy(others, implementation, code)
        if further is not None:
            raise further

    async def _account(self, implementation: str, header: Header) -> tuple[Account, bytes]:
        """Return an account as proven, and the nodes that prove it."""
        state = await source_values(self.source, header, implementation, [])
        return state.account or NO_ACCOUNT, b"".join(state.account_nodes)

    async def _no_older(
        self, implementation: str, header: Header, account: Account, nodes: bytes
    ) -> tuple[Header, Account, bytes]:
        """Return a block not older than the one at which the implementation was proven last, where that stands."""
        target = self.sender.chain
        recorded = await self._recorded(implementation)
        if not any(recorded):
            return header, account, nodes
        known = await accepted_block(target, self.anchor, recorded)
        if not known.accepted or known.number <= header.number:
            return header, account, nodes
        newer = await self.source.header(known.number)
        return newer, *await self._account(implementation, newer)

    async def _recorded(self, implementation: str) -> bytes:
        """Return the hash of the block at which an implementation was proven last; zero where it never was."""
        arguments = [self.anchor, implementation]
        _, recorded = await call_view(self.sender.chain, "IImplementations", book_of(self.hub), "supplied", arguments)
        return bytes(recorded)

    async def _place(self, code: bytes) -> str:
        """Return where the copy of this code is or would be (EIP-1014)."""
        book = book_of(self.hub)
        (creation_hash,) = await call_view(self.sender.chain, "Hub", self.hub, "logicHashOf", [code])
        return "0x" + keccak256(b"\xff" + bytes.fromhex(book[2:]) + bytes(32) + creation_hash)[-20:].hex()

    async def _answer(self, beacon: str, replica: str | None, header: Header) -> str | None:
        """Return what a beacon names at this block; None where nobody's word on it is to be paid for.

        Where its storage is proven to be that of its replica, the replica says so. Else it is the node's word, which
        only says what is copied before it is needed: a lie costs a copy. After one it is not asked any more; nor is
        another word believed before the replica has moved, which a node could keep it from.
        """
        stood = b""
        if replica is not None:
            record = await read_record(self.sender.chain, self.hub, replica)
            if (await source_values(self.source, header, beacon, [])).storage_root == record.storage_root:
                return await self._asked(self.sender.chain, replica, beacon, "latest", header)
            stood = record.block_hash
        key = self.hub, self.anchor, beacon
        believed = self.words.get(key, (stood, ""))
        if believed is None:
            return None
        word = await self._asked(self.source, beacon, beacon, header.number, header)
        if believed[0] == stood and believed[1] not in ("", word):
            return None
        self.words[key] = stood, word
        return word

    async def _asked(self, chain: Chain, place: str, beacon: str, block: Block, header: Header) -> str:
        """Return what a beacon names, or its replica (``place``) on the target chain."""
        named = await named_by_beacon(chain, place, block)
        if named is None:
            raise SourceError(
                f"the beacon {beacon} does not answer implementation() at block {header.number}",
                hint="its proxies cannot be read on the source chain either",
            )
        return named

    async def _active_replica(self, beacon: str) -> str | None:
        """Return the replica that answers for a beacon; None where there is none, or its source has ended."""
        named = await beacon_replica(self.sender.chain, self.hub, self.anchor, beacon)
        if named == ZERO_ADDRESS or (await read_record(self.sender.chain, self.hub, named)).status != "active":
            return None
        return named

    async def _bring_beacon(self, beacon: str, replica: str | None, header: Header) -> str:
        """Have a replica that answers for the beacon, at this block or a newer one, and return it."""
        async with self.sender.alone(f"{beacon} by {self.anchor}"):
            return await self._brought(beacon, await self._active_replica(beacon), header)

    async def _brought(self, beacon: str, replica: str | None, header: Header) -> str:
        if replica is None:
            replica = await self._revived(beacon, header) or await self._forked(beacon, header)
        if await self._is_there(replica, header):
            return replica
        self._progress(f"sync the beacon {beacon}")
        try:
            self.steps += steps_of("beacon", (await self.sync(replica, header.number)).steps)
        except (ReplicaMoved, BlockNotAccepted):
            # Another watcher, of another proxy of this beacon, may have been faster.
            if not await self._is_there(replica, header):
                raise
        return replica

    async def _revived(self, beacon: str, header: Header) -> str | None:
        """Return the replica that answered for a beacon whose source has ended, where that has come back; None else."""
        named = await beacon_replica(self.sender.chain, self.hub, self.anchor, beacon)
        if named == ZERO_ADDRESS:
            return None
        try:
            self.steps += steps_of("beacon", (await self.sync(named, header.number)).steps)
        except (SourceError, ReplicaError, TransactionReverted):
            return None  # of other code, perhaps: then it takes another replica
        return named

    async def _forked(self, beacon: str, header: Header) -> str:
        """Return a replica that answers for the beacon: a new one, or one of this account's that nobody has named."""
        self._progress(f"replicate the beacon {beacon}")
        forked = await self.fork(beacon, header.number)
        self.steps += steps_of("beacon", forked.steps)
        if (await read_record(self.sender.chain, self.hub, forked.replica)).status != "active":
            self.steps += steps_of("beacon", (await self.sync(forked.replica, header.number)).steps)
        return await self._name(beacon, forked.replica)

    async def _name(self, beacon: str, replica: str) -> str:
        """Let a replica answer for its beacon, and return the one that does: another, where somebody was faster."""
        data, what = encode_call("IImplementations", "nameBeacon", [replica]), "name the beacon"
        try:
            await self._transact(book_of(self.hub), data, what)
        except TransactionReverted as error:
            named = await self._active_replica(beacon)
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
        await self._transact(book_of(self.hub), data, what)
