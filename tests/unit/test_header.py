from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import rlp as independent
from eth_utils import keccak

from smartsync.errors import InvalidHeader
from smartsync.header import decode_header, header_from_rpc
from smartsync.types import EMPTY_ROOT

FIXTURES = Path(__file__).parents[3] / "shared" / "fixtures"

MAINNET_GENESIS = {
    "hash": "0xd4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3",
    "parentHash": "0x" + "00" * 32,
    "sha3Uncles": "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347",
    "miner": "0x" + "00" * 20,
    "stateRoot": "0xd7f8974fb5ac78d9ac099b9ad5018bedc2ce0a72dad1827a1709da30580f0544",
    "transactionsRoot": "0x" + EMPTY_ROOT.hex(),
    "receiptsRoot": "0x" + EMPTY_ROOT.hex(),
    "logsBloom": "0x" + "00" * 256,
    "difficulty": "0x400000000",
    "number": "0x0",
    "gasLimit": "0x1388",
    "gasUsed": "0x0",
    "timestamp": "0x0",
    "extraData": "0x11bbe8db4e347b4e8c937c1c8370e4b5ed33adb3db69cbdb7a38e1e50b1b82fa",
    "mixHash": "0x" + "00" * 32,
    "nonce": "0x0000000000000042",
}

FIELDS: list[tuple[str, int | None]] = [
    ("parentHash", 32),
    ("sha3Uncles", 32),
    ("miner", 20),
    ("stateRoot", 32),
    ("transactionsRoot", 32),
    ("receiptsRoot", 32),
    ("logsBloom", 256),
    ("difficulty", None),
    ("number", None),
    ("gasLimit", None),
    ("gasUsed", None),
    ("timestamp", None),
    ("extraData", 17),
    ("mixHash", 32),
    ("nonce", 8),
    ("baseFeePerGas", None),
    ("withdrawalsRoot", 32),
    ("blobGasUsed", None),
    ("excessBlobGas", None),
    ("parentBeaconBlockRoot", 32),
    ("requestsHash", 32),
    ("blockAccessListHash", 32),
    ("slotNumber", None),
    ("futureRoot", 32),
    ("futureCount", None),
    ("anotherRoot", 32),
]
FORKS = {
    "Frontier": 15,
    "London": 16,
    "Shanghai": 17,
    "Cancun": 20,
    "Prague": 21,
    "Amsterdam": 23,
    "unknown1": 24,
    "unknown2": 25,
    "unknown3": 26,
}
NOT_HEADER = {
    "size": "0x21f",
    "totalDifficulty": "0x0",
    "transactions": ["0x" + "ab" * 32],
    "uncles": [],
    "withdrawals": [],
}


