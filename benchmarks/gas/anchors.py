"""What each kind of anchor costs: its deployment, its calls, and what a sync pays for its word.

Each call is a whole transaction, on an anchor that has accepted blocks before. Where its bytes differ from block to
block it is sent several times, and the mean counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean

from eth_abi.abi import encode as abi_encode
from eth_account import Account
from eth_account.signers.local import LocalAccount

from benchmarks.gas import sealed, source
from benchmarks.gas.run import MEASURE, Record
from benchmarks.gas.samples import Samples
from benchmarks.gas.target import Target
from smartsync.addresses import ZERO_ADDRESS
from smartsync.anchors import bft
from smartsync.anchors.attestation import (
    AttestedLevel,
    Statement,
    attestation_of,
    encode_evidence,
    encode_proof,
    join_signatures,
    revocation_of,
    set_update_of,
    sign,
)
from smartsync.anchors.block import accepted_block, anchor_state
from smartsync.anchors.native import BLOCKHASH_BLOCKS, L1_BLOCK
from smartsync.anchors.quorum import quorum_terms
from smartsync.bft import PROTOCOLS, Protocol, with_seals
from smartsync.chain import Chain
from smartsync.contracts import encode_call, encode_deployment
from smartsync.header import Header
from smartsync.keccak import keccak256
from smartsync.rpc import Rpc
from smartsync.testing import anvil_node

QUORUMS = ((3, 5), (7, 10), (13, 19))
"""Signatures, and signers."""

VALIDATORS = (4, 7, 21)
ANCESTORS = (10, 100)

_GENESIS_TIME_S = 1_800_000_000  # later than all that the sources tell
_VETO_S = 2 * (_GENESIS_TIME_S - source.FIRST_TIME_S)  # and nothing that they tell is older than that
_FOR_EVER_S = 2**32 - 1
_REPEATS, _BFT_REPEATS = 5, 3


async def measure(samples: Samples) -> list[Record]:
    """Measure all kinds of anchors on an anvil node of their own; the clock is the same in every run.

    Raises
    ------
    RuntimeError
        A transaction does not have the effect that it is measured for.
    """
    with anvil_node(hardfork="osaka", tx_gas_limit=True, genesis_time_s=_GENESIS_TIME_S) as node:
        async with Rpc(node.url) as rpc:
            await rpc.call("anvil_setBlockTimestampInterval", [1])
            bench = _Bench(Target(Chain(rpc, "target"), node.accounts[0].address))
            bench.meter = (await bench.target.must(None, samples.meter, "deploy the read meter")).address
            for threshold, count in QUORUMS:
                await _quorum(bench, threshold, count)
            await _blockhash(bench)
            await _l1_block(bench, samples.l1_block)
            for protocol in PROTOCOLS:
                await _bft(bench, protocol)
            await _composites(bench)
            return bench.records


class _Bench:
    """The target, and what was measured there."""

    def __init__(self, target: Target) -> None:
        self.target, self.chain = target, target.chain
        self.meter = ""
        self.records: list[Record] = []

    def add(self, kind: str, call: str, case: str, taken: Sequence[tuple[int, int]], *, sent: bool = True) -> None:
        """Write down the means of what was taken: gas and calldata bytes each."""
        gas, size = (round(mean(column)) for column in zip(*taken, strict=True))
        record = {"kind": kind, "call": call, "case": case, "gas": gas, "calldata_bytes": size}
        self.records.append({**record, "transactions": len(taken) if sent else 0})

    async def deploy(self, contract: str, arguments: Sequence[object], kind: str = "", case: str = "") -> str:
        """Deploy an anchor; it is written down where its kind is told."""
        data = encode_deployment(contract, arguments)
        outcome = await self.target.must(None, data, f"deploy {contract}")
        if kind:
            self.add(kind, "deployment", case, [(outcome.gas, len(data))])
        return outcome.address

    async def send(
        self, anchor: str, function: str, arguments: Sequence[object], contract: str = "QuorumAnchor"
    ) -> tuple[int, int]:
        """Send a call of an anchor; returns its gas and its calldata's bytes.

        ``contract`` is the artifact that has the function; what all anchors have, each of them has.
        """
        data = encode_call(contract, function, arguments)
        return (await self.target.must(anchor, data, function)).gas, len(data)

    async def update(self, anchor: str, proof: bytes, header: Header) -> tuple[int, int]:
        """Have a block accepted; likewise."""
        taken = await self.send(anchor, "update", [proof])
        if (await accepted_block(self.chain, anchor, header.hash)).level == "unknown":
            raise RuntimeError(f"block {header.number} was not accepted")
        return taken

    async def misbehaviour(self, anchor: str, evidence: bytes, status: str) -> tuple[int, int]:
        """Report misbehaviour, which leaves the anchor in this status, and take it back."""
        snapshot = await self.target.snapshot()
        taken = await self.send(anchor, "reportMisbehaviour", [evidence])
        if (actual := (await anchor_state(self.chain, anchor)).status) != status:
            raise RuntimeError(f"the anchor is {actual} after misbehaviour, {status} expected")
        await self.target.restore(snapshot)
        return taken

    async def step(self, kind: str, case: str, anchor: str, blocks: tuple[Header, Header]) -> None:
        """Measure what a sync asks the anchor: everything cold, from the GAS before the call to the one after it."""
        message = encode_call("IAnchor", "step", [header.hash for header in blocks])
        answer = await self.chain.call(self.meter, MEASURE.encode([anchor, message]))
        cold, _, status = MEASURE.decode(answer)
        for header in blocks:
            if not (await accepted_block(self.chain, anchor, header.hash)).accepted or any(status):
                raise RuntimeError(f"no sync would take block {header.number}")
        self.add(kind, "step", case, [(cold, len(message))], sent=False)


# --- quorum ---


async def _quorum(bench: _Bench, threshold: int, count: int) -> None:
    case = f"{threshold} of {count}"
    quorum = await _Quorum.deployed(bench, threshold, count, case)
    number = source.FIRST_BLOCK
    await quorum.accept(source.plain_header(number))
    headers = [source.plain_header(number + i + 1) for i in range(_REPEATS)]
    bench.add("quorum", "update", case, [await quorum.accept(header) for header in headers])
    if (threshold, count) == QUORUMS[0]:
        await bench.step("quorum", case, quorum.address, (headers[-2], headers[-1]))
        for ancestors in ANCESTORS:
            await _ancestors(bench, quorum, ancestors)

    terms = await quorum_terms(bench.chain, quorum.address)
    one, other = (
        attestation_of(terms, source.plain_header(number + 50, keccak256(name)), "final") for name in (b"one", b"other")
    )
    first, second = (sign(quorum.signers[0], terms, attestation).signature for attestation in (one, other))
    evidence = encode_evidence(one, first, other, second)
    bench.add("quorum", "reportMisbehaviour", case, [await bench.misbehaviour(quorum.address, evidence, "active")])

    dropped = source.plain_header(number + 20)
    await quorum.accept(dropped, "safe")
    stands = headers[-1]
    revocation = revocation_of(terms, stands.hash, await bench.chain.clock())
    arguments = [stands.hash, revocation.deadline, await quorum.signed(revocation)]
    bench.add("quorum", "revoke", case, [await bench.send(quorum.address, "revoke", arguments)])
    if (await accepted_block(bench.chain, quorum.address, dropped.hash)).level != "revoked":
        raise RuntimeError(f"block {dropped.number} was not revoked")
    after = source.plain_header(number + 21)
    await quorum.accept(after)
    if (threshold, count) == QUORUMS[0]:
        await bench.step("quorum", f"{case}, a revocation since", quorum.address, (stands, after))

    members = [*(signer.address for signer in quorum.signers[1:]), _signer(1000).address]
    terms = await quorum_terms(bench.chain, quorum.address)
    changed = set_update_of(terms, members, threshold)
    named = [list(changed.signers), threshold]
    signatures = await quorum.signed(changed)
    bench.add("quorum", "scheduleSet", case, [await bench.send(quorum.address, "scheduleSet", [*named, signatures])])
    bench.add("quorum", "changeSet", case, [await bench.send(quorum.address, "changeSet", named)])
    if (await quorum_terms(bench.chain, quorum.address)).signers != changed.signers:
        raise RuntimeError(f"{case}: the signers were not changed")


async def _ancestors(bench: _Bench, quorum: _Quorum, count: int) -> None:
    """Measure going down from a block to so many ancestors."""
    snapshot = await bench.target.snapshot()
    first = source.FIRST_BLOCK + 1000
    headers = [source.plain_header(first)]
    for number in range(first + 1, first + count + 1):
        headers.append(source.plain_header(number, headers[-1].hash))
    await quorum.accept(headers[-1])
    down = [header.raw for header in reversed(headers)]
    taken = await bench.send(quorum.address, "extendAncestors", [headers[-1].hash, down])
    if not (await accepted_block(bench.chain, quorum.address, headers[0].hash)).accepted:
        raise RuntimeError(f"block {first} was not accepted")
    bench.add("quorum", "extendAncestors", f"{count} headers", [taken])
    await bench.target.restore(snapshot)


class _Quorum:
    """A quorum anchor and the keys of its signers, in the order of their addresses."""

    def __init__(self, bench: _Bench, address: str, signers: Sequence[LocalAccount], threshold: int) -> None:
        self.bench, self.address, self.signers, self.threshold = bench, address, signers, threshold

    @classmethod
    async def deployed(cls, bench: _Bench, threshold: int, count: int, case: str = "") -> _Quorum:
        """Deploy one; it is written down where its case is told."""
        signers = sorted((_signer(number) for number in range(count)), key=lambda account: int(account.address, 16))
        arguments = [source.CHAIN_ID, source.genesis_hash(), [account.address for account in signers], threshold]
        address = await bench.deploy("QuorumAnchor", [*arguments, 0, 0, ZERO_ADDRESS], "quorum" if case else "", case)
        return cls(bench, address, signers, threshold)

    async def signed(self, statement: Statement) -> bytes:
        """Return as many signatures as are needed."""
        terms = await quorum_terms(self.bench.chain, self.address)
        return join_signatures([sign(account, terms, statement) for account in self.signers[: self.threshold]])

    async def accept(self, header: Header, level: AttestedLevel = "final") -> tuple[int, int]:
        """Have a block accepted; returns the gas and the calldata's bytes."""
        terms = await quorum_terms(self.bench.chain, self.address)
        attestation = attestation_of(terms, header, level)
        signed = [sign(account, terms, attestation) for account in self.signers[: self.threshold]]
        return await self.bench.update(self.address, encode_proof(header, level, signed), header)


