"""The quorum anchor (``QuorumAnchor.sol``): m of n signers attest to a source block hash by EIP-712.

Only a hash is signed; state root, number and time are read out of the header that has this hash.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from eth_abi.abi import encode
from eth_account.signers.local import LocalAccount

from smartsync.anchors.block import accepted_block, require_active, require_same_source, source_of
from smartsync.chain import Chain
from smartsync.contracts import encode_call
from smartsync.errors import AnchorError, AnchorFrozen
from smartsync.header import Header
from smartsync.results import Step
from smartsync.submit import Sender, step_of
from smartsync.views import call_view

_TYPES = {
    "BlockAttestation": [
        {"name": "sourceChainId", "type": "uint256"},
        {"name": "sourceGenesisHash", "type": "bytes32"},
        {"name": "blockNumber", "type": "uint64"},
        {"name": "blockHash", "type": "bytes32"},
        {"name": "setEpoch", "type": "uint64"},
    ]
}


@dataclass(frozen=True, slots=True)
class QuorumTerms:
    """What an anchor's signers sign for, and how many of them must.

    ``source_genesis_hash`` 32 bytes; ``signers`` checksummed; ``threshold`` is m of m-of-n.
    """

    anchor: str
    target_chain_id: int
    source_chain_id: int
    source_genesis_hash: bytes
    set_epoch: int
    signers: tuple[str, ...]
    threshold: int


async def quorum_terms(target: Chain, anchor: str) -> QuorumTerms:
    """Read the terms of the anchor at this address.

    Raises
    ------
    NotDeployed
        There is no quorum anchor.
    """
    source_chain_id, genesis_hash = await source_of(target, anchor)
    (set_epoch,) = await call_view(target, "QuorumAnchor", anchor, "setEpoch")
    (signers,) = await call_view(target, "QuorumAnchor", anchor, "signers")
    (threshold,) = await call_view(target, "QuorumAnchor", anchor, "threshold")
    return QuorumTerms(
        anchor, await target.chain_id(), source_chain_id, genesis_hash, set_epoch, tuple(signers), threshold
    )


def sign_attestation(account: LocalAccount, terms: QuorumTerms, number: int, block_hash: bytes) -> bytes:
    """Return a signer's 65-byte signature (r, s, v) that this 32-byte hash is the source's block of this number.

    Warning: sign only what is final on the source chain, and never two hashes of one number.
    """
    signed = account.sign_typed_data(
        domain_data={
            "name": "SmartSync QuorumAnchor",
            "version": "1",
            "chainId": terms.target_chain_id,
            "verifyingContract": terms.anchor,
        },
        message_types=_TYPES,
        message_data={
            "sourceChainId": terms.source_chain_id,
            "sourceGenesisHash": terms.source_genesis_hash,
            "blockNumber": number,
            "blockHash": block_hash,
            "setEpoch": terms.set_epoch,
        },
    )
    return bytes(signed.signature)


def encode_proof(header: Header, signatures: Iterable[tuple[str, bytes]]) -> bytes:
    """Return the proof for ``update``: the header and the (signer, signature) pairs in the order that it wants."""
    ordered = sorted(signatures, key=lambda pair: int(pair[0], 16))
    return encode(["bytes", "bytes"], [header.raw, b"".join(signature for _, signature in ordered)])


async def attest(
    source: Chain, sender: Sender, anchor: str, attestors: Sequence[LocalAccount], *, block: int | str | None = None
) -> tuple[Header, Step | None]:
    """Have a source block accepted: sign with each attestor and submit; no step where it is accepted already.

    Parameters
    ----------
    block
        Number on the source chain, or ``finalized`` or ``safe``; the newest where ``None``.

    Raises
    ------
    AnchorError
        Fewer of the given keys are signers of the anchor than it needs.
    AnchorFrozen
        The anchor accepts nothing any more, or froze now because another hash of this number is accepted already.
    WrongChain
        The anchor speaks of another chain than the source node. Of another genesis block: AnchorError.
    """
    terms = await quorum_terms(sender.chain, anchor)
    await require_same_source(source, sender.chain, anchor)
    header = await source.header("latest" if block is None else block)
    if (await accepted_block(sender.chain, anchor, header.hash)).accepted:
        return header, None
    await require_active(sender.chain, anchor)
    members = {account.address: account for account in attestors if account.address in terms.signers}
    if len(members) < terms.threshold:
        raise AnchorError(
            f"the anchor needs {terms.threshold} of its {len(terms.signers)} signers, {len(members)} of them are given",
            hint=f"give the keys of {terms.threshold} of {', '.join(terms.signers)}",
        )
    signatures = [
        (address, sign_attestation(account, terms, header.number, header.hash)) for address, account in members.items()
    ]
    data = encode_call("QuorumAnchor", "update", [encode_proof(header, signatures)])
    what = f"attest block {header.number}"
    receipt = await sender.send(anchor, data, what=what)
    if not (await accepted_block(sender.chain, anchor, header.hash)).accepted:
        raise AnchorFrozen(
            f"the anchor accepted another block {header.number} before and is frozen now",
            hint="a quorum signed two hashes of one number; deploy a new anchor, with signers that follow finality",
        )
    return header, step_of(what, receipt)
