"""One workload on a fresh chain: the fork, a read, and each operation from the same state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from benchmarks.gas import hub, prices, source
from benchmarks.gas.samples import Samples
from benchmarks.gas.target import Target
from benchmarks.gas.workload import Operation, Workload, slot_of
from smartsync.anchors.block import LEVELS
from smartsync.chain import Chain
from smartsync.contracts import encode_call, encode_deployment, parse_signature
from smartsync.rpc import Rpc
from smartsync.testing import anvil_node
from smartsync.trie.node import Node, root_hash
from smartsync.witness import plan_transition

_SHAPES = {"two_nodes": source.TWO_NODES, "nine_nodes": source.NINE_NODES}
_VALUES = parse_signature("values(uint256)(uint256)")
MEASURE = parse_signature("measure(address,bytes)(uint256,uint256,bytes32)")
"""The function of ``contracts/test/harness/ReadMeter.sol``."""

_ACTIVE = 2  # ReplicaStatus.ACTIVE, with which the hub's answer begins
_ANY_AGE_S = 2**40

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Results:
    """What was measured of one workload, as gas.json has it. ``syncs`` has the operations for each account proof."""

    syncs: dict[str, list[Record]]
    fork: Record
    reads: Record
    guard: Record
    anchor_update: Record
    anvil: str


async def run(workload: Workload, samples: Samples) -> Results:
    """Measure a workload on an anvil node of its own.

    Raises
    ------
    RuntimeError
        The fork is refused, a root is not the expected one, or the parts of the gas do not add up.
    """
    with anvil_node(hardfork="osaka", tx_gas_limit=True) as node:
        async with Rpc(node.url) as rpc:
            chain = Chain(rpc, "target")
            contracts = await hub.deploy(chain, node.accounts)
            creator = node.accounts[0].address
            replica = await hub.Replica.of(chain, contracts, creator, samples.source_code)
            bench = _Bench(Target(chain, creator), contracts, replica, hub.written(None, workload.initial))
            fork = await bench.fork(workload)
            syncs = {name: await bench.syncs(workload, shape) for name, shape in _SHAPES.items()}
            reads, guard = await bench.reads(workload, samples.meter)
            return Results(
                syncs=syncs,
                fork=fork,
                reads=reads,
                guard=guard,
                anchor_update=bench.anchor_update,
                anvil=(await chain.client_version()).split("-")[0],
            )


class _Bench:
    """A replica on its way; ``trie`` is the storage that it starts all operations from."""

    def __init__(self, target: Target, contracts: hub.Contracts, replica: hub.Replica, trie: Node) -> None:
        self.target, self.contracts, self.replica, self.trie = target, contracts, replica, trie
        self.anchor_update: Record = {}

    async def fork(self, workload: Workload) -> Record:
        """Create, fill and activate."""
        block = await self.attested(source.FIRST_BLOCK, self.trie, source.TWO_NODES)
        creation = await self.call(self.replica.create_data(source.FIRST_BLOCK), "create")
        fills = [await self.call(data, "fill") for data in self.replica.fill_data(workload.initial)]
        activation = await self.call(self.replica.activate_data(block), "activate")
        total = creation + sum(fills) + activation
        return {
            "creation": creation,
            "fill": sum(fills),
            "fills": len(fills),
            "activation": activation,
            "total": total,
            "per_value": round(total / workload.size),
            "prototype_gas": workload.prototype_fork_gas,
        }

    async def syncs(self, workload: Workload, shape: source.StateShape) -> list[Record]:
        """Measure each operation, its source block attested before."""
        records = []
        snapshot = await self.target.snapshot()
        for index, operation in enumerate(workload.operations):
            record = await self.sync(operation, shape)
            records.append({"workload": workload.name, "op_index": index, "name": operation.name, **record})
            await self.target.restore(snapshot)
            snapshot = await self.target.snapshot()
        return records

    async def sync(self, operation: Operation, shape: source.StateShape) -> Record:
        """Measure one operation, and hold the hub to the root that it has to have recorded."""
        after = hub.written(self.trie, operation.writes)
        block = await self.attested(source.FIRST_BLOCK + 1, after, shape)
        step = plan_transition(self.trie, after, operation.writes)
        data = self.replica.sync_data(block, step)
        outcome = await self.target.send(self.contracts.hub, data)
        recorded = await self.replica.storage_root(self.target.chain, self.contracts.hub)
        if recorded != (step.new_root if outcome.accepted else step.old_root):
            raise RuntimeError(f"{operation.name}: the hub recorded another root")

        frames = await self.target.frames(outcome.tx_hash)
        opaque, leaves = prices.references(step.witness)
        limit = prices.limit(step.changes, opaque, leaves)
        unrefunded = prices.INTRINSIC + prices.calldata_gas(data) + frames.total
        record = {
            "accepted": outcome.accepted,
            "changes": len(step.changes),
            "gas": outcome.gas,
            "calldata_bytes": len(data),
            "witness_bytes": len(step.witness),
            "calldata_gas": prices.calldata_gas(data),
            "floor_gas": prices.floor_gas(data),
            "execution_gas": frames.total,
            "anchor_gas": frames.callees.get(self.contracts.anchor.lower(), 0),
            "transition_gas": frames.callees.get(self.replica.address.lower(), 0),
            "sstore_gas": prices.sstore_gas(step.changes),
            "refund": prices.refund(step.changes, unrefunded) if outcome.accepted else 0,
            "limit": limit,
            "ratio": round(outcome.gas / limit, 3),
            "prototype_gas": operation.prototype_gas,
        }
        _require_sum(record)
        return record

    async def reads(self, workload: Workload, meter: bytes) -> tuple[Record, Record]:
        """Measure a view call by a contract: on the replica and on the logic copy; then through a guard."""
        snapshot = await self.target.snapshot()
        address = (await self.target.must(None, meter, "deploy the read meter")).address
        logic = await self.replica.logic(self.target.chain, self.contracts.hub)
        message, expected = _VALUES.encode([0]), workload.initial[slot_of(0)]
        replica = await self._read(address, self.replica.address, message, expected)
        direct = await self._read(address, logic, message, 0)
        policy = [self.contracts.hub, self.replica.address, _ANY_AGE_S, LEVELS.index("final")]
        guard = await self.target.must(None, encode_deployment("ReaderGuard", policy), "deploy the guard")
        guarded = await self._read(address, guard.address, message, expected)
        head = encode_call("Hub", "head", [self.replica.address])
        asked = await self._read(address, self.contracts.hub, head, _ACTIVE)
        await self.target.restore(snapshot)
        whens = ("cold", "warm")
        reads = {
            when: {"replica": through, "direct": without, "overhead": through - without}
            for when, through, without in zip(whens, replica, direct, strict=True)
        }
        guards = {
            when: {"guard": through, "head": told} for when, through, told in zip(whens, guarded, asked, strict=True)
        }
        return reads, {"deployment": guard.gas, **guards}

    async def _read(self, meter: str, callee: str, message: bytes, expected: int) -> tuple[int, int]:
        answer = await self.target.chain.call(meter, MEASURE.encode([callee, message]))
        cold, warm, word = MEASURE.decode(answer)
        if int.from_bytes(word, "big") != expected:
            raise RuntimeError(f"{callee} answers {word.hex()}, {expected:x} expected")
        return cold, warm

    async def attested(self, number: int, trie: Node, shape: source.StateShape) -> source.SourceBlock:
        """Return the source block with this storage, which the anchor accepts from now on."""
        block = source.source_block(number, root_hash(trie), self.replica.code_hash, shape)
        data = await hub.update_data(self.target.chain, self.contracts, block.header)
        outcome = await self.target.must(self.contracts.anchor, data, "update")
        if number > source.FIRST_BLOCK and not self.anchor_update:
            self.anchor_update = {"gas": outcome.gas, "calldata_bytes": len(data), "signatures": hub.THRESHOLD}
        return block

    async def call(self, data: bytes, what: str) -> int:
        """Return the gas of a call of the hub that has to succeed."""
        return (await self.target.must(self.contracts.hub, data, what)).gas


def _require_sum(record: Record) -> None:
    """Hold the node's receipt, its trace and our prices against each other."""
    parts = prices.INTRINSIC + record["calldata_gas"] + record["execution_gas"] - record["refund"]
    if record["gas"] != max(parts, record["floor_gas"]):
        raise RuntimeError(f"the parts of the gas add up to {parts}, the receipt says {record['gas']}")