def _signer(number: int) -> LocalAccount:
    account: LocalAccount = Account.from_key(keccak256(f"signer {number}".encode()))
    return account


# --- native ---


async def _blockhash(bench: _Bench) -> None:
    chain, rpc = bench.chain, bench.chain.rpc
    anchor = await bench.deploy("BlockhashAnchor", [(await chain.header(0)).hash], "blockhash")
    first = await chain.block_number() + 1
    await rpc.call("anvil_mine", [hex(4 * _REPEATS)])
    # Those that nobody has accepted get older than BLOCKHASH knows.
    recent = [await chain.header(first + i) for i in range(_REPEATS + 1)]
    await bench.update(anchor, recent[0].raw, recent[0])
    taken = [await bench.update(anchor, header.raw, header) for header in recent[1:]]
    bench.add("blockhash", "update", "of the last 256", taken)
    await bench.step("blockhash", "", anchor, (recent[-2], recent[-1]))
    kept = [await chain.header(first + i) for i in range(_REPEATS + 1, 2 * _REPEATS + 1)]
    taken = [await _keep(bench, anchor, header) for header in kept]
    bench.add("blockhash", "keep", "of the last 256", taken)

    await rpc.call("anvil_mine", [hex(BLOCKHASH_BLOCKS + 44)])
    bench.add("blockhash", "update", "kept", [await bench.update(anchor, header.raw, header) for header in kept])
    old = [await chain.header(first + i) for i in range(2 * _REPEATS + 1, 4 * _REPEATS)]
    taken = [await bench.update(anchor, header.raw, header) for header in old[:_REPEATS]]
    bench.add("blockhash", "update", "older, EIP-2935", taken)
    bench.add("blockhash", "keep", "older, EIP-2935", [await _keep(bench, anchor, header) for header in old[-4:]])


