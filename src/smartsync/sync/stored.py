"""What a replica really has in its storage, compared with what the hub says."""

from __future__ import annotations

from collections.abc import Iterable

from smartsync.chain import Chain
from smartsync.discovery.completeness import is_anvil
from smartsync.errors import NonCanonicalTrie, ProofError
from smartsync.replica import ReplicaRecord, replica_values
from smartsync.results import Check
from smartsync.trie.proof import verify_account
from smartsync.types import Account


async def check_storage(target: Chain, hub: str, replica: str, record: ReplicaRecord, slots: Iterable[bytes]) -> Check:
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
        detail = compared(account.storage_root if account else b"", record.storage_root)
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


def compared(actual: bytes, expected: bytes) -> str:
    """Return in words what two hashes (or pieces of data) are, and that they differ where they do."""
    if actual == expected:
        return f"0x{actual.hex()}"
    return f"0x{actual.hex()}, expected 0x{expected.hex()}"
