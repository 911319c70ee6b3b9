from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from eth_keys.main import KeyAPI

from smartsync.bft import (
    MIX_HASH,
    PROTOCOLS,
    Protocol,
    bft_block_hash,
    overlap_of,
    quorum_of,
    read_extra,
    sealed_hash,
    sealers,
    with_seals,
)
from smartsync.errors import InvalidHeader
from smartsync.header import decode_header, decode_sealed_header, header_from_rpc
from smartsync.keccak import keccak256
from smartsync.rlp import Encodable, encode, encode_int
from tests.header_fields import FIELDS

ROOT = Path(__file__).parents[2]
REAL = ROOT.parent / "shared" / "fixtures" / "besu_qbft_7528.rlp"
KEYS = [KeyAPI.PrivateKey(bytes([number]) * 32) for number in (1, 2, 3, 4)]
VALIDATORS = sorted(key.public_key.to_canonical_address() for key in KEYS)
NO_VOTE: dict[Protocol, Encodable] = {"qbft": [], "ibft2": b""}
ROUND = {"qbft": b"\x01", "ibft2": b"\0\0\0\1"}


def fields(extra: Encodable, number: int = 7) -> list[bytes]:
    sizes = [32, 32, 20, 32, 32, 32, 256, 0, 0, 0, 0, 0, 0, 32, 8]
    made = [bytes(size) for size in sizes]
    made[7], made[8], made[11] = b"\x01", encode_int(number), encode_int(1_700_000_000)
    made[12], made[13] = encode(extra), MIX_HASH
    return [*made, b"\x07"]


def items(protocol: Protocol) -> list[Encodable]:
    return [bytes(32), list(VALIDATORS), NO_VOTE[protocol], ROUND[protocol]]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_hashes_are_those_of_another_extra_data(protocol: Protocol) -> None:
    vanity, validators, vote, round_ = items(protocol)
    sealed = fields([vanity, validators, vote, round_, [bytes(65)]])
    if protocol == "qbft":
        block: Encodable = [vanity, validators, vote, b"", []]
        signed: Encodable = [vanity, validators, vote, round_, []]
    else:
        block, signed = [vanity, validators, vote], [vanity, validators, vote, round_]
    assert bft_block_hash(protocol, sealed) == keccak256(encode(fields(block)))
    assert sealed_hash(protocol, sealed) == keccak256(encode(fields(signed)))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_sealers_of_a_sealed_header_are_its_validators(protocol: Protocol) -> None:
    bare = fields([*items(protocol), []])
    digest = sealed_hash(protocol, bare)
    seals = [key.sign_msg_hash(digest).to_bytes() for key in KEYS[:3]]
    # Besu writes v as 0 and 1; others add 27.
    seals[1] = seals[1][:64] + bytes((seals[1][64] + 27,))
    sealed = decode_header(with_seals(bare, [*seals, b"\xff" * 64 + b"\0"])).fields
    expected = [key.public_key.to_canonical_address() for key in KEYS[:3]]
    assert sealers(protocol, sealed) == [*expected, None]
    assert bft_block_hash(protocol, sealed) == bft_block_hash(protocol, bare)


def test_bft_block_hash_of_the_genesis_is_that_of_the_header() -> None:
    genesis = fields([*items("qbft"), []], number=0)
    assert bft_block_hash("qbft", genesis) == keccak256(encode(list(genesis)))


@pytest.mark.parametrize(
    "extra",
    [
        b"",
        encode(b"text"),
        encode([bytes(32), [], b"", b""]),
        encode([bytes(31), [], b"", b"", []]),
        encode([bytes(32), [bytes(19)], b"", b"", []]),
        encode([bytes(32), [], b"", b"", [bytes(64)]]),
        encode([bytes(32), [[]], b"", b"", []]),
        encode([bytes(32), [], b"", b"", [], b""]),
        encode([bytes(32), [], b"", b"", []]) + b"\0",
    ],
)
def test_read_extra_of_another_shape_is_named(extra: bytes) -> None:
    with pytest.raises(InvalidHeader, match="extraData"):
        read_extra(extra)


@pytest.mark.parametrize(("count", "quorum", "overlap"), [(1, 1, 1), (2, 2, 1), (3, 2, 1), (4, 3, 2), (7, 5, 3)])
def test_quorum_of_is_two_thirds_rounded_up_and_overlap_of_more_than_the_faulty(
    count: int, quorum: int, overlap: int
) -> None:
    assert (quorum_of(count), overlap_of(count)) == (quorum, overlap)


def told(header: list[bytes], claimed: bytes) -> dict[str, Any]:
    names = [*FIELDS, "baseFeePerGas"]
    numbers = {"difficulty", "number", "gasLimit", "gasUsed", "timestamp", "baseFeePerGas"}
    block = {
        name: hex(int.from_bytes(field, "big")) if name in numbers else f"0x{field.hex()}"
        for name, field in zip(names, header, strict=True)
    }
    return block | {"hash": f"0x{claimed.hex()}"}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_header_from_rpc_of_a_bft_chain_knows_its_rule(protocol: Protocol) -> None:
    sealed = fields([*items(protocol), [bytes(65)]])
    claimed = bft_block_hash(protocol, sealed)
    header = header_from_rpc(told(sealed, claimed), claimed)
    assert (header.hash, header.hash_rule, header.fields) == (claimed, protocol, tuple(sealed))
    assert keccak256(header.raw) == claimed


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_decode_sealed_header_is_the_header_that_a_node_tells(protocol: Protocol) -> None:
    sealed = fields([*items(protocol), [bytes(65)]])
    header = decode_sealed_header(protocol, encode(sealed))
    assert header == header_from_rpc(told(sealed, bft_block_hash(protocol, sealed)))
    assert keccak256(header.raw) == header.hash


def test_decode_sealed_header_of_another_chain_refused() -> None:
    sealed = fields([*items("qbft"), [bytes(65)]])
    sealed[13] = bytes(32)
    with pytest.raises(InvalidHeader, match="not of a BFT chain"):
        decode_sealed_header("qbft", encode(sealed))
    with pytest.raises(InvalidHeader, match="extraData"):
        decode_sealed_header("qbft", encode(fields([b"", b""])))


def test_header_from_rpc_of_a_bft_rule_without_its_mix_hash_is_refused() -> None:
    sealed = fields([*items("qbft"), [bytes(65)]])
    sealed[13] = bytes(32)
    with pytest.raises(InvalidHeader, match="no header of the fields"):
        header_from_rpc(told(sealed, bft_block_hash("qbft", sealed)))


@pytest.mark.skipif(not REAL.exists(), reason="the folder with real headers is not there")
def test_sealers_of_a_real_besu_header_are_three_of_its_validators() -> None:
    header = decode_header(REAL.read_bytes())
    found = sealers("qbft", header.fields)
    assert header.number == 7528 and len(found) == 3
    assert set(found) < set(read_extra(header.extra_data).validators)
    # The hash in anchors.md, which the validators' round is no part of.
    assert bft_block_hash("qbft", header.fields).hex().startswith("502568a0")
    assert sealed_hash("qbft", header.fields).hex().startswith("75ea184f")
