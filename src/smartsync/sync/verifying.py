"""Is a replica exact? By RPC answers alone, each checked against a header hash or against the hub's root."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from smartsync.anchors.block import accepted_block, anchor_state, way_back
from smartsync.chain import Chain
from smartsync.discovery.completeness import is_anvil, source_values
from smartsync.errors import BlockUnavailable, NonCanonicalTrie, ProofError, ReplicaError
from smartsync.header import Header
from smartsync.keccak import keccak256
from smartsync.replica import ReplicaRecord, logic_of, read_record, replica_values
from smartsync.results import Check, Verification
from smartsync.sync.blocks import require_not_dropped
from smartsync.trie.proof import verify_account


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
    """
    record = await read_record(target, hub, replica)
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
        await _code(target, hub, record, state.account.code_hash if state.account else b""),
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
    try:
        header = await target.header(block)
        proof = await target.proof(replica, [], block)
        account = verify_account(header.state_root, replica, proof.account_nodes)
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


async def _code(target: Chain, hub: str, record: ReplicaRecord, expected: bytes) -> Check:
    logic = await logic_of(target, hub, record.key)
    actual = keccak256(await target.code(logic, record.target_block))
    return Check("code", actual == expected == record.key.code_hash, f"{logic}: " + _compared(actual, expected))


def _same(name: str, actual: bytes, expected: bytes) -> Check:
    return Check(name, actual == expected, _compared(actual, expected))


def _compared(actual: bytes, expected: bytes) -> str:
    if actual == expected:
        return f"0x{actual.hex()}"
    return f"0x{actual.hex()}, expected 0x{expected.hex()}"
