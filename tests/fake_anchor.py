"""An anchor that says what a test wants: the answers of ``IAnchor``'s views, without a chain."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from eth_abi.abi import encode

from smartsync.anchors.block import LEVELS, STATUSES
from smartsync.contracts import encode_call

_BLOCK = ["(bytes32,bytes32,uint64,uint64,uint64,uint8)"]
_NOTHING = (bytes(32), bytes(32), 0, 0, 0, 0)


@dataclass
class FakeAnchor:
    """``blocks`` by hash: number and level; ``asked`` are those that were looked up by theirs.

    Put in the place of a fake node's ``eth_call``.
    """

    chain_id: int
    genesis_hash: bytes
    status: str = "active"
    kind: str = "blockhash/1"
    canonical_epoch: int = 0
    usable_from: int = 0
    blocks: dict[bytes, tuple[int, str]] = field(default_factory=dict)
    asked: list[bytes] = field(default_factory=list)

    def __call__(self, message: dict[str, Any], block: str) -> str:
        return "0x" + self._answer(bytes.fromhex(message["data"][2:])).hex()

    def _answer(self, data: bytes) -> bytes:
        if data[:4] == _selector("source"):
            return encode(["uint256", "bytes32"], [self.chain_id, self.genesis_hash])
        if data[:4] == _selector("status"):
            return encode(["uint8", "uint64", "uint64"], [STATUSES.index(self.status), 1, self.canonical_epoch])
        if data[:4] == _selector("blockByHash", bytes(32)):
            self.asked.append(data[4:])
            return encode(_BLOCK, [self._block(data[4:])])
        if data[:4] == _selector("kind"):
            return encode(["bytes32"], [self.kind.encode().ljust(32, b"\0")])
        if data[:4] == _selector("canonicalAt", 0):
            number = int.from_bytes(data[4:], "big")
            standing = [key for key, (at, level) in self.blocks.items() if at == number and level != "revoked"]
            return encode(_BLOCK, [self._block(standing[0]) if standing else _NOTHING])
        if data[:4] == _selector("head", 0):
            enough = LEVELS[int.from_bytes(data[4:], "big") : LEVELS.index("revoked")]
            usable = [(number, key) for key, (number, level) in self.blocks.items() if level in enough]
            return encode(_BLOCK, [self._block(max(usable)[1]) if usable else _NOTHING])
        if data[:4] == encode_call("VetoAnchor", "usableFrom", [bytes(32)])[:4]:
            return encode(["uint256"], [self.usable_from])
        raise AssertionError(f"the anchor has no function {data[:4].hex()}")

    def _block(self, block_hash: bytes) -> tuple[bytes, bytes, int, int, int, int]:
        if block_hash not in self.blocks:
            return _NOTHING
        number, level = self.blocks[block_hash]
        return block_hash, bytes(32), number, 0, 0, LEVELS.index(level)


def _selector(function: str, *args: object) -> bytes:
    return encode_call("IAnchor", function, args)[:4]
