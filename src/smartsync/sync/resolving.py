"""What a proxy's replica answers by: is it what its source answers by? By proofs of the source's block."""

from __future__ import annotations

from dataclasses import dataclass

from smartsync.addresses import ZERO_ADDRESS
from smartsync.chain import Block, Chain
from smartsync.clones import find_clone
from smartsync.discovery.completeness import source_values
from smartsync.discovery.proven_code import proxy_proven
from smartsync.errors import TransactionReverted
from smartsync.header import Header
from smartsync.implementations import (
    Resolution,
    beacon_replica,
    copy_of,
    implementation_behind,
    misleads,
    named_by_beacon,
    why_uncopied,
)
from smartsync.keccak import keccak256
from smartsync.replica import ReplicaRecord, logic_of, read_record
from smartsync.results import Check
from smartsync.source import delegates_by
from smartsync.sync.stored import check_storage, compared
from smartsync.types import NO_ACCOUNT


async def check_no_proxy(source: Chain, record: ReplicaRecord, header: Header, code: bytes) -> list[Check]:
    """Return a check that fails where a copy of the source's own code delegates, to whatever stands here there."""
    proxy = await _proxy_at(source, record.key.source, header, code)
    if proxy is None:
        return []
    told = f"the source is a proxy ({proxy[0]}) to {proxy[1]}, and this replica was made as if it were none"
    return [Check("kind of proxy", False, f"{told}: it answers by what stands at that address on this chain")]


@dataclass(frozen=True, slots=True)
class Resolving:
    """The replica of a proxy, and the source's ``header`` of its recorded block."""

    source: Chain
    target: Chain
    hub: str
    replica: str
    record: ReplicaRecord
    header: Header
    resolution: Resolution

    async def checks(self) -> list[Check]:
        """Check the kind of the proxy, its beacon where it has one, and the copy of its implementation.

        Raises
        ------
        ProofError
            The source's node does not prove what it says.
        """
        slot = self.resolution.slot
        slots = [] if slot is None else [slot]
        values = (await source_values(self.source, self.header, self.record.key.source, slots)).values
        named = self.resolution.named_by(values.get(slot or b"", 0))
        kind = await self._kind(named)
        if not self.resolution.is_beacon:
            return [kind, await self._implementation(named)]
        try:
            beacon, implementation = await self._beacon(named)
        except TransactionReverted as error:
            return [kind, Check("beacon", False, error.reason)]
        return [kind, beacon, await self._implementation(implementation)]

    async def _kind(self, named: str) -> Check:
        """Check the creator's word that the source is a proxy of this kind, as far as its code shows it."""
        name, kind = "kind of proxy", self.resolution.kind
        if self.resolution.slot is None:
            return Check(name, True, f"{kind}: its code, byte for byte")
        code = await self.source.code(self.record.key.source, self.header.number)
        is_shown = keccak256(code) == self.record.key.code_hash and delegates_by(kind, code, named)
        shows = "shows" if is_shown else "does not show"
        return Check(name, is_shown, f"{kind}: the source's code {shows} that it delegates so")

    async def _implementation(self, named: str) -> Check:
        """Compare the copy that the replica delegates to with the code that the implementation is proven to have."""
        name = "implementation"
        copy = await copy_of(self.target, self.hub, self.record.key.anchor, named)
        account = (await source_values(self.source, self.header, named, [])).account
        if copy is None:
            why = await why_uncopied(self.source, named, self.header.number, account or NO_ACCOUNT)
            return Check(name, False, f"reads are refused: {why}")
        block = self.record.target_block
        code = await self.target.code(copy, block)
        why = await misleads(self.target, self.replica, self.record.key.code_hash, self.resolution, named, code, block)
        if why:
            return Check(name, False, why)
        actual, expected = keccak256(code), account.code_hash if account else b""
        return Check(name, actual == expected, f"{named}, copied to {copy}: " + compared(actual, expected))

    # --- the beacon ---

    async def _beacon(self, beacon: str) -> tuple[Check, str]:
        """Return whether a beacon's replica answers as the beacon does at this block, and what it answers.

        The same code over the same storage gives the same answer: both are proven, so nobody has to be asked.
        """
        anchor = self.record.key.anchor
        mirror = await beacon_replica(self.target, self.hub, anchor, beacon)
        # What it answers has to be of the storage that is compared.
        record = self.record if mirror == ZERO_ADDRESS else await read_record(self.target, self.hub, mirror)
        implementation = await implementation_behind(
            self.target, self.hub, anchor, beacon, self.replica, record.target_block
        )
        why = await self._differs(beacon, mirror, record) or await self._depends(beacon, mirror, record, implementation)
        of = f"that of block {self.header.number}, proven: 0x{record.storage_root.hex()}"
        detail = why or f"{beacon}, mirrored by {mirror}, whose code and storage are {of}"
        return Check("beacon", not why, detail), implementation

    async def _differs(self, beacon: str, mirror: str, record: ReplicaRecord) -> str:
        """Return why a beacon is not what its replica mirrors; empty where it is."""
        account = (await source_values(self.source, self.header, beacon, [])).account or NO_ACCOUNT
        logic = await self.target.code(await logic_of(self.target, self.hub, record.key), record.target_block)
        if keccak256(logic) != account.code_hash:
            return f"{beacon}: its replica {mirror} has other code, {compared(keccak256(logic), account.code_hash)}"
        if record.storage_root != account.storage_root:
            if record.block_number > self.header.number:
                return (
                    f"{beacon} has changed after block {self.header.number}, and its replica {mirror} stands at block "
                    f"{record.block_number}: smartsync sync {self.replica} brings both to one block"
                )
            roots = compared(record.storage_root, account.storage_root)
            return f"{beacon}: its replica {mirror} has other storage, {roots}"
        stored = await check_storage(self.target, self.hub, mirror, record, ())
        if not stored.ok:
            return f"{beacon}: the storage of its replica {mirror} is not what the hub says, {stored.detail}"
        proxy = await _proxy_at(self.source, beacon, self.header, logic)
        if proxy is None:
            return ""
        return f"the beacon {beacon} is a proxy ({proxy[0]}): its replica answers by what stands here at {proxy[1]}"

    async def _depends(self, beacon: str, mirror: str, record: ReplicaRecord, implementation: str) -> str:
        """Return by what else a beacon answers than by its code and storage, as far as it shows; empty where it is not.

        Both are asked as by the proxy. What the source's node says proves nothing, so it can raise this alarm only.
        """
        here = await self._asked(self.target, mirror, record.target_block)
        if here != implementation:
            return f"{beacon} answers by who asks: its replica names {implementation}, and {here} to the proxy"
        there = await self._asked(self.source, beacon, self.header.number)
        if there == implementation:
            return ""
        return (
            f"{beacon} names {implementation} by its proven code and storage, and {there} on the source chain at block "
            f"{self.header.number}, as {self.source.rpc.host} says: so it answers by more than these, which no replica "
            "can, or the node does not tell the truth; ask another one"
        )

    async def _asked(self, chain: Chain, address: str, block: Block) -> str:
        """Return the implementation that a beacon names to the proxy, by a node's word; ``nothing`` for no answer."""
        return await named_by_beacon(chain, address, block, sender=self.record.key.source) or "nothing"


async def _proxy_at(source: Chain, address: str, header: Header, code: bytes) -> tuple[str, str] | None:
    """Return kind and what is named where a contract is a proxy, by its proven code and proven slots; None else."""
    proxy = await proxy_proven(source, address, header, code)
    is_one = proxy is not None and (find_clone(code) is not None or delegates_by(proxy[0], code, proxy[1]))
    return proxy if is_one else None
