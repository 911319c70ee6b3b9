"""A chain of QBFT or IBFT 2.0 made up for a test, and a node of it: headers sealed by keys that everybody knows.

Each hash is written anew from the parts of a header, so that nothing is shared with `smartsync.bft`, which cuts one up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from eth_keys.datatypes import PrivateKey
from eth_keys.main import KeyAPI

from smartsync import rlp
from smartsync.bft import MIX_HASH, Protocol
from smartsync.header import Header, header_from_rpc
from smartsync.keccak import keccak256
from tests.header_fields import FIELDS
from tests.http_node import HttpNode, Refusal

CHAIN_ID = 1984
VANITY = b"made up".ljust(32, b"\0")

_NAMES = [*FIELDS, "baseFeePerGas"]


def validator(number: int) -> PrivateKey:
    """Return the key of a validator, always the same for a number."""
    return KeyAPI().PrivateKey(keccak256(b"validator" + number.to_bytes(4, "big")))


def ordered(keys: Sequence[PrivateKey]) -> list[PrivateKey]:
    """Return keys in the order of their addresses."""
    return sorted(keys, key=lambda key: key.public_key.to_canonical_address())


@dataclass
class BftChain:
    """Blocks a second apart from ``start`` on; block 0 lists ``validators`` too, and nobody has sealed it.

    ``blocks`` are the fields of each header. Everybody seals, in another order than the list's; or whom a test names.
    """

    protocol: Protocol
    validators: list[PrivateKey]
    start: int
    blocks: list[list[bytes]] = field(default_factory=list)
    hashes: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        fields = self._fields(0, bytes(32))
        fields[12] = rlp.encode([VANITY, self._addresses(), self._no_vote(), self._round(0), []])
        self._append(fields, keccak256(rlp.encode(fields)))

    def add(
        self,
        count: int = 1,
        *,
        validators: Sequence[PrivateKey] | None = None,
        sealing: Sequence[PrivateKey] | None = None,
        round_number: int = 0,
    ) -> int:
        """Add blocks, by other validators from now on where they are given; returns the newest number."""
        if validators is not None:
            self.validators = list(validators)
        for _ in range(count):
            fields, block_hash = self.made(len(self.blocks), sealing=sealing, round_number=round_number)
            self._append(fields, block_hash)
        return len(self.blocks) - 1

    def made(
        self,
        number: int,
        *,
        sealing: Sequence[PrivateKey] | None = None,
        round_number: int = 0,
        state_root: bytes | None = None,
        low: bool = False,
    ) -> tuple[list[bytes], bytes]:
        """Return the fields of a header of this number and its block hash; it is not on the chain.

        With ``low`` the seals' last byte is 27 or 28.
        """
        fields = self._fields(number, self.hashes[number - 1])
        if state_root is not None:
            fields[3] = state_root
        common = [VANITY, self._addresses(), self._no_vote()]
        sealed = [*common, self._round(round_number), *([[]] if self.protocol == "qbft" else [])]
        block = [*common, *([b"", []] if self.protocol == "qbft" else [])]
        digest = self._hash(fields, sealed)
        # Besu keeps the seals in the order in which they came.
        who = list(reversed(ordered(self.validators))) if sealing is None else list(sealing)
        seals = [key.sign_msg_hash(digest).to_bytes() for key in who]
        if low:
            seals = [seal[:64] + bytes((seal[64] + 27,)) for seal in seals]
        block_hash = self._hash(fields, block)
        fields[12] = rlp.encode([*common, self._round(round_number), seals])
        return fields, block_hash

    def header(self, number: int) -> Header:
        """Return a block's header, as the package reads it from a node."""
        return header_from_rpc(self.told(number))

    def told(self, number: int) -> dict[str, Any]:
        """Return a block as a node tells it."""
        fields = dict(zip(_NAMES, self.blocks[number], strict=True))
        scalars = {"difficulty", "number", "gasLimit", "gasUsed", "timestamp", "baseFeePerGas"}
        return {
            name: hex(int.from_bytes(value, "big")) if name in scalars else f"0x{value.hex()}"
            for name, value in fields.items()
        } | {"hash": f"0x{self.hashes[number].hex()}", "transactions": [], "size": "0x1"}

    def _append(self, fields: list[bytes], block_hash: bytes) -> None:
        self.blocks.append(fields)
        self.hashes.append(block_hash)

    def _fields(self, number: int, parent_hash: bytes) -> list[bytes]:
        return [
            *(parent_hash, keccak256(b"ommers"), bytes(20), keccak256(b"state" + number.to_bytes(4, "big"))),
            *(keccak256(b"transactions"), keccak256(b"receipts"), bytes(256), b"\1", rlp.encode_int(number)),
            *(rlp.encode_int(30_000_000), b"", rlp.encode_int(self.start + number), b"", MIX_HASH, bytes(8), b"\7"),
        ]

    def _hash(self, fields: list[bytes], extra: list[Any]) -> bytes:
        return keccak256(rlp.encode([*fields[:12], rlp.encode(extra), *fields[13:]]))

    def _addresses(self) -> list[bytes]:
        return [key.public_key.to_canonical_address() for key in ordered(self.validators)]

    def _no_vote(self) -> Any:
        return [] if self.protocol == "qbft" else b""

    def _round(self, number: int) -> bytes:
        return rlp.encode_int(number) if self.protocol == "qbft" else number.to_bytes(4, "big")


class BftNode(HttpNode):
    """Serves a made-up chain over HTTP, as far as anchors ask. ``spoil`` may change what is told of a block."""

    chain: BftChain
    spoil: Callable[[dict[str, Any]], dict[str, Any]] | None = None

    def serve(self, chain: BftChain) -> None:
        self.chain = chain
        self.results |= {
            "eth_chainId": hex(CHAIN_ID),
            "eth_blockNumber": lambda _: hex(len(self.chain.blocks) - 1),
            "eth_getBlockByNumber": lambda params: self._block(self._number(params[0])),
            "eth_getBlockByHash": lambda params: self._block(self._by_hash(params[0])),
        }

    def _number(self, tag: str) -> int | None:
        newest = len(self.chain.blocks) - 1
        if tag in ("latest", "finalized", "safe"):
            return newest
        return int(tag, 16) if int(tag, 16) <= newest else None

    def _by_hash(self, text: str) -> int | None:
        wanted = bytes.fromhex(text[2:])
        return self.chain.hashes.index(wanted) if wanted in self.chain.hashes else None

    def _block(self, number: int | None) -> dict[str, Any] | Refusal | None:
        if number is None:
            return None
        told = self.chain.told(number)
        return self.spoil(told) if self.spoil else told
