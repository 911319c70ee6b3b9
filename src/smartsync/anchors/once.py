"""Keys at hand that never sign two hashes for one number, as long as the process lives.

A signer who does is removed from the anchor, and two quorums that do freeze it. A source that reorganises under a
watcher would lead it there: so it signs no other block at a number until the first one has been revoked. What an
earlier process signed is only known as far as it landed; an attestor (`smartsync attestor`) keeps a durable record.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from smartsync.anchors.attestation import AttestedLevel, QuorumTerms, Revocation, Signed
from smartsync.anchors.block import canonical_at
from smartsync.anchors.parting import Parting
from smartsync.anchors.quorum import LocalSigners
from smartsync.chain import Chain
from smartsync.errors import SourceReorganised
from smartsync.header import Header

_Height = tuple[str, int, int, int]
"""An anchor, its two epochs, and a block number: for these only one hash may be signed."""


@dataclass(frozen=True)
class SignersOnce:
    """Signers as ``LocalSigners``, who remember what they signed and look up what the anchor on ``target`` accepted."""

    signers: LocalSigners
    target: Chain
    _signed: dict[_Height, bytes] = field(default_factory=dict)

    async def attest(
        self, source: Chain, terms: QuorumTerms, block: int | str | None
    ) -> tuple[Header, AttestedLevel, Sequence[Signed]]:
        """Sign a block of the source, the newest where ``None``.

        Raises
        ------
        SourceReorganised
            Another block was signed, or is accepted, at its number.
        """
        header = await source.header("latest" if block is None else block)
        standing = await canonical_at(self.target, terms.anchor, header.number)
        height = terms.anchor, terms.set_epoch, terms.canonical_epoch, header.number
        # Both: what was signed need not have been accepted, and the anchor may have accepted another one since.
        for before in (self._signed.get(height), None if standing is None else standing.block_hash):
            if before not in (None, header.hash):
                raise SourceReorganised(
                    f"for block {header.number} of the source 0x{before.hex()} has been signed, and not "
                    f"0x{header.hash.hex()}",
                    hint="the block after it can be signed, and this one once the other is revoked",
                )
        self._signed[height] = header.hash
        # By its hash: at its number there may be another one by now.
        return await self.signers.attest(source, terms, f"0x{header.hash.hex()}")

    async def revoke(self, terms: QuorumTerms, parting: Parting, now_s: int) -> tuple[Revocation, Sequence[Signed]]:
        """Sign a revocation."""
        return await self.signers.revoke(terms, parting, now_s)
