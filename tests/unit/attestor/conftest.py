"""An attestor between fake nodes and a fake anchor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from eth_account import Account

from smartsync.anchors.attestation import QuorumTerms
from smartsync.anchors.parting import Parting
from smartsync.attestor.following import Follow, Following
from smartsync.attestor.record import Record
from smartsync.attestor.service import Attestor
from smartsync.chain import Chain
from smartsync.errors import SmartSyncError, WrongChain
from tests.fake_source import ANCHOR, SOURCE, FakeSource, terms

ACCOUNT = Account.from_key("0x" + "01" * 32)
NOW = 1_800_000_001


@dataclass
class Stage:
    """What the fake anchor says, and the attestor's record."""

    record: Record
    terms: QuorumTerms = field(default_factory=lambda: terms(ACCOUNT.address))
    inactive: SmartSyncError | None = None
    partings: dict[str, Parting | None] = field(default_factory=dict)
    wrong: str = ""

    def attestor(self, *nodes: FakeSource, follow: Follow = "finalized") -> Attestor:
        following = Following([node.chain for node in nodes], follow, SOURCE, self.record)

        async def clock() -> int:
            return NOW

        target = SimpleNamespace(clock=clock, rpc=SimpleNamespace(host="target.example"))
        return Attestor(cast(Chain, target), 31337, ANCHOR, ACCOUNT, following)


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    with Record(tmp_path / "attestor.sqlite") as record:
        stage = Stage(record)

        async def quorum_terms(*_: object) -> QuorumTerms:
            return stage.terms

        async def require_active(*_: object) -> None:
            if stage.inactive:
                raise stage.inactive

        async def require_chain(node: Chain, *_: object) -> None:
            if node.rpc.host == stage.wrong:
                raise WrongChain("source", node.rpc.host, 1, 2)

        async def find_parting(node: Chain, *_: object) -> Parting | None:
            return stage.partings.get(node.rpc.host)

        for function in (quorum_terms, require_active, require_chain, find_parting):
            monkeypatch.setattr(f"smartsync.attestor.service.{function.__name__}", function)
        yield stage


@pytest.fixture
def nodes() -> Sequence[FakeSource]:
    return FakeSource("one.example"), FakeSource("two.example")