async def _keep(bench: _Bench, anchor: str, header: Header) -> tuple[int, int]:
    return await bench.send(anchor, "keep", [header.number], "BlockhashAnchor")


async def _l1_block(bench: _Bench, code: bytes) -> None:
    """Measure with a stand-in for the predeploy: its slots are the predeploy's, the proxy before it is not there."""
    await bench.chain.rpc.call("anvil_setCode", [L1_BLOCK, f"0x{code.hex()}"])
    anchor = await bench.deploy("L1BlockAnchor", [source.CHAIN_ID, source.genesis_hash()], "op-l1block")
    headers = [source.plain_header(source.FIRST_BLOCK + i) for i in range(2 * _REPEATS + 1)]
    await _derive(bench, headers[0])
    await bench.update(anchor, headers[0].raw, headers[0])
    updates, keeps, kept_updates = [], [], []
    for newest, kept in zip(headers[1::2], headers[2::2], strict=True):
        await _derive(bench, newest)
        updates.append(await bench.update(anchor, newest.raw, newest))
        await _derive(bench, kept)
        keeps.append(await bench.send(anchor, "keep", [], "L1BlockAnchor"))
        await _derive(bench, newest)
        kept_updates.append(await bench.update(anchor, kept.raw, kept))
    bench.add("op-l1block", "update", "the newest", updates)
    bench.add("op-l1block", "update", "kept", kept_updates)
    bench.add("op-l1block", "keep", "the newest", keeps)
    await bench.step("op-l1block", "", anchor, (headers[-2], headers[-1]))


