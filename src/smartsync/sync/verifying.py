"""Is a replica exact? By RPC answers alone, each checked against a header hash or against the hub's root."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from smartsync.anchors.block import accepted_block, anchor_state, require_chain_id, way_back
from smartsync.chain import Chain
from smartsync.contracts import parse_signature
from smartsync.discovery.completeness import is_anvil, source_values
from smartsync.errors import (
    BlockUnavailable,
    ConfigError,
    InvalidProof,
    NoCode,
    NonCanonicalTrie,
    ProofError,
    ReplicaError,
    TransactionReverted,
)
from smartsync.header import Header
from smartsync.implementations import Resolution, copy_of, implementation_of, resolution_of, why_uncopied
from smartsync.keccak import keccak256
from smartsync.replica import ReplicaRecord, logic_of, read_record, replica_values
from smartsync.results import Check, Verification
from smartsync.source import delegates_by, find_clone, proxy_by, proxy_slots
from smartsync.sync.blocks import require_not_dropped
from smartsync.trie.proof import verify_account
from smartsync.types import NO_ACCOUNT, Account


async def verify(source: Chain, target: Chain, hub: str, replica: str, slots: Iterable[bytes]) -> Verification:
    """Compare recorded block, code and storage of a replica with the source's.

    ``slots`` helps only where the target node's own trie is not canonical and the replica's past does not name all
    slots.

    Raises
    ------
    ReplicaError
        The replica is not active yet: there is nothing to compare.
    BlockUnavailable
        The source does not serve the recorded block any more: sync first.
    SourceReorganised
        Likewise, because it has dropped the block, and has no other one of this number.
    WrongChain
        The source node is on another chain than the replica's source.
    """
    record = await read_record(target, hub, replica)
    await require_chain_id(source, record.key.source_chain_id)
    if record.status == "filling":
        raise ReplicaError(f"{replica} is not active yet", hint="finish it with the same smartsync fork")
    try:
        header = await source.header(record.block_number)
    except BlockUnavailable as error:
        await require_not_dropped(source, target, record, error)
        raise
    state = await source_values(source, header, record.key.source, [])
    checks = [
        Check("state", record.status == "active", record.status.replace("_", " ")),
        await _recorded_block(target, record, header),
        await _anchor(target, record),
        await _anchor_status(target, record.key.anchor),
        _same("hub's storage root", record.storage_root, state.storage_root),
        await _storage(target, hub, replica, record, slots),
        *await _logic(source, target, hub, replica, record, header, state.account),
    ]
    exact = all(check.ok or not check.needed for check in checks)
    return Verification(replica, record.block_number, exact, tuple(checks))


async def _recorded_block(target: Chain, record: ReplicaRecord, header: Header) -> Check:
    check = _same("recorded block", record.block_hash, header.hash)
    if check.ok:
        return check
    level = (await accepted_block(target, record.key.anchor, record.block_hash)).level
    return replace(check, detail=f"{check.detail}: the source has dropped the replica's block; {way_back(level)}")


async def _anchor(target: Chain, record: ReplicaRecord) -> Check:
    found = await accepted_block(target, record.key.anchor, record.block_hash)
    return Check("anchor's word on it", found.accepted, found.level)


async def _anchor_status(target: Chain, anchor: str) -> Check:
    """Tell of an anchor that is stopped. The replica is what it was, and yet its readers should know."""
    status = (await anchor_state(target, anchor)).status
    detail = status if status == "active" else f"{status}: smartsync anchor show --anchor {anchor} tells more"
    return Check("anchor's status", status == "active", detail, needed=False)


async def _storage(target: Chain, hub: str, replica: str, record: ReplicaRecord, slots: Iterable[bytes]) -> Check:
    """Compare the replica's real storage with the hub's root, by the target's state root where that can be proven."""
    name, block = "replica's storage", record.target_block

    async def proven(one: Chain) -> Account | None:
        header = await one.header(block)
        proof = await one.proof(replica, [], block)
        return verify_account(header.state_root, replica, proof.account_nodes)

    try:
        account = await target.verified(proven)
        if account is not None and account.storage_root == record.storage_root:
            return Check(name, True, f"proven against target block {block}: 0x{account.storage_root.hex()}")
        detail = _compared(account.storage_root if account else b"", record.storage_root)
    except ProofError as error:
        detail = error.message
    # Elsewhere another root means other storage, also where every slot that the hub knows of is right.
    if not is_anvil(await target.client_version()):
        return Check(name, False, detail)
    try:
        await replica_values(target, hub, replica, record, slots)
    except NonCanonicalTrie:
        return Check(name, False, detail)
    return Check(name, True, "the target node's trie is not canonical; the root recomputed from all slots agrees")


