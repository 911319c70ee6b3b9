"""Block headers: read out of RLP, or rebuilt from what a node answers; always checked against their hash.

::

    0 parentHash        6 logsBloom 256 B  12 extraData   15 baseFeePerGas    London    20 requestsHash  Prague
    1 sha3Uncles        7 difficulty       13 mixHash     16 withdrawalsRoot  Shanghai  21 blockAccessListHash
    2 miner 20 B        8 number           14 nonce 8 B   17 blobGasUsed      Cancun    22 slotNumber    Amsterdam
    3 stateRoot         9 gasLimit                        18 excessBlobGas    Cancun    23.. not known yet
    4 transactionsRoot 10 gasUsed                         19 parentBeaconBlockRoot
    5 receiptsRoot     11 timestamp                          (Cancun)

The first 15 have stood since Frontier; forks only append, and Paris and Osaka appended nothing. So a header is read by
position, and fields that are not known yet are carried along.

Source: Yellow Paper, section 4.4.3; EIP-1559, 4895, 4844, 4788, 7685, 7928, 7843.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, permutations
from typing import Any, Literal, TypeAlias

from smartsync.bft import PROTOCOLS, Protocol, bft_block_hash, has_mix_hash, hashed_header
from smartsync.errors import InvalidHeader, InvalidRlp
from smartsync.keccak import keccak256
from smartsync.rlp import decode, decode_int, encode, encode_int

HashRule: TypeAlias = Literal["keccak", "qbft", "ibft2"]
"""How a chain makes a block's hash of its header."""

_SIZES: Mapping[str, int | None] = {
    "parentHash": 32,
    "sha3Uncles": 32,
    "miner": 20,
    "stateRoot": 32,
    "transactionsRoot": 32,
    "receiptsRoot": 32,
    "logsBloom": 256,
    "difficulty": None,
    "number": None,
    "gasLimit": None,
    "gasUsed": None,
    "timestamp": None,
    "extraData": 0,
    "mixHash": 32,
    "nonce": 8,
    "baseFeePerGas": None,
    "withdrawalsRoot": 32,
    "blobGasUsed": None,
    "excessBlobGas": None,
    "parentBeaconBlockRoot": 32,
    "requestsHash": 32,
    "blockAccessListHash": 32,
    "slotNumber": None,
}
"""Field name in JSON-RPC -> its bytes; 0 for any number of bytes, None for a number. In the order of the header."""

_NAMES = tuple(_SIZES)
_FIRST_FORK = 15
_SEAL = ("mixHash", "nonce")
_NOT_HEADER = {"hash", "size", "totalDifficulty", "author"}
_MAX_TRIES = 2_000
"""Arrangements of unknown fields that are hashed: all of up to 6 fields."""


@dataclass(frozen=True, slots=True)
class Header:
    """A block header and what is read out of it.

    ``hash`` is the keccak-256 of ``raw``, its RLP as it is hashed; ``timestamp`` in seconds on the chain's clock;
    ``fields`` are all fields by position (one that is a list is given as its RLP).

    ``hash_rule`` says how it is hashed: ``keccak``, as it is, so on Ethereum and most other chains; or without its
    seals (`smartsync.bft`), as on the consortium chains that name their rule. Seals are in ``fields`` then, not in
    ``raw``.
    """

    raw: bytes
    hash: bytes
    parent_hash: bytes
    state_root: bytes
    number: int
    timestamp: int
    extra_data: bytes
    fields: tuple[bytes, ...]
    hash_rule: HashRule = "keccak"


def decode_header(raw: bytes) -> Header:
    """Read a header out of its RLP, of any fork.

    Raises
    ------
    InvalidHeader
        Where ``raw`` is not canonical RLP of a list of 15 fields and more, or one of the fields that every header has
        is not of its size. The seal (mixHash, nonce) may be of any size: it is what consensus rules differ in.
    """
    try:
        item = decode(raw)
        if not isinstance(item, list) or len(item) < _FIRST_FORK:
            raise InvalidHeader(f"a header is a list of at least {_FIRST_FORK} fields")
        fields = tuple(field if isinstance(field, bytes) else encode(field) for field in item)
        for name, field, decoded in zip(_NAMES[:_FIRST_FORK], fields, item, strict=False):
            _check_field(name, field, decoded)
        number, timestamp = decode_int(fields[8]), decode_int(fields[11])
    except InvalidRlp as error:
        raise InvalidHeader(f"not a header: {error.message}") from error
    return Header(
        raw=raw,
        hash=keccak256(raw),
        parent_hash=fields[0],
        state_root=fields[3],
        number=number,
        timestamp=timestamp,
        extra_data=fields[12],
        fields=fields,
    )