def block_of(count: int, seed: int = 1, **fixed: int) -> tuple[dict[str, Any], bytes]:
    """Make a header of so many fields with the independent library; return its JSON block and its RLP."""
    rng = random.Random(seed)
    block: dict[str, Any] = {}
    values: list[bytes] = []
    for name, size in FIELDS[:count]:
        if size is None:
            number = fixed.get(name, rng.getrandbits(30))
            values.append(number.to_bytes((number.bit_length() + 7) // 8, "big"))
            block[name] = hex(number)
        else:
            values.append(rng.randbytes(size))
            block[name] = "0x" + values[-1].hex()
    raw = independent.encode(values)
    return {"hash": "0x" + keccak(raw).hex(), **block, **NOT_HEADER}, raw


def test_header_from_rpc_mainnet_genesis_has_its_hash() -> None:
    header = header_from_rpc(MAINNET_GENESIS)
    assert header.hash.hex() == MAINNET_GENESIS["hash"][2:]
    assert (header.number, header.timestamp, len(header.fields)) == (0, 0, 15)
    assert header.state_root.hex() == MAINNET_GENESIS["stateRoot"][2:]


@pytest.mark.parametrize("fork", FORKS)
@pytest.mark.parametrize("seed", range(3))
def test_header_from_rpc_every_fork_is_rebuilt(fork: str, seed: int) -> None:
    block, raw = block_of(FORKS[fork], seed)
    header = header_from_rpc(block, keccak(raw))
    assert header.raw == raw
    assert header.number == int(block["number"], 16)
    assert header.timestamp == int(block["timestamp"], 16)
    assert header.extra_data.hex() == block["extraData"][2:]
    assert "0x" + header.parent_hash.hex() == block["parentHash"]
    assert "0x" + header.fields[3].hex() == "0x" + header.state_root.hex() == block["stateRoot"]


@pytest.mark.parametrize("fork", FORKS)
def test_header_from_rpc_keys_sorted_by_name_is_rebuilt(fork: str) -> None:
    block, raw = block_of(FORKS[fork])
    assert header_from_rpc(dict(sorted(block.items()))).raw == raw


@pytest.mark.parametrize("name", ["baseFeePerGas", "blobGasUsed", "slotNumber", "futureCount"])
def test_header_from_rpc_zero_number_is_no_bytes(name: str) -> None:
    block, raw = block_of(26, **{name: 0})
    assert block[name] == "0x0"
    assert header_from_rpc(block).raw == raw


def test_header_from_rpc_later_field_told_early_is_left_out() -> None:
    block, raw = block_of(16)
    assert header_from_rpc({**block, "withdrawalsRoot": "0x" + "00" * 32, "requestsHash": None}).raw == raw


def test_header_from_rpc_stripped_zeros_are_put_back() -> None:
    block, raw = block_of(21)
    values = independent.decode(raw)
    values[14] = bytes(7) + b"\x05"
    raw = independent.encode(values)
    assert header_from_rpc({**block, "nonce": "0x5", "hash": "0x" + keccak(raw).hex()}).raw == raw


@pytest.mark.parametrize("name", [name for name, _ in FIELDS[:21]] + ["hash"])
def test_header_from_rpc_changed_field_is_refused(name: str) -> None:
    block, _ = block_of(21)
    digits = block[name][2:]
    with pytest.raises(InvalidHeader, match="hash"):
        header_from_rpc({**block, name: "0x" + digits[:-1] + f"{int(digits[-1], 16) ^ 1:x}"})


@pytest.mark.parametrize("name", [name for name, _ in FIELDS[:15]] + ["hash"])
@pytest.mark.parametrize("value", [None, 7, "", "7", "0xzz", ["0x"], {}, "0x" + "ff" * 300])
def test_header_from_rpc_malformed_field_is_refused(name: str, value: object) -> None:
    block, _ = block_of(15)
    with pytest.raises(InvalidHeader):
        header_from_rpc({**block, name: value})


@pytest.mark.parametrize("name", [name for name, _ in FIELDS[:21]] + ["hash"])
def test_header_from_rpc_dropped_field_is_refused(name: str) -> None:
    block, _ = block_of(21)
    with pytest.raises(InvalidHeader):
        header_from_rpc({told: value for told, value in block.items() if told != name})


def test_header_from_rpc_other_block_than_asked_for_is_refused() -> None:
    block, _ = block_of(21)
    with pytest.raises(InvalidHeader, match="asked for block 0x1111"):
        header_from_rpc(block, b"\x11" * 32)


def test_header_from_rpc_many_unknown_fields_give_up_in_time() -> None:
    block, _ = block_of(21)
    junk = {f"junk{i}": f"0x{i:064x}" for i in range(40)}
    with pytest.raises(InvalidHeader, match="no header"):
        header_from_rpc({**block, **junk, "hash": "0x" + "11" * 32})


def test_decode_header_surplus_list_field_is_kept_as_rlp() -> None:
    _, raw = block_of(21)
    header = decode_header(independent.encode([*independent.decode(raw), [b"a", b"b"]]))
    assert header.fields[21] == independent.encode([b"a", b"b"])


@pytest.mark.parametrize(
    ("index", "value"),
    [
        (0, bytes(31)),
        (2, bytes(32)),
        (3, bytes(33)),
        (3, [bytes(32)]),
        (6, bytes(255)),
        (8, b"\x00\x01"),
        (8, b"\x01" * 9),
        (11, b"\x00"),
        (12, [b""]),
    ],
)
def test_decode_header_field_of_wrong_form_is_refused(index: int, value: object) -> None:
    _, raw = block_of(21)
    fields = list(independent.decode(raw))
    fields[index] = value
    with pytest.raises(InvalidHeader):
        decode_header(independent.encode(fields))


def test_decode_header_fields_missing_or_trailing_bytes_is_refused() -> None:
    _, raw = block_of(15)
    for bad in (independent.encode(independent.decode(raw)[:14]), raw + b"\x00", raw[:-1], b"", b"\x80", b"\xc0"):
        with pytest.raises(InvalidHeader):
            decode_header(bad)


# The same faults as in `contracts/test/anchors/QuorumAnchor.t.sol`, each with what is said of it.


def test_decode_header_1_cut_short_is_refused() -> None:
    _, raw = block_of(15)
    assert raw[0] == 0xF9
    for end in range(len(raw)):
        with pytest.raises(InvalidHeader, match="missing" if end == 0 else "ends early"):
            decode_header(raw[:end])


def test_decode_header_2_state_root_forged_has_another_hash() -> None:
    _, raw = block_of(15)
    header = decode_header(raw)
    fields = [*header.fields[:3], b"\x11" * 32, *header.fields[4:]]
    assert decode_header(independent.encode(fields)).hash != header.hash


def test_decode_header_3_surplus_byte_is_refused() -> None:
    _, raw = block_of(15)
    with pytest.raises(InvalidHeader, match="1 bytes follow"):
        decode_header(raw + b"\x80")


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (b"\x82\x00\x07", "leading zeros"),
        (b"\x00", "leading zeros"),
        (b"\x81\x07", "needs no RLP prefix"),
        (b"\xb8\x01\x07", "needs no RLP prefix|should be in the prefix"),
        (b"\xb9\x00\x01\x07", "leading zeros"),
        (b"\xc0", "the header's number is a list"),
    ],
)
def test_decode_header_7_number_that_is_not_canonical_is_refused(number: bytes, text: str) -> None:
    _, raw = block_of(15)
    fields = [independent.encode(field) for field in independent.decode(raw)]
    fields[8] = number
    with pytest.raises(InvalidHeader, match=text):
        decode_header(listed(fields))