async def _logic(
    source: Chain, target: Chain, hub: str, replica: str, record: ReplicaRecord, header: Header, account: Account | None
) -> list[Check]:
    """Check what the replica runs: its source's code, or of a proxy a resolver and what that delegates to."""
    expected = account.code_hash if account else b""
    logic = await logic_of(target, hub, record.key)
    code = await target.code(logic, record.target_block)
    try:
        resolution = await resolution_of(source, target, hub, record.key, header.number)
    except (NoCode, InvalidProof) as error:
        return [Check("code", False, error.message)]
    if resolution is None:
        actual = keccak256(code)
        check = Check("code", actual == expected == record.key.code_hash, f"{logic}: " + _compared(actual, expected))
        return [check, *await _no_proxy(source, record, header, code)]
    # The hub lets nothing but the resolver of the key's hash stand there.
    is_right = bool(code) and expected == record.key.code_hash
    detail = f"{logic} resolves as a proxy does: {resolution.kind}" if code else f"{logic}: nothing is there"
    return [
        Check("code", is_right, detail if is_right else f"{detail}; {_compared(record.key.code_hash, expected)}"),
        await _kind(source, record, header, resolution),
        await _implementation(source, target, hub, replica, record, header, resolution),
    ]


async def _no_proxy(source: Chain, record: ReplicaRecord, header: Header, code: bytes) -> list[Check]:
    """Return a check that fails where a copy of the source's own code delegates, to whatever stands here there."""
    proxy = await _proxy_at(source, record.key.source, header, code)
    if proxy is None:
        return []
    told = f"the source is a proxy ({proxy[0]}) to {proxy[1]}, and this replica was made as if it were none"
    return [Check("kind of proxy", False, f"{told}: it answers by what stands at that address on this chain")]


async def _proxy_at(source: Chain, address: str, header: Header, code: bytes) -> tuple[str, str] | None:
    """Return kind and what is named where a contract with this code is a proxy, by proven slots; None else."""
    state = await source_values(source, header, address, list(proxy_slots(address, code).values()))
    proxy = proxy_by(address, code, state.values)
    is_one = proxy is not None and (find_clone(code) is not None or delegates_by(proxy[0], code, proxy[1]))
    return proxy if is_one else None


async def _kind(source: Chain, record: ReplicaRecord, header: Header, resolution: Resolution) -> Check:
    """Check the creator's word that the source is a proxy of this kind, as far as its code shows it."""
    name = "kind of proxy"
    if resolution.slot is None:
        return Check(name, True, f"{resolution.kind}: its code, byte for byte")
    code = await source.code(record.key.source, header.number)
    state = await source_values(source, header, record.key.source, [resolution.slot])
    value = state.values.get(resolution.slot, 0)
    is_shown = keccak256(code) == record.key.code_hash and delegates_by(
        resolution.kind, code, resolution.named_by(value)
    )
    shows = "shows" if is_shown else "does not show"
    return Check(name, is_shown, f"{resolution.kind}: the source's code {shows} that it delegates so")


async def _implementation(
    source: Chain,
    target: Chain,
    hub: str,
    replica: str,
    record: ReplicaRecord,
    header: Header,
    resolution: Resolution,
) -> Check:
    """Compare the copy that the replica delegates to with the code that the implementation is proven to have."""
    name = "implementation"
    try:
        named = await implementation_of(target, hub, record.key, replica, resolution, record.target_block)
    except TransactionReverted as error:
        return Check(name, False, error.reason)
    copy = await copy_of(target, hub, record.key.anchor, named)
    if copy is None:
        implementation = (await source_values(source, header, named, [])).account or NO_ACCOUNT
        why = await why_uncopied(source, named, header.number, implementation)
        return Check(name, False, f"reads are refused: {why}")
    if resolution.is_beacon:
        other = await _other_answer(source, record, header, resolution, named)
        if other:
            return Check(name, False, other)
    account = (await source_values(source, header, named, [])).account
    code = await target.code(copy, record.target_block)
    clone = find_clone(code)
    if clone is not None:
        return Check(name, False, f"{named} is a proxy itself ({clone[0]}): its copy delegates to what stands here")
    actual, expected = keccak256(code), account.code_hash if account else b""
    return Check(name, actual == expected, f"{named}, copied to {copy}: " + _compared(actual, expected))


async def _other_answer(
    source: Chain, record: ReplicaRecord, header: Header, resolution: Resolution, named: str
) -> str:
    """Return in words what else a proxy's beacon names on the source chain; empty where that is the same.

    The answer is the node's word, as the beacon's own proxy gets it. The replica of the beacon may be ahead.
    """
    slot = resolution.slot or b""
    value = (await source_values(source, header, record.key.source, [slot])).values.get(slot, 0)
    beacon = resolution.named_by(value)
    proxy = await _proxy_at(source, beacon, header, await source.code(beacon, header.number))
    if proxy is not None:
        return f"the beacon {beacon} is a proxy ({proxy[0]}): its replica answers by what stands here at {proxy[1]}"
    question = parse_signature("implementation()(address)")
    try:
        data = await source.call(beacon, question.encode([]), block=header.number, sender=record.key.source)
        (answer,) = question.decode(data)
    except (TransactionReverted, ConfigError):
        return f"the beacon {beacon} does not answer on the source chain, and its replica names {named}"
    if answer == named:
        return ""
    return f"the beacon {beacon} names {answer} on the source chain at block {header.number}, and {named} here"


def _same(name: str, actual: bytes, expected: bytes) -> Check:
    return Check(name, actual == expected, _compared(actual, expected))


def _compared(actual: bytes, expected: bytes) -> str:
    if actual == expected:
        return f"0x{actual.hex()}"
    return f"0x{actual.hex()}, expected 0x{expected.hex()}"