async def _derive(bench: _Bench, header: Header) -> None:
    """Write the newest L1 block into the predeploy, as the rollup's node does: number and time, and the hash."""
    packed = header.timestamp << 64 | header.number
    for slot, word in ((0, packed.to_bytes(32, "big")), (2, header.hash)):
        call = [L1_BLOCK, f"0x{slot:064x}", f"0x{word.hex()}"]
        await bench.chain.rpc.call("anvil_setStorageAt", call)


# --- QBFT, IBFT 2.0 ---


async def _bft(bench: _Bench, protocol: Protocol) -> None:
    for count in VALIDATORS:
        await _validators(bench, protocol, count)


async def _validators(bench: _Bench, protocol: Protocol, count: int) -> None:
    case = f"{count} validators"
    keys = sealed.validators(count)
    known = sealed.addresses(keys)
    first = sealed.sealed_header(protocol, sealed.FIRST_BLOCK, keys)
    contract = "QbftAnchor" if protocol == "qbft" else "Ibft2Anchor"
    arguments = [source.CHAIN_ID, source.genesis_hash(), first.hash, _FOR_EVER_S, 0]
    written = protocol if count == VALIDATORS[0] else ""
    anchor = await bench.deploy(contract, arguments, written)
    checkpoint = await bench.update(anchor, with_seals(first.fields, []), first)
    bench.add(protocol, "update", f"{case}, the checkpoint", [checkpoint])

    async def updates(case: str, *, full: bool, start: int) -> list[Header]:
        numbers = range(start, start + _BFT_REPEATS)
        headers = [sealed.sealed_header(protocol, number, keys, full=full) for number in numbers]
        proofs = [bft.encode_proof(protocol, header, known) for header in headers]
        pairs = zip(proofs, headers, strict=True)
        bench.add(protocol, "update", case, [await bench.update(anchor, *pair) for pair in pairs])
        return headers

    headers = await updates(case, full=False, start=first.number + 1)
    await updates(f"{case}, a full block", full=True, start=headers[-1].number + 1)
    if count == VALIDATORS[0]:
        await bench.step(protocol, "", anchor, (headers[-2], headers[-1]))

    changed = []
    for new in range(1, _BFT_REPEATS + 1):
        # Each set is new to the anchor.
        header = sealed.sealed_header(protocol, first.number + 100, sealed.validators(count, new=new))
        snapshot = await bench.target.snapshot()
        changed.append(await bench.update(anchor, bft.encode_proof(protocol, header, known), header))
        await bench.target.restore(snapshot)
    bench.add(protocol, "update", f"{case}, one of them new", changed)

    other = sealed.sealed_header(protocol, headers[-1].number, keys, fork="other")
    evidence = bft.encode_evidence(protocol, headers[-1], other)
    bench.add(protocol, "reportMisbehaviour", case, [await bench.misbehaviour(anchor, evidence, "frozen")])