@pytest.mark.parametrize(
    ("positions", "text"),
    [
        ([*range(14)], "at least 15 fields"),
        ([0, 1, *range(3, 15), 14], "miner has 32 bytes, 20 expected"),
        ([0, 1, 2, 2, *range(3, 15)], "stateRoot has 20 bytes, 32 expected"),
        ([0, 1, 3, 2, *range(4, 15)], "miner has 32 bytes, 20 expected"),
    ],
    ids=["dropped at the end", "dropped inside", "twice", "reordered"],
)
def test_decode_header_15_fields_added_dropped_or_reordered_are_refused(positions: list[int], text: str) -> None:
    _, raw = block_of(15)
    fields = independent.decode(raw)
    with pytest.raises(InvalidHeader, match=text):
        decode_header(independent.encode([fields[position] for position in positions]))


def test_decode_header_15_fields_of_one_form_reordered_have_another_hash() -> None:
    _, raw = block_of(15)
    fields = list(decode_header(raw).fields)
    fields[3], fields[4] = fields[4], fields[3]
    assert decode_header(independent.encode(fields)).hash != keccak(raw)


def listed(items: list[bytes]) -> bytes:
    """Return the RLP list of items that are encoded already."""
    payload = b"".join(items)
    return b"\xf9" + len(payload).to_bytes(2, "big") + payload


def test_decode_header_besu_qbft_is_read() -> None:
    path = FIXTURES / "besu_qbft_7528.rlp"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    header = decode_header(path.read_bytes())
    assert (header.number, len(header.fields)) == (7528, 15)
    assert header.hash == keccak(path.read_bytes())  # its block hash is another one: without the seals


def test_decode_header_besu_ibft_chain_is_read() -> None:
    path = FIXTURES / "besu_ibft1.blocks"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    data, numbers = path.read_bytes(), []
    while data:
        block = independent.decode(data, strict=False)
        numbers.append(decode_header(independent.encode(block[0])).number)
        data = data[len(independent.encode(block)) :]
    assert numbers == list(range(101))
