"""Is a replica exact? By RPC answers alone, each checked against a header hash or against the hub's root."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from smartsync.anchors.block import accepted_block, anchor_state, require_chain_id, way_back
from smartsync.chain import Chain
from smartsync.discovery.completeness import source_values
from smartsync.errors import (
    BlockUnavailable,
    InvalidProof,
    NoCode,
    ReplicaError,
)
from smartsync.header import Header
from smartsync.implementations import resolution_of
from smartsync.keccak import keccak256
from smartsync.replica import ReplicaRecord, logic_of, read_record
from smartsync.results import Check, Verification
from smartsync.sync.blocks import require_not_dropped
from smartsync.sync.resolving import Resolving, check_no_proxy
from smartsync.sync.stored import check_storage, compared
from smartsync.types import Account


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
        await check_storage(target, hub, replica, record, slots),
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
        check = Check("code", actual == expected == record.key.code_hash, f"{logic}: " + compared(actual, expected))
        return [check, *await check_no_proxy(source, record, header, code)]
    # The hub lets nothing but the resolver of the key's hash stand there.
    is_right = bool(code) and expected == record.key.code_hash
    detail = f"{logic} resolves as a proxy does: {resolution.kind}" if code else f"{logic}: nothing is there"
    return [
        Check("code", is_right, detail if is_right else f"{detail}; {compared(record.key.code_hash, expected)}"),
        *await Resolving(source, target, hub, replica, record, header, resolution).checks(),
    ]


def _same(name: str, actual: bytes, expected: bytes) -> Check:
    return Check(name, actual == expected, compared(actual, expected))
