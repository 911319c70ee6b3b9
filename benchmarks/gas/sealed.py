"""Headers of Besu's consortium chains, sealed by validators whose keys everybody knows.

Theirs are the fields of the header of a network that is at rest: 15, and a bloom without a log. That is what the
targets are about. A *full* one is the other end: 21 fields, and a bloom with hardly a zero byte.
"""

from __future__ import annotations

from collections.abc import Sequence

from eth_keys.datatypes import PrivateKey

from benchmarks.gas.source import FIRST_TIME_S, plain_header
from smartsync import rlp
from smartsync.bft import MIX_HASH, Protocol, quorum_of, sealed_hash, with_seals
from smartsync.header import Header, decode_sealed_header
from smartsync.keccak import keccak256

FIRST_BLOCK = 7_500_000

_AT_REST = 15
_VANITY = bytes(32)
_BLOOM, _DIFFICULTY, _NUMBER, _GAS_LIMIT, _GAS_USED, _TIME, _EXTRA, _MIX, _NONCE = range(6, 15)


def validators(count: int, *, new: int = 0) -> list[PrivateKey]:
    """Return validators in the order of their addresses; set number ``new`` has one that no other set has."""
    numbers = [*range(1, count), 1000 * new]
    keys = [PrivateKey(keccak256(f"validator {number}".encode())) for number in numbers]
    return sorted(keys, key=lambda key: key.public_key.to_canonical_address())


def addresses(keys: Sequence[PrivateKey]) -> list[bytes]:
    """Return their addresses, 20 bytes each."""
    return [key.public_key.to_canonical_address() for key in keys]


def sealed_header(
    protocol: Protocol, number: int, keys: Sequence[PrivateKey], *, full: bool = False, fork: str = ""
) -> Header:
    """Return the header of this number, sealed by as many as it needs; another one for each ``fork``."""
    fields = list(plain_header(number).fields)
    fields[3] = keccak256(f"state {number} {fork}".encode())
    fields[_DIFFICULTY], fields[_MIX], fields[_NONCE] = b"\x01", MIX_HASH, bytes(8)
    fields[_GAS_LIMIT] = rlp.encode_int(4_700_000)
    fields[_TIME] = rlp.encode_int(FIRST_TIME_S + number - FIRST_BLOCK)
    if not full:
        fields[_BLOOM], fields[_GAS_USED] = bytes(256), b""
        del fields[_AT_REST:]
    is_qbft = protocol == "qbft"
    vote: rlp.Encodable = [] if is_qbft else b""
    fields[_EXTRA] = rlp.encode([_VANITY, addresses(keys), vote, b"" if is_qbft else bytes(4), []])
    digest = sealed_hash(protocol, fields)
    seals = [key.sign_msg_hash(digest).to_bytes() for key in keys[: quorum_of(len(keys))]]
    return decode_sealed_header(protocol, with_seals(fields, seals))