# --- composites ---


async def _composites(bench: _Bench) -> None:
    """Measure 2 of 3 and a veto by 1, over quorum anchors. What the members' own updates cost is not in it."""
    members = [await _Quorum.deployed(bench, *QUORUMS[0]) for _ in range(3)]
    addresses = [member.address for member in members]
    k_of_n = await bench.deploy("KofNAnchor", [addresses, 2], "k-of-n", "2 of 3")
    veto = await bench.deploy("VetoAnchor", [addresses[:2], _VETO_S, 0], "veto", "1 watcher")

    headers = [source.plain_header(source.FIRST_BLOCK + i) for i in range(_REPEATS + 1)]
    taken: dict[str, list[tuple[int, int]]] = {k_of_n: [], veto: []}
    for header in headers:
        for member in members:
            await member.accept(header)
        for anchor in (k_of_n, veto):
            taken[anchor].append(await bench.update(anchor, header.raw, header))
    bench.add("k-of-n", "update", "2 of 3", taken[k_of_n][1:])
    bench.add("veto", "update", "1 watcher", taken[veto][1:])
    await bench.step("k-of-n", "2 of 3", k_of_n, (headers[-2], headers[-1]))

    number = headers[-1].number + 1
    one, other = (source.plain_header(number, keccak256(name)) for name in (b"one", b"other"))
    await members[0].accept(one)
    await bench.update(veto, one.raw, one)
    evidence = abi_encode(["bytes32", "uint256", "uint64"], [one.hash, 1, number])
    await members[1].accept(other, "safe")
    report = await bench.misbehaviour(veto, evidence, "active")
    bench.add("veto", "reportMisbehaviour", "1 watcher, sets a block aside", [report])
    await members[1].accept(other)
    report = await bench.misbehaviour(veto, evidence, "frozen")
    bench.add("veto", "reportMisbehaviour", "1 watcher, freezes", [report])
    evidence = abi_encode(["uint64", "uint256", "uint256"], [number, 0, 1])
    report = await bench.misbehaviour(k_of_n, evidence, "frozen")
    bench.add("k-of-n", "reportMisbehaviour", "2 of 3", [report])

    await bench.chain.rpc.call("evm_setNextBlockTimestamp", [await bench.chain.clock() + _VETO_S])
    await bench.chain.rpc.call("anvil_mine", [])  # the watcher's time is over
    await bench.step("veto", "1 watcher", veto, (headers[-2], headers[-1]))
