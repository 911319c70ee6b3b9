"""Source nodes that say what a test wants, of chains that share blocks up to where they fork."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

from smartsync.anchors.attestation import QuorumTerms
from smartsync.chain import Chain
from smartsync.errors import BlockUnavailable, NodeUnreachable
from smartsync.header import Header
from smartsync.keccak import keccak256

SOURCE = (1, b"\x01" * 32)
ANCHOR = "0x" + "22" * 20


def block(number: int, branch: str = "") -> Header:
    """Return a block of a branch, which nothing is read out of but its hash."""
    return Header(b"", keccak256(f"{branch}:{number}".encode()), b"", b"", number, number, b"", ())


def terms(*signers: str, threshold: int = 1, set_epoch: int = 1, canonical_epoch: int = 0) -> QuorumTerms:
    return QuorumTerms(ANCHOR, 31337, *SOURCE, set_epoch, 1, canonical_epoch, signers, threshold)


@dataclass
class FakeSource:
    """A node. From block ``forks_at`` on it has the blocks of ``branch``; ``away`` it does not answer."""

    host: str
    latest: int = 100
    finalized: int = 90
    branch: str = ""
    forks_at: int = 0
    away: bool = False
    asked: list[Any] = field(default_factory=list)

    @property
    def chain(self) -> Chain:
        return cast(Chain, self)

    @property
    def rpc(self) -> Any:
        return SimpleNamespace(host=self.host)

    hash_at = Chain.hash_at

    async def block_number(self) -> int:
        self._answer("number")
        return self.latest

    async def header(self, asked: int | str) -> Header:
        self._answer(asked)
        number = {"latest": self.latest, "finalized": self.finalized}.get(str(asked), asked)
        if not isinstance(number, int) or number > self.latest:
            raise BlockUnavailable(str(asked), f"{self.host} does not know it")
        return block(number, self.branch if number >= self.forks_at else "")

    def _answer(self, what: object) -> None:
        self.asked.append(what)
        if self.away:
            raise NodeUnreachable(f"{self.host}: no answer")
