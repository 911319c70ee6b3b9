"""A fork from end to end: create, fill in verified chunks, activate. What has landed is read from the target chain."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field

from smartsync.analysis.cost import activation_gas, creation_gas, fill_gas, resolver_gas
from smartsync.anchors.block import require_same_source
from smartsync.chain import Chain
from smartsync.contracts import encode_call
from smartsync.discovery.completeness import SourceState
from smartsync.discovery.hints import NO_HINTS, Hints
from smartsync.discovery.proven_code import look_at_proven
from smartsync.discovery.whole_storage import whole_storage
from smartsync.errors import BlockNotAccepted, SourceError, SourceIsProxy, TransactionTooLarge, UnknownReplica
from smartsync.header import Header
from smartsync.implementations import resolution_by, resolver_hash
from smartsync.keccak import keccak256
from smartsync.replica import ReplicaKey, ReplicaRecord, logic_of, read_record, replica_values
from smartsync.results import ForkResult, Progress, Step
from smartsync.source import BEACON_KIND
from smartsync.submit import Sender
from smartsync.sync.blocks import accepted_header, require_still_canonical
from smartsync.sync.filling import Filling
from smartsync.sync.supplying import Supplying
from smartsync.sync.work import Work
from smartsync.views import call_view
from smartsync.witness import encode_account_proof

_FILL_GAS = 12_000_000
"""Gas to aim at in one fill: well below the cap of EIP-7825, and below what common block gas limits leave free."""

_GAS_PER_NEW_SLOT = 27_500
"""First guess for one slot, as measured in trie-key order; 22,100 of it is the write. It only sizes the chunks."""


@dataclass(slots=True)
class Fork(Work):
    """One fork in the making. ``hints``: what the user knows of the contract; ``steps`` grows with each transaction.

    ``supplying`` brings what a proxy delegates to; without it proxies are refused. ``limit``: the most slots.
    ``has_beacon``: whether it is of a beacon's proxy, whose steps are told apart from the beacon's.
    """

    source: Chain
    target: Chain
    hub: str
    anchor: str
    sender: Sender
    on_progress: Progress | None = None
    hints: Hints = NO_HINTS
    _: KW_ONLY
    supplying: Supplying | None = None
    limit: int | None = None
    steps: list[Step] = field(default_factory=list, init=False)
    has_beacon: bool = field(default=False, init=False)

    async def run(self, original: str, block: int | None, slots: set[bytes] | None) -> ForkResult:
        """Create the replica or carry on with it, until it is active.

        Raises
        ------
        SmartSyncError
            Of any kind. What was sent before stays on the target chain; the same call goes on from there.
        """
        await require_same_source(self.source, self.target, self.anchor)
        self._progress("read source", 0, 0)
        header = await accepted_header(self.source, self.target, self.anchor, block)
        # Proven: the kind of a proxy goes into the replica's key, for ever.
        code, proxy = await look_at_proven(self.source, original, header)
        self.has_beacon = proxy is not None and proxy[0] == BEACON_KIND
        key = await self._key(original, code, proxy)
        (replica,) = await call_view(self.target, "Hub", self.hub, "replicaOf", [key])
        # What an earlier run sent may still be under way: it is not to be paid for twice.
        await self.sender.settle()
        record = await self._record(replica)
        if record is not None and record.status != "filling":
            return ForkResult(replica, original, record.block_number, record.block_hash, None, ())
        if record is not None and header.number < record.first_block:
            raise BlockNotAccepted(
                f"the replica {replica} was created for blocks from {record.first_block} on, not for {header.number}",
                hint="leave --block out, or take a newer one",
            )
        # Reading the source takes its time: that there is no money is told before, as far as it is known by then.
        creation = creation_gas() if record is None else 0
        least = creation + await self._activation_gas(key, code, proxy, 0)
        await self.sender.require_funds(least, "the fork (its slots not yet counted)")
        # All of the source is known and complete before anything is sent.
        state, _ = await whole_storage(self.source, header, original, slots, self.hints, self.on_progress)
        if self.limit is not None and len(state.values) > self.limit:
            raise SourceError(
                f"{original} has {len(state.values)} slots, and more than {self.limit} are not replicated unasked",
                hint="smartsync supply REPLICA pays for them",
            )
        proof = encode_account_proof(header.state_root, original, state.account_nodes)
        activation = await self._activation_gas(key, code, proxy, len(proof))
        gas = activation + (creation + fill_gas(len(state.values)) if record is None else 0)
        await self._require_funds(gas)
        implementation = await self._supply(proxy, header, state, keccak256(code), gas)
        if record is None:
            data = encode_call("Hub", "create", [*key[:3], *key[4:], header.number])
            await self._transact(self.hub, data, "create replica")
        # Reading the source takes its time, and few nodes serve what the target's storage was then.
        record = await read_record(self.target, self.hub, replica)
        await self._fill(replica, record, state, 0 if creation else activation)
        await require_still_canonical(self.source, header)
        await self._activate(replica, header, proof, code)
        return ForkResult(
            replica, original, header.number, header.hash, len(state.values), tuple(self.steps), implementation
        )

    async def _key(
        self, original: str, code: bytes, proxy: tuple[str, str] | None
    ) -> tuple[int, str, str, str, bytes, bytes]:
        """Return the fields of ``ReplicaKey``, in their order."""
        chain_id = await self.source.chain_id()
        if proxy is None:
            (logic_hash,) = await call_view(self.target, "Hub", self.hub, "logicHashOf", [code])
        elif self.supplying is None:
            raise SourceIsProxy(*proxy, "it stands where a contract is needed that answers by itself")
        else:
            logic_hash = await resolver_hash(self.target, self.hub, self.anchor, code, *proxy)
        return chain_id, original, self.anchor, self.sender.address, keccak256(code), logic_hash

    async def _activation_gas(
        self, key: tuple[int, str, str, str, bytes, bytes], code: bytes, proxy: tuple[str, str] | None, proof_bytes: int
    ) -> int:
        """Return about what the activation takes: little where another replica has brought the same logic."""
        if await self.target.code(await logic_of(self.target, self.hub, ReplicaKey(*key))):
            return activation_gas(b"", proof_bytes)
        return (resolver_gas if proxy else activation_gas)(code, proof_bytes)

    async def _require_funds(self, gas: int) -> None:
        await self.sender.require_funds(gas, "the fork")

    async def _supply(
        self, proxy: tuple[str, str] | None, header: Header, state: SourceState, code_hash: bytes, gas: int
    ) -> str | None:
        """Have what a proxy's replica will delegate to, before it is made; return the implementation.

        ``gas`` is about what the rest will take.
        """
        if proxy is None or self.supplying is None:
            return None
        self.supplying.gas_after = gas
        sent = len(self.supplying.steps)
        try:
            return await self.supplying.make_ready(resolution_by(*proxy), code_hash, state.values, header)
        finally:
            self.steps += self.supplying.steps[sent:]

    async def _record(self, replica: str) -> ReplicaRecord | None:
        try:
            return await read_record(self.target, self.hub, replica)
        except UnknownReplica:
            return None

    async def _fill(self, replica: str, record: ReplicaRecord, state: SourceState, gas_after: int) -> None:
        """Write what is missing. ``gas_after``: where an earlier run began it, about what comes after; else 0."""
        filling = Filling(await replica_values(self.target, self.hub, replica, record, state.values), state.values)
        if gas_after:
            await self._require_funds(fill_gas(filling.total) + gas_after)
        size = max(1, _FILL_GAS // _GAS_PER_NEW_SLOT)
        while filling.done < filling.total:
            self._progress("fill", filling.done, filling.total)
            step = filling.plan(size)
            data = encode_call("Hub", "fill", [replica, step.old_root, step.witness])
            try:
                slots = "slot" if len(step.changes) == 1 else "slots"
                await self._transact(self.hub, data, f"fill {len(step.changes)} {slots}")
            except TransactionTooLarge:
                if len(step.changes) == 1:
                    raise
                size = (len(step.changes) + 1) // 2
                continue
            filling.land()
        self._progress("fill", filling.total, filling.total)

    async def _activate(self, replica: str, header: Header, proof: bytes, code: bytes) -> None:
        self._progress("activate", 0, 0)
        await self._transact(self.hub, encode_call("Hub", "activate", [replica, header.hash, proof, code]), "activate")

    async def _transact(self, to: str, data: bytes, what: str) -> None:
        # By the class's name: a class with slots is made anew, and super() knows the one before.
        await Work._transact(self, to, data, f"proxy: {what}" if self.has_beacon else what)