def decode_sealed_header(protocol: Protocol, raw: bytes) -> Header:
    """Read a header of a consortium chain out of its RLP, seals and all; it is hashed by that chain's rule.

    Raises
    ------
    InvalidHeader
        It is no header, or none of these protocols: its mixHash or ``extraData`` is another.
    """
    header = decode_header(raw)
    if not has_mix_hash(header.fields):
        raise InvalidHeader(f"the header of block {header.number} is not of a BFT chain, its mixHash is another")
    hashed = hashed_header(protocol, header.fields)
    return replace(header, raw=hashed, hash=keccak256(hashed), hash_rule=protocol)


def header_from_rpc(block: Mapping[str, Any], expected_hash: bytes | None = None) -> Header:
    """Rebuild the header of a block that a node answered with, and check it against the block's hash.

    Fields that are known by name go to their places. Where that does not give the hash, the later names are left out,
    and then fields of unknown names are tried at the end, first in the order of the answer (nodes that sort their
    answer by name make other orders necessary), up to a fixed number of tries.

    Parameters
    ----------
    block
        The result of ``eth_getBlockByNumber`` or ``eth_getBlockByHash``.
    expected_hash
        32 bytes; the hash that was asked for, where it is known. Without it the node's own ``hash`` is taken.

    Raises
    ------
    InvalidHeader
        Where a field is missing or malformed, or no arrangement of the fields has the hash.
    """
    claimed = _bytes(block, "hash", 32)
    if expected_hash is not None and claimed != expected_hash:
        raise InvalidHeader(f"asked for block 0x{expected_hash.hex()}, the node answered with block 0x{claimed.hex()}")
    for fields in _arrangements(block):
        raw = encode(fields)
        if keccak256(raw) == claimed:
            return decode_header(raw)
        if has_mix_hash(fields):
            for protocol in PROTOCOLS:
                if bft_block_hash(protocol, fields) == claimed:
                    return decode_sealed_header(protocol, raw)
    raise InvalidHeader(
        f"no header of the fields that the node gave for block {block.get('number')} has its hash 0x{claimed.hex()}",
        hint="the chain may hash its blocks by another rule, or have header fields that the node does not tell",
    )


def _check_field(name: str, field: bytes, decoded: object) -> None:
    if not isinstance(decoded, bytes):
        raise InvalidHeader(f"the header's {name} is a list")
    size = _SIZES[name]
    if size is None:
        if len(field) > (32 if name == "difficulty" else 8):
            raise InvalidHeader(f"the header's {name} is a number of {len(field)} bytes")
        decode_int(field)
    elif size and len(field) != size and name not in _SEAL:
        raise InvalidHeader(f"the header's {name} has {len(field)} bytes, {size} expected")


def _arrangements(block: Mapping[str, Any]) -> Iterator[Sequence[bytes]]:
    """Yield the field lists that may be the header, the likeliest first."""
    names = list(_NAMES[:_FIRST_FORK])
    for name in _NAMES[_FIRST_FORK:]:
        if block.get(name) is None:
            break
        names.append(name)
    known = [_field(block, name) for name in names]
    for count in range(len(known), _FIRST_FORK - 1, -1):
        yield known[:count]
    unknown = [
        value
        for name, told in block.items()
        if name not in names and name not in _NOT_HEADER and (value := _unknown_field(told)) is not None
    ]
    orders = (order for count in range(1, len(unknown) + 1) for order in permutations(unknown, count))
    for order in islice(orders, _MAX_TRIES):
        yield [*known, *order]


def _field(block: Mapping[str, Any], name: str) -> bytes:
    size = _SIZES[name]
    return _bytes(block, name, size) if size is not None else encode_int(_int(block, name))


def _bytes(block: Mapping[str, Any], name: str, size: int) -> bytes:
    """Return a field of ``size`` bytes (0: any number). Zeros that a node stripped are put back: the hash decides."""
    digits = _digits(block, name)
    if size and len(digits) > 2 * size:
        raise InvalidHeader(f"the node's block has a {name} of more than {size} bytes")
    return bytes.fromhex(digits.zfill(2 * size if size else len(digits) + len(digits) % 2))


def _int(block: Mapping[str, Any], name: str) -> int:
    digits = _digits(block, name)
    if len(digits) > 64:
        raise InvalidHeader(f"the node's block has a {name} of more than 256 bits")
    return int(digits or "0", 16)


def _digits(block: Mapping[str, Any], name: str) -> str:
    value = block.get(name)
    if not isinstance(value, str) or not _is_hex(value):
        raise InvalidHeader(f"the node's block has no {name} in hex, but {str(value)[:80]!r}")
    return value[2:]


def _unknown_field(value: object) -> bytes | None:
    """Return the bytes of a field of unknown name, or None where it cannot be one.

    A number and a byte string of the same digits have the same bytes, unless the digits are odd (a number) or a single
    zero (the number zero, which is no bytes).
    """
    if not isinstance(value, str) or not _is_hex(value):
        return None
    digits = value[2:]
    return b"" if digits == "0" else bytes.fromhex(digits.zfill(len(digits) + len(digits) % 2))


def _is_hex(value: str) -> bool:
    return value[:2] == "0x" and all(digit in "0123456789abcdefABCDEF" for digit in value[2:])
