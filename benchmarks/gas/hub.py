"""The calls of hub and anchor, made as the package makes them: all that changes here when the hub's interface does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from eth_account.signers.local import LocalAccount

from benchmarks.gas import source
from smartsync.anchors.attestation import attestation_of, encode_proof, sign
from smartsync.anchors.quorum import quorum_terms
from smartsync.chain import Chain
from smartsync.contracts import encode_call
from smartsync.deploy import Deployment
from smartsync.header import Header
from smartsync.keccak import keccak256
from smartsync.replica import logic_of, read_record
from smartsync.submit import Sender
from smartsync.sync.forking import _FILL_GAS, _GAS_PER_NEW_SLOT
from smartsync.trie.node import Node
from smartsync.trie.trie import put, storage_value
from smartsync.views import call_view
from smartsync.witness import Transition, plan_transition

SIGNERS, THRESHOLD = 5, 3

FILL_SLOTS = _FILL_GAS // _GAS_PER_NEW_SLOT
"""Slots of one fill: as many as the package puts into its first one."""


@dataclass(frozen=True, slots=True)
class Contracts:
    """Addresses on the target chain, and the keys that attest."""

    hub: str
    anchor: str
    signers: tuple[LocalAccount, ...]


async def deploy(chain: Chain, accounts: tuple[LocalAccount, ...]) -> Contracts:
    """Deploy hub and quorum anchor; the first of the accounts pays."""
    signers = accounts[:SIGNERS]
    deployed = await Deployment(Sender(chain, accounts[0], poll_s=0.02)).run(
        source_chain_id=source.CHAIN_ID,
        source_genesis_hash=source.genesis_hash(),
        signers=[account.address for account in signers],
        threshold=THRESHOLD,
        max_drift_s=0,
        delay_s=0,
    )
    return Contracts(deployed.hub, deployed.anchor, signers)


async def update_data(chain: Chain, contracts: Contracts, header: Header) -> bytes:
    """Return the calldata of the anchor's ``update`` with as many signatures as it needs."""
    terms = await quorum_terms(chain, contracts.anchor)
    attestation = attestation_of(terms, header, "final")
    signed = [sign(account, terms, attestation) for account in contracts.signers[:THRESHOLD]]
    return encode_call("QuorumAnchor", "update", [encode_proof(header, "final", signed)])


class Replica:
    """One replica of the source by one creator: its address, and the calldata of what is done with it."""

    def __init__(self, address: str, key: tuple[int, str, str, str, bytes, bytes], code: bytes) -> None:
        self.address, self._key, self._code = address, key, code

    @classmethod
    async def of(cls, chain: Chain, contracts: Contracts, creator: str, code: bytes) -> Replica:
        """Return the replica that ``creator`` gets for a source with this runtime code."""
        (logic_hash,) = await call_view(chain, "Hub", contracts.hub, "logicHashOf", [code])
        key = (source.CHAIN_ID, source.ADDRESS, contracts.anchor, creator, keccak256(code), logic_hash)
        (address,) = await call_view(chain, "Hub", contracts.hub, "replicaOf", [key])
        return cls(address, key, code)

    @property
    def code_hash(self) -> bytes:
        """keccak-256 of the source's code."""
        return keccak256(self._code)

    def create_data(self, first_block: int) -> bytes:
        """Return the calldata of ``create``."""
        chain_id, original, anchor, _, code_hash, logic_hash = self._key
        return encode_call("Hub", "create", [chain_id, original, anchor, code_hash, logic_hash, first_block])

    def fill_data(self, values: dict[bytes, int]) -> Iterator[bytes]:
        """Yield the calldata of each ``fill``, in the order of the trie keys as the package does it."""
        trie: Node = None
        slots = sorted(values, key=keccak256)
        for start in range(0, len(slots), FILL_SLOTS):
            chunk = slots[start : start + FILL_SLOTS]
            step = plan_transition(trie, after := written(trie, {slot: values[slot] for slot in chunk}), chunk)
            yield encode_call("Hub", "fill", [self.address, step.old_root, step.witness])
            trie = after

    def activate_data(self, block: source.SourceBlock) -> bytes:
        """Return the calldata of ``activate``."""
        return encode_call("Hub", "activate", [self.address, block.header.hash, block.account_proof, self._code])

    def sync_data(self, block: source.SourceBlock, step: Transition) -> bytes:
        """Return the calldata of ``sync``."""
        return encode_call("Hub", "sync", [self.address, block.header.hash, block.account_proof, step.witness])

    async def storage_root(self, chain: Chain, hub: str) -> bytes:
        """Return the root that the hub has recorded (32 bytes)."""
        return (await read_record(chain, hub, self.address)).storage_root

    async def logic(self, chain: Chain, hub: str) -> str:
        """Return the address of the logic copy."""
        return await logic_of(chain, hub, (await read_record(chain, hub, self.address)).key)


def written(trie: Node, writes: dict[bytes, int]) -> Node:
    """Return the storage trie after these slots got these values, 0 meaning deletion."""
    for slot, value in writes.items():
        trie = put(trie, keccak256(slot), storage_value(value) if value else None)
    return trie
