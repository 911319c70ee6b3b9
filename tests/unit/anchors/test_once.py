"""Keys at hand that never sign two hashes for one number, whatever source and anchor say in between."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from smartsync.anchors.attestation import QuorumTerms
from smartsync.anchors.block import AnchoredBlock
from smartsync.anchors.once import SignersOnce
from smartsync.anchors.quorum import LocalSigners
from smartsync.chain import Chain
from smartsync.errors import SourceReorganised
from tests.fake_source import FakeSource, block, terms

TERMS = terms("0x" + "aa" * 20)


class Signers:
    """Remembers what it was asked to sign."""

    def __init__(self) -> None:
        self.asked: list[object] = []

    async def attest(self, source: Chain, terms: QuorumTerms, asked: object) -> tuple[Any, ...]:
        self.asked.append(asked)
        return ()


@pytest.fixture
def standing(monkeypatch: pytest.MonkeyPatch) -> dict[int, bytes]:
    """Give what the anchor accepts, by number."""
    accepted: dict[int, bytes] = {}

    async def canonical_at(_: Chain, anchor: str, number: int) -> AnchoredBlock | None:
        return AnchoredBlock(accepted[number], number, 0, "safe") if number in accepted else None

    monkeypatch.setattr("smartsync.anchors.once.canonical_at", canonical_at)
    return accepted


async def test_attest_other_block_than_the_signed_one_refused_also_where_it_was_accepted(
    standing: dict[int, bytes],
) -> None:
    signers, source = Signers(), FakeSource("one.example")
    once = SignersOnce(cast(LocalSigners, signers), cast(Chain, SimpleNamespace()))
    await once.attest(source.chain, TERMS, None)
    assert signers.asked == [f"0x{block(100).hash.hex()}"]
    # What was signed has not landed; by other signers' word the anchor accepts what the source has now.
    source.branch, standing[100] = "other", block(100, "other").hash
    with pytest.raises(SourceReorganised, match=f"0x{block(100).hash.hex()} has been signed"):
        await once.attest(source.chain, TERMS, None)
    standing.clear()
    with pytest.raises(SourceReorganised):
        await once.attest(source.chain, TERMS, None)
    assert len(signers.asked) == 1
    await once.attest(source.chain, terms("0x" + "aa" * 20, canonical_epoch=1), None)
    assert signers.asked[1:] == [f"0x{block(100, 'other').hash.hex()}"]


async def test_attest_other_block_than_the_accepted_one_refused(standing: dict[int, bytes]) -> None:
    signers, source = Signers(), FakeSource("one.example")
    standing[100] = block(100, "other").hash
    with pytest.raises(SourceReorganised):
        await SignersOnce(cast(LocalSigners, signers), cast(Chain, SimpleNamespace())).attest(source.chain, TERMS, None)
    assert not signers.asked
