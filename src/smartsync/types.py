"""The shared vocabulary: frozen values that pass between modules, and nothing else.

What a node proves is an ``Untrusted…`` value; only a ``verify`` function turns it into the verified type that the next
step takes. What a node merely tells (a log, a receipt, a slot's value; `smartsync.answers`) is not verified: it may
guide what is tried, and no replica's state depends on its truth.
"""

from __future__ import annotations

from dataclasses import dataclass

EMPTY_ROOT = bytes.fromhex("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421")
"""Root of the empty trie: keccak-256 of RLP("")."""

EMPTY_CODE_HASH = bytes.fromhex("c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470")
"""keccak-256 of no bytes: the code hash of an account without code."""

TX_GAS_CAP = 16_777_216
"""Gas that one transaction may use (EIP-7825)."""

TX_BYTES_CAP = 131_072
"""Bytes of a signed transaction that nodes take into their pools: geth's ``txMaxSize`` (core/txpool/legacypool), reth's
``DEFAULT_MAX_TX_INPUT_BYTES``. No rule of the protocol, so blocks may hold larger ones."""

MAX_S = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
"""floor(n / 2) of secp256k1. Of the two ``s`` that are valid for one message only the lower is taken (EIP-2)."""

MAX_CODE_SIZE = 24_576
"""Bytes of runtime code that can be deployed (EIP-170)."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account as the state trie holds it (Yellow Paper, section 4.1).

    ``balance_wei`` in wei; ``storage_root`` and ``code_hash`` 32 bytes.
    """

    nonce: int
    balance_wei: int
    storage_root: bytes
    code_hash: bytes


NO_ACCOUNT = Account(0, 0, EMPTY_ROOT, EMPTY_CODE_HASH)
"""What an account that does not exist behaves like: no code, no storage."""


@dataclass(frozen=True, slots=True)
class UntrustedStorageProof:
    """A node's claim about a slot: ``slot`` 32 bytes, ``value`` of 256 bits, ``nodes`` RLP from the storage root on."""

    slot: bytes
    value: int
    nodes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class UntrustedProof:
    """A node's answer to ``eth_getProof``: nothing in it has been checked.

    ``address`` checksummed; ``account_nodes`` RLP from the state root on; ``storage_root`` as claimed.
    """

    address: str
    storage_root: bytes
    code_hash: bytes
    account_nodes: tuple[bytes, ...]
    storage: tuple[UntrustedStorageProof, ...]


@dataclass(frozen=True, slots=True)
class SlotChange:
    """One slot that a transition writes: ``slot`` 32 bytes, values of 256 bits, 0 meaning absent."""

    slot: bytes
    old: int
    new: int

    @property
    def kind(self) -> str:
        """What it does in the trie: ``insert``, ``update`` or ``delete``."""
        if self.old == 0:
            return "insert"
        return "delete" if self.new == 0 else "update"
